# SPDX-License-Identifier: GPL-2.0-or-later
"""Which class of a map a value of a reference layer means.

Enters: values of a field (whole numbers or text), and the names that a map's ids have. Leaves: an id, or None where the
map has no such name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Callable

from ..errors import SamplesError
from ..sampling.class_values import Key, as_whole_number, plain_text


def match_classes(keys: Iterable[Key], labels: Mapping[Key, str], *names: Mapping[int, str]) -> dict[Key, int | None]:
    """The map's id of each value.

    A value is looked for among the map's names: as it is, then with other capitals and blanks, then as the number that
    it is ("01" is 1), then by the label that it has in the layer's own legend. A number that is no name is an id, also
    where it is written as text; but not where names are numbers, the field holds them, and the id has the name of
    another number: then the map lacks the class.

    Args:
        keys: Values of the field.
        labels: What the layer's legend calls them.
        names: Of the map's ids; several where its legend and its file tell different ones, and the first that knows
            a value counts.

    Raises:
        SamplesError: Two ids of the map have the name of a value.
    """
    exact, loose, numbers = ([_ids_by_name(told, form) for told in names] for form in (str, plain_text, _number_text))
    found: dict[Key, list[int]] = {}
    for key in keys:
        text, label = str(key), plain_text(labels.get(key, ""))
        tries = [(text, exact), (plain_text(text), loose), (_number_text(text), numbers), (label, loose)]
        ids = next((by_name[form] for form, told in tries for by_name in told if form in by_name), [])
        if len(ids) > 1:
            raise SamplesError(
                f"The class '{key}' should be one class of the map; {len(ids)} have this name: ids "
                f"{', '.join(map(str, ids[:10]))}. Give them different names, or choose a CLASS_FIELD that holds ids."
            )
        found[key] = ids
    holds_names = any(ids and as_whole_number(key) not in (None, *ids) for key, ids in found.items())
    called = {number for told in names for number, name in told.items() if _number_text(name) not in ("", str(number))}
    no_ids = called if holds_names else set()
    return {key: ids[0] if ids else _as_id(key, no_ids) for key, ids in found.items()}


def _as_id(key: Key, no_ids: Collection[int]) -> int | None:
    number = as_whole_number(key)
    return None if number in no_ids else number


def _number_text(text: str) -> str:
    """The whole number that a text is, without leading zeros; empty where it is none."""
    number = as_whole_number(text)
    return "" if number is None else str(number)


def _ids_by_name(names: Mapping[int, str], form: Callable[[str], str]) -> dict[str, list[int]]:
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for number, name in names.items():
        if form(name).strip():
            by_name[form(name)].append(number)
    return dict(by_name)
