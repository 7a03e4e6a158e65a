# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the feature sets of windows of a raster.

Enters: a Raster of diffusion features and spectra, or of plain bands, with its layout. Leaves: for a window, each
feature set as (F, h, w), and where pixels are valid.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...features.box_filter import box_mean, known_or_zero
from ...features.extras.extra_reader import ExtraReader
from ...features.tile_lookup import tiles_with_pixels
from ...io.cube import Raster, spread_windows
from ...io.windows import Tile, Window, WindowGrid
from ...jobs.data_model import FeatureLayout
from ...progress import Progress
from ...sampling.sample_table import SampleTable
from ..context.joint_bilateral import affinities, smooth
from ..extras.known_smoothing import smooth_known
from .feature_sets import MARGIN, BandPlan, FeatureSet, Quantity
from .scene_scaling import FeatureScaling, SpectraScaling

SMOOTHING_SIGMA = 0.35  # range sigma with which spectra and features are smoothed before a model sees them
_GUIDE_COMPONENTS = 10  # principal components in the guidance image, where there are no diffusion features
_GUIDE_BOX = 3  # side of their means, pixels
_CELL = 32  # pixels, side of the windows that a raster which is costly to read is read by
_SCALING_WINDOWS = 24
_WINDOW_BYTES = 256 << 20  # of the feature sets of one window


@dataclass(frozen=True)
class FeatureSetReader:
    """Reads feature sets; what it needs to know of the scene is learnt once, without labels.

    Attributes:
        cube: Of features, spectra or plain bands.
        layout: What its bands are.
        device: Where feature sets shall lie.
        plan: Bands of the feature sets.
        scaling: Of the spectra.
        feature_scaling: Of the diffusion features; None: there are none, principal components are the guidance image.
        extras: Reads the columns of extra rasters; None where there are none.
    """

    cube: Raster
    layout: FeatureLayout
    device: torch.device
    plan: BandPlan
    scaling: SpectraScaling
    feature_scaling: FeatureScaling | None
    extras: ExtraReader | None

    @classmethod
    def fit(cls, cube: Raster, layout: FeatureLayout, device: torch.device) -> FeatureSetReader:
        """Learn the scaling of the scene from windows spread over it; arguments as the attributes."""
        plan = BandPlan.of(layout, cube.bands)
        cube.expect([*plan.base, *plan.features, *plan.guide])
        windows = spread_windows(cube, plan.base[0], _CELL, _SCALING_WINDOWS)
        features = FeatureScaling.fit(cube, plan, windows, device) if plan.features else None
        scaling = SpectraScaling.fit(cube, plan.base, windows, device)
        return cls(cube, layout, device, plan, scaling, features, None)

    def without_features(self) -> FeatureSetReader:
        """The same of the spectra alone, with the scaling that is known."""
        return replace(self, plan=BandPlan(self.plan.base, (), ()), feature_scaling=None)

    @property
    def available(self) -> list[FeatureSet]:
        """The feature sets that this raster has."""
        return [s for s in FeatureSet if (self.extras if s.is_extra else self.plan.features or not s.is_diffusion)]

    @property
    def guide_channels(self) -> int:
        """Of the guidance image."""
        plain = min(_GUIDE_COMPONENTS, len(self.scaling.components))
        return plain if self.feature_scaling is None else len(self.feature_scaling.guide_axes)

    def columns(self, feature_set: FeatureSet) -> int:
        """F of a feature set."""
        spectra = len(self.plan.base if self.scaling.reduction is None else self.scaling.reduction)
        values = {
            Quantity.COMPONENTS: len(self.scaling.components),
            Quantity.FEATURES: len(self.plan.features),
            Quantity.GUIDE: self.guide_channels,
            Quantity.EXTRAS: self.extras.columns if self.extras else 0,
        }
        return values.get(feature_set.quantity, spectra) * (1 + len(feature_set.boxes))

    def windows(
        self, wanted: Sequence[FeatureSet], area: Window | None = None, *, for_samples: bool = False
    ) -> list[Tile]:
        """Windows that cover the raster once, as large as memory allows for these feature sets, within a factor of two.

        Their side is a power of two: most tilings of large scenes are multiples of it, so that few windows of a mosaic
        lie in two tiles. For samples, which lie here and there, those of a costly raster are small.
        """
        if for_samples and self.cube.costly:
            return WindowGrid(self.cube.height, self.cube.width, _CELL, MARGIN, MARGIN).tiles(area)
        columns = sum(map(self.columns, wanted)) + len(self.plan.features) + len(self.plan.base)
        side = 2 ** round(math.log2(min(256, max(32, math.sqrt(_WINDOW_BYTES / (4 * columns)) - 2 * MARGIN))))
        return WindowGrid(self.cube.height, self.cube.width, side, MARGIN, MARGIN).tiles(area)

    def read(self, tile: Tile, wanted: Iterable[FeatureSet]) -> tuple[dict[FeatureSet, Tensor], NDArray[np.bool_]]:
        """Feature sets of a window.

        Args:
            tile: Core and what is read around it.
            wanted: Feature sets.

        Returns:
            Each as (F, h, w) float32, finite everywhere, and where the core is valid (h, w).
        """
        values = self.cube.read(tile.window, list(self.plan.base))
        known = np.asarray(np.isfinite(values).all(axis=0))
        valid = np.asarray(known[tile.inner.slices])
        if not valid.any():
            return {s: torch.zeros(self.columns(s), *valid.shape, device=self.device) for s in wanted}, valid
        window = _Window(self, tile, values, known)
        return {feature_set: window.core(feature_set) for feature_set in wanted}, valid

    def at_samples(
        self, samples: SampleTable, wanted: Sequence[FeatureSet], progress: Progress
    ) -> tuple[dict[FeatureSet, Tensor], NDArray[np.int64]]:
        """Feature sets (N', F) at the samples on valid pixels, and the indices (N',) of those, in window order.

        Args:
            samples: (N,) of them.
            wanted: Feature sets.
            progress: Told after each window.
        """
        columns: dict[FeatureSet, list[Tensor]] = {feature_set: [] for feature_set in wanted}
        order: list[NDArray[np.int64]] = []
        windows = self.windows(wanted, for_samples=True)
        for tile, inside in tiles_with_pixels(windows, samples.rows, samples.cols, progress):
            values, valid = self.read(tile, wanted)
            rows, cols = samples.rows[inside] - tile.core.row, samples.cols[inside] - tile.core.col
            usable = valid[rows, cols]
            for feature_set, value in values.items():
                columns[feature_set].append(value[:, rows[usable], cols[usable]].T)
            order.append(inside[usable])
        return {feature_set: torch.cat(parts) for feature_set, parts in columns.items()}, np.concatenate(order)

    def features(self, window: Window, bands: Sequence[int]) -> Tensor:
        """Diffusion features (F, h, w) of a window, 0 where there is no data."""
        stored = np.nan_to_num(self.cube.read(window, list(bands)), copy=False, nan=0.0)
        return torch.from_numpy(stored).to(self.device)


