# SPDX-License-Identifier: GPL-2.0-or-later
"""Disk that a task needs, estimated, logged and checked before the work starts.

A job folder holds the scene's bands and components; results lie raw in a folder beside the output, or in the job
folder, before they become GeoTIFFs. Estimates are of the raw bytes, which is what dominates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsProcessingUtils

from ....mtmsd_qgis.jobs.disk_sizes import (
    component_bytes,
    feature_bytes,
    feature_raster_bands,
    features_per_timestep,
    gallery_bytes,
    inspection_bytes,
    map_bytes,
)
from ....mtmsd_qgis.jobs.settings import ExtractionSettings
from ..files.free_space import free_bytes, nearest_folder, taken_bytes
from .export import cube_code
from .formats.raster_format import RasterFormat
from .source import RasterSource

_SPARE_BYTES = 64 << 20  # models, reports, samples
_EXPORTED_BYTES = 4  # of a number, where a layer of another provider than GDAL is exported as a GeoTIFF first


@dataclass(frozen=True)
class SceneNeed:
    """A raster as a job stores it: its bands, and their components.

    Attributes:
        source: The raster.
        numbers: Bands that are used.
        components: At most.
    """

    source: RasterSource
    numbers: Sequence[int]
    components: int = 0

    @property
    def pixels(self) -> int:
        """Of the raster."""
        return self.source.grid.height * self.source.grid.width

    @property
    def size_bytes(self) -> int:
        """Of bands and components; of the bands twice where a layer of another provider is exported first."""
        components = min(self.components, len(self.numbers))
        return (self.band_bytes * len(self.numbers) + component_bytes(components)) * self.pixels

    @property
    def band_bytes(self) -> int:
        """Of a number; of both copies where a layer of another provider is exported first."""
        if self.source.pipe is not None:
            return 2 * _EXPORTED_BYTES
        return gdal.GetDataTypeSize(cube_code(self.source.open(), self.numbers)) // 8


@dataclass(frozen=True)
class DiskNeed:
    """Bytes by place.

    Attributes:
        temporary_bytes: In the folder for temporary files.
        output_bytes: By output file: beside it, and itself.
        copies: How often that holds the output's own bytes.
        remedy: What takes less, beside a smaller part of the raster; empty where nothing does.
    """

    temporary_bytes: int
    output_bytes: Mapping[Path, int]
    copies: int = 2
    remedy: str = ""

    def with_format(self, wanted: RasterFormat) -> DiskNeed:
        """The need where outputs have a format: a COG is made of a GeoTIFF that lies beside it meanwhile."""
        if wanted.driver != "COG":
            return self
        return replace(
            self, output_bytes={path: size + size // self.copies for path, size in self.output_bytes.items()}
        )

    def with_temporary(self, more: int) -> DiskNeed:
        """The same with more bytes in the folder for temporary files."""
        return replace(self, temporary_bytes=self.temporary_bytes + more)


def pretraining_need(scenes: Sequence[SceneNeed], output: Path) -> DiskNeed:
    """Room for the bands of all scenes and their components."""
    return DiskNeed(sum(scene.size_bytes for scene in scenes), {output: 0})


def extraction_need(scene: SceneNeed, settings: ExtractionSettings, base_width: int, output: Path) -> DiskNeed:
    """Room for the bands, their components, and the feature raster twice: raw, and as the output.

    Args:
        scene: The raster.
        settings: Of the extraction.
        base_width: Of the model.
        output: The feature raster.

    Raises:
        SettingsError: It would have more bands than a GeoTIFF holds.
    """
    bands = feature_raster_bands(settings, base_width, len(scene.numbers))
    remedy = "fewer TIMESTEPS or a smaller KEEP"
    return DiskNeed(scene.size_bytes, {output: 2 * feature_bytes(bands) * scene.pixels}, remedy=remedy)


def exploration_need(
    scene: SceneNeed, settings: ExtractionSettings, base_width: int, outputs: tuple[Path, Path | None]
) -> DiskNeed:
    """Room for the bands and components, and beside the report for the features that are looked at.

    Args:
        scene: The raster.
        settings: Of the features.
        base_width: Of the model.
        outputs: The report, and the raster of pictures where it is wanted.
    """
    features = len(settings.timesteps) * features_per_timestep(settings.stages, base_width)
    report, gallery = outputs
    beside = {report: inspection_bytes(features, scene.pixels)}
    need = DiskNeed(scene.size_bytes, beside, remedy="fewer TIMESTEPS or STAGES")
    if gallery is None:
        return need
    raw = gallery_bytes(len(settings.timesteps) * len(settings.stages), scene.pixels)
    return replace(need, output_bytes={**beside, gallery: raw}).with_temporary(raw)


def classification_need(
    source: RasterSource, probabilities: int, output: Path, extra: Sequence[SceneNeed] = ()
) -> DiskNeed:
    """Room for a feature raster, and the maps twice: raw, and as outputs.

    Args:
        source: The feature raster.
        probabilities: Bands of probabilities and of uncertainty; 0 where none is wanted.
        output: The map.
        extra: Further rasters to learn from; held-out samples in them are mapped too.
    """
    scene = SceneNeed(source, range(1, len(source.bands) + 1))
    raw = map_bytes(probabilities) * scene.pixels
    more = sum(further.size_bytes + map_bytes(probabilities) * further.pixels for further in extra)
    return DiskNeed(scene.size_bytes + raw + more + (raw if extra else 0), {output: raw}, copies=1)


def mapping_need(scene: SceneNeed, probabilities: int, output: Path) -> DiskNeed:
    """Room for the bands and components; beside the output for the maps twice; arguments as above."""
    beside = 2 * map_bytes(probabilities) * scene.pixels
    return DiskNeed(scene.size_bytes, {output: beside})


def campaign_need(scenes: Sequence[SceneNeed], folder: Path) -> DiskNeed:
    """Room for the bands of all scenes and their maps, in the campaign's folder."""
    maps = sum(map_bytes(0) * scene.pixels for scene in scenes)
    return DiskNeed(0, {folder: sum(scene.size_bytes for scene in scenes) + 2 * maps})


