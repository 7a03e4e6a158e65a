# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters: their values in a run, and the groups that every algorithm may have.

A group is a small object. Its declare(algorithm) adds its parameters in the order of the dialog; its read(values, ...)
makes of their values what the bridge and the core work with. An algorithm names its groups in initAlgorithm.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeatureSink,
    QgsFields,
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMapLayer,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorLayer,
    QgsProcessingUtils,
    QgsProperty,
    QgsRasterLayer,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ...mtmsd_qgis.jobs.settings import LARGEST_SEED
from .translation import tr, translatable

if TYPE_CHECKING:
    from ..bridge.raster.source import RasterSource
    from ..bridge.vector.labels import LabelLayer
    from .algorithm import MtmsdAlgorithm

Parameters = Mapping[str, Any]

_OVERLAPS = ("refuse", "later", "drop")
_DEVICES = ("auto", "cpu", "cuda", "cuda:0", "cuda:1", "cuda:2", "cuda:3")  # offered; others can be typed in scripts


class ParameterValues:
    """The values of an algorithm's parameters in one run."""

    def __init__(
        self, algorithm: QgsProcessingAlgorithm, parameters: Parameters, context: QgsProcessingContext
    ) -> None:
        """Store where the values come from; an output that the batch panel leaves empty is not given."""
        self._algorithm = algorithm
        self._context = context
        self._parameters = {name: self._given(value) for name, value in parameters.items()}

    def _given(self, value: Any) -> Any:  # noqa: ANN401 - whatever was given
        """The value of an expression; None for an empty output. An expression without a value stays as it is."""
        expressions = self._context.expressionContext()
        if isinstance(value, QgsProcessingOutputLayerDefinition):
            return value if value.sink.valueAsString(expressions)[0] else None
        found, fine = value.value(expressions) if isinstance(value, QgsProperty) else (value, True)
        return found if fine else value

    @property
    def transforms(self) -> QgsCoordinateTransformContext:
        """Of the project, for datum shifts."""
        return self._context.transformContext()

    def raw(self, name: str) -> Any:  # noqa: ANN401 - whatever was given
        """What was given, unread."""
        return self._parameters.get(name)

    def is_given(self, name: str) -> bool:
        """Whether a parameter has a value; a model hands over NULL for one that has none."""
        value = self.raw(name)
        return value is not None and value != NULL and value != ""

    def text(self, name: str) -> str:
        """A text without blanks around it."""
        return self._algorithm.parameterAsString(self._parameters, name, self._context).strip()

    def field(self, name: str) -> str:
        """The name of a field, as it is."""
        return self._algorithm.parameterAsString(self._parameters, name, self._context)

    def choice(self, name: str) -> str:
        """The word of an enum."""
        return self._algorithm.parameterAsEnumString(self._parameters, name, self._context)

    def boolean(self, name: str) -> bool:
        """Yes or no."""
        return self._algorithm.parameterAsBool(self._parameters, name, self._context)

    def integer(self, name: str) -> int:
        """A whole number."""
        return self._algorithm.parameterAsInt(self._parameters, name, self._context)

    def optional_integer(self, name: str) -> int | None:
        """A whole number; None where it is not given."""
        return self.integer(name) if self.is_given(name) else None

    def integers(self, name: str) -> list[int]:
        """Whole numbers; empty where none is given."""
        return self._algorithm.parameterAsInts(self._parameters, name, self._context) if self.is_given(name) else []

    def number(self, name: str) -> float:
        """A number."""
        return self._algorithm.parameterAsDouble(self._parameters, name, self._context)

    def optional_number(self, name: str) -> float | None:
        """A number; None where it is not given."""
        return self.number(name) if self.is_given(name) else None

    def file(self, name: str) -> Path | None:
        """An input file or folder; None where it is not given."""
        if not self.is_given(name):
            return None
        return Path(self._algorithm.parameterAsFile(self._parameters, name, self._context))

    def matrix(self, name: str) -> list[Any]:
        """Cells of a table, row after row; empty where none is given."""
        return self._algorithm.parameterAsMatrix(self._parameters, name, self._context) if self.is_given(name) else []

    def crs(self, name: str) -> QgsCoordinateReferenceSystem | None:
        """A CRS; None where it is not given or not known."""
        crs = self._algorithm.parameterAsCrs(self._parameters, name, self._context) if self.is_given(name) else None
        return crs if crs is not None and crs.isValid() else None

    def layer(self, name: str) -> QgsMapLayer | None:
        """A layer of any kind; None where it is not given."""
        return self._algorithm.parameterAsLayer(self._parameters, name, self._context) if self.is_given(name) else None

    def raster(self, name: str) -> QgsRasterLayer:
        """A raster layer.

        Raises:
            QgsProcessingException: It cannot be opened.
        """
        layer = self._algorithm.parameterAsRasterLayer(self._parameters, name, self._context)
        if layer is None or not layer.isValid():
            raise QgsProcessingException(self._algorithm.invalidRasterError(self._parameters, name))
        return layer

    def rasters(self, name: str) -> list[QgsRasterLayer]:
        """Several raster layers, in their order; empty where none is given.

        Raises:
            QgsProcessingException: One of them cannot be opened.
        """
        if not self.is_given(name):
            return []
        layers = self._algorithm.parameterAsLayerList(self._parameters, name, self._context)
        given = self.raw(name)
        fine = [layer for layer in layers if isinstance(layer, QgsRasterLayer) and layer.isValid()]
        if len(fine) < (len(given) if isinstance(given, (list, tuple)) else 1):
            raise QgsProcessingException(self._algorithm.invalidRasterError(self._parameters, name))
        return fine

    def source(self, name: str) -> QgsProcessingFeatureSource:
        """Features of a layer; the selected ones where the user asked for these.

        Raises:
            QgsProcessingException: They cannot be read.
        """
        source = self._algorithm.parameterAsSource(self._parameters, name, self._context)
        if source is None:
            raise QgsProcessingException(self._algorithm.invalidSourceError(self._parameters, name))
        return source

    def vector_layer(self, name: str) -> QgsVectorLayer | None:
        """The layer behind a feature source, for its style; also where only its selected features are used."""
        value = self.raw(name)
        if isinstance(value, QgsProcessingFeatureSourceDefinition):
            reference, _ = value.source.valueAsString(self._context.expressionContext())
            layer: QgsMapLayer | None = QgsProcessingUtils.mapLayerFromString(reference, self._context)
            return layer if isinstance(layer, QgsVectorLayer) else None
        return self._algorithm.parameterAsVectorLayer(self._parameters, name, self._context)

    def inputs(self) -> Iterator[tuple[str, QgsMapLayer | Path]]:
        """Every layer, file and folder that is given, with the name of its parameter."""
        for definition in self._algorithm.parameterDefinitions():
            name = definition.name()
            if not self.is_given(name):
                continue
            for value in self._values_of(definition):
                if value is not None:
                    yield name, value

    def _values_of(self, definition: QgsProcessingParameterDefinition) -> Sequence[QgsMapLayer | Path | None]:
        name = definition.name()
        if isinstance(definition, QgsProcessingParameterFile):
            return [self.file(name)]
        if isinstance(definition, QgsProcessingParameterMultipleLayers):
            return list(self._algorithm.parameterAsLayerList(self._parameters, name, self._context))
        if isinstance(definition, (QgsProcessingParameterFeatureSource, QgsProcessingParameterVectorLayer)):
            return [self.vector_layer(name)]
        if isinstance(definition, (QgsProcessingParameterRasterLayer, QgsProcessingParameterMapLayer)):
            return [self.layer(name)]
        return []

    def destinations(self) -> Iterator[tuple[str, str]]:
        """Every file that is to be written, as it was given, with the name of its parameter."""
        for definition in self._algorithm.destinationParameterDefinitions():
            if not isinstance(definition, QgsProcessingParameterFolderDestination):
                yield definition.name(), self.destination(definition.name())

    def folder_destinations(self) -> Iterator[tuple[str, str]]:
        """Every folder that files are to be written into, likewise."""
        for definition in self._algorithm.destinationParameterDefinitions():
            if isinstance(definition, QgsProcessingParameterFolderDestination):
                yield definition.name(), self.destination(definition.name())

    def destination(self, name: str) -> str:
        """What an output was given: a file, a table, "TEMPORARY_OUTPUT"; empty where it is not wanted.

        For a look at the names before the run: whoever asks QGIS for a destination has it load the layer.
        """
        value = self.raw(name)
        if isinstance(value, QgsProcessingOutputLayerDefinition):
            value, _ = value.sink.valueAsString(self._context.expressionContext())
        return value if isinstance(value, str) else ""

    def load_when_done(self, path: Path, title: str, output: str) -> None:
        """Have QGIS load a layer after the run where it loads outputs, though no parameter names its file.

        Args:
            path: Of the layer.
            title: What it is called in the project.
            output: Name of the output.
        """
        project = self._context.project()
        if project is not None:
            details = QgsProcessingContext.LayerDetails(title, project, output)
            self._context.addLayerToLoadOnCompletion(str(path), details)

    def output_file(self, name: str) -> str:
        """Where a file goes; empty where it is not wanted."""
        return self._algorithm.parameterAsFileOutput(self._parameters, name, self._context)

    def output_raster(self, name: str) -> str:
        """Where a raster goes; empty where it is not wanted."""
        return self._algorithm.parameterAsOutputLayer(self._parameters, name, self._context)

    def output_format(self, name: str) -> str:
        """GDAL's name of the format of a raster: before QGIS 4.0 an output has none, and the suffix says GeoTIFF."""
        ask = getattr(self._algorithm, "parameterAsOutputRasterFormat", None)
        return (ask(self._parameters, name, self._context) if ask else "") or "GTiff"

    def sink(
        self, name: str, fields: QgsFields, kind: QgsWkbTypes.Type, crs: QgsCoordinateReferenceSystem
    ) -> tuple[QgsFeatureSink | None, str]:
        """A layer to write features into, and its id; None where it is not wanted.

        Raises:
            QgsProcessingException: The output is not optional, and cannot be made.
        """
        from ..bridge.files.file_places import place_of_destination

        place = place_of_destination(self.destination(name))
        if place is not None:  # QGIS makes no folders, and other outputs of ours do
            place.path.parent.mkdir(parents=True, exist_ok=True)
        parameters = {**self._parameters, name: _written_through(self.raw(name), self.destination(name))}
        sink, destination = self._algorithm.parameterAsSink(parameters, name, self._context, fields, kind, crs)
        optional = QgsProcessingParameterDefinition.Flag.FlagOptional
        if sink is None and not self._algorithm.parameterDefinition(name).flags() & optional:
            raise QgsProcessingException(self._algorithm.invalidSinkError(self._parameters, name))
        return sink, destination


