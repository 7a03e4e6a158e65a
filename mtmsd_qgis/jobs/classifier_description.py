# SPDX-License-Identifier: GPL-2.0-or-later
"""What a classifier file says of itself before its arrays: classes, bands, features, model, accuracy.

Enters: figures of a map task, or the JSON of a file. Leaves: a frozen dataclass, or a ValueError that names the field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from .accuracy_results import AccuracyFigures
from .choice_results import SegmentFacts
from .data_model import Band, ClassEntry, FeatureLayout
from .extras.extra_rasters import ExtraRaster
from .json_dataclasses import OMITTED_IF_NONE, from_json, shown
from .map_choices import check_segments
from .results import EnsembleSummary, SplitFacts
from .settings import ClassificationSettings, ExtractionSettings

SCENE = "scene"  # a raster of bands, whose features are computed with the diffusion model
FEATURES = "features"  # a feature raster
BANDS = "bands"  # a raster of plain bands, without features
_INPUTS = (SCENE, FEATURES, BANDS)
_LARGEST_ID = 65_535

Value = TypeVar("Value")


@dataclass(frozen=True)
class UsedModel:
    """The diffusion model that the features come from.

    Attributes:
        sha256: Fingerprint of its arrays, as its file states it; empty where it is not known.
        preset: That it was trained with; empty where it is not known.
        included: Whether it lies in the classifier file.
    """

    sha256: str
    preset: str
    included: bool


@dataclass(frozen=True)
class SourceScene:
    """The raster that the classifier was learnt from: its name, if QGIS gave it, and its size in pixels."""

    name: str
    height: int
    width: int


@dataclass(frozen=True)
class ClassifierDescription:
    """A fitted classifier and what it was learnt from.

    Attributes:
        input: What it is applied to: SCENE, FEATURES or BANDS.
        classes: In the order of the class indices.
        bands: That a raster must have, in the order in which they are read; with wavelengths where known.
        source_band_count: Of the raster it was learnt from, bands that are not used included.
        layout: What the bands are that the classifier sees.
        settings: Of the classification.
        split: How samples were held out.
        accuracy: At the held-out samples; None where none was held out.
        source: The raster it was learnt from.
        torch: Version that it was learnt with.
        extraction: Of the features; None where they were not computed in the same run.
        diffusion_model: None where no features are used.
        ensemble: Of the default classifier alone.
        timestep_weights: Share of each timestep, and of "spectra", in the decision; may be empty.
        stage_weights: Share of each stage likewise.
        extras: Extra rasters that it uses, in the order of their bands; None where it uses none.
        cell_weights: Share of each timestep and, in it, of each stage; None where there are none.
        segments: Of the map that it was learnt with; None where there were none.
    """

    input: str
    classes: tuple[ClassEntry, ...]
    bands: tuple[Band, ...]
    source_band_count: int
    layout: FeatureLayout
    settings: ClassificationSettings
    split: SplitFacts
    accuracy: AccuracyFigures | None
    source: SourceScene
    torch: str
    extraction: ExtractionSettings | None = None
    diffusion_model: UsedModel | None = None
    ensemble: EnsembleSummary | None = None
    timestep_weights: Mapping[str, float] | None = None
    stage_weights: Mapping[str, float] | None = None
    extras: tuple[ExtraRaster, ...] | None = field(default=None, metadata=OMITTED_IF_NONE)
    cell_weights: Mapping[str, Mapping[str, float]] | None = field(default=None, metadata=OMITTED_IF_NONE)
    segments: SegmentFacts | None = field(default=None, metadata=OMITTED_IF_NONE)

    @property
    def extra_bands(self) -> int:
        """Bands of the extra rasters together."""
        return sum(len(raster.bands) for raster in self.extras or ())

    @classmethod
    def from_json(cls, values: object) -> ClassifierDescription:
        """The description from the values of a JSON object.

        Raises:
            ValueError: A part is missing, of the wrong type or out of range.
            MtmsdError: Settings are out of range, or the layout is of a newer version.
        """
        description = _in_order(from_json(cls, values))
        if description.input not in _INPUTS:
            raise ValueError(f"input should be one of {', '.join(_INPUTS)}, found {shown(description.input)}")
        ids = [entry.id for entry in description.classes]
        if len(ids) < 2 or len(set(ids)) != len(ids) or not all(1 <= each <= _LARGEST_ID for each in ids):
            raise ValueError(f"two or more classes with ids of their own, 1 to {_LARGEST_ID}, were expected")
        if not description.bands or description.source_band_count < len(description.bands):
            raise ValueError(f"{description.source_band_count} bands of the source cannot hold those that are used")
        for band in description.bands:
            if band.wavelength_nm is not None and not math.isfinite(band.wavelength_nm):
                raise ValueError(f"band {band.number} has no finite wavelength")
        _check_figures(description.split, description.accuracy, len(ids))
        _check_feature_value(description.ensemble, description.cell_weights or {})
        if description.segments is not None:
            check_segments(description.segments.pixels)
        if description.input == SCENE and (description.extraction is None or description.diffusion_model is None):
            raise ValueError("a classifier of scenes should name its extraction and its diffusion model")
        return description


def words_first(shares: Mapping[str, Value]) -> dict[str, Value]:
    """What each label has: words first, then numbers, ascending."""
    return dict(sorted(shares.items(), key=lambda item: (item[0].isdigit(), item[0].zfill(9))))


def _in_order(description: ClassifierDescription) -> ClassifierDescription:
    """Timesteps and stages as numbers ascend: a file has them in the order of texts, 100 before 50."""
    timesteps, stages, cells = description.timestep_weights, description.stage_weights, description.cell_weights
    return replace(
        description,
        timestep_weights=None if timesteps is None else words_first(timesteps),
        stage_weights=None if stages is None else words_first(stages),
        cell_weights=None if cells is None else {t: words_first(row) for t, row in words_first(cells).items()},
    )


def _check_feature_value(ensemble: EnsembleSummary | None, cells: Mapping[str, Mapping[str, float]]) -> None:
    """What diffusion features add is finite, and each timestep has a share of each stage.

    Raises:
        ValueError: It is not, or one has not.
    """
    gain = ensemble.feature_gain if ensemble else None
    if gain is not None:
        figures = gain.with_features, gain.without_features, gain.gain, gain.standard_error or 0.0, gain.errors
        if not all(map(math.isfinite, figures)):
            raise ValueError("finite figures of what the diffusion features add were expected")
    if len({frozenset(row) for row in cells.values()}) > 1:
        raise ValueError("a share of each timestep and stage was expected")
    if not all(0 <= share < math.inf for row in cells.values() for share in row.values()):
        raise ValueError("shares of timesteps and stages of 0 or more were expected")


def _check_figures(split: SplitFacts, accuracy: AccuracyFigures | None, classes: int) -> None:
    """Lists have an entry a class, and intervals two ends.

    Raises:
        ValueError: They have not.
    """
    by_class: list[tuple[object, ...]] = [split.training_samples, split.validation_samples]
    ends: list[tuple[object, ...]] = []
    if accuracy is not None:
        by_class += [accuracy.users, accuracy.producers, accuracy.f1, accuracy.matrix, *accuracy.matrix]
        intervals = accuracy.users_interval, accuracy.producers_interval, accuracy.f1_interval
        by_class += [*intervals]
        ends += [accuracy.oa_interval, accuracy.aa_interval, accuracy.kappa_interval]
        ends += [each for of_classes in intervals for each in of_classes]
        ends += [accuracy.oa_interval_by_feature] if accuracy.oa_interval_by_feature else []
    if any(len(each) != classes for each in by_class):
        raise ValueError(f"figures of {classes} classes were expected")
    if any(len(each) != len(("low", "high")) or (each[0] is None) != (each[1] is None) for each in ends):
        raise ValueError("intervals of two ends were expected")
