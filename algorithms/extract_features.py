# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:extractfeatures: raster + model -> feature raster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..mtmsd_qgis.jobs.data_model import layout_from_json
from ..mtmsd_qgis.jobs.protocol import Job
from ..mtmsd_qgis.jobs.settings import PRESET_NAMES, ExtractionSettings, to_json
from .base.algorithm import Parameters, is_given
from .base.extraction_parameters import Extracting

if TYPE_CHECKING:
    from .bridge.vector.labels import LabelLayer


class ExtractFeatures(Extracting):
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
        self.declare(
            QgsProcessingParameterRasterLayer("INPUT", self.tr("Raster")),
            self.tr(
                "The scene the model was trained on, or another one with the same bands. Bands are matched by "
                "wavelength, else by name, else by order."
            ),
        )
        self.declare(
            QgsProcessingParameterFile(
                "MODEL", self.tr("Diffusion model"), fileFilter=self.tr("MTMSD model (*.mtmsd);;All files (*.*)")
            ),
            self.tr("The file written by 'Pretrain diffusion model'."),
        )
        kinds = QgsProcessing.SourceType
        self.declare(
            QgsProcessingParameterFeatureSource(
                "TRAINING",
                self.tr("Training layer"),
                [kinds.TypeVectorPoint, kinds.TypeVectorPolygon],
                optional=True,
            ),
            self.tr(
                "Given: the features are chosen that tell these classes apart. Use training samples only, never "
                "those that the map is judged by. Not given: clusters of the spectra stand in for classes."
            ),
        )
        self.declare(
            QgsProcessingParameterField(
                "CLASS_FIELD", self.tr("Class field"), parentLayerParameterName="TRAINING", optional=True
            ),
            self.tr("Field of the training layer that names the class: numbers or text."),
        )
        self.declare_extraction_knobs()
        self.declare(
            QgsProcessingParameterBoolean("SPECTRA", self.tr("Store the spectra as well"), True),
            self.tr(
                "Adds the bands of the scene behind the features. The classifier 'auto' needs them to be good at "
                "places that have no samples."
            ),
            advanced=True,
        )
        self.declare_overlaps()
        self.declare_resume()
        self.declare_seed_and_device()
        self.declare(
            QgsProcessingParameterRasterDestination("OUTPUT", self.tr("Feature raster")),
            self.tr("16-bit GeoTIFF; bands are named by timestep, stage and channel."),
        )
        self.addOutput(QgsProcessingOutputNumber("BANDS_WRITTEN", self.tr("Bands written")))
        self.declare_worker_outputs()

    def check_settings(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Make the settings once, for their own checks."""
        self._settings_of(parameters, context, PRESET_NAMES[0])

    def collect(self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        """Look at raster, model and training layer."""
        from .bridge.raster.scene_export import refuse_no_band, refuse_same_file
        from .bridge.raster.source import describe_raster

        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        if layer is None or not layer.isValid():
            raise QgsProcessingException(self.invalidRasterError(parameters, "INPUT"))
        self._source = describe_raster(layer)
        refuse_no_band(self._source, range(len(self._source.bands)))
        refuse_same_file(self._source, self.raster_path(parameters, "OUTPUT", context))
        self._model = Path(self.parameterAsFile(parameters, "MODEL", context))
        header, self._numbers = self.matched_model(self._model, self._source)
        self._settings = self._settings_of(parameters, context, header["preset"])
        self._header = header
        self._labels = self._labels_from(parameters, context)
        self._context = context.transformContext()

    def compute(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Copy the bands, place the samples, extract, write the raster."""
        import json

        from .bridge.feedback import ProgressRange
        from .bridge.raster.disk_space import check_extraction_space
        from .bridge.raster.geotiff import cube_from, write_features
        from .bridge.raster.scene_export import announce, export_scene
        from .bridge.vector.sample_export import export_training
        from .bridge.worker.worker_process import job_folder, run_worker

        output = self.raster_path(parameters, "OUTPUT", context)
        settings = self._settings
        announce(
            self._source,
            feedback,
            f"Model: {self._model.name}, preset {self._header['preset']}, {len(self._numbers)} bands.",
            f"{len(settings.timesteps)} timesteps, stages {', '.join(map(str, settings.stages))}, "
            f"{settings.keep or 'all'} features kept per timestep, seed {settings.seed}.",
        )
        check_extraction_space(self._source, self._numbers, self._header, settings, output, feedback)
        resume = self.resume_folder(parameters, output, context)
        with job_folder() as folder, resume.kept(feedback):
            reading = ProgressRange(feedback, 0, 5, "Reading the raster")
            scene = export_scene(self._source, self._numbers, None, folder, self._context, reading)
            training = None
            if self._labels is not None:
                training = export_training(self._labels, self._source, scene, folder, ProgressRange(feedback, 5, 7))
            job = Job(
                task="extract",
                settings=to_json(settings),
                scene=scene,
                samples=training.file if training else None,
                classes=training.classes if training else (),
                inputs={"model": str(self._model.absolute()), **resume.inputs},
                outputs=resume.outputs,
            )
            values = run_worker(job, folder, self.MODULE, ProgressRange(feedback, 7, 92))
            write_features(
                cube_from(values["raster"]),
                resume.folder,
                self._source.grid,
                output,
                layout_from_json(json.dumps(values["layout"])),
                ProgressRange(feedback, 92, 100, "Writing the feature raster"),
            )
        self.name_output("OUTPUT", self._source.name)
        return {
            "OUTPUT": str(output),
            "BANDS_WRITTEN": values["bands_written"],
            "SECONDS": values["seconds"],
            "DEVICE_USED": values["device"],
        }

    def _settings_of(self, parameters: Parameters, context: QgsProcessingContext, preset: str) -> ExtractionSettings:
        spectra = self.parameterAsBool(parameters, "SPECTRA", context)
        return self.extraction_settings(parameters, context, preset, spectra=spectra)

    def _labels_from(self, parameters: Parameters, context: QgsProcessingContext) -> LabelLayer | None:
        from .bridge.vector.labels import read_labels

        if not is_given(parameters, "TRAINING"):
            return None
        training = self.parameterAsSource(parameters, "TRAINING", context)
        if training is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, "TRAINING"))
        if not is_given(parameters, "CLASS_FIELD"):
            raise QgsProcessingException(
                "A training layer needs a class field; CLASS_FIELD is empty. Choose the field that names the class."
            )
        layer = self.vector_layer(parameters, "TRAINING", context)
        field = self.parameterAsString(parameters, "CLASS_FIELD", context)
        labels = read_labels(training, layer, field, self._source.grid.crs, context.transformContext())
        return replace(labels, overlaps=self.overlaps(parameters, context))
