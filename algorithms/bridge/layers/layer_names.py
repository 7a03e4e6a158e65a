# SPDX-License-Identifier: GPL-2.0-or-later
"""How output layers are called in the project: by what they are and the scene they show, in a group of their own."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.core import QgsProcessingContext

_BETWEEN = " – "


@dataclass(frozen=True)
class Title:
    """Of an output layer.

    Attributes:
        kind: What the output is called where nobody chose a name, such as "Class map".
        scene: Name of the raster or layer it is made from.
        group: Of layers; empty for none.
    """

    kind: str
    scene: str
    group: str = ""

    @property
    def text(self) -> str:
        """Such as "Class map – Potsdam"; a scene that is an output itself gives its own scene."""
        return f"{self.kind}{_BETWEEN}{scene_of(self.scene)}"


def scene_of(layer: str) -> str:
    """The scene in the name of an output layer; other names as they are."""
    return layer.rsplit(_BETWEEN, 1)[-1]


def name_layer(context: QgsProcessingContext, destination: str, title: Title) -> None:
    """Name an output layer that QGIS will load; a name that the user or a model's author chose stays.

    QGIS itself takes the file's name instead, where its option "Use filename as layer name" is on. Groups came with
    QGIS 3.32.
    """
    if not destination or not context.willLoadLayerOnCompletion(destination):
        return
    details = context.layerToLoadOnCompletionDetails(destination)
    if details.name in ("", title.kind):
        details.name = title.text
    if title.group and hasattr(details, "groupName") and not details.groupName:
        details.groupName = title.group
