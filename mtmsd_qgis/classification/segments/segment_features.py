# SPDX-License-Identifier: GPL-2.0-or-later
"""What segments are made of: leading components of the spectra, and the slope of their logarithm.

Enters: a reader of feature sets. Leaves: a raster of whole numbers: two blocks of bands, each of a mean square near
STEP**2 when summed over its bands. Nothing is learnt from labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...io.band_subset import BandSubset
from ...io.cube import Cube, Raster, spread_windows, whole_size
from ...io.run_directory import CompletedWindows, RunDirectory
from ...io.windows import Tile, windows_with_margin
from ...jobs.data_model import Band, FeatureLayout
from ...jobs.disk_sizes import FEATURE_TYPE
from ...progress import Progress
from ..auto.feature_reader import SMOOTHING_SIGMA, FeatureSetReader
from ..auto.feature_sets import BandPlan, FeatureSet
from ..context.joint_bilateral import RADIUS, affinities, smooth
from .log_derivative import LogDerivative

STEP = 2000  # from one whole number to the next there is 1 / STEP
NO_FEATURE = -32768
_LARGEST = 32767
_MARGIN = RADIUS + 2  # pixels read around a window
_SIDE = 128  # pixels, of the windows
_CELL, _CELLS = 32, 24  # side and number of the windows that the derivative is learnt from


@dataclass(frozen=True)
class SegmentFeatures:
    """Reads the features of windows.

    Attributes:
        reader: Of the spectra alone: segments of diffusion features follow borders less well.
        derivative: Of the spectra; None where they are no reflectances.
    """

    reader: FeatureSetReader
    derivative: LogDerivative | None

    @classmethod
    def fit(cls, cube: Raster, layout: FeatureLayout, bands: Sequence[Band], device: torch.device) -> SegmentFeatures:
        """Learn scales and components from windows spread over the scene.

        Args:
            cube: Features and spectra, or plain bands.
            layout: What its bands are.
            bands: Of the spectra, for their wavelengths; not used where the raster holds none.
            device: That computes.
        """
        base = BandPlan.of(layout, cube.bands).base
        spectra = BandSubset(cube, base)
        reader = FeatureSetReader.fit(spectra, FeatureLayout(features=len(base)), device)
        if len(bands) != len(base):  # features stand for spectra
            return cls(reader, None)
        windows = spread_windows(spectra, 0, _CELL, _CELLS)
        return cls(reader, LogDerivative.fit(spectra, [band.wavelength_nm for band in bands], windows))

    @property
    def columns(self) -> int:
        """F."""
        return self.reader.guide_channels + (0 if self.derivative is None else self.derivative.components)

    def read(self, tile: Tile) -> NDArray[np.int16]:
        """Features (F, h, w) of a window's core, NO_FEATURE where there is no data."""
        sets, known = self.reader.read(Tile(tile.window, tile.window), [FeatureSet.GUIDE])
        guide, rows_cols = sets[FeatureSet.GUIDE], tile.inner.slices
        blocks = [guide / math.sqrt(len(guide))]
        if self.derivative is not None and known.any():
            values = self.reader.cube.read(tile.window, list(self.reader.plan.base))
            slopes = self.derivative(np.where(known, values, np.float32(1)))
            found = torch.from_numpy(known).to(guide.device)
            weights = affinities(guide, found, SMOOTHING_SIGMA)
            smoothed = smooth(torch.where(found, torch.from_numpy(slopes).to(guide.device), 0.0), weights)
            blocks.append(smoothed / math.sqrt(len(smoothed)))
        numbers = torch.cat(blocks)[(slice(None), *rows_cols)].mul(STEP).round_().clamp_(-_LARGEST, _LARGEST)
        filled = np.full((self.columns, *numbers.shape[1:]), NO_FEATURE, dtype=np.int16)
        valid = known[rows_cols]
        filled[: len(numbers), valid] = numbers.cpu().numpy().astype(np.int16)[:, valid]
        return filled

    def write(self, directory: RunDirectory, progress: Progress) -> Cube:
        """The raster of features; windows that the directory names as completed are left as they are.

        Args:
            directory: For the raster.
            progress: Told after each window.
        """
        size = whole_size(self.reader.cube)
        bands = [Band(f"feature {number}", nodata=NO_FEATURE) for number in range(1, self.columns + 1)]
        raster, is_new = directory.raster("segment-features", size, FEATURE_TYPE, bands)
        completed = CompletedWindows(directory, "segment-features", [raster], fresh=is_new)
        windows = windows_with_margin(*size, _SIDE, _MARGIN, _MARGIN)
        for done, tile in enumerate(windows):
            if tile.core in completed:
                continue
            raster.write(tile.core, self.read(tile))
            completed.add(tile.core)
            with completed.saved_on_cancel():
                progress((done + 1) / len(windows), f"segments: window {done + 1} of {len(windows)}")
        completed.save()
        return raster
