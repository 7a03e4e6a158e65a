# SPDX-License-Identifier: GPL-2.0-or-later
"""The creation options of a GDAL driver as this GDAL lists them; GDAL itself only warns of others, in passing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from osgeo import gdal
from qgis.PyQt.QtXml import QDomDocument, QDomElement

_SWITCH = ("YES", "NO", "ON", "OFF", "TRUE", "FALSE", "1", "0")
_WHOLE = ("int", "integer", "unsigned int")
_NUMBERS = ("float", "double")


@dataclass(frozen=True)
class _Option:
    """What the value of an option may be.

    Attributes:
        kind: GDAL's word: "int", "boolean", "string-select" and so on.
        choices: Of a selection; empty where any value goes.
        least: Of a number; None where there is no limit.
        most: Likewise.
    """

    kind: str
    choices: tuple[str, ...]
    least: float | None
    most: float | None

    def expected(self, value: str) -> str:
        """What was expected, where the value is not that; empty where it is fine."""
        if self.kind == "boolean":
            return "" if value.upper() in _SWITCH else "YES or NO"
        if self.choices:
            known = {choice.upper() for choice in self.choices}
            return "" if value.upper() in known else f"one of {', '.join(self.choices)}"
        if self.kind in _WHOLE or self.kind in _NUMBERS:
            return self._expected_number(value)
        return ""

    def _expected_number(self, value: str) -> str:
        whole = self.kind in _WHOLE
        least, most = self.least, self.most
        try:
            number = int(value) if whole else float(value)
            fine = (least is None or number >= least) and (most is None or number <= most)
        except ValueError:
            fine = False
        limits = (f" from {least:g}" if least is not None else "") + (f" to {most:g}" if most is not None else "")
        return "" if fine else f"a {'whole ' if whole else ''}number{limits}"


@dataclass(frozen=True)
class OptionList:
    """The options of a driver.

    Attributes:
        options: By name, in capitals.
    """

    options: Mapping[str, _Option]

    @classmethod
    def of_driver(cls, name: str) -> OptionList | None:
        """Those that this GDAL lists; None where it has no such driver."""
        driver = gdal.GetDriverByName(name)
        if driver is None:
            return None
        document = QDomDocument()
        document.setContent(driver.GetMetadataItem("DMD_CREATIONOPTIONLIST") or "")
        return cls(dict(_listed(document)))

    def trouble(self, name: str, value: str) -> str:
        """What is wrong with an option, as a sentence; empty where nothing is.

        Args:
            name: In capitals.
            value: As it was given.
        """
        option = self.options.get(name)
        if option is None:
            close = get_close_matches(name, self.options, 1)
            hint = f"Did you mean {close[0]}?" if close else f"GDAL {gdal.__version__} knows {', '.join(self.options)}."
            return f"there is no option {name}. {hint}"
        expected = option.expected(value)
        return f"{name} should be {expected}; found {value}." if expected else ""


def _listed(document: QDomDocument) -> Iterator[tuple[str, _Option]]:
    found = document.elementsByTagName("Option")
    for index in range(found.count()):
        element = found.at(index).toElement()
        values = element.elementsByTagName("Value")
        choices = tuple(values.at(number).toElement().text() for number in range(values.count()))
        kind = element.attribute("type")
        choices = choices if kind == "string-select" else ()  # of a plain string they are examples
        yield element.attribute("name").upper(), _Option(kind, choices, _limit(element, "min"), _limit(element, "max"))


def _limit(element: QDomElement, name: str) -> float | None:
    try:
        return float(element.attribute(name))
    except ValueError:
        return None
