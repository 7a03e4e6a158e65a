# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:mapscene: raster + training layer -> class map, the three steps in one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterLayer,
)

from ..mtmsd_qgis.jobs.protocol import Job
from ..mtmsd_qgis.jobs.settings import to_json
from .base.algorithm import Parameters, is_given
from .base.classification_parameters import ACCURACY, MAPS, Classifying
from .base.extraction_parameters import Extracting
from .base.pretraining_parameters import Pretraining

if TYPE_CHECKING:
    from collections.abc import Mapping


class MapScene(Classifying, Extracting, Pretraining):
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
        self.declare_samples()
        self.declare_classifier()
        self.declare(
            QgsProcessingParameterFile(
                "MODEL",
                self.tr("Diffusion model"),
                optional=True,
                fileFilter=self.tr("MTMSD model (*.mtmsd);;All files (*.*)"),
            ),
            self.tr("Of this scene or of one with the same bands. Not given: one is trained on this scene."),
        )
        self.declare_preset()
        self.declare_bands_and_mask()
        self.declare_pretraining_knobs()
        self.declare_extraction_knobs()
        self.declare_classification_knobs()
        self.declare_resume()
        self.declare_seed_and_device()
        self.declare_maps()
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

    def check_settings(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Make the settings once, for their own checks."""
        self.classification_settings(parameters, context)
        self.pretraining_settings(parameters, context)
        self.extraction_settings(parameters, context, "quick", spectra=True)

    def collect(self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        """Look at raster, model, mask and layers."""
        from .bridge.raster.scene_export import refuse_same_file, refuse_small_raster
        from .bridge.raster.source import describe_raster

        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        if layer is None or not layer.isValid():
            raise QgsProcessingException(self.invalidRasterError(parameters, "INPUT"))
        self._source = describe_raster(layer)
        self._classify = self.classification_settings(parameters, context)
        self._pretrain = self.pretraining_settings(parameters, context)
        self._model = (
            Path(self.parameterAsFile(parameters, "MODEL", context)) if is_given(parameters, "MODEL") else None
        )
        if self._model is None:
            self._numbers, self._bad = self.chosen_bands(parameters, self._source, context)
            refuse_small_raster(self._source, self._pretrain.patch_size)
            preset = self._pretrain.preset
        else:
            if self.output_path(parameters, "OUTPUT_MODEL", context) is not None:
                raise QgsProcessingException(
                    "OUTPUT_MODEL is for a model that is trained here, and MODEL is given. Leave one of them empty."
                )
            self._bad = []
            header, self._numbers = self.matched_model(self._model, self._source)
            preset = header["preset"]
        self._extract = self.extraction_settings(parameters, context, preset, spectra=True)
        for name in MAPS:
            refuse_same_file(self._source, self.raster_path(parameters, name, context))
        self._mask = self.chosen_mask(parameters, context)
        self._labels = self.labels_from(parameters, "TRAINING", self._source, context)
        given = is_given(parameters, "VALIDATION")
        self._reference = self.labels_from(parameters, "VALIDATION", self._source, context) if given else None
        self._context = context.transformContext()

    def compute(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Copy the raster, place the samples, let the worker do the steps, write maps, report and model."""
        from .bridge.feedback import ProgressRange
        from .bridge.raster.disk_space import check_mapping_space
        from .bridge.raster.geotiff import copy_file
        from .bridge.raster.scene_export import export_scene
        from .bridge.vector.sample_export import export_reference, export_training
        from .bridge.worker.worker_process import job_folder, run_worker

        rasters = {n: self.raster_path(parameters, n, context) for n in MAPS}
        report = self.output_path(parameters, "REPORT", context)
        model = self.output_path(parameters, "OUTPUT_MODEL", context)
        resume = self.resume_folder(parameters, rasters["OUTPUT"], context)
        self._announce(feedback)
        classes = len({key for _, key in self._labels.shapes})
        probabilities = classes if rasters["PROBABILITIES"] else 0
        asked = classes if self._classify.neighbours_may_agree else 0
        components, output = self._pretrain.components, rasters["OUTPUT"]
        check_mapping_space(self._source, self._numbers, components, probabilities, asked, output, feedback)
        with job_folder() as folder, resume.kept(feedback):
            reading = ProgressRange(feedback, 0, 4, "Reading the raster")
            scene = export_scene(self._source, self._numbers, self._mask, folder, self._context, reading)
            training = export_training(self._labels, self._source, scene, folder, ProgressRange(feedback, 4, 5))
            reference = None
            if self._reference is not None:
                reference = export_reference(
                    self._reference, training, self._source, scene, folder, ProgressRange(feedback, 5, 6)
                )
            job = Job(
                task="mapscene",
                settings=self._settings(),
                scene=scene,
                samples=training.file,
                validation=reference,
                classes=training.classes,
                inputs={**({"model": str(self._model.absolute())} if self._model else {}), **resume.inputs},
                outputs=resume.outputs,
                options={
                    "probabilities": rasters["PROBABILITIES"] is not None,
                    "source_band_count": len(self._source.bands),
                },
            )
            values = run_worker(job, folder, self.MODULE, ProgressRange(feedback, 6, 96))
            writing = ProgressRange(feedback, 96, 100, "Writing the maps")
            self.write_maps(self._source, values, resume.folder, rasters, training, writing)
            if report is not None:
                told = {"Diffusion model": self._model_sentence(values)}
                self.write_report(values, self._source, self._labels, self._reference, report, told)
            if model is not None:
                copy_file(Path(values["model"]), model)
        accuracy = values["accuracy"] or {}
        feedback.pushInfo(values["split"]["sentence"])
        return {
            **{name: str(path) if path else None for name, path in rasters.items()},
            "REPORT": str(report) if report else None,
            "OUTPUT_MODEL": str(model) if model else None,
            **{name: accuracy.get(name.lower()) for name in ACCURACY},
            "SECONDS": values["seconds"],
            "DEVICE_USED": values["device"],
        }

    def _settings(self) -> dict[str, Any]:
        pretrain = {"pretrain": to_json(self._pretrain)} if self._model is None else {}
        return {**pretrain, "extract": to_json(self._extract), "classify": to_json(self._classify)}

    def _announce(self, feedback: QgsProcessingFeedback) -> None:
        from .bridge.raster.scene_export import announce

        pretrain, extract, classify = self._pretrain, self._extract, self._classify
        held_out = f"split {classify.split}" + (", judged by the validation layer" if self._reference else "")
        announce(
            self._source,
            feedback,
            f"Marked as bad in the metadata, left out: {', '.join(map(str, self._bad))}." if self._bad else "",
            f"Model: {self._model.name}, {len(self._numbers)} bands."
            if self._model
            else f"Preset {pretrain.preset}, {pretrain.iterations} iterations of {pretrain.batch_size} patches of "
            f"{pretrain.patch_size} x {pretrain.patch_size} pixels.",
            f"{len(extract.timesteps)} timesteps, {extract.keep or 'all'} features kept per timestep; "
            f"classifier {classify.classifier}, {held_out}, seed {classify.seed}.",
        )

    def _model_sentence(self, values: Mapping[str, Any]) -> str:
        """Where the model comes from, for the report."""
        from ..mtmsd_qgis.io.model_file import read_header

        if self._model is not None:
            return f"{self._model.name}, given"
        header = read_header(values["model"])
        return f"trained on this raster, preset {header['preset']}, {header['iterations']} iterations"
