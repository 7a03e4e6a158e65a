# SPDX-License-Identifier: GPL-2.0-or-later
"""A model of the graphical modeler that comes with the plugin."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
)
from qgis.PyQt.QtGui import QIcon

from ..mtmsd_qgis.errors import SceneError
from .base.algorithm import MtmsdAlgorithm, plain_errors
from .base.classification_parameters import SampleLayers
from .base.help_text import help_text
from .base.metadata import ROOT, guide_page
from .base.parameters import Parameters, ParameterValues
from .base.rasters.raster_files import RasterStorage
from .base.translation import tr, translatable

# What tests/qgis/make_models.py writes into the files; there as it is, here for the translators.
SCENE_TO_CLASS_MAP = translatable("Scene to class map")
MAP_ANOTHER_SCENE = translatable("Map another scene")
OUTPUTS = {
    "CLASS_MAP": translatable("Class map"),
    "CONFIDENCE": translatable("Confidence"),
    "REPORT": translatable("Report"),
    "MODEL": translatable("Diffusion model"),
    "OUTPUT_CLASSIFIER": translatable("Classifier"),
    "TARGET_MAP": translatable("Class map of the other scene"),
    "APPLICABILITY": translatable("Area of applicability"),
    "TARGET_REPORT": translatable("Report on the other scene"),
}
OF_TARGET = ("TARGET_MAP", "APPLICABILITY", "TARGET_REPORT")
TARGET = translatable("Other scene")
TARGET_HELP = translatable(
    "The scene that has no samples of its own: another date of the same ground, or the next tile. It needs the bands "
    "of the first scene, found by wavelength, name or order."
)
ABOUT_SCENE_TO_CLASS_MAP = translatable(
    "Trains a diffusion model on the scene, extracts its features, and classifies them with the training layer: the "
    "three steps with their usual settings. The features are chosen without a look at the labels, so that the samples "
    "held out are held out from every step."
)
ABOUT_MAP_ANOTHER_SCENE = translatable(
    "Trains a diffusion model on a scene, learns classes there from the training layer, and maps another scene of the "
    "same sensor with what was learnt. The report on the other scene says first whether its map may be believed."
)


class ShippedModel(QgsProcessingModelAlgorithm):
    """A model with an id that can be typed; QGIS's own class takes the title for the id, blanks and all."""

    _scenes: Mapping[str, str]  # names of the rasters, while it runs

    def name(self) -> str:
        """Fixed id, made of the title's letters."""
        return re.sub(r"[^a-z0-9]", "", super().name().lower())

    def displayName(self) -> str:
        """Title."""
        return tr(super().name())

    def group(self) -> str:
        """Heading in the toolbox, that of the steps; the file keeps its title only, and QGIS would show it twice."""
        return tr("Map a scene")

    def groupId(self) -> str:
        """Fixed id of the heading."""
        return "mapscene"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return tr("hyperspectral,classification,land cover,deep learning,model,workflow").split(",")

    def shortHelpString(self) -> str:
        """What it does; QGIS's own has tags in it, which qgis_process would print."""
        return help_text(tr(self.helpContent().get("ALG_DESC", "")), self.parameterDefinitions())

    def helpUrl(self) -> str:
        """Its page in the user's guide."""
        return guide_page(self.name())

    def checkParameterValues(self, parameters: Parameters, context: QgsProcessingContext) -> tuple[bool, str]:
        """Also check what the steps check only when it is their turn, and that no output would replace an input."""
        fine, message = super().checkParameterValues(parameters, context)
        if fine:
            try:
                self._check(parameters, context)
            except QgsProcessingException as error:
                return False, str(error)
        return fine, message

    def prepareAlgorithm(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """The same checks where nobody asked before, and a look at what later steps read: the training comes first."""
        try:
            self._check(parameters, context)
            self._look_at_samples(parameters, context, feedback)
            self._look_at_target(parameters, context)
            values = ParameterValues(self, parameters, context)
            self._scenes = {name: values.raster(name).name() for name in ("INPUT", "TARGET") if values.is_given(name)}
        except QgsProcessingException as error:
            feedback.reportError(str(error), fatalError=True)
            return False
        return super().prepareAlgorithm(parameters, context, feedback)

    def processAlgorithm(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run the steps, and have the layers called by what they are; QGIS calls them CLASS_MAP and so on."""
        from .bridge.layers.layer_names import Title

        results: dict[str, Any] = super().processAlgorithm(parameters, context, feedback)
        for destination in context.layersToLoadOnCompletion():
            details = context.layerToLoadOnCompletionDetails(destination)
            if details.name in OUTPUTS:
                scene = self._scenes["TARGET" if details.name in OF_TARGET else "INPUT"]
                details.name = Title(tr(OUTPUTS[details.name]), scene).text
        return results

    def _check(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Check files, and the settings of all steps.

        Raises:
            QgsProcessingException: A step would refuse them.
        """
        from .bridge.files.run_files import RunFiles

        values = ParameterValues(self, parameters, context)
        with plain_errors():
            RunFiles.of(values.inputs(), values.destinations(), values.folder_destinations()).refuse_conflicts()
            for step, own in self._steps(parameters, context):
                step.refuse_values(own)
                RasterStorage.refuse_other_suffixes(step, own)
                step.refuse_other_endings(own)

    def _look_at_samples(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        """Lay the training layer over the raster as the step does that learns from it.

        Raises:
            QgsProcessingException: That step would refuse the layer.
        """
        from .bridge.feedback import ProgressRange
        from .bridge.raster.source import describe_raster
        from .bridge.vector.labels import make_classes
        from .bridge.vector.rasterization import rasterize_labels, settle_classes

        with plain_errors():
            source = describe_raster(ParameterValues(self, parameters, context).raster("INPUT"))
            for _, own in self._steps(parameters, context):
                if own.is_given("TRAINING"):
                    labels = SampleLayers().read(own, source).training
                    classes = make_classes(labels)
                    pixels = rasterize_labels(labels, classes, source.grid, ProgressRange(feedback, 0, 1))
                    settle_classes(pixels, classes, labels.name)

    def _look_at_target(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Find the bands of the first scene in the other one, where there is one.

        Raises:
            QgsProcessingException: One is missing, so that the last step would refuse the other scene.
        """
        from ..mtmsd_qgis.transfer.band_matching import match_all_bands
        from .bridge.raster.source import describe_raster

        if self.parameterDefinition("TARGET") is None:
            return
        values = ParameterValues(self, parameters, context)
        with plain_errors():
            first, other = (describe_raster(values.raster(name)) for name in ("INPUT", "TARGET"))
            used = [first.bands[number - 1] for number in first.measured]
            try:
                match_all_bands(used, other.visible, len(first.bands), len(other.bands))
            except SceneError as error:
                raise QgsProcessingException(f"TARGET, {other.name}: {error}") from None

    def _steps(
        self, parameters: Parameters, context: QgsProcessingContext
    ) -> Iterator[tuple[MtmsdAlgorithm, ParameterValues]]:
        """Each step with what it is given before the run; what earlier steps give it is not there yet."""
        for child in self.childAlgorithms().values():
            step = QgsApplication.processingRegistry().createAlgorithmById(child.algorithmId())
            own = {
                name: parameters[source.parameterName()]
                for name, (source, *_) in child.parameterSources().items()
                if source.parameterName() in parameters  # an earlier step's output has no such name
            }
            yield step, ParameterValues(step, {**own, **self._outputs_of(child, parameters)}, context)

    @staticmethod
    def _outputs_of(child: QgsProcessingModelChildAlgorithm, parameters: Parameters) -> Parameters:
        """Where the outputs of a step go, by their names there; QGIS 3.22 puts the step before the model's names."""
        outputs = {output.childOutputName(): name for name, output in child.modelOutputs().items()}
        given = {name.split(":")[-1]: value for name, value in parameters.items()}
        return {own: given[name] for own, name in outputs.items() if name in given}

    def createInstance(self) -> ShippedModel:
        """A copy of this model."""
        model = ShippedModel()
        model.loadVariant(self.toVariant())
        model.explain()
        return model

    def asPythonCommand(self, parameters: Parameters, context: QgsProcessingContext) -> str:
        """The command for QGIS's history; of a model without a file of its own QGIS has none.

        With a file it would have one, and "Save" in the designer would write over the file of the plugin.
        """
        return QgsProcessingAlgorithm.asPythonCommand(self, parameters, context)

    def explain(self) -> None:
        """Give the parameters titles and help in the user's language; the file has the help apart from them."""
        texts = self.helpContent()
        for parameter in self.parameterDefinitions():
            name = parameter.name().split(":")[-1]  # QGIS 3.22 puts the step before the name of an output
            parameter.setDescription(tr(OUTPUTS[name] if parameter.isDestination() else parameter.description()))
            if name in texts:
                parameter.setHelp(tr(texts[name]))
        for output in self.outputDefinitions():
            output.setDescription(tr(OUTPUTS[output.name().split(":")[-1]]))

    def icon(self) -> QIcon:
        """That of all that we do: a model is the whole way."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        """Where the drawing lies."""
        return str(ROOT / "icons" / "mtmsd.svg")
