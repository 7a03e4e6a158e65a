# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:mapscene: raster + training layer -> class map, the three steps in one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterLayer,
)

from ..mtmsd_qgis.jobs.protocol import Job
from ..mtmsd_qgis.jobs.results import SceneMapResult
from ..mtmsd_qgis.jobs.settings import PRESET_NAMES, to_json
from .base.algorithm import MtmsdAlgorithm
from .base.choices.class_table_parameter import ClassTableParameter
from .base.choices.class_weights import ClassWeights
from .base.choices.finish_parameters import FinishParameters
from .base.choices.number_fields import ClassAreaField, SampleWeightField
from .base.choices.segment_parameters import SegmentOutputs, SegmentParameters
from .base.classification_parameters import (
    ClassifierFile,
    ClassifierOptions,
    ClassifierParameters,
    MapOutputs,
    SampleLayers,
)
from .base.classification_run import ClassificationRun
from .base.explanation.explain_parameter import ExplainParameter
from .base.extraction_parameters import (
    ExtractionParameters,
    MatchedModel,
    ResumeFolderParameter,
    timesteps_text,
)
from .base.parameters import Device, ParameterValues, Seed
from .base.pretraining_parameters import OF_MODEL, BandsAndMask, Preset, PretrainingParameters
from .base.rasters.extra_rasters import ExtraRasters
from .base.rasters.raster_files import RasterStorage


