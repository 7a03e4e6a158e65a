# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameter groups of the algorithms that make a class map."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
)

from ...mtmsd_qgis.jobs.settings import CLASSIFIERS, SPLITS, ClassificationSettings
from .choices.class_table_parameter import ClassTableParameter
from .choices.class_weights import ClassWeights
from .choices.finish_parameters import FinishParameters
from .choices.number_fields import ClassAreaField, SampleWeightField
from .parameters import Overlaps, ParameterValues, WorkerOutputs, rare_number, read_label_layer
from .translation import tr, translatable
from .uncertainty.suggestion_parameters import SuggestionOutput, SuggestionParameters

if TYPE_CHECKING:
    from ..bridge.choices.class_table import ChosenSamples
    from ..bridge.raster.source import RasterSource
    from ..bridge.vector.labels import LabelLayer
    from .algorithm import MtmsdAlgorithm

ACCURACY = {
    "OA": translatable("Overall accuracy (%)"),
    "AA": translatable("Average accuracy (%)"),
    "KAPPA": translatable("Kappa (%)"),
}


class SampleLayers:
    """TRAINING, CLASS_FIELD, VALIDATION."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add training and validation layer."""
        kinds = [QgsProcessing.SourceType.TypeVectorPoint, QgsProcessing.SourceType.TypeVectorPolygon]
        algorithm.declare(
            QgsProcessingParameterFeatureSource("TRAINING", tr("Training layer"), kinds),
            tr(
                "Points or polygons with a known class, in any CRS. A polygon takes the pixels whose centre it "
                "covers. Class names and colours come from the layer's categories where it has them."
            ),
        )
        algorithm.declare(
            QgsProcessingParameterField("CLASS_FIELD", tr("Class field"), parentLayerParameterName="TRAINING"),
            tr(
                "Whole numbers from 1 to 65535 become the ids of the map; anything else is numbered in the order of "
                "its values."
            ),
        )
        algorithm.declare(
            QgsProcessingParameterFeatureSource("VALIDATION", tr("Validation layer"), kinds, optional=True),
            tr(
                "Independent reference samples with the same class field. They are used to judge the map, never to "
                "learn. Given, nothing else is held out."
            ),
        )

    def read(self, values: ParameterValues, source: RasterSource) -> ChosenSamples:
        """Training and validation samples in the raster's CRS, with the classes of the map.

        Raises:
            QgsProcessingException: A layer, its field or the class table cannot be used, a class is spelled in two
                ways, or the two layers have no class in common.
            SamplesError: The class table contradicts itself, or does not fit the training layer.
        """
        from ..bridge.vector.labels import as_classes_of, refuse_two_spellings

        training = read_label_layer(values, "TRAINING", source)
        reference = read_label_layer(values, "VALIDATION", source) if values.is_given("VALIDATION") else None
        chosen = ClassTableParameter().apply(values, training, reference)
        refuse_two_spellings(chosen.training)
        chosen = ClassAreaField().apply(values, chosen, training)
        chosen = SampleWeightField().apply(values, chosen)
        if chosen.reference is None:
            return chosen
        return replace(chosen, reference=as_classes_of(chosen.training, chosen.reference))

    @staticmethod
    def training_in(values: ParameterValues, source: RasterSource) -> LabelLayer:
        """The training samples alone, in the CRS of another raster; errors as above."""
        training = read_label_layer(values, "TRAINING", source)
        chosen = ClassTableParameter().apply(values, training, None)
        return SampleWeightField().apply(values, chosen).training


