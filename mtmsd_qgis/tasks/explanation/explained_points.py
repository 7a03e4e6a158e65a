# SPDX-License-Identifier: GPL-2.0-or-later
"""Why pixels have their classes, for a map task whose job asks for it.

Enters: the job, what was to be learnt and what was. Leaves: PixelExplanations.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from ...classification.auto.predictor import EnsemblePredictor
from ...classification.explanation.explained_pixel import explain_pixel
from ...classification.training_task import FittedClassifier, TrainingTask
from ...errors import SettingsError
from ...jobs.explanation.pixel_explanation import MOST_POINTS, OPTION, PixelExplanation, PointToExplain
from ...jobs.json_dataclasses import from_json
from ...jobs.protocol import Job
from ...jobs.settings import ClassificationSettings
from ...progress import silent
from ...sampling.sample_table import SampleTable

log = logging.getLogger(__name__)


def wants_explanation(job: Job, settings: ClassificationSettings) -> bool:
    """Whether the job asks for explanations.

    Raises:
        SettingsError: It does, and the classifier cannot give any.
    """
    if OPTION not in job.options:
        return False
    if settings.classifier != "auto" or job.extras is not None:
        raise SettingsError(
            "EXPLAIN needs the classifier 'auto' without extra rasters or texture, whose scores are sums over training "
            "samples. Choose it, or leave EXPLAIN empty."
        )
    return True


def explained_points(job: Job, task: TrainingTask, classifier: FittedClassifier) -> tuple[PixelExplanation, ...] | None:
    """What the job asks for; None where it asks for nothing.

    Args:
        job: Its option names the pixels.
        task: What was to be learnt.
        classifier: With the samples that it was fitted to.

    Raises:
        SettingsError: There are too many pixels, or the classifier is none that can be explained.
        ValueError: The option is none of pixels.
    """
    if OPTION not in job.options:
        return None
    points = [from_json(PointToExplain, values) for values in job.options[OPTION]]
    if len(points) > MOST_POINTS:
        raise SettingsError(f"EXPLAIN takes up to {MOST_POINTS} points, found {len(points)}. Choose some of them.")
    predictor, learnt = classifier.predictor, classifier.learnt
    if not isinstance(predictor, EnsemblePredictor) or learnt is None:
        raise SettingsError("EXPLAIN needs the classifier 'auto' without extra rasters. Leave EXPLAIN empty.")
    ensemble = predictor.ensemble
    features, order = predictor.reader.at_samples(_table_of(points), ensemble.feature_sets, silent)
    found = {}
    for position, index in enumerate(order.tolist()):
        pixel = {feature_set: values[position : position + 1] for feature_set, values in features.items()}
        found[index] = explain_pixel(ensemble, learnt, pixel, points[index], task.classes)
    without = [point.name for index, point in enumerate(points) if index not in found]
    if without:
        log.warning("Points of EXPLAIN where the raster has no data, left out: %s.", ", ".join(without))
    return tuple(found[index] for index in sorted(found))


def _table_of(points: Sequence[PointToExplain]) -> SampleTable:
    """The pixels as samples of no class in particular."""
    number = np.arange(len(points), dtype=np.int64)
    rows, cols = (np.array([getattr(point, name) for point in points], dtype=np.int64) for name in ("row", "col"))
    return SampleTable(rows, cols, np.zeros_like(number), number)
