# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign at work: its folder, its mosaic, and what the mosaic is turned into.

Enters: a campaign folder. Leaves: spectra, components and patches of the mosaic, computed where they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Callable

import numpy as np
from numpy.typing import NDArray

from ...campaign import folder as names
from ...campaign.folder import Campaign
from ...campaign.mosaic import Mosaic
from ...campaign.scene_moments import SceneMoments
from ...campaign.steps import MOMENTS, STEPS, Unit, units_of
from ...classification.predictor import MapGrid
from ...diffusion.patch_sampler import CountedScene, PatchSampler
from ...diffusion.preprocessing import Preprocessor
from ...errors import SceneError
from ...features.quantization import QuantisedSpectra
from ...io.cube import Raster
from ...io.run_directory import RunDirectory
from ...io.windows import Window
from ...jobs.data_model import Band
from ...progress import Progress

UnitWork = Callable[[Unit, Progress], None]
"""Does a unit of a step, and writes its file."""


@dataclass(frozen=True)
class CampaignRun:
    """A campaign at work.

    Attributes:
        folder: Of the campaign.
        campaign: What is wanted.
    """

    folder: Path
    campaign: Campaign

    def shared(self, name: str) -> Path:
        """A file that all scenes share."""
        return self.folder / names.SHARED / name

    @cached_property
    def mosaic(self) -> Mosaic:
        """Of the scenes."""
        return Mosaic.of_scenes(self.campaign, self.folder)

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of each scene."""
        return self.mosaic.raster(0).description.bands

    @property
    def source_band_count(self) -> int:
        """Bands of the user's rasters."""
        return self.campaign.source_band_count or len(self.bands)

    @cached_property
    def moments(self) -> SceneMoments:
        """Of all scenes together."""
        return SceneMoments.load(self.shared(names.MOMENTS))

    def spectra(self, positions: Sequence[int], described: Sequence[Band]) -> QuantisedSpectra:
        """Bands of the mosaic as 16-bit numbers, over the range of each band in all scenes.

        Args:
            positions: (B,) of the bands.
            described: (B,) names and wavelengths.
        """
        low, high = (ends[list(positions)] for ends in (self.moments.extent.low, self.moments.extent.high))
        return QuantisedSpectra.between(self.mosaic, tuple(positions), described, low, high)

    def grid(self, size: tuple[int, int], folder: Path) -> MapGrid:
        """Of a map of some of the mosaic's pixels, in a folder; a map that was begun there is gone on with."""
        return MapGrid(size, self.campaign.classes, RunDirectory(folder, persistent=True), self.campaign.probabilities)

    def positions(self, preprocessor: Preprocessor) -> list[int]:
        """Where the bands of a model lie in the scenes.

        Raises:
            SceneError: One is missing.
        """
        numbers = [band.number for band in self.bands]
        missing = [str(band.number) for band in preprocessor.bands if band.number not in numbers]
        if missing:
            raise SceneError(
                f"{self.shared(names.MODEL)} needs the bands {', '.join(missing[:10])}, which the scenes lack. Remove "
                "it to train a model of this campaign, or prepare the campaign with these bands."
            )
        return [numbers.index(band.number) for band in preprocessor.bands]

    def sampler(self, preprocessor: Preprocessor, side: int) -> PatchSampler:
        """Patches of all scenes, by valid area; at a scene's border they reach into the next one.

        Raises:
            SceneError: The mosaic is smaller than a patch, or no pixel is valid.
        """
        height, width = self.campaign.size
        if min(height, width) < side:
            raise SceneError(
                f"The mosaic should be at least as large as a training patch, {side} x {side} pixels; it has {width} x "
                f"{height}. Prepare a larger campaign, or choose a smaller PATCH_SIZE."
            )
        components = MosaicComponents(self.mosaic, self.positions(preprocessor), preprocessor)
        scenes = []
        for unit, place in zip(units_of(self.campaign, STEPS[MOMENTS]), self.mosaic.places):
            counts = SceneMoments.load(self.folder / unit.file).blocks
            scenes.append(CountedScene(PartOfRaster(components, place), counts, (place.height, place.width)))
        if not any(scene.counts.any() for scene in scenes):
            raise SceneError("No valid pixel was found in any scene. Check nodata and mask.")
        return PatchSampler.of_counts(scenes, side)


class MosaicComponents:
    """Standardised components of a mosaic, NaN where it has no data, computed where they are read.

    How a product of matrices is summed may depend on their shape; so windows that must agree have to be the same ones,
    as tiles and patches are.
    """

    costly = False

    def __init__(self, mosaic: Mosaic, positions: Sequence[int], preprocessor: Preprocessor) -> None:
        """Read nothing yet."""
        self.height, self.width = mosaic.height, mosaic.width
        self._mosaic, self._positions, self._preprocessor = mosaic, positions, preprocessor

    @property
    def bands(self) -> int:
        """Number of components."""
        return self._preprocessor.components

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """(C, h, w) of a window."""
        values = self._mosaic.read(window, self._positions)
        components, valid = self._preprocessor.transform(values)
        components[:, ~valid] = np.nan
        return components if bands is None else components[list(bands)]

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:
        """(H, W): where all the given components have data."""
        return np.asarray(np.isfinite(self.read(Window(0, 0, self.height, self.width), bands)).all(axis=0))

    def expect(self, bands: Sequence[int]) -> None:
        """Do nothing."""


class PartOfRaster:
    """A window of a raster as a raster; reading beyond it gives what lies there."""

    costly = False

    def __init__(self, raster: Raster, place: Window) -> None:
        """Read nothing yet."""
        self.height, self.width = place.height, place.width
        self._raster, self._place = raster, place

    @property
    def bands(self) -> int:
        """Of the raster."""
        return self._raster.bands

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Values of a window, in rows and columns of the part."""
        row, col = window.row + self._place.row, window.col + self._place.col
        return self._raster.read(Window(row, col, window.height, window.width), bands)

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:
        """(H, W): where all the given bands have data."""
        return np.asarray(np.isfinite(self.read(Window(0, 0, self.height, self.width), bands)).all(axis=0))

    def expect(self, bands: Sequence[int]) -> None:
        """Hear which bands will be read from now on."""
        self._raster.expect(bands)