def _written_through(value: Any, destination: str) -> Any:  # noqa: ANN401 - whatever was given
    """The value of an output of features; for a link, that of what it leads to, as QGIS would replace the link."""
    if not os.path.islink(destination):
        return value
    target = os.path.realpath(destination)
    if not isinstance(value, QgsProcessingOutputLayerDefinition):
        return target
    definition = QgsProcessingOutputLayerDefinition(value)
    definition.sink = QgsProperty.fromValue(target)
    return definition


def rare_number(
    name: str, title: str, *, least: float = 1, default: int | None = None, whole: bool = True
) -> QgsProcessingParameterNumber:
    """A number that few set; without a default it is not set and leaves the choice to the preset."""
    kinds = QgsProcessingParameterNumber.Type
    kind = kinds.Integer if whole else kinds.Double
    return QgsProcessingParameterNumber(name, title, kind, default, optional=default is None, minValue=least)


class ParameterGroup(Protocol):
    """What an algorithm's initAlgorithm names."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add the parameters, or outputs, in the order of the dialog."""


@dataclass(frozen=True)
class Seed:
    """SEED.

    Attributes:
        help: Marked for the translators.
    """

    help: str = translatable("The same seed, inputs and device give the same result.")

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add the seed of all that is drawn at random."""
        number = QgsProcessingParameterNumber(
            "SEED", tr("Random seed"), QgsProcessingParameterNumber.Type.Integer, 0, minValue=0, maxValue=LARGEST_SEED
        )
        algorithm.declare(number, tr(self.help), advanced=True)


class Device:
    """DEVICE."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add the choice of processor or graphics card."""
        device = QgsProcessingParameterString("DEVICE", tr("Device"), "auto")
        device.setMetadata({"widget_wrapper": {"value_hints": list(_DEVICES)}})
        algorithm.declare(
            device,
            tr(
                "auto takes a graphics card where torch can use one, else the processor, and the log says why. "
                "cpu is the processor, cuda the first graphics card, cuda:1 the second and so on; "
                "with these there is no falling back. 'Check environment' lists the cards."
            ),
            advanced=True,
        )


