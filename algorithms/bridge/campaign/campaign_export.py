# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters, layers and settings -> a campaign folder.

The folder is made beside its place and renamed at the end, so that a run that fails or is cancelled leaves nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from qgis.core import QgsCoordinateTransformContext, QgsProcessingException

from ....mtmsd_qgis.campaign.folder import MODEL, SCENE_TASK, SHARED, Campaign, Scene, scene_folder, write_scene
from ....mtmsd_qgis.campaign.folder import write_campaign as write_campaign_file
from ....mtmsd_qgis.jobs.data_model import CubeFile
from ....mtmsd_qgis.jobs.protocol import Job
from ..feedback import ProgressRange
from ..files.atomic_write import link_target
from ..raster.masks import MaskSource
from ..raster.scene_export import SceneExport
from ..raster.source import RasterSource
from ..vector.labels import LabelLayer
from ..vector.sample_export import SampleExport, TrainingSamples, reference_of_several, training_of_several
from .mosaic_places import places_in_mosaic
from .scene_files import write_grid

_UNFINISHED = "unfinished"  # a file that tells a folder in the making from somebody else's
_READING = 0.9  # of the bar; the rest is for the samples


@dataclass(frozen=True)
class CampaignScene:
    """A raster of the campaign.

    Attributes:
        source: The raster.
        numbers: Its bands (from 1) that are used, in the order of the first raster's.
        training: Training samples in its CRS.
        reference: Reference samples in its CRS, where there is a layer of them.
    """

    source: RasterSource
    numbers: Sequence[int]
    training: LabelLayer
    reference: LabelLayer | None = None


@dataclass(frozen=True)
class CampaignExport:
    """All that goes into the folder.

    Attributes:
        scenes: In the order in which they count where they overlap.
        settings: A campaign without scenes and classes.
        mask: Pixels to leave out.
        model: A trained diffusion model; None where one is to be trained.
        transforms: Of the project, for datum shifts.
        weight_field: Of the training layer, that says how much its samples count; None: all alike.
    """

    scenes: Sequence[CampaignScene]
    settings: Campaign
    mask: MaskSource | None
    model: Path | None
    transforms: QgsCoordinateTransformContext
    weight_field: str | None = None

    def write(self, folder: Path, progress: ProgressRange) -> Campaign:
        """Write the campaign; its folder is there only when it is complete.

        Args:
            folder: Of the campaign, new or empty.
            progress: Told how far it is.

        Raises:
            QgsProcessingException: The folder holds something, a raster or layer cannot be used, or cancelled.
        """
        places = places_in_mosaic([scene.source.grid for scene in self.scenes])
        scenes = [
            Scene(f"{number:04d}", *place, raster.source.grid.height, raster.source.grid.width, 0, raster.source.name)
            for number, (raster, place) in enumerate(zip(self.scenes, places), 1)
        ]
        with _complete_or_nothing(folder) as partial:
            cubes = [
                self._raster(number, scene_folder(partial, scene), progress) for number, scene in enumerate(scenes)
            ]
            exports = [
                SampleExport(raster.source, cube, scene_folder(partial, scene))
                for raster, cube, scene in zip(self.scenes, cubes, scenes)
            ]
            training, files = self._training(exports, progress)
            reference = self._reference(exports, training, progress)
            for number, scene in enumerate(scenes):
                count = _samples_in(scene_folder(partial, scene) / files[number])
                job = Job(
                    SCENE_TASK,
                    scene=cubes[number],
                    samples=files[number] if count else None,
                    validation=reference[number] if reference else None,
                    classes=training.classes,
                    sample_weights=None if number else training.weights,  # of all scenes, in the first one's folder
                )
                write_scene(job, partial, scene)
                scenes[number] = replace(scene, samples=count)
            field = None if training.weights is None else self.weight_field
            classify = replace(self.settings.classify, sample_weight_field=field)
            campaign = replace(self.settings, scenes=tuple(scenes), classes=training.classes, classify=classify)
            write_campaign_file(campaign, partial)
            if self.model is not None:
                shutil.copyfile(self.model, partial / SHARED / MODEL)
        return campaign

    def _raster(self, number: int, folder: Path, progress: ProgressRange) -> CubeFile:
        raster = self.scenes[number]
        folder.mkdir(parents=True)
        write_grid(raster.source.grid, folder)
        part = progress.part(_READING * number / len(self.scenes), _READING * (number + 1) / len(self.scenes))
        progress.feedback.setProgressText(f"Reading {raster.source.name} ({number + 1} of {len(self.scenes)})")
        export = SceneExport(raster.source, folder, self.transforms, may_be_empty=True)
        return export.bands(raster.numbers, self.mask, part)

    def _training(
        self, exports: Sequence[SampleExport], progress: ProgressRange
    ) -> tuple[TrainingSamples, tuple[str, ...]]:
        layers = [(export, scene.training) for export, scene in zip(exports, self.scenes)]
        training, others = training_of_several(layers, progress.part(_READING, (1 + _READING) / 2))
        return training, (training.file, *others)

    def _reference(
        self, exports: Sequence[SampleExport], training: TrainingSamples, progress: ProgressRange
    ) -> tuple[str, ...]:
        layers = [
            (export, scene.reference) for export, scene in zip(exports, self.scenes) if scene.reference is not None
        ]
        return reference_of_several(layers, training, progress.part((1 + _READING) / 2, 1.0)) if layers else ()


def refuse_used_folder(folder: Path) -> None:
    """A campaign has a folder of its own, and so has what is being prepared.

    Raises:
        QgsProcessingException: The folder holds something, or is a disk; or what lies beside it is not ours.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise QgsProcessingException(
            f"OUTPUT should be a new or an empty folder, as a campaign has one of its own; {folder} is in use. Choose "
            "another, or empty it."
        )
    if os.path.ismount(folder):
        raise QgsProcessingException(
            f"OUTPUT should be a folder; {folder} is a whole disk, which cannot be put in its place when all is "
            "written. Choose a folder on it."
        )
    partial = _partial(folder)
    is_ours = (partial / _UNFINISHED).is_file() or (partial.is_dir() and not any(partial.iterdir()))
    if (partial.exists() or partial.is_symlink()) and not is_ours:
        raise QgsProcessingException(
            f"The campaign would be prepared in {partial}, and what lies there is not of this plugin. Move it, or "
            "choose another name for OUTPUT."
        )


def _partial(folder: Path) -> Path:
    """Where a campaign is prepared: beside its place, and on the same disk."""
    place = link_target(folder)
    return place.with_name(f"{place.name}.partial")


@contextmanager
def _complete_or_nothing(folder: Path) -> Iterator[Path]:
    """A folder beside the wanted one, which takes its place at the end; a link is written through."""
    refuse_used_folder(folder)
    place, partial = link_target(folder), _partial(folder)
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
    partial.mkdir(parents=True)
    try:
        (partial / _UNFINISHED).touch()
        yield partial
        (partial / _UNFINISHED).unlink()
        if place.is_dir():
            place.rmdir()
        os.replace(partial, place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _samples_in(path: Path) -> int:
    from ....mtmsd_qgis.sampling.sample_table import read_samples

    return len(read_samples(path.parent, path.name))