def check_space(need: DiskNeed, feedback: QgsProcessingFeedback, work: Path | None = None) -> None:
    """Log what is needed where, and refuse to start where a disk has less.

    Args:
        need: Of the whole run.
        feedback: Of Processing.
        work: Folder of an interrupted run; what it holds is on the disk already, and is gone on with or removed.

    Raises:
        QgsProcessingException: There is too little, with the figures.
    """
    temporary = Path(QgsProcessingUtils.tempFolder())
    wanted = [(temporary, need.temporary_bytes + _SPARE_BYTES), *need.output_bytes.items()]
    sums: dict[int, int] = {}
    for path, needed in wanted:
        disk = nearest_folder(path).stat().st_dev
        sums[disk] = sums.get(disk, 0) + needed
    if work is not None and work.is_dir():
        disk = work.stat().st_dev
        sums[disk] = sums.get(disk, 0) - taken_bytes(work)
    free, outputs = free_bytes(temporary), sum(need.output_bytes.values())
    feedback.pushInfo(
        f"Disk: about {bytes_text(need.temporary_bytes)} for temporary files in {temporary}, removed at the end"
        + (f", and {bytes_text(outputs)} beside the output" if outputs else "")
        + f"; {bytes_text(free)} are free."
    )
    smaller = f", {need.remedy}" if need.remedy else ""
    for path, _ in wanted:
        free = free_bytes(path)
        needed = sums[nearest_folder(path).stat().st_dev]
        if needed > free:
            raise QgsProcessingException(
                f"About {bytes_text(needed)} of free disk are needed on the disk of {nearest_folder(path)}, found "
                f"{bytes_text(free)}. Free some space, choose a smaller part of the raster{smaller}, or let QGIS put "
                "its temporary files on another disk (Settings > Options > Processing > General)."
            )


def bytes_text(count: int) -> str:
    """Such as "0.4 GiB"; smaller ones in MiB."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 / 10 else f"{count / 2**20:.0f} MiB"
