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
    for note in filter(None, (*source.notes, _palette_note(source))):
        feedback.pushWarning(note)
    for line in filter(None, (spectral_sentence(source.bands), *lines)):
        feedback.pushInfo(line)


def _palette_note(source: RasterSource) -> str:
    """That numbers which stand for colours, or for classes, are no measurements; empty where they do not."""
    if not source.uri or len(source.bands) > 1:
        return ""
    dataset = source.open()
    table = dataset.GetRasterBand(1).GetRasterColorTable()
    if table is None or all(len(set(table.GetColorEntry(i)[:3])) == 1 for i in range(table.GetCount())):
        return ""  # as grey as the numbers
    return (
        f"The numbers of the raster {source.name} stand for entries of its colour table; they are taken as "
        "measurements all the same. Of a picture, make one with red, green and blue first (Raster > Conversion > PCT "
        "to RGB)."
    )


def _tell_of_bad(source: RasterSource, numbers: Sequence[int], feedback: QgsProcessingFeedback) -> None:
    """Bands marked as bad are used where a model or classifier was learnt with them, or BANDS names them."""
    bad = sorted(source.bad & set(numbers))
    if bad:
        feedback.pushWarning(
            f"Used, though the metadata of the raster {source.name} mark them as bad: bands "
            f"{', '.join(map(str, bad))}. If they hold no measurements, the result means nothing. Then use BANDS that "
            "are good in all scenes."
        )


@dataclass(frozen=True)
class SceneExport:
    """A raster on its way into a job folder.

    Attributes:
        source: The raster.
        folder: The job folder.
        transforms: Of the project, for datum shifts.
        name: Of the files in the job folder.
        may_be_empty: Whether the mask may cover all of it, or nothing, as of one of the many scenes of a campaign.
    """

    source: RasterSource
    folder: Path
    transforms: QgsCoordinateTransformContext
    name: str = "scene"
    may_be_empty: bool = False

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
        _tell_of_bad(source, numbers, progress.feedback)
        exported = export_foreign(source, folder, self.transforms, progress)
        cube = copy_cube(exported, numbers, folder, self.name, progress)
        own = own_mask(exported, numbers)
        if exported is not source:
            Path(exported.uri).unlink()
        if mask is None:
            return replace(cube, mask=None) if own is None else with_mask(cube, own, folder, self._mask_name)
        usable = usable_pixels(mask, source.grid, self.transforms)
        if not any(usable) and not self.may_be_empty:
            raise QgsProcessingException(
                f"No valid pixel is left: the mask {mask.name} covers the whole raster {source.name}. "
                "The mask's pixels are the ones to leave out; check that it is not the other way round."
            )
        if mask.skipped:
            progress.feedback.pushWarning(f"Not used in the mask {mask.name}: {mask.skipped.text}.")
        counts = f"Mask {mask.name}: {usable.count(0)} of {len(usable)} pixels are left out."
        if all(usable) and not self.may_be_empty:
            progress.feedback.pushWarning(f"{counts} Check that it lies where the raster lies, and has the right CRS.")
        else:
            progress.feedback.pushInfo(counts)
        return with_mask(cube, usable if own is None else both_usable(usable, own), folder, self._mask_name)

    @property
    def _mask_name(self) -> str:
        return "mask" if self.name == "scene" else f"{self.name}_mask"

    def usable_bands(self, progress: ProgressRange) -> CubeFile:
        """A raster that is no feature raster, as a cube of the bands that can be features.

        Bands marked as bad, of transparency, without data, or constant are left out and named: a pixel counts as valid
        where all bands have data, so that one empty band would leave none.

        Raises:
            QgsProcessingException: Not readable, no usable band, or cancelled.
            SceneError: Values that nothing can be computed from, as a fill value that nobody declared.
        """
        return usable_in_all([(self, range(1, len(self.source.bands) + 1))], progress)[0]


def usable_in_all(
    rasters: Sequence[tuple[SceneExport, Sequence[int]]], progress: ProgressRange
) -> tuple[CubeFile, ...]:
    """Rasters that are no feature rasters, as cubes of the bands that can be features in each of them.

    What is left out, as by SceneExport.usable_bands, is named by its number in the first raster.

    Args:
        rasters: INPUT and those of EXTRA_INPUTS, each with its bands (from 1), which stand for those of INPUT.
        progress: Told how far it is.

    Raises:
        QgsProcessingException: Not readable, no usable band, or cancelled.
        SceneError: Values that nothing can be computed from, as a fill value that nobody declared.
    """
    from ....mtmsd_qgis.io.bands import describe, inspect_rasters
    from ....mtmsd_qgis.io.cube import Cube
    from .valid_pixels import is_empty

    feedback, (first, numbers) = progress.feedback, rasters[0]
    good = [i for i in range(len(numbers)) if all(own[i] in export.source.measured for export, own in rasters)]
    refuse_no_band(first.source, good)
    cubes = exported_bands(rasters, good, progress)
    opened = [Cube(export.folder, cube) for (export, _), cube in zip(rasters, cubes)]
    for (export, _), cube in list(zip(rasters, opened))[1:]:
        if is_empty(cube):
            raise QgsProcessingException(
                f"Data were expected in each raster of EXTRA_INPUTS; {export.source.name} has none. Leave it out."
            )
    inspected = inspect_rasters(opened)
    for warning in inspected.warnings:
        feedback.pushWarning(warning)
    if first.source.left_out:
        feedback.pushWarning(first.source.left_out)
    lost = [str(number) for i, number in enumerate(numbers) if i not in good and number in first.source.measured]
    if lost:
        feedback.pushWarning(f"Marked as bad in a further raster, left out: {', '.join(lost)}.")
    if not inspected.left_out:
        return cubes
    feedback.pushWarning(f"Bands left out: {describe(inspected.left_out)}.")
    refuse_no_band(first.source, inspected.usable)
    return exported_bands(rasters, [good[i] for i in inspected.usable], progress.part(1.0, 1.0))


def exported_bands(
    rasters: Sequence[tuple[SceneExport, Sequence[int]]], positions: Sequence[int], progress: ProgressRange
) -> tuple[CubeFile, ...]:
    """Rasters as cubes of the bands at some positions; arguments and errors as of SceneExport.bands.

    Args:
        rasters: Each with its bands (from 1).
        positions: Which of them, from 0.
        progress: Told how far it is.
    """
    progress.advance(0.0)  # writes its title, which its parts do not have
    count = len(rasters)
    return tuple(
        export.bands([own[i] for i in positions], None, progress.part(number / count, (number + 1) / count))
        for number, (export, own) in enumerate(rasters)
    )