class ClassifierParameters:
    """SPLIT, VALIDATION_SHARE, CLASSIFIER: what the map is for, and the method."""

    def __init__(self, *, with_scenes: bool = False, with_choice: bool = True) -> None:
        """Say what is declared.

        Args:
            with_scenes: Whether SPLIT may hold out whole scenes, as several can be learnt from.
            with_choice: Whether there is a choice of classifiers.
        """
        self._with_scenes = with_scenes
        self._with_choice = with_choice

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add them."""
        algorithm.declare(
            QgsProcessingParameterEnum(
                "SPLIT",
                tr("Split (what the map is for)"),
                [split for split in SPLITS if self._with_scenes or split != "scene"],
                False,
                "spatial",
                usesStaticStrings=True,
            ),
            tr(
                "What the map shall be good at. It decides how the classifier 'auto' cross-validates its models, and "
                "how a part of the samples is held out to judge the map where there is no validation layer. spatial: "
                "places that have no samples; whole polygons, or blocks of points, are held out. block: the same, "
                "always by blocks of the grid. random: more pixels of the fields that have samples; single pixels "
                "are held out, as papers do, and the figure is too optimistic for other places. none: all samples "
                "are used, and there is no accuracy."
            )
            + (
                " " + tr("scene: whole scenes are held out, where there are further feature rasters.")
                if self._with_scenes
                else ""
            ),
        )
        share = QgsProcessingParameterNumber(
            "VALIDATION_SHARE",
            tr("Share held out"),
            QgsProcessingParameterNumber.Type.Double,
            0.3,
            minValue=0.01,
            maxValue=0.99,
        )
        share.setMetadata({"widget_wrapper": {"decimals": 2}})
        algorithm.declare(share, tr("Share of the samples of every class that is held out."))
        if self._with_choice:
            self._declare_choice(algorithm)

    @staticmethod
    def _declare_choice(algorithm: MtmsdAlgorithm) -> None:
        algorithm.declare(
            QgsProcessingParameterEnum(
                "CLASSIFIER", tr("Classifier"), list(CLASSIFIERS), False, CLASSIFIERS[0], usesStaticStrings=True
            ),
            tr(
                "auto: linear discriminant analysis and kernel ridge regression on spectra and on means of diffusion "
                "features, cross-validated on the training samples as the split says. Their probabilities are "
                "averaged; up to a minute. mtmsd: the published method, an ensemble of networks that weigh the "
                "timesteps for every pixel; minutes. transformer3d: 3-D convolution and transformer on patches of the "
                "features; minutes. linear: logistic regression, as a yardstick. hyperfeatures: the same, with a "
                "weight for every timestep and stage, which the report shows; seconds."
            ),
        )

    def read(self, values: ParameterValues, *, keep: int | None = None) -> ClassificationSettings:
        """The settings of these parameters, ClassifierOptions, SEED and DEVICE.

        Args:
            values: Of the run.
            keep: Features kept per timestep, where the classifier chooses them.

        Raises:
            SettingsError: A value is out of range.
        """
        overrides = {name.lower(): values.optional_integer(name) for name in ("ENSEMBLE", "EPOCHS", "BLOCK_SIZE")}
        return ClassificationSettings(
            classifier=values.choice("CLASSIFIER") or CLASSIFIERS[0],  # not declared: no choice
            split=values.choice("SPLIT"),
            validation_share=values.number("VALIDATION_SHARE"),
            buffer=values.number("BUFFER"),
            keep=keep,
            seed=values.integer("SEED"),
            device=values.text("DEVICE"),
            class_weights=ClassWeights().read(values),
            finish=FinishParameters().read(values),
            **{name: value for name, value in overrides.items() if value is not None},
        )


class ClassifierOptions:
    """ENSEMBLE, EPOCHS, BLOCK_SIZE, BUFFER, OVERLAPS: rarely set; ClassifierParameters reads them."""

    def __init__(self, *, for_campaign: bool = False) -> None:
        """Say what is declared.

        Args:
            for_campaign: Whether only what a campaign knows is: there is no choice of classifiers, and no suggestions.
        """
        self._for_campaign = for_campaign

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add them, for experts."""
        usual = ClassificationSettings()
        buffer = QgsProcessingParameterNumber(
            "BUFFER", tr("Buffer (pixels)"), QgsProcessingParameterNumber.Type.Double, usual.buffer, minValue=0
        )
        buffer.setMetadata({"widget_wrapper": {"decimals": 1}})
        for number, text in (
            (
                rare_number("ENSEMBLE", tr("Networks in the ensemble")),
                tr("Networks whose probabilities are averaged. Not set: 5 for mtmsd, 2 for transformer3d."),
            ),
            (
                rare_number("EPOCHS", tr("Epochs")),
                tr("Passes over the training samples. Not set: 100 for mtmsd, 40 for transformer3d."),
            ),
            (
                rare_number("BLOCK_SIZE", tr("Block size (pixels)"), default=usual.block_size),
                tr("Side of the blocks that 'block', and 'spatial' where samples are points, keep together."),
            ),
            (
                buffer,
                tr("Training samples within this distance of a held-out sample are left out. 0: none is."),
            ),
        ):
            if not (self._for_campaign and number.name() in ("ENSEMBLE", "EPOCHS")):
                algorithm.declare(number, text, advanced=True)
        Overlaps().declare(algorithm)
        if not self._for_campaign:
            SuggestionParameters().declare(algorithm)


