# SPDX-License-Identifier: GPL-2.0-or-later
"""A fitted classifier to and from a file.

Enters: a decision rule, what it was learnt from, how its features are computed, and on request the diffusion model.
Leaves: a classifier file (io/classifier_file.py says what is in it), and the same again. Everything in a file is
checked before it is used: a file is plain arrays, so opening one runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..diffusion.model import DiffusionModel, load_model, model_from
from ..errors import FileFormatError, MtmsdError
from ..features.feature_recipe import FeatureRecipe
from ..io.array_file import KIND_CLASSIFIER, KIND_MODEL, FileSummary, read_arrays, read_summary, write_file
from ..io.classifier_file import (
    CLASSIFIER,
    FEATURE_ARRAYS,
    MODEL,
    MODEL_ARRAYS,
    PREDICTOR,
    PREDICTOR_ARRAYS,
    SOURCE_ARRAYS,
    described,
)
from ..io.model_file import check_model_description
from ..io.windows import Window
from ..jobs.classifier_description import SCENE, ClassifierDescription
from ..jobs.data_model import FeatureLayout
from ..jobs.json_dataclasses import to_json
from .predictor import DecisionRule
from .rule_codec import pack, unpack

_SHOWN = 12  # digits of a fingerprint in a message


@dataclass(frozen=True)
class StoredClassifier:
    """What is in a classifier file.

    Attributes:
        description: Of it.
        rule: What was learnt.
        recipe: How its features are computed; None unless it is applied to scenes.
        source: Further named arrays on the scene that it was learnt from.
        model: The diffusion model, if it is included.
    """

    description: ClassifierDescription
    rule: DecisionRule
    recipe: FeatureRecipe | None = None
    source: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    model: DiffusionModel | None = None


def save_classifier(path: Path, classifier: StoredClassifier, model_file: Path | None = None) -> None:
    """Write a classifier file.

    Args:
        path: Where it shall lie.
        classifier: Its model is not looked at.
        model_file: Of the diffusion model, where it is to be included.

    Raises:
        OSError: The place cannot be written.
        FileFormatError: The model's file cannot be read.
    """
    rule, arrays = pack(classifier.rule, PREDICTOR_ARRAYS.rstrip("."))
    document: dict[str, Any] = {CLASSIFIER: to_json(classifier.description), PREDICTOR: rule}
    if classifier.recipe is not None:
        arrays.update({FEATURE_ARRAYS + name: array for name, array in classifier.recipe.arrays().items()})
    arrays.update({SOURCE_ARRAYS + name: array for name, array in classifier.source.items()})
    if model_file is not None:
        document[MODEL] = dict(read_summary(model_file, KIND_MODEL).description)
        arrays.update({MODEL_ARRAYS + name: array for name, array in read_arrays(model_file, KIND_MODEL).items()})
    write_file(path, KIND_CLASSIFIER, document, arrays)


def load_classifier(path: Path, device: torch.device) -> StoredClassifier:
    """Read a classifier file.

    Raises:
        FileFormatError: It is no classifier, broken, or its parts do not fit together.
    """
    summary = read_summary(path, KIND_CLASSIFIER)
    description = described(summary, path)
    try:
        _check_names(summary.shapes)
        model_shapes = _under(MODEL_ARRAYS, summary.shapes)
        arrays = read_arrays(path, KIND_CLASSIFIER)
        rule = unpack(summary.description.get(PREDICTOR), _named(PREDICTOR_ARRAYS, arrays), "predictor", device)
        _check_rule(rule, description, device)
        recipe = None
        if description.input == SCENE:
            recipe = FeatureRecipe.from_arrays(_under(FEATURE_ARRAYS, arrays), description.layout)
        model = None
        if model_shapes or MODEL in summary.description:
            model = _included_model(summary, model_shapes, _under(MODEL_ARRAYS, arrays))
        return StoredClassifier(description, rule, recipe, _under(SOURCE_ARRAYS, arrays), model)
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError) as error:
        raise FileFormatError(
            f"{path} is not a complete classifier ({error}). Use a copy, or learn the classifier anew."
        ) from None


def load_its_model(classifier: StoredClassifier, model_file: Path | None) -> DiffusionModel:
    """The diffusion model that a classifier of scenes needs: the one in its file, else the one that is given.

    Raises:
        FileFormatError: None is given and none is included, or the given one is another one.
    """
    used = classifier.description.diffusion_model
    if model_file is None:
        if classifier.model is None:
            raise FileFormatError(
                "The classifier needs the diffusion model that its features come from, and its file does not hold it. "
                "Choose the model with MODEL, or save the classifier with INCLUDE_MODEL."
            )
        return classifier.model
    found = read_summary(model_file, KIND_MODEL).sha256
    if used is not None and found != used.sha256:
        raise FileFormatError(
            f"The classifier was learnt from features of the diffusion model {used.sha256[:_SHOWN]}, {model_file} is "
            f"{found[:_SHOWN]} (fingerprints). Choose the model that the classifier was learnt with, or learn anew."
        )
    return load_model(model_file)


def _included_model(
    summary: FileSummary, shapes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> DiffusionModel:
    """The diffusion model in a classifier file.

    Raises:
        ValueError: It is incomplete.
    """
    document = summary.description.get(MODEL)
    if not isinstance(document, dict):
        raise ValueError("the description of its diffusion model is missing")
    check_model_description(document)
    try:
        return model_from(document, shapes, lambda: arrays)
    except MtmsdError as error:
        raise ValueError(str(error)) from None


def _check_names(shapes: Mapping[str, Any]) -> None:
    known = (PREDICTOR_ARRAYS, FEATURE_ARRAYS, SOURCE_ARRAYS, MODEL_ARRAYS)
    if not all(name.startswith(known) for name in shapes):
        raise ValueError("there are arrays that belong to no part")


def _under(prefix: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """What is named so, without the prefix."""
    return {name[len(prefix) :]: part for name, part in parts.items() if name.startswith(prefix)}


def _named(prefix: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """What is named so."""
    return {name: part for name, part in parts.items() if name.startswith(prefix)}


class _EmptyRaster:
    """A pixel of zeros, to try a rule on."""

    height = width = 1
    costly = False

    def __init__(self, bands: int) -> None:
        self.bands = bands

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Zeros (bands, h, w)."""
        count = self.bands if bands is None else len(bands)
        if bands is not None and count and not 0 <= min(bands) <= max(bands) < self.bands:
            raise ValueError(f"band {max(bands)} of {self.bands}")
        return np.zeros((count, window.height, window.width), dtype=np.float32)

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:  # noqa: ARG002 - the same for all
        """Data everywhere."""
        return np.ones((1, 1), dtype=bool)

    def expect(self, bands: Sequence[int]) -> None:
        """Do nothing."""


def _check_rule(rule: DecisionRule, description: ClassifierDescription, device: torch.device) -> None:
    """That a rule fits its features and classes, by applying it to a pixel.

    Raises:
        ValueError: It does not.
        RuntimeError, IndexError: Its tensors do not fit together.
    """
    classes = len(description.classes)
    if rule.n_classes != classes:
        raise ValueError(f"it decides between {rule.n_classes} classes and names {classes}")
    layout = replace(description.layout, window=1)  # a wide one would only take memory here
    predictor = rule.predictor(_EmptyRaster(bands_of(layout, description)), layout, device)
    probabilities, _ = predictor.probabilities(predictor.windows()[0])
    if probabilities.shape != (classes, 1, 1):
        raise ValueError(f"it gives {probabilities.shape[0]} probabilities for {classes} classes")


def bands_of(layout: FeatureLayout, description: ClassifierDescription) -> int:
    """Bands of the raster that a rule sees: features, spectra, extra rasters."""
    own = layout.diffusion_bands + layout.spectra if description.input == SCENE else len(description.bands)
    return own + description.extra_bands
