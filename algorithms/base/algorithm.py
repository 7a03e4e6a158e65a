# SPDX-License-Identifier: GPL-2.0-or-later
"""What the algorithms have in common: icon, help, errors, the parameters they share, the run of the worker."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from qgis.core import (
    NULL,
    Qgis,
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsProcessingUtils,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QIcon

from ...mtmsd_qgis.errors import MtmsdError
from ..help_text import help_text
from ..translation import tr

if TYPE_CHECKING:
    from ..bridge.layers.layer_names import Title
    from ..bridge.layers.styling import Style

ROOT = Path(__file__).resolve().parents[2]
HELP = "https://github.com/mtmsd-qgis/mtmsd/blob/main/docs/"
_LARGEST_SEED = 2**31 - 1
_RASTER_SUFFIXES = (".tif", ".tiff")
OVERLAPS = ("refuse", "later", "drop")
_DEVICES = ("auto", "cpu", "cuda", "cuda:0", "cuda:1", "cuda:2", "cuda:3")  # offered; others can be typed in scripts

Parameters = Mapping[str, Any]


class MtmsdAlgorithm(QgsProcessingAlgorithm):
    """Base of all our algorithms.

    A subclass declares its parameters in initAlgorithm, looks at layers in collect (on the thread that owns them),
    and works in compute (on any thread).
    """

    MODULE = "torch"  # what the worker's Python must have for this algorithm; empty: no worker

    # Of one run; Processing makes a new instance for each.
    _refusal: str | None = None
    _destinations: Mapping[str, str] = MappingProxyType({})
    _styles: Sequence[tuple[str, Style]] = ()
    _titles: Sequence[tuple[str, Title]] = ()

    tr = staticmethod(tr)

    def createInstance(self) -> MtmsdAlgorithm:
        """A new algorithm of the same kind."""
        return type(self)()

    def group(self) -> str:
        """Heading in the toolbox."""
        return self.tr("Map a scene")

    def groupId(self) -> str:
        """Fixed id of the heading."""
        return "mapscene"

    def icon(self) -> QIcon:
        """Our own drawing."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        """Where the drawing lies."""
        return str(ROOT / "icons" / f"{self.name()}.svg")

    def about(self) -> str:
        """What it does, in a few sentences of plain text."""
        raise NotImplementedError

    def shortHelpString(self) -> str:
        """What stands beside the dialog."""
        return help_text(self.about(), self.parameterDefinitions())

    def helpUrl(self) -> str:
        """The page of this algorithm in the user's guide."""
        return f"{HELP}{self.name()}.md"

    def validateInputCrs(self, parameters: Parameters, context: QgsProcessingContext) -> bool:
        """Layers of another CRS are reprojected, so there is nothing to warn of."""
        return True

    def canExecute(self) -> tuple[bool, str]:
        """Whether a Python for the worker may be there, without starting one."""
        from ..bridge.worker.interpreter import missing_interpreter

        trouble = missing_interpreter(self.MODULE) if self.MODULE else ""
        return not trouble, trouble

    def checkParameterValues(self, parameters: Parameters, context: QgsProcessingContext) -> tuple[bool, str]:
        """Also check what the settings check themselves, before the dialog closes its first tab."""
        fine, message = super().checkParameterValues(parameters, context)
        if fine:
            try:
                self.check_settings(parameters, context)
            except MtmsdError as error:
                return False, str(error)
        return fine, message

    def check_settings(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Make the task's settings; nothing that needs a layer or a file.

        Raises:
            MtmsdError: A value is out of range.
        """

    def prepareAlgorithm(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Look at the layers.

        An exception from here would reach the user as "There were errors executing the algorithm", so a refusal is
        kept until processAlgorithm can raise it with its own words.
        """
        self._refusal = None
        try:
            with plain_errors():
                _, trouble = self.canExecute()  # its answer stops dialogs only
                if trouble:
                    raise QgsProcessingException(trouble)
                self.collect(parameters, context, feedback)
        except QgsProcessingException as refusal:
            self._refusal = str(refusal)
        return True

    def processAlgorithm(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do the work."""
        if self._refusal is not None:
            raise QgsProcessingException(self._refusal)
        from ..bridge.feedback import start_clock
        from ..bridge.files.output_locks import lock_outputs

        start_clock(feedback)
        with plain_errors(), lock_outputs(self._output_files(parameters, context)):
            return self.compute(parameters, context, feedback)

    def _output_files(self, parameters: Parameters, context: QgsProcessingContext) -> Iterator[Path]:
        """The files that the user named for outputs; temporary ones have names of their own anyway."""
        for definition in self.destinationParameterDefinitions():
            value = parameters.get(definition.name())
            if isinstance(value, QgsProcessingOutputLayerDefinition):
                value, _ = value.sink.valueAsString(context.expressionContext())
            if isinstance(value, str) and os.path.isabs(value):
                yield Path(value)

    def collect(self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        """Take from the layers what compute needs, and refuse what cannot work."""
        raise NotImplementedError

    def compute(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do the work and return a value for every declared output."""
        raise NotImplementedError

    def declare(self, parameter: QgsProcessingParameterDefinition, text: str, *, advanced: bool = False) -> None:
        """Add a parameter with its help."""
        parameter.setHelp(text)
        if advanced:
            parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(parameter)

    def declare_number(
        self, name: str, title: str, text: str, *, least: float = 1, default: int | None = None, whole: bool = True
    ) -> None:
        """Add a rare knob: a number; without a default it is not set and leaves the choice to the preset."""
        kinds = QgsProcessingParameterNumber.Type
        kind = kinds.Integer if whole else kinds.Double
        number = QgsProcessingParameterNumber(name, title, kind, default, optional=default is None, minValue=least)
        self.declare(number, text, advanced=True)

    def declare_seed(self, text: str) -> None:
        """Add the seed of all that is drawn at random."""
        self.declare(
            QgsProcessingParameterNumber(
                "SEED",
                self.tr("Random seed"),
                QgsProcessingParameterNumber.Type.Integer,
                0,
                minValue=0,
                maxValue=_LARGEST_SEED,
            ),
            text,
            advanced=True,
        )

    def declare_seed_and_device(self) -> None:
        """Add what every task of the worker has."""
        self.declare_seed(self.tr("The same seed, inputs and device give the same result."))
        device = QgsProcessingParameterString("DEVICE", self.tr("Device"), "auto")
        device.setMetadata(
            {"widget_wrapper": {"value_hints": ["auto", "cpu", "cuda", "cuda:0", "cuda:1", "cuda:2", "cuda:3"]}}
        )
        self.declare(
            device,
            self.tr(
                "auto takes a graphics card where torch can use one, else the processor, and the log says why. "
                "cpu is the processor, cuda the first graphics card, cuda:1 the second and so on; "
                "with these there is no falling back. 'Check environment' lists the cards."
            ),
            advanced=True,
        )

    def declare_overlaps(self) -> None:
        """Add the choice of what is done where polygons of different classes overlap."""
        self.declare(
            QgsProcessingParameterEnum(
                "OVERLAPS",
                self.tr("Overlapping polygons of different classes"),
                list(OVERLAPS),
                False,
                OVERLAPS[0],
                usesStaticStrings=True,
            ),
            self.tr(
                "A pixel can have one class only. refuse: the run stops and names the polygons. later: the feature "
                "with the higher id wins. drop: pixels of several classes are left out."
            ),
            advanced=True,
        )

    def overlaps(self, parameters: Parameters, context: QgsProcessingContext) -> str:
        """What is done where polygons of different classes overlap."""
        return self.parameterAsEnumString(parameters, "OVERLAPS", context)

    def declare_worker_outputs(self) -> None:
        """Add the outputs that every task of the worker has."""
        self.addOutput(QgsProcessingOutputNumber("SECONDS", self.tr("Seconds in the worker")))
        self.addOutput(QgsProcessingOutputString("DEVICE_USED", self.tr("Device used")))

    def whole_number(self, parameters: Parameters, name: str, context: QgsProcessingContext) -> int | None:
        """An optional whole number; None where it is not given."""
        return self.parameterAsInt(parameters, name, context) if is_given(parameters, name) else None

    def number(self, parameters: Parameters, name: str, context: QgsProcessingContext) -> float | None:
        """An optional number; None where it is not given."""
        return self.parameterAsDouble(parameters, name, context) if is_given(parameters, name) else None

    def output_path(self, parameters: Parameters, name: str, context: QgsProcessingContext) -> Path | None:
        """Where an output file goes; None where it is not wanted."""
        text = self.parameterAsFileOutput(parameters, name, context)
        return Path(text) if text else None

    def raster_path(self, parameters: Parameters, name: str, context: QgsProcessingContext) -> Path | None:
        """Where an output raster goes; None where it is not wanted.

        Raises:
            QgsProcessingException: It is not to be a GeoTIFF.
        """
        text = self.parameterAsOutputLayer(parameters, name, context)
        if text and Path(text).suffix.lower() not in _RASTER_SUFFIXES:
            raise QgsProcessingException(
                f"{name} should be a GeoTIFF (.tif); found {text}. Choose a name that ends so."
            )
        self._destinations = {**self._destinations, name: text}
        return Path(text) if text else None

    def style_output(self, name: str, style: Style) -> None:
        """Have an output layer styled, where QGIS loads it after the run."""
        self._styles = [*self._styles, (self._destinations[name], style)]

    def name_output(self, name: str, scene: str, group: str = "") -> None:
        """Have an output layer named after what it is and its scene, and put into a group, where QGIS loads it."""
        from ..bridge.layers.layer_names import Title, scene_of

        kind = self.parameterDefinition(name).description()
        title = Title(kind, scene, group.format(scene=scene_of(scene)))
        self._titles = [*self._titles, (self._destinations[name], title)]

    def postProcessAlgorithm(self, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Hand styles and names over; not called after a failure."""
        from ..bridge.layers.layer_names import name_layer
        from ..bridge.layers.styling import Styler

        for destination, title in self._titles:
            name_layer(context, destination, title)
        for destination, style in self._styles:
            Styler.attach(context, destination, style)
        return {}

    def vector_layer(self, parameters: Parameters, name: str, context: QgsProcessingContext) -> QgsVectorLayer | None:
        """The layer behind a feature source, for its style; also where only its selected features are used."""
        value = parameters.get(name)
        if isinstance(value, QgsProcessingFeatureSourceDefinition):
            reference, _ = value.source.valueAsString(context.expressionContext())
            layer: QgsMapLayer | None = QgsProcessingUtils.mapLayerFromString(reference, context)
            return layer if isinstance(layer, QgsVectorLayer) else None
        return self.parameterAsVectorLayer(parameters, name, context)

    def facts(self, extra: Mapping[str, str]) -> dict[str, str]:
        """What the host knows for a report."""
        version = self.provider().versionInfo() if self.provider() else ""
        return {**extra, "Plugin": f"MTMSD for QGIS {version}".strip(), "QGIS": Qgis.QGIS_VERSION}


def is_given(parameters: Parameters, name: str) -> bool:
    """Whether a parameter has a value; a model hands over NULL for one that has none."""
    value = parameters.get(name)
    return value is not None and value != NULL and value != ""


@contextmanager
def plain_errors() -> Iterator[None]:
    """Our errors, and those of files, in the form that Processing shows.

    Raises:
        QgsProcessingException: In place of them.
    """
    try:
        yield
    except MtmsdError as error:
        raise QgsProcessingException(str(error)) from None
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        raise QgsProcessingException(
            f"A file could not be read or written{place}: {error.strerror or error}. "
            "Check the place and the free space."
        ) from None
    except MemoryError:
        raise QgsProcessingException("QGIS ran out of memory. Close other programs, or use a smaller raster.") from None
