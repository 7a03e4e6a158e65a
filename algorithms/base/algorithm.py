# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of every algorithm: what the toolbox shows of it, its checks, its run, its errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from qgis.core import (
    NULL,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsProperty,
)
from qgis.PyQt.QtGui import QIcon

from ...mtmsd_qgis.errors import MtmsdError
from .dependent_parameters import Dependence, unused_parameters
from .help_text import help_text
from .metadata import ROOT, guide_page
from .outputs import RunOutputs
from .parameters import ParameterGroup, Parameters, ParameterValues
from .rasters.raster_files import RasterStorage
from .translation import tr

if TYPE_CHECKING:
    from ..bridge.files.run_files import RunFiles


_LARGEST_WHOLE = 2**31 - 1  # that QGIS reads
_ENDINGS = {".html": (".html", ".htm"), ".json": (".json",), ".csv": (".csv",)}  # by which programs open a document


class MtmsdAlgorithm(QgsProcessingAlgorithm):
    """Base of all our algorithms.

    A subclass declares its parameters in initAlgorithm, looks at layers in collect (on the thread that owns them),
    and works in compute (on any thread).
    """

    MODULE = "torch"  # what the worker's Python must have for this algorithm; empty: no worker

    DEPENDENCES: ClassVar[tuple[Dependence, ...]] = ()  # between its parameters, that no other algorithm has

    # Of one run; Processing makes a new instance for each.
    outputs: RunOutputs
    _files: RunFiles
    _refusal: str | None = None

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
        return guide_page(self.name())

    def declare(self, parameter: QgsProcessingParameterDefinition, text: str, *, advanced: bool = False) -> None:
        """Add a parameter with its help."""
        parameter.setHelp(text)
        if advanced:
            parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(parameter)

    def declare_groups(self, *groups: ParameterGroup) -> None:
        """Add the parameters of groups, one group after the other."""
        for group in groups:
            group.declare(self)

    def validateInputCrs(self, parameters: Parameters, context: QgsProcessingContext) -> bool:
        """Layers of another CRS are reprojected, so there is nothing to warn of."""
        return True

    def canExecute(self) -> tuple[bool, str]:
        """Whether a Python for the worker may be there, without starting one."""
        from ..bridge.worker.interpreter import missing_interpreter

        trouble = missing_interpreter(self.MODULE) if self.MODULE else ""
        return not trouble, trouble

    def checkParameterValues(self, parameters: Parameters, context: QgsProcessingContext) -> tuple[bool, str]:
        """Also check the settings and the names of the outputs, before the dialog closes its first tab."""
        from ..bridge.files.run_files import RunFiles

        fine, message = super().checkParameterValues(parameters, context)
        values = ParameterValues(self, parameters, context)
        try:
            self._refuse_other_kinds(values)  # QGIS refuses some of them too, without a reason
            if fine:
                self.refuse_values(values)
                RunFiles.of((), values.destinations(), values.folder_destinations()).refuse_conflicts()
        except (MtmsdError, QgsProcessingException) as error:
            return False, str(error)
        return fine, message

    def refuse_values(self, values: ParameterValues) -> None:
        """Check what needs no layer and no file.

        Raises:
            MtmsdError: A value is out of range.
            QgsProcessingException: A value is of another kind, or a raster cannot be stored as wanted.
        """
        self._refuse_other_kinds(values)
        self.check_settings(values)
        RasterStorage.check(self, values)

    def _refuse_other_kinds(self, values: ParameterValues) -> None:
        """Values from scripts and models that QGIS reads as another one: a list as no text, a word as 0 or as yes.

        Raises:
            QgsProcessingException: One of them was given.
        """
        for definition in self.parameterDefinitions():
            value, expected = values.raw(definition.name()), ""
            is_list = isinstance(value, (list, tuple, dict))
            if isinstance(value, QgsProperty):
                value, expected = value.asExpression(), "an expression with a value"
            elif isinstance(definition, QgsProcessingParameterEnum) and not _is_choice(definition, value):
                expected = "one of " + ", ".join(definition.options())
            elif isinstance(definition, QgsProcessingParameterString) and is_list:
                expected = "a text, as its help says"
            elif isinstance(definition, QgsProcessingParameterNumber):
                expected = _expected_number(definition, value)
            elif isinstance(definition, QgsProcessingParameterBand) and not _are_bands(value):
                expected = "numbers of bands, as a list, or as a text with semicolons between them"
            elif isinstance(definition, QgsProcessingParameterBoolean) and (is_list or not _is_boolean(value)):
                expected = "true or false"
            if expected:
                raise QgsProcessingException(f"{definition.name()} should be {expected}; found {value}.")

    def refuse_other_endings(self, values: ParameterValues) -> None:
        """Check the names of documents, which programs go by; one may have no ending, or digits such as in v1.2.

        Models are known by content.

        Raises:
            QgsProcessingException: One ends as a file of another kind.
        """
        for definition in self.destinationParameterDefinitions():
            text = values.destination(definition.name())
            suffix = Path(text).suffix.lower()
            if not isinstance(definition, QgsProcessingParameterFileDestination) or not re.search("[a-z]", suffix):
                continue
            for ending, endings in _ENDINGS.items():
                if f"*{ending}" in definition.fileFilter() and suffix not in endings:
                    raise QgsProcessingException(
                        f"{definition.name()} should be a file whose name ends in {ending}, as that is what is "
                        f"written; found {text}."
                    )

    def check_settings(self, values: ParameterValues) -> None:
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
        from ..bridge.files.run_files import RunFiles

        self._refusal = None
        values = ParameterValues(self, parameters, context)
        try:
            with plain_errors():
                _, trouble = self.canExecute()  # its answer stops dialogs only
                if trouble:
                    raise QgsProcessingException(trouble)
                self._refuse_other_kinds(values)
                self._files = RunFiles.of(values.inputs(), values.destinations(), values.folder_destinations())
                self._files.refuse_conflicts()
                RasterStorage.refuse_other_suffixes(self, values)
                self.refuse_other_endings(values)
                RasterStorage.check(self, values)
                self.outputs = RunOutputs(self, self._files)
                self.collect(values, feedback)
        except QgsProcessingException as refusal:
            self._refusal = str(refusal)
        return True

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Take from the layers what compute needs, and refuse what cannot work."""
        raise NotImplementedError

    def processAlgorithm(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do the work."""
        if self._refusal is not None:
            raise QgsProcessingException(self._refusal)
        from ..bridge.feedback import start_clock
        from ..bridge.files.output_locks import lock_outputs

        start_clock(feedback)
        values = ParameterValues(self, parameters, context)
        for sentence in unused_parameters(self, values, self.DEPENDENCES):
            feedback.pushWarning(sentence)
        written = (*self._files.outputs, *self._files.folders)
        with plain_errors(), lock_outputs(each.place.text for each in written):
            return self.compute(values, feedback)

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Do the work and return a value for every declared output."""
        raise NotImplementedError

    def postProcessAlgorithm(self, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Hand styles and names over; not called after a failure."""
        with plain_errors():
            self.outputs.apply(context, feedback)
        return {}


