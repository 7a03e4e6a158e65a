# SPDX-License-Identifier: GPL-2.0-or-later
"""What only newer versions of QGIS know: flags for risks and for the documentation (3.40), formats of rasters (4.0)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qgis import core
from qgis.core import Qgis


def qgis_member(enumeration: str, name: str) -> Any | None:  # noqa: ANN401 - a member of an enumeration that may be none
    """A member of an enumeration of Qgis; None where this QGIS has no such one."""
    return getattr(getattr(Qgis, enumeration, None), name, None)


def format_pairs(pairs: Iterable[tuple[str, str]]) -> list[Any]:
    """Formats of rasters and their suffixes: pairs in QGIS 4.0, objects of a class of their own where QGIS has that.

    Source: QGIS pull requests 64226 and 66368.
    """
    kind = getattr(core, "QgsProcessingFormatExtensionPair", None)
    return [pair if kind is None else kind(*pair) for pair in pairs]
