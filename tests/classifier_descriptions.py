# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up descriptions of classifiers for tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mtmsd_qgis.accuracy.metrics import evaluate
from mtmsd_qgis.jobs.classifier_description import SCENE, ClassifierDescription, SourceScene, UsedModel
from mtmsd_qgis.jobs.data_model import Band, ClassEntry, FeatureLayout
from mtmsd_qgis.jobs.results import SplitFacts
from mtmsd_qgis.jobs.settings import ClassificationSettings, ExtractionSettings

CLASSES = (ClassEntry(1, "water <deep>", "#0000ff"), ClassEntry(7, "wood", "#008800"))


def a_description(**changes: object) -> ClassifierDescription:
    """Of a classifier of scenes with two classes and two bands, right on 70 % of 100 samples."""
    reference, mapped = np.repeat([0, 1], 50), np.repeat([0, 1, 0, 1], [40, 10, 20, 30])
    description = ClassifierDescription(
        input=SCENE,
        classes=CLASSES,
        bands=(Band("green", 550.0, number=2, fwhm_nm=10.0), Band("red", 650.0, number=3)),
        source_band_count=4,
        layout=FeatureLayout(timesteps=(50, 100), features=1, names=("s5 c001",), window=16, stages=(5,)),
        settings=ClassificationSettings(classifier="linear"),
        split=SplitFacts("spatial", "Whole polygons were held out.", (), (5, 6), (50, 50), 0),
        accuracy=evaluate(reference, mapped, np.arange(100) // 5, 2),
        source=SourceScene("scene.tif", 30, 40),
        torch="2.13.0",
        extraction=ExtractionSettings(timesteps=(50, 100), stages=(5,), keep=1),
        diffusion_model=UsedModel("ab" * 32, "quick", included=False),
    )
    return replace(description, **changes)
