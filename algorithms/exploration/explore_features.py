# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:explorefeatures: raster + model -> a report on what each timestep and stage shows and knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
)

from ...mtmsd_qgis.jobs.exploration.exploration import ExplorationResult
from ...mtmsd_qgis.jobs.settings import (
    PRESET_NAMES,
    ExtractionSettings,
    extraction_settings,
    to_json,
)
from ...mtmsd_qgis.jobs.timesteps.number_lists import parse_whole_numbers
from ..base.algorithm import MtmsdAlgorithm
from ..base.extraction_parameters import ResumeFolderParameter, at_trained_timesteps, read_training_layer
from ..base.modelled_scene import ModelledSceneParameters
from ..base.parameters import Device, Overlaps, ParameterValues, Seed, WorkerOutputs
from ..base.rasters.raster_files import RasterStorage

if TYPE_CHECKING:
    from pathlib import Path

    from ...mtmsd_qgis.jobs.exploration.exploration import CellFacts
    from ..bridge.feedback import ProgressRange

GALLERY = "GALLERY"


class ExploreFeatures(MtmsdAlgorithm):
    """Shows what the features of a diffusion model mean on a scene."""

    def name(self) -> str:
        """Fixed id."""
        return "explorefeatures"

    def displayName(self) -> str:
        """Title."""
        return self.tr("Explore diffusion features")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr(
            "hyperspectral,diffusion,timestep,stage,explain,interpret,components,receptive field,CKA,torch"
        ).split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Shows what the features of each timestep and stage are: as pictures, and in figures. How much of them is "
            "in the spectrum already, how far they look, how much is drawn noise, which timesteps say the same, and, "
            "with a training layer, what they know of the classes on fields that are held out. Cards show the channels "
            "that tell most, and what they resemble. Some tiles of the scene are looked at, so that it takes minutes."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        scene = ModelledSceneParameters(
            self.tr(
                "Given: the report says what each timestep and stage knows of these classes, at polygons or blocks "
                "that are held out. Not given: clusters of the spectra stand in where classes are needed."
            )
        )
        self.declare_groups(scene)
        self.declare(
            QgsProcessingParameterString("TIMESTEPS", self.tr("Timesteps"), optional=True),
            self.tr("Noise levels from 0 (least) to 999, for example 50,100,150. Not set: 50 to 950 in steps of 50."),
            advanced=True,
        )
        self.declare(
            QgsProcessingParameterString("STAGES", self.tr("Stages"), optional=True),
            self.tr("Layers of the network's decoder from 0 (coarse) to 8 (fine). Not set: 0,1,2,3,5."),
            advanced=True,
        )
        self.declare_groups(Overlaps(), ResumeFolderParameter(), Seed(), Device(), RasterStorage())
        self.declare(
            QgsProcessingParameterFileDestination(
                "REPORT", self.tr("Report"), fileFilter=self.tr("HTML files (*.html)")
            ),
            self.tr(
                "Pictures and figures of each timestep and stage, each with a sentence. The figures as JSON go beside "
                "it."
            ),
        )
        self.declare(
            QgsProcessingParameterRasterDestination(GALLERY, self.tr("Gallery"), optional=True, createByDefault=False),
            self.tr(
                "The pictures of the report as a raster that lies on the scene: for each stage and timestep three "
                "bands, red, green and blue, from 1 to 255; 0 where nothing was looked at. It has the pixels of the "
                "pictures: every single, second or fourth of a line, fewer in scenes of over 30 million pixels."
            ),
        )
        for name, title in (
            ("BEST_TIMESTEP", self.tr("Timestep of the best cell")),
            ("BEST_STAGE", self.tr("Stage of the best cell")),
            ("BEST_ACCURACY", self.tr("Held-out accuracy of the best cell (%)")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, title))
        WorkerOutputs().declare(self)

    def check_settings(self, values: ParameterValues) -> None:
        """Make the settings once, for their own checks."""
        self._settings_of(values, PRESET_NAMES[0])

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Look at raster, model and training layer."""
        scene = ModelledSceneParameters().read(values)
        self._settings = self._settings_of(values, scene.model.preset, scene.model.last_timestep)
        self._scene = replace(scene, labels=read_training_layer(values, scene.source))

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Export bands and samples, let the worker look at some tiles, write the report."""
        from ..bridge.feedback import ProgressRange
        from ..bridge.raster.disk_space import SceneNeed, check_space, exploration_need
        from ..bridge.raster.scene_export import announce
        from ..bridge.worker.worker_process import job_folder, read_result, run_worker

        source, model, settings = self._scene.source, self._scene.model, self._settings
        report, gallery = self._report_file(values), self.outputs.raster(values, GALLERY)
        announce(source, feedback, *self._first_lines())
        need = SceneNeed(source, model.numbers, model.components)
        resume = ResumeFolderParameter().read(values, report)
        check_space(exploration_need(need, settings, model.base_width, (report, gallery)), feedback, resume.folder)
        with job_folder() as folder, resume.kept(feedback):
            job = self._scene.exported("explorefeatures", folder, values, feedback)
            job = replace(
                job,
                settings=to_json(settings),
                inputs={**job.inputs, **resume.inputs},
                outputs=resume.outputs,
                options={**job.options, **({"gallery": True} if gallery else {})},
            )
            result = read_result(
                ExplorationResult, run_worker(job, folder, self.MODULE, ProgressRange(feedback, 7, 98))
            )
            self._write_gallery(gallery, result, folder, ProgressRange(feedback, 98, 100))
            self._write_report(report, result, resume.rows)
        judged = [cell for cell in result.cells if cell.accuracy is not None]
        best: CellFacts | None = max(judged, key=lambda cell: cell.accuracy or 0.0, default=None)
        return {
            "REPORT": str(report),
            GALLERY: str(gallery) if gallery else None,
            "BEST_TIMESTEP": None if best is None else best.timestep,
            "BEST_STAGE": None if best is None else best.stage,
            "BEST_ACCURACY": None if best is None else best.accuracy,
            "SECONDS": result.seconds,
            "DEVICE_USED": result.computation.device,
        }

    def _report_file(self, values: ParameterValues) -> Path:
        report = self.outputs.file(values, "REPORT")
        if report is None:
            raise QgsProcessingException("REPORT should be a file for the report; it is empty. Name one.")
        return report

    def _write_report(self, report: Path, result: ExplorationResult, more: Mapping[str, str]) -> None:
        """The page with further circumstances, and its figures as JSON in a file of the same stem."""
        from ...mtmsd_qgis.report.exploration.exploration_report import exploration_json, exploration_report
        from ..bridge.files.atomic_write import write_texts

        source, model, labels = self._scene.source, self._scene.model, self._scene.labels
        rows = {
            "Raster": f"{source.name}, {source.size_text}",
            "Diffusion model": f"{model.file.name}, preset {model.preset}",
            **({} if labels is None else {"Training layer": f"{labels.name}, field {labels.field}"}),
            **more,
        }
        facts, area = self.outputs.report_facts(rows), source.grid.pixel_area_m2
        pixel_m = None if area is None else area**0.5
        write_texts(
            {
                report: exploration_report(result, facts, pixel_m),
                self.outputs.beside(report, ".json"): exploration_json(result, facts, pixel_m),
            }
        )

    def _write_gallery(
        self, path: Path | None, result: ExplorationResult, folder: Path, progress: ProgressRange
    ) -> None:
        """The raster of pictures, where it is wanted; shown is the finest stage at the least noise."""
        from ..bridge.layers.styling import colours_style
        from ..bridge.raster.geotiff import RawRaster, write_pictures

        gallery, source = result.gallery, self._scene.source
        if path is None or gallery is None:
            return
        size = gallery.raster.height, gallery.raster.width
        grid = source.grid.coarser((gallery.row, gallery.col), size, gallery.step)
        write_pictures(RawRaster(gallery.raster, folder, grid, self.outputs.format(GALLERY)), path, progress)
        self.outputs.style(GALLERY, colours_style(3 * len(result.timesteps) * (len(result.stages) - 1) + 1))
        self.outputs.title(GALLERY, source.name, self.tr("Maps of {scene}"))

    def _first_lines(self) -> tuple[str, str]:
        """What is looked at, for the log."""
        settings = self._settings
        return (
            self._scene.model_line,
            f"{len(settings.timesteps)} timesteps, stages {', '.join(map(str, settings.stages))}, seed "
            f"{settings.seed}.",
        )

    def _settings_of(
        self, values: ParameterValues, preset: str, last_timestep: int | None = None
    ) -> ExtractionSettings:
        """All features of the timesteps and stages; without the spectra.

        Raises:
            SettingsError: A value is out of range, or a timestep was not trained.
        """
        lists = {
            name.lower(): parse_whole_numbers(values.text(name), name)
            for name in ("TIMESTEPS", "STAGES")
            if values.text(name)
        }
        settings = extraction_settings(
            preset, **lists, keep=0, spectra=False, seed=values.integer("SEED"), device=values.text("DEVICE")
        )
        return at_trained_timesteps(settings, last_timestep, listed="timesteps" in lists)