class _Window:
    """Feature sets of one window; what several of them need is computed once."""

    def __init__(
        self, reader: FeatureSetReader, tile: Tile, values: NDArray[np.float32], known: NDArray[np.bool_]
    ) -> None:
        self._reader, self._tile = reader, tile
        self._known = torch.from_numpy(known).to(reader.device)
        self._values = torch.from_numpy(np.where(known, values, np.float32(0))).to(reader.device)
        self._computed: dict[tuple[Quantity, int], Tensor] = {}
        self._affinities: Tensor | None = None
        self._extra_columns: tuple[Tensor, Tensor] | None = None

    def core(self, feature_set: FeatureSet) -> Tensor:
        """A feature set (F, h, w) of the core."""
        rows, cols = self._tile.inner.slices
        if not feature_set.boxes:
            return self._smoothed(feature_set.quantity, feature_set.smoothing)[:, rows, cols]
        values = self._smoothed(feature_set.quantity, 0)
        known = self._extras()[1] if feature_set.is_extra else self._known
        means = (box_mean(values, known, rows, cols, side) for side in feature_set.boxes)
        return torch.cat([values[:, rows, cols], *means])

    def _smoothed(self, quantity: Quantity, passes: int) -> Tensor:
        """(F, h, w) of the whole window, 0 where unknown, after so many passes of the joint bilateral filter."""
        key = quantity, passes
        if key not in self._computed:
            if quantity is Quantity.WHITENED_SPECTRA:  # whitening is linear: smoothed spectra serve both
                self._computed[key] = self._reader.scaling.whitened(self._smoothed(Quantity.SPECTRA, passes))
            elif quantity is Quantity.EXTRAS:
                columns, known = self._extras()
                self._computed[key] = smooth_known(columns, known, self._weights(), passes) if passes else columns
            elif passes:
                self._computed[key] = smooth(self._smoothed(quantity, passes - 1), self._weights())
            else:
                self._computed[key] = known_or_zero(self._at_pixel(quantity), self._known)
        return self._computed[key]

    def _at_pixel(self, quantity: Quantity) -> Tensor:
        reader, window = self._reader, self._tile.window
        if quantity is Quantity.SPECTRA:
            return reader.scaling.standardised(self._values)
        if quantity is Quantity.COMPONENTS:
            return reader.scaling.principal_components(self._values)
        if reader.feature_scaling is not None and quantity is Quantity.FEATURES:
            return reader.feature_scaling.whitened(reader.features(window, reader.plan.features))
        if reader.feature_scaling is not None:
            return reader.feature_scaling.guidance(reader.features(window, reader.plan.guide))
        components = self._smoothed(Quantity.COMPONENTS, 0)[: reader.guide_channels]
        return box_mean(components, self._known, slice(0, window.height), slice(0, window.width), _GUIDE_BOX)

    def _extras(self) -> tuple[Tensor, Tensor]:
        """Columns of extra rasters in the whole window, and where they are known."""
        if self._extra_columns is None:
            extras, none = self._reader.extras, (self._values[:0], self._known)
            columns, known = extras.read(self._tile.window) if extras else none
            self._extra_columns = columns.to(self._known.device), known.to(self._known.device)
        return self._extra_columns

    def _weights(self) -> Tensor:
        if self._affinities is None:
            self._affinities = affinities(self._smoothed(Quantity.GUIDE, 0), self._known, SMOOTHING_SIGMA)
        return self._affinities
