# SPDX-License-Identifier: GPL-2.0-or-later
"""Types of fields, by the names that the running QGIS takes: Qt 6 has no types in QVariant, QGIS 3.22 no others."""

from __future__ import annotations

from qgis.core import Qgis
from qgis.PyQt.QtCore import QMetaType, QVariant

_FIRST_WITH_META_TYPES = 33800  # QGIS 3.38

if Qgis.QGIS_VERSION_INT < _FIRST_WITH_META_TYPES:
    WHOLE_NUMBER = QVariant.Type.Int  # Qt 5
    LONG_NUMBER = QVariant.Type.LongLong  # Qt 5
    TEXT = QVariant.Type.String  # Qt 5
else:
    WHOLE_NUMBER = QMetaType.Type.Int
    LONG_NUMBER = QMetaType.Type.LongLong
    TEXT = QMetaType.Type.QString
