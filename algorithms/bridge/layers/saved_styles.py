# SPDX-License-Identifier: GPL-2.0-or-later
"""Styles kept with an output, in its database or in a .qml beside it, so that later loads look like the first one.

All of it is work of the main thread: QGIS's symbols and styles belong there, and saving one may ask a question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Callable, ClassVar

from qgis.core import QgsProcessingException, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication, QObject, Qt, QThread, pyqtSignal

from ..files.owned_files import STYLE_MARK, may_be_written
from .styling import Style, save_beside

_NAME = "classes"
_RASTERS = (".tif", ".tiff", ".vrt")


def save_styles(styles: Sequence[tuple[str, Style]]) -> list[str]:
    """Keep each style with the file of its layer; a layer in memory or a server has it only while it is loaded.

    Args:
        styles: Destinations of a run, and their styles. The first of two that share a .qml has it.

    Returns:
        A sentence for each that could not be kept.
    """
    sentences: list[str] = []
    kept: list[tuple[str, Style]] = []
    taken: set[Path] = set()
    for destination, style in styles:
        path = Path(destination.split("|")[0])
        if not path.is_file():
            continue
        place = path.with_suffix(".qml")
        if path.suffix.lower() == ".gpkg":
            kept.append((destination, style))
        elif place in taken or not may_be_written(place, path):
            sentences.append(
                f"{place} was left as it is, as it belongs to another layer, and QGIS takes it for {path.name} too. "
                "Choose another name for the output to have its names and colours kept beside it."
            )
        else:
            taken.add(place)
            kept.append((destination, style))
    if kept:
        on_main_thread(lambda: sentences.extend(_save_all(kept)))
    return sentences


def on_main_thread(work: Callable[[], object]) -> None:
    """Do something on the main thread: now, where this is it; else as soon as it has time, without waiting for it.

    Processing calls the end of an algorithm on the main thread, except where a script runs it in a thread of its own.
    """
    application = QCoreApplication.instance()
    if application is None or QThread.currentThread() == application.thread():
        work()
    else:
        _Request(work).asked.emit()


class _Request(QObject):
    """Work that waits for the main thread."""

    asked = pyqtSignal()
    _waiting: ClassVar[list[_Request]] = []  # Qt keeps no reference of its own

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self._work = work
        self.moveToThread(QCoreApplication.instance().thread())
        self.asked.connect(self._do, Qt.ConnectionType.QueuedConnection)
        self._waiting.append(self)

    def _do(self) -> None:
        self._waiting.remove(self)
        self._work()


def _save_all(styles: Sequence[tuple[str, Style]]) -> Iterator[str]:
    for destination, style in styles:
        try:
            _save(destination, style)
        except QgsProcessingException as error:  # the layer itself is there
            yield str(error)


def _save(destination: str, style: Style) -> None:
    path = Path(destination.split("|")[0])
    if path.suffix.lower() in _RASTERS:
        save_beside(QgsRasterLayer(str(path)), style, path)
        return
    layer = QgsVectorLayer(destination, "samples", "ogr")
    if path.suffix.lower() == ".gpkg":
        _save_inside(layer, style)
    else:
        save_beside(layer, style, path)


def _save_inside(layer: QgsVectorLayer, style: Style) -> None:
    """Write the style into the database that the layer lies in, as its default; a GeoPackage can hold it.

    One that an earlier run left for this table is taken away first: QGIS before 3.26 would ask in a window whether it
    may be replaced. Others stay.
    """
    style(layer)
    related, ids, names, descriptions, _ = layer.listStylesInDatabase()
    rows = list(zip(ids, names, descriptions))[: max(related, 0)]
    for number, _, description in rows:
        if description == STYLE_MARK:
            layer.deleteStyleFromDatabase(number)
    taken = {name for _, name, description in rows if description != STYLE_MARK}
    names = [_NAME, *(f"{_NAME} {number}" for number in range(2, len(taken) + 3))]
    layer.saveStyleToDatabase(next(name for name in names if name not in taken), STYLE_MARK, True, "")
