# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:extractfeatures: raster + model -> feature raster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qgis.core import (
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterRasterDestination,
)

from ..mtmsd_qgis.jobs.results import ExtractionResult
from ..mtmsd_qgis.jobs.settings import PRESET_NAMES, ExtractionSettings, to_json
from .base.algorithm import MtmsdAlgorithm
from .base.extraction_parameters import (
    ExtractionParameters,
    ResumeFolderParameter,
    read_training_layer,
    timesteps_text,
)
from .base.modelled_scene import ModelledSceneParameters
from .base.parameters import Device, Overlaps, ParameterValues, Seed, WorkerOutputs
from .base.rasters.raster_files import RasterStorage


class ExtractFeatures(MtmsdAlgorithm):
    """Takes features from a diffusion model at several noise levels and stages."""

    def name(self) -> str:
        """Fixed id."""
        return "extractfeatures"

    def displayName(self) -> str:
        """Title."""
        return self.tr("2 Extract diffusion features")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("hyperspectral,deep learning,diffusion,purification,timestep,stage,torch").split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Adds noise to the scene at several levels (timesteps), lets the diffusion model look at it, and takes "
            "what the network's layers (stages) see as features of every pixel. The most telling features are kept "
            "(purification). The result is a raster with a band for each timestep and feature, and the spectra behind "
            "them, for 'Classify diffusion features'. It is large: 2 bytes a pixel and band."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        scene = ModelledSceneParameters(
            self.tr(
                "Given: the features are chosen that tell these classes apart. Use training samples only, never "
                "those that the map is judged by. Not given: clusters of the spectra stand in for classes."
            )
        )
        self.declare_groups(scene, ExtractionParameters())
        self.declare(
            QgsProcessingParameterBoolean("SPECTRA", self.tr("Store the spectra as well"), True),
            self.tr(
                "Adds the bands of the scene behind the features. The classifier 'auto' needs them to be good at "
                "places that have no samples."
            ),
            advanced=True,
        )
        self.declare_groups(Overlaps(), ResumeFolderParameter(), Seed(), Device(), RasterStorage())
        self.declare(
            QgsProcessingParameterRasterDestination("OUTPUT", self.tr("Feature raster")),
            self.tr("16-bit GeoTIFF; bands are named by timestep, stage and channel."),
        )
        self.addOutput(QgsProcessingOutputNumber("BANDS_WRITTEN", self.tr("Bands written")))
        self.addOutput(QgsProcessingOutputString("TIMESTEPS_USED", self.tr("Timesteps used")))
        self.declare_groups(WorkerOutputs())

    def check_settings(self, values: ParameterValues) -> None:
        """Make the settings once, for their own checks."""
        self._settings_of(values, PRESET_NAMES[0])

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Look at raster, model and training layer."""
        scene = ModelledSceneParameters().read(values)
        self._settings = self._settings_of(values, scene.model.preset, scene.model.last_timestep)
        self._scene = replace(scene, labels=read_training_layer(values, scene.source))

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Export bands and samples, extract, write the raster."""
        from .bridge.feedback import ProgressRange
        from .bridge.raster.disk_space import SceneNeed, check_space, extraction_need
        from .bridge.raster.geotiff import RawRaster, write_features
        from .bridge.raster.scene_export import announce
        from .bridge.worker.worker_process import job_folder, read_result, run_worker

        output = self.outputs.raster(values, "OUTPUT")
        source, model, settings = self._scene.source, self._scene.model, self._settings
        announce(source, feedback, *self._first_lines())
        scene_need = SceneNeed(source, model.numbers, model.components)
        need = extraction_need(scene_need, settings, model.base_width, output)
        resume = ResumeFolderParameter().read(values, output)
        check_space(need.with_format(self.outputs.format("OUTPUT")), feedback, resume.folder)
        with job_folder() as folder, resume.kept(feedback):
            job = self._scene.exported("extract", folder, values, feedback)
            job = replace(
                job, settings=to_json(settings), inputs={**job.inputs, **resume.inputs}, outputs=resume.outputs
            )
            result = read_result(ExtractionResult, run_worker(job, folder, self.MODULE, ProgressRange(feedback, 7, 92)))
            write_features(
                RawRaster(result.raster, resume.folder, source.grid, self.outputs.format("OUTPUT")),
                output,
                result.layout,
                ProgressRange(feedback, 92, 100, "Writing the feature raster"),
            )
        self.outputs.title("OUTPUT", source.name)
        return {
            "OUTPUT": str(output),
            "BANDS_WRITTEN": result.bands_written,
            "TIMESTEPS_USED": ",".join(map(str, result.layout.timesteps)),
            "SECONDS": result.seconds,
            "DEVICE_USED": result.computation.device,
        }

    def _first_lines(self) -> tuple[str, str]:
        """What is extracted and how, for the log."""
        settings = self._settings
        return (
            self._scene.model_line,
            f"{timesteps_text(settings)}, stages {', '.join(map(str, settings.stages))}, "
            f"{settings.keep or 'all'} features kept per timestep, seed {settings.seed}.",
        )

    def _settings_of(
        self, values: ParameterValues, preset: str, last_timestep: int | None = None
    ) -> ExtractionSettings:
        return ExtractionParameters().read(values, preset, last_timestep, spectra=values.boolean("SPECTRA"))
