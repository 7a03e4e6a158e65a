# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:splitsamples: reference layer -> training layer and validation layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsWkbTypes,
)

from .base.algorithm import MtmsdAlgorithm
from .base.newer_qgis import qgis_member
from .base.parameters import Overlaps, ParameterValues, Seed
from .base.translation import translatable

if TYPE_CHECKING:
    from .bridge.vector.reference_samples import ReferenceSamples
    from .bridge.vector.sample_splitting import SplitPlan

_SEED = Seed(translatable("The same seed and inputs give the same two layers."))
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

    def documentationFlags(self) -> Any:  # noqa: ANN401 - the type came with QGIS 3.40, which is the first to ask
        """The help says that features may be counted anew: where pixels are written, or ids are there twice."""
        return qgis_member("ProcessingAlgorithmDocumentationFlag", "RegeneratesPrimaryKeyInSomeScenarios")

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
        self.declare_groups(Overlaps(), _SEED)
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
            metres.setMetadata({"widget_wrapper": {"decimals": 3}})  # pixels of drones are centimetres
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

    def check_settings(self, values: ParameterValues) -> None:
        """Make the plan once, for its own checks."""
        _plan_from(values)

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Look at the layers."""
        from .bridge.files.trial_layer import refuse_format
        from .bridge.raster.source import describe_raster
        from .bridge.vector.field_types import TEXT
        from .bridge.vector.labels import layer_notes
        from .bridge.vector.sample_styles import categories_of

        self.check_settings(values)
        self._plan = _plan_from(values)
        self._field = values.field("CLASS_FIELD")
        field = QgsFields()
        field.append(QgsField("class", TEXT))
        for name in _OUTPUTS:
            refuse_format(name, values.destination(name), field, QgsWkbTypes.Type.Point)
        layer = values.vector_layer("INPUT")
        self._style = categories_of(layer, self._field)
        self._notes = layer_notes(layer)
        self._raster = describe_raster(values.raster("RASTER")) if values.is_given("RASTER") else None

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Read the samples, split them, leave out what is too near, write both layers."""
        import numpy as np

        from .bridge.feedback import ProgressRange
        from .bridge.vector.reference_samples import plane_of
        from .bridge.vector.sample_splitting import SampleSplitter

        samples = self._reference_samples(values, feedback)
        for new, old in samples.renamed_fields.items():
            feedback.pushWarning(
                f"The field '{old}' is called '{new}' in the outputs, because some formats keep that name for "
                "themselves, or take it for the name of another field."
            )
        splitter = SampleSplitter(samples, self._plan, plane_of(samples, values.transforms))
        training, validation = splitter.split(ProgressRange(feedback, 30, 40))
        progress = ProgressRange(feedback, 40, 80)
        validation = splitter.leave_out_near(training, validation, progress)
        splitter.log_counts(training, validation, feedback)
        sides = []
        for side in (training, validation):
            sides.append([samples.feature(number) for number in np.flatnonzero(side)])
            progress.advance(1.0)  # the last places to cancel: a layer is written as a whole
        return {name: self._write(values, name, samples, side) for name, side in zip(_OUTPUTS, sides)}

    def _reference_samples(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> ReferenceSamples:
        from .bridge.feedback import ProgressRange
        from .bridge.vector.reference_samples import pixels_of, read_reference, whole_features

        reference = read_reference(values.source("INPUT"), self._field, ProgressRange(feedback, 0, 10))
        for note in self._notes:
            feedback.pushWarning(note)
        if reference.skipped:
            feedback.pushWarning(f"Not used in the layer {reference.name}: {reference.skipped.text}.")
        if self._raster is None:
            return whole_features(reference)
        overlaps = Overlaps().read(values)
        samples = pixels_of(reference, self._raster, overlaps, values.transforms, ProgressRange(feedback, 10, 30))
        if samples.left_out:
            feedback.pushWarning(samples.left_out)
        return samples

    def _write(self, values: ParameterValues, name: str, samples: ReferenceSamples, features: list[QgsFeature]) -> str:
        sink, destination = values.sink(name, samples.fields, samples.wkb_type, samples.crs)
        if not sink.addFeatures(features, QgsFeatureSink.Flag.FastInsert):
            raise QgsProcessingException(f"{name} cannot be written: {sink.lastError()}")
        del sink  # closes the file
        self.outputs.add_layer(name, destination)
        self.outputs.title(name, samples.reference.name, self.tr("Samples of {scene}"))
        if self._style is not None:
            self.outputs.style(name, self._style)
        return destination


def _plan_from(values: ParameterValues) -> SplitPlan:
    from .bridge.vector.sample_splitting import SplitPlan

    return SplitPlan(
        method=values.choice("METHOD"),
        share=values.number("SHARE"),
        count=values.optional_integer("COUNT"),
        buffer_m=values.number("BUFFER"),
        block_size_m=values.number("BLOCK_SIZE"),
        seed=values.integer("SEED"),
    )
