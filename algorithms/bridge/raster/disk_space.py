# SPDX-License-Identifier: GPL-2.0-or-later
"""Disk that a task needs, estimated, said and checked before the work starts.

A job folder holds the scene's bands and components; results lie raw in a folder beside the output, or in the job
folder, before they become GeoTIFFs. Estimates are of the raw bytes, which is what dominates.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsProcessingUtils

from ....mtmsd_qgis.jobs.settings import ExtractionSettings
from .source import RasterSource

_COMPONENT_BYTES = 4
_FEATURE_BYTES = 2
_MAP_BYTES = 2 + 4  # class and confidence
_OPINION_BYTES = 2
_GUIDES = 16  # channels that say how alike neighbours look
_SPARE_BYTES = 64 << 20  # models, reports, samples
_WIDTHS = (2, 2, 2, 2, 2, 2, 1, 1, 1)  # channels of each decoder stage, in base widths


def check_pretraining_space(
    source: RasterSource, numbers: Sequence[int], components: int, output: Path, feedback: QgsProcessingFeedback
) -> None:
    """Room for the bands and their components.

    Raises:
        QgsProcessingException: There is too little.
    """
    scratch = _cube_bytes(source, numbers) + _component_bytes(source, min(components, len(numbers)))
    check_space(scratch, {output: 0}, feedback)


def check_extraction_space(
    source: RasterSource,
    numbers: Sequence[int],
    header: Mapping[str, Any],
    settings: ExtractionSettings,
    output: Path,
    feedback: QgsProcessingFeedback,
) -> None:
    """Room for the bands, their components, and the feature raster twice: raw, and as the output.

    Args:
        source: The raster.
        numbers: Bands that are used.
        header: Of the model.
        settings: Of the extraction.
        output: The feature raster.
        feedback: Told the figures.

    Raises:
        QgsProcessingException: There is too little.
    """
    every = sum(_WIDTHS[stage] for stage in settings.stages) * int(header["settings"]["base_width"])
    kept = min(settings.keep or every, every)
    bands = len(settings.timesteps) * kept + (len(numbers) if settings.spectra else 0)
    features = _FEATURE_BYTES * bands * _pixels(source)
    scratch = _cube_bytes(source, numbers) + _component_bytes(source, int(header["components"]))
    check_space(scratch, {output: 2 * features}, feedback)


def check_classification_space(
    source: RasterSource, classes: int, asked: int, outputs: Sequence[Path | None], feedback: QgsProcessingFeedback
) -> None:
    """Room for the raster, the opinions of its pixels and the maps.

    Args:
        source: The feature raster.
        classes: That get a probability each; 0 where none is wanted.
        asked: Classes that neighbours may agree on; 0 where each pixel decides alone.
        outputs: The maps; those that are None are not written.
        feedback: Told the figures.

    Raises:
        QgsProcessingException: There is too little.
    """
    scratch = _cube_bytes(source, range(1, len(source.bands) + 1))
    maps = (_MAP_BYTES + 4 * classes) * _pixels(source)
    scratch += maps + _opinion_bytes(source, asked)
    check_space(scratch, {path: maps for path in outputs[:1] if path is not None}, feedback)


def check_mapping_space(
    source: RasterSource,
    numbers: Sequence[int],
    components: int,
    classes: int,
    asked: int,
    output: Path,
    feedback: QgsProcessingFeedback,
) -> None:
    """Room for the bands, their components, the opinions of the pixels, and the maps twice: raw, and as outputs.

    Args:
        source: The raster.
        numbers: Bands that are used.
        components: At most.
        classes: That get a probability each; 0 where none is wanted.
        asked: Classes that neighbours may agree on; 0 where each pixel decides alone.
        output: The class map.
        feedback: Told the figures.

    Raises:
        QgsProcessingException: There is too little.
    """
    scratch = _cube_bytes(source, numbers) + _component_bytes(source, min(components, len(numbers)))
    maps = 2 * (_MAP_BYTES + 4 * classes) * _pixels(source)
    check_space(scratch, {output: maps + _opinion_bytes(source, asked)}, feedback)


def check_space(scratch_bytes: int, outputs: Mapping[Path, int], feedback: QgsProcessingFeedback) -> None:
    """Say what is needed where, and refuse to start where a disk has less.

    Args:
        scratch_bytes: In the folder for temporary files.
        outputs: Bytes by file.
        feedback: Told the figures.

    Raises:
        QgsProcessingException: There is too little, with the figures.
    """
    temporary = Path(QgsProcessingUtils.tempFolder())
    wanted = [(temporary, scratch_bytes + _SPARE_BYTES), *outputs.items()]
    sums: dict[int, int] = {}
    for place, needed in wanted:
        disk = _existing(place).stat().st_dev
        sums[disk] = sums.get(disk, 0) + needed
    free = shutil.disk_usage(_existing(temporary)).free
    said = f"Disk: about {_gib(scratch_bytes)} for temporary files in {temporary}, removed at the end"
    large = sum(outputs.values())
    feedback.pushInfo(said + (f", and {_gib(large)} beside the output" if large else "") + f"; {_gib(free)} are free.")
    for place, _ in wanted:
        room = shutil.disk_usage(_existing(place)).free
        needed = sums[_existing(place).stat().st_dev]
        if needed > room:
            raise QgsProcessingException(
                f"About {_gib(needed)} of free disk are needed on the disk of {_existing(place)}, found {_gib(room)}. "
                "Free some space, choose a smaller part of the raster, fewer TIMESTEPS or a smaller KEEP, or let QGIS "
                "put its temporary files on another disk (Settings > Options > Processing > General)."
            )


def _pixels(source: RasterSource) -> int:
    return source.grid.height * source.grid.width


def _cube_bytes(source: RasterSource, numbers: Sequence[int]) -> int:
    """The bands as they are stored; twice where a layer of another provider than GDAL is exported first."""
    if source.provider is not None:
        return 2 * _COMPONENT_BYTES * len(numbers) * _pixels(source)
    dataset = source.open()
    itemsize = max(gdal.GetDataTypeSize(dataset.GetRasterBand(number).DataType) for number in numbers) // 8
    return itemsize * len(numbers) * _pixels(source)


def _component_bytes(source: RasterSource, components: int) -> int:
    return _COMPONENT_BYTES * components * _pixels(source)


def _opinion_bytes(source: RasterSource, asked: int) -> int:
    return _OPINION_BYTES * (asked + _GUIDES) * _pixels(source) if asked else 0


def _existing(place: Path) -> Path:
    """The place, or the nearest folder above it that is there."""
    place = place.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return place


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 / 10 else f"{count / 2**20:.0f} MiB"
