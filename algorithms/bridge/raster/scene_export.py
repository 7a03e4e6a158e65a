# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps that every task with a raster shares: check it, log it, export it into the job folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qgis.core import QgsCoordinateTransformContext, QgsProcessingException, QgsProcessingFeedback

from ....mtmsd_qgis.jobs.data_model import CubeFile
from ..feedback import ProgressRange
from .band_metadata import spectral_sentence
from .export import copy_cube, with_mask
from .masks import MaskSource, both_usable, own_mask, usable_pixels
from .source import RasterSource, export_foreign


def refuse_no_band(source: RasterSource, numbers: Sequence[int]) -> None:
    """There must be something to work on.

    Raises:
        QgsProcessingException: No band is to be used.
    """
    if not len(numbers):
        raise QgsProcessingException(
            f"A raster with at least one usable band was expected; of the raster {source.name} ({source.size_text}) "
            "none would be used, as all are empty, constant, or marked as bad. Choose another raster, or correct its "
            "list of bad bands."
        )


def refuse_small_raster(source: RasterSource, side: int) -> None:
    """A raster must hold a training patch.

    Raises:
        QgsProcessingException: It is smaller than side x side pixels.
    """
    grid = source.grid
    if min(grid.height, grid.width) < side:
        raise QgsProcessingException(
            f"The raster must be at least as large as a training patch, {side} x {side} pixels; "
            f"{source.name} has {grid.width} x {grid.height}. Choose a larger raster or a smaller PATCH_SIZE."
        )


def announce(source: RasterSource, feedback: QgsProcessingFeedback, *lines: str) -> None:
    """The first lines of the log."""
    feedback.pushInfo(f"Raster: {source.name}, {source.size_text}.")
    for note in source.notes:
        feedback.pushWarning(note)
    for line in filter(None, (spectral_sentence(source.bands), *lines)):
        feedback.pushInfo(line)


@dataclass(frozen=True)
class SceneExport:
    """A raster on its way into a job folder.

    Attributes:
        source: The raster.
        folder: The job folder.
        transforms: Of the project, for datum shifts.
        name: Of the files in the job folder.
    """

    source: RasterSource
    folder: Path
    transforms: QgsCoordinateTransformContext
    name: str = "scene"

    def bands(self, numbers: Sequence[int], mask: MaskSource | None, progress: ProgressRange) -> CubeFile:
        """Bands as a cube in the job folder, with the mask where there is one.

        Args:
            numbers: Bands (from 1) in the order wanted.
            mask: Pixels to leave out.
            progress: Told how far it is.

        Raises:
            QgsProcessingException: Not readable, no pixel left, or cancelled.
        """
        source, folder = self.source, self.folder
        exported = export_foreign(source, folder, self.transforms, progress)
        cube = copy_cube(exported, numbers, folder, self.name, progress)
        own = own_mask(exported, numbers)
        if exported is not source:
            Path(exported.uri).unlink()
        if mask is None:
            return replace(cube, mask=None) if own is None else with_mask(cube, own, folder, self._mask_name)
        usable = usable_pixels(mask, source.grid, self.transforms)
        if not any(usable):
            raise QgsProcessingException(
                f"No valid pixel is left: the mask {mask.name} covers the whole raster {source.name}. "
                "The mask's pixels are the ones to leave out; check that it is not the other way round."
            )
        if mask.skipped:
            progress.feedback.pushWarning(f"Not used in the mask {mask.name}: {mask.skipped.text}.")
        progress.feedback.pushInfo(f"Mask {mask.name}: {usable.count(0)} of {len(usable)} pixels are left out.")
        return with_mask(cube, usable if own is None else both_usable(usable, own), folder, self._mask_name)

    @property
    def _mask_name(self) -> str:
        return "mask" if self.name == "scene" else f"{self.name}_mask"

    def usable_bands(self, progress: ProgressRange) -> CubeFile:
        """A raster that is no feature raster, as a cube of the bands that can be features.

        Bands marked as bad, without data, or constant are left out and named: a pixel counts as valid where all bands
        have data, so that one empty band would leave none.

        Raises:
            QgsProcessingException: Not readable, no usable band, or cancelled.
            SceneError: Values that nothing can be computed from, as a fill value that nobody declared.
        """
        from ....mtmsd_qgis.io.bands import describe, inspect_bands
        from ....mtmsd_qgis.io.cube import Cube

        source, feedback = self.source, progress.feedback
        numbers = [band.number for band in source.bands if band.number not in source.bad]
        refuse_no_band(source, numbers)
        cube = self.bands(numbers, None, progress)
        inspected = inspect_bands(Cube(self.folder, cube))
        warning = inspected.warning()
        if warning:
            feedback.pushWarning(warning)
        if source.bad:
            marked = ", ".join(str(number) for number in sorted(source.bad))
            feedback.pushWarning(f"Marked as bad in the metadata, left out: {marked}.")
        if not inspected.left_out:
            return cube
        feedback.pushWarning(f"Bands left out: {describe(inspected.left_out)}.")
        refuse_no_band(source, inspected.usable)
        return self.bands([numbers[i] for i in inspected.usable], None, progress)
