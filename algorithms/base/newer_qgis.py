# SPDX-License-Identifier: GPL-2.0-or-later
"""What only newer versions of QGIS know of an algorithm: QGIS 3.40 has flags for risks and for the documentation."""

from __future__ import annotations

from typing import Any

from qgis.core import Qgis


def qgis_member(enumeration: str, name: str) -> Any | None:  # noqa: ANN401 - a member of an enumeration that may be none
    """A member of an enumeration of Qgis; None where this QGIS has no such one."""
    return getattr(getattr(Qgis, enumeration, None), name, None)
