# SPDX-License-Identifier: GPL-2.0-or-later
"""What the analyst chose for classes, samples and map, and what each choice did to the map.

Enters: figures of a map task, and what QGIS knows of the tables. Leaves: frozen dataclasses that cross the process line
and that reports read.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ChoiceFacts:
    """What the choices of a run did.

    Attributes:
        class_table: Sentences on classes that were merged or left out.
    """

    class_table: tuple[str, ...] = ()
