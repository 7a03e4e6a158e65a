# SPDX-License-Identifier: GPL-2.0-or-later
"""Fields of layers that are written: their types, and the names that every format takes.

Types go by the names that the running QGIS takes: Qt 6 has no types in QVariant, QGIS 3.22 no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qgis.core import NULL, Qgis, QgsFeature, QgsFields
from qgis.PyQt.QtCore import QMetaType, QVariant

_FIRST_WITH_META_TYPES = 33800  # QGIS 3.38

if Qgis.QGIS_VERSION_INT < _FIRST_WITH_META_TYPES:
    WHOLE_NUMBER = QVariant.Type.Int  # Qt 5
    LONG_NUMBER = QVariant.Type.LongLong  # Qt 5
    TEXT = QVariant.Type.String  # Qt 5
    NUMBER = QVariant.Type.Double  # Qt 5
else:
    WHOLE_NUMBER = QMetaType.Type.Int
    LONG_NUMBER = QMetaType.Type.LongLong
    TEXT = QMetaType.Type.QString
    NUMBER = QMetaType.Type.Double

ID_FIELD = "fid"  # a GeoPackage's own number of a feature
_OF_FORMATS = ("geom", "geometry")  # what GeoPackage and SpatiaLite call their column of geometries


def holds_ids(fields: QgsFields, features: Iterable[QgsFeature]) -> bool:
    """Whether a field called fid can be a GeoPackage's numbers: whole, different, and in all features or in none."""
    index = fields.lookupField(ID_FIELD)
    if index < 0:
        return True
    values = [feature.attribute(index) for feature in features]
    given = [value for value in values if value is not None and value != NULL]
    if not given:
        return True
    whole = all(isinstance(value, int) and not isinstance(value, bool) and value >= 0 for value in given)
    return whole and len(set(given)) == len(values)


def writable_names(fields: QgsFields, first: int, *, ids_kept: bool) -> Mapping[int, str]:
    """New names of the fields that some format could not take under their own, by index.

    A field called fid is a GeoPackage's number of a feature, geom its column of geometries; and most formats hold
    names that differ in capitals alone for one. Layers that were merged, or come from GML, have such fields.

    Args:
        fields: Of a layer.
        first: Index of the field that keeps its name against others that differ in capitals alone.
        ids_kept: A field called fid can stay.
    """
    taken: set[str] = set()
    names = {}
    for index in sorted(range(fields.count()), key=lambda index: index != first):
        name = fields.at(index).name()
        wanted = name
        if name.lower() in _OF_FORMATS or (name.lower() == ID_FIELD and not ids_kept):
            wanted = f"old_{name}"
        number = 2
        while wanted.lower() in taken or (wanted != name and fields.lookupField(wanted) >= 0):
            wanted, number = f"{name}_{number}", number + 1
        taken.add(wanted.lower())
        if wanted != name:
            names[index] = wanted
    return names


def renamed(fields: QgsFields, names: Mapping[int, str]) -> QgsFields:
    """A copy of the fields with other names for some."""
    copy = QgsFields()
    for index in range(fields.count()):
        field = fields.at(index)
        field.setName(names.get(index, field.name()))
        copy.append(field)
    return copy
