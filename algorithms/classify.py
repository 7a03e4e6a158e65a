# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:classify: feature raster + training layer -> class map."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsProcessingParameterRasterLayer

from ..mtmsd_qgis.jobs.protocol import Job
from ..mtmsd_qgis.jobs.results import MapResult
from ..mtmsd_qgis.jobs.settings import ClassificationSettings, to_json
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
from .base.dependent_parameters import Dependence
from .base.explanation.explain_parameter import ExplainParameter
from .base.parameters import Device, ParameterValues, Seed, rare_number
from .base.rasters.extra_rasters import ExtraRasters
from .base.rasters.extra_scenes import ExtraFeatureRasters
from .base.rasters.raster_files import RasterStorage


class Classify(MtmsdAlgorithm):
    """Classifies a feature raster with the samples of a training layer."""

    DEPENDENCES = (Dependence(("KEEP",), ("CLASSIFIER",), ("mtmsd", "linear", "hyperfeatures")),)

    def name(self) -> str:
        """Fixed id."""
        return "classify"

    def displayName(self) -> str:
        """Title."""
        return self.tr("3 Classify diffusion features")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("hyperspectral,supervised,classification,land cover,accuracy,kappa,confidence,torch").split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Learns classes from the samples of a training layer and maps them over the whole feature raster. The map "
            "carries the names and colours of the layer's categories. Part of the samples is held out to judge the "
            "map: by default whole polygons or blocks, as pixels beside a training pixel are no independent test."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        self.declare(
            QgsProcessingParameterRasterLayer("INPUT", self.tr("Feature raster")),
            self.tr(
                "Written by 'Extract diffusion features'. Any other raster works too: each of its bands is then a "
                "feature."
            ),
        )
        self.declare_groups(ExtraFeatureRasters(), SampleLayers(), ExtraRasters())
        self.declare_groups(ClassifierParameters(with_scenes=True), ClassifierOptions())
        self.declare_groups(ClassTableParameter(), ClassWeights(), ClassAreaField(), SampleWeightField())
        self.declare_groups(SegmentParameters(), FinishParameters(), ExplainParameter())
        self.declare(
            rare_number("KEEP", self.tr("Features kept per timestep"), least=0),
            self.tr(
                "For the classifiers mtmsd and linear: how many features are chosen with the training samples at each "
                "timestep; 0 keeps all. Not set: 60 % where the raster holds all features, else all."
            ),
            advanced=True,
        )
        self.declare_groups(Seed(), Device(), RasterStorage(), MapOutputs(), SegmentOutputs(), ClassifierFile())

    def check_settings(self, values: ParameterValues) -> None:
        """Make the settings once, for their own checks."""
        ExtraRasters().check(values)
        ExplainParameter().check(values)
        SegmentParameters().read(values)
        if self._settings(values).split == "scene" and not values.raw("EXTRA_INPUTS"):
            raise QgsProcessingException(
                "SPLIT 'scene' holds out whole scenes, so at least two rasters were expected, and there is INPUT "
                "alone. Add rasters with EXTRA_INPUTS, or choose another SPLIT."
            )

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Look at raster and layers."""
        from .bridge.raster.scene_export import refuse_no_band
        from .bridge.raster.source import describe_raster

        settings = self._settings(values)
        source = describe_raster(values.raster("INPUT"))
        refuse_no_band(source, range(len(source.bands)))
        self.check_settings(values)
        extra = ExtraFeatureRasters().read(values, source)
        labels = [SampleLayers.training_in(values, scene.source) for scene in extra.scenes]
        run = ClassificationRun.collect(self.outputs, values, settings, source)
        run = replace(run, extra=tuple(zip(extra.scenes, labels)), extras=ExtraRasters().read(values))
        self._further, self._run = extra, run.with_weights(values)

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Export raster and samples, classify, write maps and report."""
        from .bridge.feedback import ProgressRange
        from .bridge.raster.disk_space import SceneNeed, check_space, classification_need
        from .bridge.raster.scene_export import SceneExport, announce, exported_bands, usable_in_all
        from .bridge.worker.worker_process import job_folder, read_result, run_worker

        run, source = self._run.with_destinations(values), self._run.source
        announce(source, feedback, *self._first_lines())
        extra = [scene for scene, _ in run.extra]
        self._further.announce(feedback)
        needs = [SceneNeed(further.source, further.numbers) for further in extra]
        need = classification_need(source, run.share_bands, run.maps["OUTPUT"], needs)
        need = need.with_temporary(run.extras.bytes_on(source.grid))
        check_space(need.with_format(self.outputs.format("OUTPUT")), feedback)
        with job_folder() as folder:
            reading = ProgressRange(feedback, 0, 8, "Reading the raster")
            rasters = [(SceneExport(source, folder, values.transforms), range(1, len(source.bands) + 1))]
            for number, further in enumerate(extra, 1):
                part = SceneExport(further.source, folder, values.transforms, f"scene{number}")
                rasters.append((part, further.numbers))
            if source.layout is None:
                scene, *cubes = usable_in_all(rasters, reading)
            else:
                scene, *cubes = exported_bands(rasters, range(len(source.bands)), reading)
            job = Job(
                task="classify",
                settings=to_json(run.settings),
                scene=scene,
                layout=source.layout,
                options={"source_band_count": len(source.bands)},
                extra_scenes=tuple(cubes),
                extras=run.extras.export(source.grid, folder, values.transforms, reading),
            )
            job = run.with_samples(job, folder, feedback, 8)
            result = read_result(MapResult, run_worker(job, folder, self.MODULE, ProgressRange(feedback, 10, 95)))
            writing = ProgressRange(feedback, 95, 100, "Writing the maps")
            run.write_maps(result, job.classes, folder, writing.part(0.0, 0.6))
            segments = run.write_segments(values, result, folder, writing.part(0.6, 1.0))
        run.write_report(result)
        feedback.pushInfo(result.split.sentence)
        return {**run.results(result), **segments, "SUGGESTIONS": run.write_suggestions(values, result)}

    def _settings(self, values: ParameterValues) -> ClassificationSettings:
        return ClassifierParameters().read(values, keep=values.optional_integer("KEEP"))

    def _first_lines(self) -> tuple[str, str]:
        """What is classified and how, for the log."""
        layout, settings = self._run.source.layout, self._run.settings
        kind = (
            "It is no feature raster: each band is taken as a feature."
            if layout is None
            else f"Features: {len(layout.timesteps)} timesteps of {layout.features}"
            + (f", and {layout.spectra} bands of spectra." if layout.spectra else ".")
        )
        return kind, f"Classifier {settings.classifier}, {self._run.evaluation_text}, seed {settings.seed}."
