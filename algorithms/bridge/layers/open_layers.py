# SPDX-License-Identifier: GPL-2.0-or-later
"""Layers of the project whose file a run has written anew.

QGIS keeps files open and goes on showing what a file held before it was replaced, under the new legend.
"""

from __future__ import annotations

from collections.abc import Sequence

from qgis.core import QgsDataProvider, QgsMapLayer, QgsProject, QgsProviderRegistry

from ..files.file_places import FilePlace, place_of_destination
from .styling import Style


def read_anew(project: QgsProject | None, written: Sequence[FilePlace], styles: Sequence[tuple[str, Style]]) -> None:
    """Have open layers show what their files hold now; those that are being edited stay as they are.

    Args:
        project: Whose layers they are; None where there is none.
        written: Files of the run.
        styles: Destinations of the run, and how their layers look.
    """
    if project is None or not written:
        return
    looks = [(place, style) for text, style in styles if (place := place_of_destination(text)) is not None]
    for layer in project.mapLayers().values():
        place = _place_of(layer)
        if place is None or layer.isEditable() or not any(place.overlaps(each) for each in written):
            continue
        _open_again(layer)
        for styled, style in looks:
            if place.overlaps(styled):
                style(layer)
        layer.triggerRepaint()


def _place_of(layer: QgsMapLayer) -> FilePlace | None:
    """The file or table that a layer shows; None where it is in none."""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    path = parts.get("path")
    return FilePlace.of(path, parts.get("layerName") or "") if path else None


def _open_again(layer: QgsMapLayer) -> None:
    """Extent, bands and fields too, for which a reload of the layer alone is not enough."""
    layer.setDataSource(layer.source(), layer.name(), layer.providerType(), QgsDataProvider.ProviderOptions())
    layer.reload()
