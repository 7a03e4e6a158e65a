# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:splitsamples: reference layer -> training layer and validation layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
)

from ..mtmsd_qgis.errors import SettingsError
from .base.algorithm import MtmsdAlgorithm, Parameters, is_given

if TYPE_CHECKING:
    from .bridge.vector.reference_samples import ReferenceSamples
    from .bridge.vector.sample_splitting import SplitPlan

_METHODS = ("random", "group", "block")
_OUTPUTS = ("OUTPUT_TRAINING", "OUTPUT_VALIDATION")


class SplitSamples(MtmsdAlgorithm):
    """Splits a reference layer."""

    MODULE = ""  # numpy is all it needs, and QGIS has that

    def name(self) -> str:
        """Fixed id."""
        return "splitsamples"

    def displayName(self) -> str:
        """Title."""
        return self.tr("Split samples into training and validation")

    def group(self) -> str:
        """Heading in the toolbox."""
        return self.tr("Data and environment")

    def groupId(self) -> str:
        """Fixed id of the heading."""
        return "dataenvironment"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("training,validation,reference,holdout,spatial split,block,buffer,sampling,accuracy").split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Parts labelled points or polygons into a training layer and a validation layer. Whole polygons, or whole "
            "squares of a grid, can be kept apart, with a distance between the two layers: pixels beside a training "
            "pixel are no independent test of a map. Classes keep their share in both layers as far as whole polygons "
            "or squares allow it. What stays in training as a whole, and all that is left out, is named in the log."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        kinds = [QgsProcessing.SourceType.TypeVectorPoint, QgsProcessing.SourceType.TypeVectorPolygon]
        self.declare(
            QgsProcessingParameterFeatureSource("INPUT", self.tr("Reference layer"), kinds),
            self.tr("Points or polygons with a known class; only the selected ones, where you ask for that."),
        )
        self.declare(
            QgsProcessingParameterField("CLASS_FIELD", self.tr("Class field"), parentLayerParameterName="INPUT"),
            self.tr("Numbers, text or dates. Features without a value are left out and counted in the log."),
        )
        self.declare(
            QgsProcessingParameterEnum(
                "METHOD", self.tr("Method"), list(_METHODS), False, "group", usesStaticStrings=True
            ),
            self.tr(
                "group: whole polygons (or multipoints) go to one side; single points go by squares, as with block. "
                "block: all samples in a square of a grid go to one side. random: single samples of each class, as "
                "many papers do; an accuracy from these is too high where samples are neighbours."
            ),
        )
        self._declare_amounts()
        self.declare(
            QgsProcessingParameterRasterLayer("RASTER", self.tr("Raster, to split its pixels"), optional=True),
            self.tr(
                "Given, the samples are its pixels: a point at the centre of each pixel whose centre a polygon covers "
                "or that a point lies in, with the class and the id of the feature. Not set: the features are the "
                "samples, with all their attributes."
            ),
        )
        self.declare_overlaps()
        self.declare_seed(self.tr("The same seed and inputs give the same two layers."))
        text = {
            "OUTPUT_TRAINING": self.tr("Samples to learn from, in the form and CRS of the layer, or of the pixels."),
            "OUTPUT_VALIDATION": self.tr("Samples to judge a map by; none of them is in the training layer."),
        }
        titles = {"OUTPUT_TRAINING": self.tr("Training samples"), "OUTPUT_VALIDATION": self.tr("Validation samples")}
        for name in _OUTPUTS:
            self.declare(QgsProcessingParameterFeatureSink(name, titles[name]), text[name])

    def _declare_amounts(self) -> None:
        """Numbers have no bounds here, because QGIS would refuse them without saying why; check_settings does."""
        kinds = QgsProcessingParameterNumber.Type
        share = QgsProcessingParameterNumber("SHARE", self.tr("Share for validation"), kinds.Double, 0.3)
        share.setMetadata({"widget_wrapper": {"decimals": 2}})
        self.declare(share, self.tr("Of the samples of every class; more than 0 and less than 1."))
        self.declare(
            QgsProcessingParameterNumber(
                "COUNT", self.tr("Training samples per class, instead of the share"), kinds.Integer, optional=True
            ),
            self.tr(
                "Given, this many samples of every class are for training and the others for validation. With group "
                "and block, what exceeds the number in a polygon or square of the training side is left out."
            ),
        )
        buffer = QgsProcessingParameterNumber("BUFFER", self.tr("Distance between the layers (m)"), kinds.Double, 0.0)
        side = QgsProcessingParameterNumber("BLOCK_SIZE", self.tr("Block size (m)"), kinds.Double, 0.0)
        for metres in (buffer, side):
            metres.setMetadata({"widget_wrapper": {"decimals": 1}})
        self.declare(
            buffer,
            self.tr(
                "Validation samples within this distance of a training sample are left out. Half the width of the "
                "window that a classifier sees is a good choice. 0: none is left out."
            ),
        )
        self.declare(
            side,
            self.tr(
                "Side of the squares. 0: chosen so that about a hundred squares cover the samples; the log says how "
                "large they are."
            ),
        )

    def check_settings(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Make the plan once, for its own checks, and refuse two outputs in one file."""
        self._plan_from(parameters, context)
        training, validation = (_place(parameters.get(name)) for name in _OUTPUTS)
        if training == validation and Path(training).suffix:
            raise SettingsError(
                f"Two files were expected for OUTPUT_TRAINING and OUTPUT_VALIDATION; both are {training}. Change one."
            )

    def collect(self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        """Look at the layers."""
        from .bridge.raster.source import describe_raster
        from .bridge.vector.sample_styles import categories_of

        self.check_settings(parameters, context)
        self._plan = self._plan_from(parameters, context)
        self._field = self.parameterAsString(parameters, "CLASS_FIELD", context)
        layer = self.vector_layer(parameters, "INPUT", context)
        if layer is not None:
            self._refuse_input_as_output(parameters, layer.source())
        self._style = categories_of(layer, self._field)
        self._raster = None
        if is_given(parameters, "RASTER"):
            raster = self.parameterAsRasterLayer(parameters, "RASTER", context)
            if raster is None or not raster.isValid():
                raise QgsProcessingException(self.invalidRasterError(parameters, "RASTER"))
            self._raster = describe_raster(raster)

    def compute(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Read the samples, split them, leave out what is too near, write both layers."""
        import numpy as np

        from .bridge.feedback import ProgressRange
        from .bridge.vector.reference_samples import plane_of
        from .bridge.vector.sample_splitting import SampleSplitter

        samples = self._reference_samples(parameters, context, feedback)
        splitter = SampleSplitter(samples, self._plan, plane_of(samples, context.transformContext()))
        training, validation = splitter.split(ProgressRange(feedback, 30, 40))
        progress = ProgressRange(feedback, 40, 80)
        validation = splitter.leave_out_near(training, validation, progress)
        splitter.log_counts(training, validation, feedback)
        sides = []
        for side in (training, validation):
            sides.append([samples.feature(number) for number in np.flatnonzero(side)])
            progress.advance(1.0)  # the last places to cancel: a layer is written as a whole
        return {
            name: self._write(parameters, name, context, samples, features) for name, features in zip(_OUTPUTS, sides)
        }

    def _plan_from(self, parameters: Parameters, context: QgsProcessingContext) -> SplitPlan:
        from .bridge.vector.sample_splitting import SplitPlan

        return SplitPlan(
            method=self.parameterAsEnumString(parameters, "METHOD", context),
            share=self.parameterAsDouble(parameters, "SHARE", context),
            count=self.whole_number(parameters, "COUNT", context),
            buffer_m=self.parameterAsDouble(parameters, "BUFFER", context),
            block_size_m=self.parameterAsDouble(parameters, "BLOCK_SIZE", context),
            seed=self.parameterAsInt(parameters, "SEED", context),
        )

    def _reference_samples(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> ReferenceSamples:
        from .bridge.feedback import ProgressRange
        from .bridge.vector.reference_samples import pixels_of, read_reference, whole_features

        source = self.parameterAsSource(parameters, "INPUT", context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, "INPUT"))
        reference = read_reference(source, self._field, ProgressRange(feedback, 0, 10))
        if reference.skipped:
            feedback.pushWarning(f"Not used in the layer {reference.name}: {reference.skipped.text}.")
        if self._raster is None:
            return whole_features(reference)
        overlaps, transforms = self.overlaps(parameters, context), context.transformContext()
        samples = pixels_of(reference, self._raster, overlaps, transforms, ProgressRange(feedback, 10, 30))
        if samples.left_out:
            feedback.pushWarning(samples.left_out)
        return samples

    def _refuse_input_as_output(self, parameters: Parameters, source: str) -> None:
        read = source.split("|")[0]
        for name in _OUTPUTS:
            if Path(read).is_file() and Path(_place(parameters.get(name))).absolute() == Path(read).absolute():
                raise QgsProcessingException(
                    f"{name} should be a file of its own; {read} is the reference layer itself. Choose another name."
                )

    def _write(
        self,
        parameters: Parameters,
        name: str,
        context: QgsProcessingContext,
        samples: ReferenceSamples,
        features: list[QgsFeature],
    ) -> str:
        from .bridge.vector.sample_styles import save_with

        sink, destination = self.parameterAsSink(
            parameters, name, context, samples.fields, samples.wkb_type, samples.crs
        )
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, name))
        if not sink.addFeatures(features, QgsFeatureSink.Flag.FastInsert):
            raise QgsProcessingException(f"{name} cannot be written: {sink.lastError()}")
        del sink  # closes the file
        self._destinations = {**self._destinations, name: destination}
        self.name_output(name, samples.reference.name, self.tr("Samples of {scene}"))
        if self._style is not None:
            self.style_output(name, self._style)
            save_with(destination, self._style)
        return destination


def _place(value: object) -> str:
    """Where an output goes, as given."""
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink.staticValue()
    return str(value)