class MapScene(MtmsdAlgorithm):
    """Pretrains, extracts and classifies in one go."""

    def name(self) -> str:
        """Fixed id."""
        return "mapscene"

    def displayName(self) -> str:
        """Title."""
        return self.tr("Map a scene in one step")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("hyperspectral,land cover,classification,diffusion,supervised,accuracy,large,torch").split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "The three steps in one: trains a diffusion model on the raster (or takes one that you have), learns the "
            "classes of a training layer from its features, and maps them. Features are computed where they are "
            "needed and never stored, so a scene of any size needs little disk and memory. A cancelled or killed run "
            "leaves its work in a folder beside the class map; the same run goes on from there."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        self.declare(
            QgsProcessingParameterRasterLayer("INPUT", self.tr("Raster")),
            self.tr("The scene to map: any data type, one band or more."),
        )
        self.declare_groups(SampleLayers(), ExtraRasters(), ClassifierParameters())
        self.declare(
            QgsProcessingParameterFile(
                "MODEL",
                self.tr("Diffusion model"),
                optional=True,
                fileFilter=self.tr("MTMSD model (*.mtmsd);;All files (*)"),
            ),
            self.tr("Of this scene or of one with the same bands. Not given: one is trained on this scene."),
        )
        self.declare_groups(
            Preset(),
            BandsAndMask(),
            PretrainingParameters(),
            ExtractionParameters(),
            ClassifierOptions(),
            ClassTableParameter(),
            ClassWeights(),
            ClassAreaField(),
            SampleWeightField(),
            SegmentParameters(),
            FinishParameters(),
            ExplainParameter(),
            ResumeFolderParameter(),
            Seed(),
            Device(),
            RasterStorage(),
            MapOutputs(),
            SegmentOutputs(),
            ClassifierFile(with_model=True),
        )
        self.declare(
            QgsProcessingParameterFileDestination(
                "OUTPUT_MODEL",
                self.tr("Diffusion model trained"),
                fileFilter=self.tr("MTMSD model (*.mtmsd)"),
                optional=True,
                createByDefault=False,
            ),
            self.tr("The model that was trained, for other scenes with the same bands. Only where MODEL is not given."),
        )

    def check_settings(self, values: ParameterValues) -> None:
        """Make the settings once, for their own checks."""
        ExtraRasters().check(values)
        ExplainParameter().check(values)
        SegmentParameters().read(values)
        ClassifierParameters().read(values)
        PretrainingParameters().read(values)
        ExtractionParameters().read(values, PRESET_NAMES[0], spectra=True)

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Look at raster, model, mask and layers."""
        from .bridge.raster.scene_export import refuse_small_raster
        from .bridge.raster.source import describe_raster

        source = describe_raster(values.raster("INPUT"))
        classification = ClassifierParameters().read(values)
        self._pretraining = PretrainingParameters().read(values)
        self._model: MatchedModel | None = None
        model = values.file("MODEL")
        if model is None:
            self._bands = BandsAndMask().read_bands(values, source)
            refuse_small_raster(source, self._pretraining.patch_size)
            preset, last_timestep = self._pretraining.preset, self._pretraining.last_timestep
        else:
            if values.is_given("OUTPUT_MODEL"):
                raise QgsProcessingException(
                    "OUTPUT_MODEL is for a model that is trained here, and MODEL is given. Leave one of them empty."
                )
            self._model = MatchedModel.read(model, source)
            self._bands = BandsAndMask.given(values, self._model.numbers, OF_MODEL)
            preset, last_timestep = self._model.preset, self._model.last_timestep
        self._extraction = ExtractionParameters().read(values, preset, last_timestep, spectra=True)
        self._mask = BandsAndMask().read_mask(values)
        run = ClassificationRun.collect(self.outputs, values, classification, source)
        self._run = replace(run, extras=ExtraRasters().read(values)).with_weights(values)

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Export raster and samples, let the worker do the steps, write maps, report and model."""
        from .bridge.feedback import ProgressRange
        from .bridge.files.atomic_write import copy_file
        from .bridge.raster.disk_space import SceneNeed, check_space, mapping_need
        from .bridge.raster.scene_export import SceneExport, announce
        from .bridge.worker.worker_process import job_folder, read_result, run_worker

        run, source = self._run.with_destinations(values), self._run.source
        output = run.maps["OUTPUT"]
        resume = ResumeFolderParameter().read(values, output)
        model = self.outputs.file(values, "OUTPUT_MODEL")
        announce(source, feedback, *self._first_lines())
        components = self._model.components if self._model else self._pretraining.components
        scene_need = SceneNeed(source, self._bands.used, components)
        need = mapping_need(scene_need, run.share_bands, output)
        need = need.with_temporary(run.extras.bytes_on(source.grid))
        check_space(need.with_format(self.outputs.format("OUTPUT")), feedback, resume.folder)
        with job_folder() as folder, resume.kept(feedback):
            reading = ProgressRange(feedback, 0, 4, "Reading the raster")
            scene = SceneExport(source, folder, values.transforms).bands(self._bands.used, self._mask, reading)
            given = {"model": str(self._model.file.absolute())} if self._model else {}
            job = Job(
                task="mapscene",
                settings=self._settings(),
                scene=scene,
                inputs={**given, **resume.inputs},
                outputs=resume.outputs,
                options={"source_band_count": len(source.bands)},
                extras=run.extras.export(source.grid, folder, values.transforms, reading),
            )
            job = run.with_samples(job, folder, feedback, 4)
            result = read_result(SceneMapResult, run_worker(job, folder, self.MODULE, ProgressRange(feedback, 6, 96)))
            writing = ProgressRange(feedback, 96, 100, "Writing the maps")
            run.write_maps(result, job.classes, folder, writing.part(0.0, 0.6))
            segments = run.write_segments(values, result, folder, writing.part(0.6, 1.0))
            run.write_report(result, {"Diffusion model": self._model_sentence(result), **resume.rows})
            if model is not None and result.model is not None:
                copy_file(Path(result.model), model)
        feedback.pushInfo(result.split.sentence)
        layers = {**segments, "SUGGESTIONS": run.write_suggestions(values, result)}
        return {**run.results(result), **layers, "OUTPUT_MODEL": str(model) if model else None}

    def _settings(self) -> dict[str, Any]:
        pretraining = {"pretrain": to_json(self._pretraining)} if self._model is None else {}
        return {**pretraining, "extract": to_json(self._extraction), "classify": to_json(self._run.settings)}

    def _first_lines(self) -> tuple[str, ...]:
        """What is mapped and how, for the log."""
        pretraining, extraction, classification = self._pretraining, self._extraction, self._run.settings
        return (
            self._bands.sentence,
            f"Model: {self._model.file.name}, {len(self._bands.used)} bands."
            if self._model
            else f"Preset {pretraining.preset}, {pretraining.iterations} iterations of {pretraining.batch_size} "
            f"patches of {pretraining.patch_size} x {pretraining.patch_size} pixels.",
            f"{timesteps_text(extraction)}, {extraction.keep or 'all'} features kept per timestep; "
            f"classifier {classification.classifier}, {self._run.evaluation_text}, seed {classification.seed}.",
        )

    def _model_sentence(self, result: SceneMapResult) -> str:
        """Where the model comes from, for the report."""
        from ..mtmsd_qgis.io.array_file import read_header

        if self._model is not None:
            return f"{self._model.file.name}, given"
        header = read_header(result.model)
        return f"trained on this raster, preset {header['preset']}, {header['iterations']} iterations"
