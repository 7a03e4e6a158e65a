# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:classify: feature raster + training layer -> class map."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterRasterLayer,
)

from ..mtmsd_qgis.jobs.protocol import Job
from ..mtmsd_qgis.jobs.settings import to_json
from .base.algorithm import Parameters, is_given
from .base.classification_parameters import ACCURACY, MAPS, Classifying


class Classify(Classifying):
    """Classifies a feature raster with the samples of a training layer."""

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
        self.declare_samples()
        self.declare_classifier()
        self.declare_classification_knobs()
        self._declare_keep()
        self.declare_seed_and_device()
        self.declare_maps()

    def _declare_keep(self) -> None:
        text = self.tr(
            "For the classifiers mtmsd and linear: how many features are chosen with the training samples at each "
            "timestep; 0 keeps all. Not set: 60 % where the raster holds all features, else all."
        )
        self.declare_number("KEEP", self.tr("Features kept per timestep"), text, least=0)

    def check_settings(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Make the settings once, for their own checks."""
        self.classification_settings(parameters, context, keep=self.whole_number(parameters, "KEEP", context))

    def collect(self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        """Look at raster and layers."""
        from .bridge.raster.scene_export import refuse_no_band, refuse_same_file
        from .bridge.raster.source import describe_raster

        self._settings = self.classification_settings(
            parameters, context, keep=self.whole_number(parameters, "KEEP", context)
        )
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        if layer is None or not layer.isValid():
            raise QgsProcessingException(self.invalidRasterError(parameters, "INPUT"))
        self._source = describe_raster(layer)
        refuse_no_band(self._source, range(len(self._source.bands)))
        for name in MAPS:
            refuse_same_file(self._source, self.raster_path(parameters, name, context))
        self._labels = self.labels_from(parameters, "TRAINING", self._source, context)
        given = is_given(parameters, "VALIDATION")
        self._reference = self.labels_from(parameters, "VALIDATION", self._source, context) if given else None
        self._context = context.transformContext()

    def compute(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Copy the raster, place the samples, classify, write maps and report."""
        from .bridge.feedback import ProgressRange
        from .bridge.raster.disk_space import check_classification_space
        from .bridge.raster.scene_export import announce, export_plain_bands, export_scene
        from .bridge.vector.sample_export import export_reference, export_training
        from .bridge.worker.worker_process import job_folder, run_worker

        rasters = {n: self.raster_path(parameters, n, context) for n in MAPS}
        report = self.output_path(parameters, "REPORT", context)
        self._announce(feedback, announce)
        classes = len({key for _, key in self._labels.shapes})
        probabilities = classes if rasters["PROBABILITIES"] else 0
        asked = classes if self._settings.neighbours_may_agree else 0
        check_classification_space(self._source, probabilities, asked, list(rasters.values()), feedback)
        numbers = range(1, len(self._source.bands) + 1)
        with job_folder() as folder:
            copying = ProgressRange(feedback, 0, 8, "Reading the raster")
            if self._source.layout is None:
                scene = export_plain_bands(self._source, folder, self._context, copying)
            else:
                scene = export_scene(self._source, numbers, None, folder, self._context, copying)
            training = export_training(self._labels, self._source, scene, folder, ProgressRange(feedback, 8, 9))
            reference = None
            if self._reference is not None:
                reference = export_reference(
                    self._reference, training, self._source, scene, folder, ProgressRange(feedback, 9, 10)
                )
            job = Job(
                task="classify",
                settings=to_json(self._settings),
                scene=scene,
                samples=training.file,
                validation=reference,
                classes=training.classes,
                layout=self._source.layout,
                options={"probabilities": rasters["PROBABILITIES"] is not None},
            )
            values = run_worker(job, folder, self.MODULE, ProgressRange(feedback, 10, 95))
            self.write_maps(
                self._source, values, folder, rasters, training, ProgressRange(feedback, 95, 100, "Writing the maps")
            )
        accuracy = values["accuracy"] or {}
        if report is not None:
            self.write_report(values, self._source, self._labels, self._reference, report)
        feedback.pushInfo(values["split"]["sentence"])
        return {
            **{name: str(path) if path else None for name, path in rasters.items()},
            "REPORT": str(report) if report else None,
            **{name: accuracy.get(name.lower()) for name in ACCURACY},
            "SECONDS": values["seconds"],
            "DEVICE_USED": values["device"],
        }

    def _announce(self, feedback: QgsProcessingFeedback, announce: Any) -> None:  # noqa: ANN401 - a function
        layout, settings = self._source.layout, self._settings
        kind = (
            "It is no feature raster: each band is taken as a feature."
            if layout is None
            else f"Features: {len(layout.timesteps)} timesteps of {layout.features}"
            + (f", and {layout.spectra} bands of spectra." if layout.spectra else ".")
        )
        held_out = f"split {settings.split}" + (", judged by the validation layer" if self._reference else "")
        announce(self._source, feedback, kind, f"Classifier {settings.classifier}, {held_out}, seed {settings.seed}.")