class Overlaps:
    """OVERLAPS."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add the choice of what is done where polygons of different classes overlap."""
        algorithm.declare(
            QgsProcessingParameterEnum(
                "OVERLAPS",
                tr("Overlapping polygons of different classes"),
                list(_OVERLAPS),
                False,
                _OVERLAPS[0],
                usesStaticStrings=True,
            ),
            tr(
                "A pixel can have one class only. refuse: the run stops and names the polygons. later: the feature "
                "that was added later wins. drop: pixels of several classes are left out."
            ),
            advanced=True,
        )

    def read(self, values: ParameterValues) -> str:
        """What is done there: a word of bridge/vector/overlaps.py."""
        return values.choice("OVERLAPS")


class WorkerOutputs:
    """SECONDS and DEVICE_USED, which every task of the worker has."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add both."""
        algorithm.addOutput(QgsProcessingOutputNumber("SECONDS", tr("Seconds in the worker")))
        algorithm.addOutput(QgsProcessingOutputString("DEVICE_USED", tr("Device used")))


def read_label_layer(values: ParameterValues, name: str, source: RasterSource) -> LabelLayer:
    """The labelled features of a layer with CLASS_FIELD and OVERLAPS, in the raster's CRS.

    Raises:
        QgsProcessingException: The layer or its field cannot be used.
    """
    from ..bridge.vector.labels import read_labels

    labels = read_labels(
        values.source(name), values.vector_layer(name), values.field("CLASS_FIELD"), source.grid.crs, values.transforms
    )
    return replace(labels, overlaps=Overlaps().read(values))
