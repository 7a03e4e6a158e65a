# SPDX-License-Identifier: GPL-2.0-or-later
"""The feature sets that models learn from, and the bands of a raster that each is made of.

Enters: the layout of a raster. Leaves: the names of the feature sets it has, and their bands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ...jobs.data_model import FeatureLayout

_TIMESTEPS = (100, 200)  # that models learn from and the guidance image is made of, or the nearest there are
_BOXES = (5, 15, 31)  # sides in pixels of the windows of the box means


class Quantity(Enum):
    """What a feature set measures at a pixel."""

    SPECTRA = "spectra"
    WHITENED_SPECTRA = "noise-whitened spectra"
    COMPONENTS = "principal components"
    FEATURES = "diffusion features"
    GUIDE = "guidance image"
    EXTRAS = "extra rasters"


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
    COMPONENT_MEANS = (Quantity.COMPONENTS, 0, _BOXES)
    FEATURE_MEANS = (Quantity.FEATURES, 0, _BOXES)
    GUIDE = (Quantity.GUIDE,)
    EXTRAS = (Quantity.EXTRAS,)
    SMOOTHED_EXTRAS = (Quantity.EXTRAS, 1)
    STRONGLY_SMOOTHED_EXTRAS = (Quantity.EXTRAS, 3)
    EXTRA_MEANS = (Quantity.EXTRAS, 0, (5, 15))

    def __init__(self, quantity: Quantity, smoothing: int = 0, boxes: tuple[int, ...] = ()) -> None:
        self.quantity, self.smoothing, self.boxes = quantity, smoothing, boxes

    @property
    def title(self) -> str:
        """For log and report."""
        smoothed = ("", "smoothed ", "", "strongly smoothed ")[self.smoothing]
        return f"{'box means of ' if self.boxes else ''}{smoothed}{self.quantity.value}"

    @property
    def is_extra(self) -> bool:
        """Whether its values are those of extra rasters."""
        return self.quantity is Quantity.EXTRAS

    @property
    def extras(self) -> FeatureSet:
        """That of extra rasters which stands beside it."""
        form = self.smoothing, bool(self.boxes)
        return next(s for s in FeatureSet if s.is_extra and (s.smoothing, bool(s.boxes)) == form)

    @property
    def is_diffusion(self) -> bool:
        """Whether its values are diffusion features."""
        return self.quantity is Quantity.FEATURES

    @property
    def uses_guide(self) -> bool:
        """Whether the guidance image is needed to make it."""
        return self.smoothing > 0 or self.quantity is Quantity.GUIDE


MARGIN = max(side // 2 + 1 for feature_set in FeatureSet for side in feature_set.boxes)  # pixels read around a pixel


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
        stages = layout.feature_stages
        finest = sorted(set(stages))[-2:]

        def pick(timesteps: Iterable[int], wanted: set[int]) -> tuple[int, ...]:
            return tuple(
                layout.timesteps.index(timestep) * layout.features + feature
                for timestep in timesteps
                for feature in range(layout.features)
                if stages[feature] in wanted
            )

        lowest = pick([layout.timesteps[0]], set(stages))
        nearest = sorted({min(layout.timesteps, key=lambda t: (abs(t - target), t)) for target in _TIMESTEPS})
        return cls(
            base=tuple(range(layout.diffusion_bands, bands)) if layout.spectra else lowest,
            features=pick(nearest, set(stages)),
            guide=pick(nearest, set(finest)),
        )

    def bands_of(self, wanted: Iterable[FeatureSet]) -> list[int]:
        """Bands that these feature sets read."""
        read = set(self.base)
        for feature_set in wanted:
            read |= set(self.guide) if feature_set.uses_guide else set()
            read |= set(self.features) if feature_set.is_diffusion else set()
        return sorted(read)