class ClassifierFile:
    """OUTPUT_CLASSIFIER, and INCLUDE_MODEL where the diffusion model is at hand."""

    OUTPUT = "OUTPUT_CLASSIFIER"
    _INCLUDE = "INCLUDE_MODEL"

    def __init__(self, *, with_model: bool = False) -> None:
        """Say what is declared.

        Args:
            with_model: Whether the model may be included.
        """
        self._with_model = with_model

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add them."""
        algorithm.declare(
            QgsProcessingParameterFileDestination(
                self.OUTPUT,
                tr("Classifier"),
                fileFilter=tr("MTMSD classifier (*.mtmsdc)"),
                optional=True,
                createByDefault=False,
            ),
            tr("What was learnt, for other scenes with the same bands: 'Apply classifier' maps them with it."),
        )
        if self._with_model:
            algorithm.declare(
                QgsProcessingParameterBoolean(self._INCLUDE, tr("Classifier includes the diffusion model"), True),
                tr(
                    "The classifier's file is then enough to map another scene; it is larger by the model, 7 MB for "
                    "the preset quick. Not: the model's own file is needed too."
                ),
                advanced=True,
            )

    @classmethod
    def includes_model(cls, values: ParameterValues) -> bool:
        """Whether the model goes into the file."""
        return values.boolean(cls._INCLUDE)  # no, where it is not declared


class UncertaintyOutput:
    """UNCERTAINTY."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add the raster of how unsure the class is."""
        algorithm.declare(
            QgsProcessingParameterRasterDestination(
                "UNCERTAINTY", tr("Uncertainty"), optional=True, createByDefault=False
            ),
            tr(
                "How unsure the class is, in bands from 0 to 1. entropy: 0 where one class is certain, 1 where all are "
                "equally probable. margin: probability of the class less that of the runner-up, near 0 where two "
                "classes compete. disagreement, where the classifier 'auto' has both: how far discriminants and kernel "
                "ridge regressions differ. -1 where there is no data."
            ),
        )


class MapOutputs:
    """OUTPUT, CONFIDENCE, PROBABILITIES, UNCERTAINTY, REPORT, and the numbers of a run."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add them."""
        algorithm.declare(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("Class map")),
            tr("GeoTIFF of class ids, 0 where there is no data."),
        )
        algorithm.declare(
            QgsProcessingParameterRasterDestination(
                "CONFIDENCE", tr("Confidence"), optional=True, createByDefault=False
            ),
            tr("Probability of the class on the map, 0 to 1; -1 where there is no data."),
        )
        algorithm.declare(
            QgsProcessingParameterRasterDestination(
                "PROBABILITIES", tr("Probabilities"), optional=True, createByDefault=False
            ),
            tr("One band a class, 0 to 1; -1 where there is no data."),
        )
        UncertaintyOutput().declare(algorithm)
        SuggestionOutput().declare(algorithm)
        algorithm.declare(
            QgsProcessingParameterFileDestination(
                "REPORT", tr("Report"), fileFilter=tr("HTML files (*.html)"), optional=True
            ),
            tr(
                "Accuracy with intervals, confusion matrix, calibration, areas, what the map depends on, what was held "
                "out and how. The same as JSON and CSV goes beside it, under the same name."
            ),
        )
        for name, title in ACCURACY.items():
            algorithm.addOutput(QgsProcessingOutputNumber(name, tr(title)))
        WorkerOutputs().declare(algorithm)
