# SPDX-License-Identifier: GPL-2.0-or-later
"""A table whose cells are shaded by their values: timesteps and stages of a decoder.

Enters: labels and values. Leaves: HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Callable

from ..html import NONE

_DARK = (31, 95, 130)  # of the highest value; the lowest is white
_WIDE = 12  # columns from which on the table is set in a smaller type
_WHITE_TEXT = 0.6  # shade from which on text is white


@dataclass(frozen=True)
class HeatMap:
    """A table of values.

    Attributes:
        rows: Labels of the rows.
        columns: Labels of the columns.
        values: One a row and column; None where there is none.
        low: Value that is white.
        high: Value that is darkest.
        text: What is written into a cell.
        axes: What the rows are, and what the columns are.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float | None]]
    low: float
    high: float
    text: Callable[[float], str]
    axes: tuple[str, str] = ("stage", "timestep")

    def html(self) -> str:
        """The table."""
        row_axis, column_axis = (escape(axis) for axis in self.axes)
        head = "".join(f"<th>{escape(label)}</th>" for label in self.columns)
        body = "".join(
            f'<tr><th class="name">{escape(label)}</th>{"".join(self._cell(value) for value in row)}</tr>'
            for label, row in zip(self.rows, self.values)
        )
        size = " wide" if len(self.columns) >= _WIDE else ""
        return (
            f'<div class="scroll"><table class="matrix{size}"><thead><tr><th></th>'
            f'<th class="axis" colspan="{len(self.columns)}">{column_axis}</th></tr>'
            f'<tr><th class="name">{row_axis}</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        )

    def _cell(self, value: float | None) -> str:
        if value is None:
            return f"<td>{NONE}</td>"
        share = min(1.0, max(0.0, (value - self.low) / ((self.high - self.low) or 1.0)))
        colour = "#" + "".join(f"{round(255 + share * (end - 255)):02x}" for end in _DARK)
        ink = ";color:#fff" if share > _WHITE_TEXT else ""
        return f'<td style="background:{colour}{ink}">{escape(self.text(value))}</td>'
