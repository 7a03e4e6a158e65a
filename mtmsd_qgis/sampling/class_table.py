# SPDX-License-Identifier: GPL-2.0-or-later
"""A table of classes: names and colours, which classes are merged, which are left out.

Enters: rows of a table, and the values of a class field. Leaves: the class that each value becomes. Values match as
those of two layers do (class_values.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import SamplesError
from .class_values import Key, as_whole_number, matching_values, same_class

_MOST_NAMED = 10  # values in a sentence


@dataclass(frozen=True)
class ClassRow:
    """What the table says of a class.

    Attributes:
        value: Of the class field.
        name: For legend and report; empty where the layer's own is kept.
        color: #rrggbb; empty likewise.
        merged_into: Value of the class that its samples belong to; None where they stay.
        left_out: Whether its samples are not used at all.
        area: Of the class, in the unit of all of them; None where it is not told.
    """

    value: Key
    name: str = ""
    color: str = ""
    merged_into: Key | None = None
    left_out: bool = False
    area: float | None = None


@dataclass(frozen=True)
class ClassTable:
    """Rows that do not contradict each other.

    Attributes:
        name: Of the table, for messages.
        rows: In the order of the table.
    """

    name: str
    rows: tuple[ClassRow, ...]

    def __post_init__(self) -> None:
        """Check the rows.

        Raises:
            SamplesError: A class has two rows, is merged and left out, or is merged in a circle or into one left out.
        """
        seen: list[Key] = []
        for row in self.rows:
            again = next((value for value in seen if same_class(row.value, value)), None)
            if again is not None:
                raise SamplesError(
                    f"One row a class was expected in the table {self.name}; '{row.value}' has two"
                    + (f", the other one as '{again}'" if again != row.value else "")
                    + ". Take one of them out."
                )
            seen.append(row.value)
        for row in self.rows:
            self._end_of(row)

    @property
    def tells_areas(self) -> bool:
        """Whether a class that is not left out has an area."""
        return any(row.area is not None and not row.left_out for row in self.rows)

    def targets(self, keys: Iterable[Key], elsewhere: Iterable[Key] = ()) -> dict[Key, Key | None]:
        """The class that each value becomes: another one, itself, or None where it is left out.

        Args:
            keys: Values of the class field of a layer.
            elsewhere: Values that another layer has, into which a class may be merged too.

        Raises:
            SamplesError: A class is merged into one that neither the table nor a layer has.
        """
        known = list(dict.fromkeys(keys))
        rows = self._rows_of(known)
        targets: dict[Key, Key | None] = {}
        for key in known:
            row = rows.get(key)
            if row is None or self._end_of(row) == row.value:
                targets[key] = None if row is not None and row.left_out else key
            else:
                targets[key] = self._as_layer_has_it(row, known, elsewhere)
        return targets

    def styles(self, keys: Sequence[Key]) -> dict[Key, tuple[str, str]]:
        """Name and colour of classes by their value, either empty where the table does not tell."""
        return {key: (row.name, row.color) for key, row in self._rows_of(keys).items()}

    def areas(self, targets: Mapping[Key, Key | None]) -> dict[Key, float]:
        """Area of classes by their value: those of the values that become them, added.

        A class is missing where one of its values with samples has no area. A new class without samples of its own may
        tell that of all of them instead.

        Args:
            targets: The class that each value with samples becomes; None where it is left out.
        """
        told: dict[Key, dict[Key, float]] = {}
        for row in self.rows:
            if row.area is not None and not row.left_out:
                told.setdefault(self._end_of(row), {})[row.value] = row.area
        rows = self._rows_of(list(targets))
        lacking = {target for key, target in targets.items() if key not in rows or rows[key].area is None}
        with_samples = {row.value for row in rows.values()}
        ends = matching_values([target for target in targets.values() if target is not None], told)
        return {
            key: sum(told[end].values())
            for key, end in ends.items()
            if key not in lacking or (list(told[end]) == [end] and end not in with_samples)
        }

    def unused(self, keys: Iterable[Key]) -> list[Key]:
        """Values of the table that no layer has and that no class is merged into."""
        used = {row.value for row in self._rows_of(list(keys)).values()}
        ends = {self._end_of(row) for row in self.rows if row.value in used}
        return [row.value for row in self.rows if row.value not in used and row.value not in ends]

    def _rows_of(self, keys: Sequence[Key]) -> dict[Key, ClassRow]:
        rows = {row.value: row for row in self.rows}
        return {key: rows[value] for key, value in matching_values(keys, rows).items()}

    def _end_of(self, row: ClassRow) -> Key:
        """The value that a row's samples end up with, as the table has it.

        Raises:
            SamplesError: They end up nowhere.
        """
        rows = {each.value: each for each in self.rows}
        passed, at = [row.value], row
        while at.merged_into is not None:
            if at.left_out:
                raise SamplesError(
                    f"The table {self.name} leaves the class '{at.value}' out and merges it into '{at.merged_into}'. "
                    "Choose one of the two."
                )
            value = matching_values([at.merged_into], rows).get(at.merged_into)
            if value is None:
                return at.merged_into
            if value == at.value:  # merged into itself: it stays, all of it spelled as that is
                return at.merged_into
            if value in passed:
                raise SamplesError(
                    f"The table {self.name} merges classes in a circle: {' into '.join(map(str, [*passed, value]))}. "
                    "One of them has to stay."
                )
            passed.append(value)
            at = rows[value]
        if at.left_out and at is not row:
            raise SamplesError(
                f"The table {self.name} merges the class '{row.value}' into '{at.value}' and leaves that one out. "
                f"Leave '{row.value}' out too, or merge it into another class."
            )
        return at.value

    def _as_layer_has_it(self, row: ClassRow, known: Sequence[Key], elsewhere: Iterable[Key]) -> Key:
        end = self._end_of(row)
        found = matching_values([end], known).get(end)
        if found is not None:
            return found
        in_table = matching_values([end], [each.value for each in self.rows])
        if not in_table and not matching_values([end], list(elsewhere)):
            raise SamplesError(
                f"The table {self.name} merges the class '{row.value}' into '{end}', and neither the table nor the "
                f"class field has '{end}'. Classes of the field: {_listed(known)}. Correct the value, or give the new "
                "class a row of its own."
            )
        number = as_whole_number(end)
        return number if number is not None and all(isinstance(key, int) for key in known) else end


def merged(targets: Mapping[Key, Key | None]) -> dict[Key, list[Key]]:
    """Class -> the values that become it, where these are not the class's own value alone."""
    into: dict[Key, list[Key]] = {}
    for key, target in targets.items():
        if target is not None:
            into.setdefault(target, []).append(key)
    return {target: keys for target, keys in into.items() if keys != [target]}


def refuse_strange(table: ClassTable, keys: Sequence[Key], layer: str) -> None:
    """A table that has nothing to do with the layer is another one.

    Raises:
        SamplesError: No value of the table is one of the layer's.
    """
    if len(table.unused(keys)) < len(table.rows):
        return
    raise SamplesError(
        f"Classes of the training layer were expected in the table {table.name}. Its values are "
        f"{_listed([row.value for row in table.rows]) or 'missing'}; the class field of the layer {layer} has "
        f"{_listed(keys)}. Use the table of these classes, or another CLASS_FIELD."
    )


def _listed(keys: Sequence[Key]) -> str:
    more = f" and {len(keys) - _MOST_NAMED} more" if len(keys) > _MOST_NAMED else ""
    return ", ".join(f"'{key}'" for key in keys[:_MOST_NAMED]) + more
