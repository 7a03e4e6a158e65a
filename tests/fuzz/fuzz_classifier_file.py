# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzzes the readers of classifier files: header, decision rule, features, the model inside, facts on the scene.

    python tests/fuzz/fuzz_classifier_file.py --seconds 60

The inputs edit the header of right files, as those of fuzz_model_file.py do.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

import numpy as np
import torch

with atheris.instrument_imports(include=["mtmsd_qgis"]):
    from mtmsd_qgis.classification.classifier_file import StoredClassifier, load_classifier, save_classifier
    from mtmsd_qgis.classification.fusion.reader import FusionRule, Purified
    from mtmsd_qgis.classification.logistic_regression import FittedLogistic
    from mtmsd_qgis.classification.standardizer import Standardizer
    from mtmsd_qgis.diffusion import model as diffusion_model
    from mtmsd_qgis.diffusion.preprocessing import Preprocessor
    from mtmsd_qgis.diffusion.training_state import new_training
    from mtmsd_qgis.diffusion.unet import UNet
    from mtmsd_qgis.errors import MtmsdError
    from mtmsd_qgis.features.extractor import FeatureExtractor
    from mtmsd_qgis.features.feature_recipe import FeatureRecipe
    from mtmsd_qgis.features.quantization import QuantisedFeatures
    from mtmsd_qgis.io.array_file import KIND_CLASSIFIER, KIND_MODEL, read_summary
    from mtmsd_qgis.io.cube import Cube
    from mtmsd_qgis.jobs.classifier_description import BANDS, UsedModel
    from mtmsd_qgis.jobs.data_model import FeatureLayout
    from mtmsd_qgis.jobs.settings import ExtractionSettings, PretrainSettings
    from mtmsd_qgis.report.file_report import DescribedFile
    from mtmsd_qgis.transfer.scene_comparison import SourceFacts

from campaign import Campaign, arguments
from edits import edited
from fuzz_model_file import Template

from tests.classifier_descriptions import a_description
from tests.scenes import cube_of, fields

CPU = torch.device("cpu")
SETTINGS = PretrainSettings(components=2, device="cpu")


def a_rule(timesteps: int, features: int) -> FusionRule:
    """Logistic regression between two classes."""
    scaler = Standardizer(torch.zeros(timesteps, features), torch.ones(timesteps, features))
    columns = 2 * timesteps * features
    fitted = FittedLogistic(scaler, scaler, torch.ones(columns, 2), torch.zeros(2), 0.01)
    return FusionRule(fitted, Purified(torch.arange(features), torch.arange(features)), 2)


def facts_on(cube: Cube) -> dict[str, np.ndarray]:
    """Of a small scene."""
    positions = np.stack([np.arange(12), np.arange(12)], axis=1)
    facts = SourceFacts.of_scene(cube, positions, np.arange(12) % 3, [10, 20])
    return replace(facts, least_confidence=0.5).arrays()


def of_plain_bands(folder: Path) -> Path:
    """A classifier of two bands, with facts on its scene."""
    layout = FeatureLayout(features=2)
    description = a_description(input=BANDS, layout=layout, extraction=None, diffusion_model=None)
    source = facts_on(cube_of(folder, fields(16, 16, bands=2)[0]))
    save_classifier(folder / "bands.mtmsdc", StoredClassifier(description, a_rule(1, 2), source=source))
    return folder / "bands.mtmsdc"


def of_scenes(folder: Path) -> Path:
    """A classifier of scenes with its diffusion model inside."""
    description = a_description()
    preprocessor = Preprocessor(description.bands, np.zeros(2), np.ones(2), np.eye(2), np.ones(2), 1.0)
    state = new_training(2, SETTINGS, CPU)
    model = folder / "m.mtmsd"
    diffusion_model.save_model(model, state, diffusion_model.describe(SETTINGS, preprocessor, 4), preprocessor)
    settings = ExtractionSettings((50, 100), (5,), keep=1)
    extractor = FeatureExtractor(UNet(2, SETTINGS.base_width), settings)
    extractor.learn_statistics(np.random.default_rng(0).normal(size=(2, 2, 16, 16)).astype(np.float32))
    shape = (2, 1)
    features = QuantisedFeatures.with_scales(np.zeros(shape), np.ones(shape), np.array([1]), extractor)
    used = UsedModel(read_summary(model, KIND_MODEL).sha256, "quick", included=True)
    stored = StoredClassifier(
        replace(description, diffusion_model=used), a_rule(2, 1), FeatureRecipe.of(extractor, features)
    )
    save_classifier(folder / "scenes.mtmsdc", stored, model)
    return folder / "scenes.mtmsdc"


class ClassifierFileTarget:
    """All readers of classifier files, on edited ones."""

    def __init__(self, folder: Path) -> None:
        """Write the right files."""
        self._templates = [Template(path, KIND_CLASSIFIER) for path in (of_plain_bands(folder), of_scenes(folder))]

    def __call__(self, data: bytes) -> None:
        """Read what the input makes of a file."""
        provider = atheris.FuzzedDataProvider(data)
        # A file with a model costs ten times what one of plain bands costs.
        template = self._templates[provider.ConsumeIntInRange(0, 7) // 7]
        header, description = template.header, template.description
        if provider.ConsumeBool():
            header = edited(header, provider)
        else:
            description = edited(description, provider)
        template.write(header, description)
        for read in (self._load, self._describe):
            try:
                read(template.path)
            except MtmsdError as error:
                str(error).encode("utf-8")  # must be fit to print

    def _load(self, path: Path) -> None:
        SourceFacts.of_file(load_classifier(path, CPU).source, path)

    def _describe(self, path: Path) -> None:
        described = DescribedFile.read(path)
        described.report({}).encode("utf-8", "surrogatepass")
        described.document()


def seeds() -> list[bytes]:
    """Edits; the choice is read from an input's end."""
    return [bytes(range(64)) * 4 + bytes([n]) for n in range(8)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    seconds, where = arguments("classifier_file")
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as scratch:
        target = ClassifierFileTarget(Path(scratch))
        Campaign("classifier_file", target, seconds, where).start(seeds())
