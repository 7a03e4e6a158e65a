# SPDX-License-Identifier: GPL-2.0-or-later
"""INPUT, MODEL, TRAINING and CLASS_FIELD of algorithms that look at a raster with its diffusion model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import (
    QgsProcessing,
    QgsProcessingFeedback,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterLayer,
)

from ...mtmsd_qgis.jobs.protocol import Job
from .extraction_parameters import MatchedModel
from .parameters import ParameterValues
from .translation import tr

if TYPE_CHECKING:
    from ..bridge.raster.source import RasterSource
    from ..bridge.vector.labels import LabelLayer
    from .algorithm import MtmsdAlgorithm


class ModelledSceneParameters:
    """INPUT, MODEL, and optional TRAINING with its CLASS_FIELD."""

    def __init__(self, training_help: str = "") -> None:
        """Say what a training layer is for; only to declare them."""
        self._training_help = training_help

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add them."""
        algorithm.declare(
            QgsProcessingParameterRasterLayer("INPUT", tr("Raster")),
            tr(
                "The scene the model was trained on, or another one with the same bands. Bands are matched by "
                "wavelength, else by name, else by order."
            ),
        )
        algorithm.declare(
            QgsProcessingParameterFile(
                "MODEL", tr("Diffusion model"), fileFilter=tr("MTMSD model (*.mtmsd);;All files (*)")
            ),
            tr("The file written by 'Pretrain diffusion model'."),
        )
        kinds = QgsProcessing.SourceType
        algorithm.declare(
            QgsProcessingParameterFeatureSource(
                "TRAINING",
                tr("Training layer"),
                [kinds.TypeVectorPoint, kinds.TypeVectorPolygon],
                optional=True,
            ),
            self._training_help,
        )
        algorithm.declare(
            QgsProcessingParameterField(
                "CLASS_FIELD", tr("Class field"), parentLayerParameterName="TRAINING", optional=True
            ),
            tr("Field of the training layer that names the class: numbers or text."),
        )

    def read(self, values: ParameterValues) -> ModelledScene:
        """Look at raster and model; the training layer is read after the settings, by read_training_layer.

        Raises:
            QgsProcessingException: The raster cannot be used.
            MtmsdError: As MatchedModel.read.
        """
        from ..bridge.raster.scene_export import refuse_no_band
        from ..bridge.raster.source import describe_raster

        source = describe_raster(values.raster("INPUT"))
        refuse_no_band(source, range(len(source.bands)))
        return ModelledScene(source, MatchedModel.read(values.file("MODEL"), source))


@dataclass(frozen=True)
class ModelledScene:
    """A raster with a diffusion model.

    Attributes:
        source: The raster.
        model: With the raster's bands that it needs.
        labels: Labelled features of the training layer, where one is given.
    """

    source: RasterSource
    model: MatchedModel
    labels: LabelLayer | None = None

    @property
    def model_line(self) -> str:
        """What the model is, for the log."""
        return f"Model: {self.model.file.name}, preset {self.model.preset}, {len(self.model.numbers)} bands."

    def exported(self, task: str, folder: Path, values: ParameterValues, feedback: QgsProcessingFeedback) -> Job:
        """A job with the bands that the model needs, the training samples and the model; up to 7 % of the progress.

        Args:
            task: Of the job.
            folder: Of the job.
            values: Of the run.
            feedback: Told how far it is.
        """
        from ..bridge.feedback import ProgressRange
        from ..bridge.raster.scene_export import SceneExport
        from ..bridge.vector.sample_export import SampleExport

        reading = ProgressRange(feedback, 0, 5, "Reading the raster")
        scene = SceneExport(self.source, folder, values.transforms).bands(self.model.numbers, None, reading)
        training = None
        if self.labels is not None:
            export = SampleExport(self.source, scene, folder)
            training = export.training(self.labels, ProgressRange(feedback, 5, 7))
        return Job(
            task,
            scene=scene,
            samples=training.file if training else None,
            classes=training.classes if training else (),
            inputs={"model": str(self.model.file.absolute())},
        )
