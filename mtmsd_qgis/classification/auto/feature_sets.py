# SPDX-License-Identifier: GPL-2.0-or-later
"""The feature sets that models learn from, and the bands of a raster that each is made of.

Enters: the layout of a raster. Leaves: the names of the feature sets it has, their bands, and what each column of a
feature set comes from, for the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from ...jobs.data_model import FeatureLayout

_FEATURES_AT = (100, 300)  # timesteps that models learn from, or the nearest there are
_GUIDE_AT = (100, 200)  # timesteps of the guidance image


class Quantity(Enum):
    """What a feature set measures at a pixel."""

    SPECTRA = "spectra"
    WHITENED_SPECTRA = "noise-whitened spectra"
    COMPONENTS = "principal components"
    FEATURES = "diffusion features"
    GUIDE = "guidance image"


class FeatureSet(Enum):
    """What a model learns or predicts from.

    Attributes:
        quantity: What is measured at the pixel.
        smoothing: Passes of the joint bilateral filter.
        boxes: Sides in pixels of the windows whose means stand beside the pixel's own values.
    """

    SPECTRA = (Quantity.SPECTRA,)
    SMOOTHED_SPECTRA = (Quantity.SPECTRA, 1)
    STRONGLY_SMOOTHED_SPECTRA = (Quantity.SPECTRA, 3)
    WHITENED_SPECTRA = (Quantity.WHITENED_SPECTRA,)
    SMOOTHED_WHITENED_SPECTRA = (Quantity.WHITENED_SPECTRA, 1)
    COMPONENT_MEANS = (Quantity.COMPONENTS, 0, (3, 7, 11, 17, 25, 35))
    FEATURE_MEANS = (Quantity.FEATURES, 0, (5, 15, 31))
    GUIDE = (Quantity.GUIDE,)

    def __init__(self, quantity: Quantity, smoothing: int = 0, boxes: tuple[int, ...] = ()) -> None:
        self.quantity, self.smoothing, self.boxes = quantity, smoothing, boxes

    @property
    def title(self) -> str:
        """For log and report."""
        words = self.quantity.value
        if self.smoothing:
            words = f"{'strongly ' if self.smoothing > 1 else ''}smoothed {words}"
        return f"box means of {words}" if self.boxes else words

    @property
    def is_diffusion(self) -> bool:
        """Whether its values are diffusion features."""
        return self.quantity is Quantity.FEATURES

    @property
    def is_standardised(self) -> bool:
        """Whether each column is brought to variance 1 among the samples; whitened spectra keep their scale."""
        return self.quantity is not Quantity.WHITENED_SPECTRA

    @property
    def uses_guide(self) -> bool:
        """Whether the guidance image is needed to make it."""
        return self.smoothing > 0 or self.quantity is Quantity.GUIDE


MARGIN = max(side // 2 + 1 for feature_set in FeatureSet for side in feature_set.boxes)  # pixels read around a pixel


@dataclass(frozen=True)
class Source:
    """What a column of a feature set comes from: a timestep and stage of diffusion, or "spectra"."""

    kind: str
    timestep: int | None = None
    stage: int | None = None

    @property
    def timestep_label(self) -> str:
        """Timestep, or the kind where there is none."""
        return self.kind if self.timestep is None else str(self.timestep)

    @property
    def stage_label(self) -> str:
        """Stage, or the kind where there is none."""
        return self.kind if self.stage is None else str(self.stage)


@dataclass(frozen=True)
class BandPlan:
    """Bands of the raster (0-based) that the feature sets are made of.

    Attributes:
        base: Spectra; without any, all features of the lowest timestep; of a raster of plain bands, all bands.
        features: Diffusion features that models learn from.
        guide: Features that make the guidance image.
    """

    base: tuple[int, ...]
    features: tuple[int, ...]
    guide: tuple[int, ...]

    @classmethod
    def of(cls, layout: FeatureLayout, bands: int) -> BandPlan:
        """The plan for a raster of so many bands."""
        if len(layout.timesteps) <= 1 and not layout.spectra:
            return cls(tuple(range(bands)), (), ())
        stages = stages_of(layout)
        finest = sorted(set(stages))[-2:]

        def pick(timesteps: Iterable[int], wanted: set[int]) -> tuple[int, ...]:
            return tuple(
                layout.timesteps.index(timestep) * layout.features + feature
                for timestep in timesteps
                for feature in range(layout.features)
                if stages[feature] in wanted
            )

        lowest = pick([layout.timesteps[0]], set(stages))
        return cls(
            base=tuple(range(layout.diffusion_bands, bands)) if layout.spectra else lowest,
            features=pick(_nearest(layout.timesteps, _FEATURES_AT), set(stages)),
            guide=pick(_nearest(layout.timesteps, _GUIDE_AT), set(finest)),
        )

    @property
    def has_features(self) -> bool:
        """Whether there are diffusion features."""
        return bool(self.features)

    def available(self) -> list[FeatureSet]:
        """The feature sets that can be made."""
        return [feature_set for feature_set in FeatureSet if self.has_features or not feature_set.is_diffusion]

    def bands_of(self, wanted: Iterable[FeatureSet]) -> list[int]:
        """Bands that these feature sets read."""
        read = set(self.base)
        for feature_set in wanted:
            read |= set(self.guide) if feature_set.uses_guide else set()
            read |= set(self.features) if feature_set.is_diffusion else set()
        return sorted(read)


def stages_of(layout: FeatureLayout) -> list[int]:
    """The decoder stage of each feature; 0 where the layout does not name it."""
    return [_stage(name) for name in layout.names] or [0] * layout.features


def _stage(name: str) -> int:
    """5 of "s5 c012"."""
    digits = name.split(" ")[0][1:]
    return int(digits) if digits.isdecimal() else 0


def _nearest(timesteps: Sequence[int], wanted: Sequence[int]) -> list[int]:
    return sorted({min(timesteps, key=lambda t: (abs(t - target), t)) for target in wanted})