def _is_number(value: Any) -> bool:  # noqa: ANN401 - whatever was given
    """Whether a text, where it is one, is a number for QGIS; empty ones are not given."""
    if not isinstance(value, str) or not value:
        return True
    try:
        float(value)
    except ValueError:
        return False
    return "_" not in value  # which Python takes


def _expected_number(definition: QgsProcessingParameterNumber, value: Any) -> str:  # noqa: ANN401 - whatever was given
    """What a number should be; empty where it is."""
    if isinstance(value, (list, tuple, dict)) or not _is_number(value):
        return "a number, with a point before its decimals"
    if definition.dataType() == QgsProcessingParameterNumber.Type.Integer and not _reads_whole(value):
        return f"a whole number, at most {_LARGEST_WHOLE}"
    least, most = definition.minimum(), definition.maximum()
    if not isinstance(value, (str, int, float)) or value == "" or least <= float(value) <= most:
        return ""
    return f"{least:g} or more" if most >= _LARGEST_WHOLE else f"a number from {least:g} to {most:g}"


def _reads_whole(value: Any) -> bool:  # noqa: ANN401 - whatever was given
    """Whether QGIS reads a number as it is; it rounds others, and what 32 bits cannot hold is another number to it."""
    if not isinstance(value, (str, int, float)) or value == "":
        return True
    number = float(value)
    return number.is_integer() and abs(number) <= _LARGEST_WHOLE


def _is_choice(definition: QgsProcessingParameterEnum, value: Any) -> bool:  # noqa: ANN401 - whatever was given
    """Whether it is one of the words, or not given; to QGIS all else, such as its number in a model, is the default."""
    return value in (None, NULL, "") or value in definition.options()


def _are_bands(value: Any) -> bool:  # noqa: ANN401 - whatever was given
    """Whether QGIS reads bands as they are; to it, a text that is no number is band 0."""
    numbers = value.split(";") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [value]
    return all(_is_number(number) and _reads_whole(number) for number in numbers)


def _is_boolean(value: Any) -> bool:  # noqa: ANN401 - whatever was given
    """Whether a text, where it is one, is read as what it says: to QGIS "no" is true."""
    return not isinstance(value, str) or value.lower() in ("true", "false", "1", "0", "yes", "")


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
        file = f" ({error.filename})" if error.filename else ""
        raise QgsProcessingException(
            f"A file could not be read or written{file}: {error.strerror or error}. Check the place and the free space."
        ) from None
    except MemoryError:
        raise QgsProcessingException("QGIS ran out of memory. Close other programs, or use a smaller raster.") from None
