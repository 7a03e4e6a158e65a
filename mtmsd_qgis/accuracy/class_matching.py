# SPDX-License-Identifier: GPL-2.0-or-later
"""Which class of a map a value of a reference layer means.

Enters: values of a field (whole numbers or text), and the names that a map's ids have. Leaves: an id, or None where the
map has no such name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Callable

from ..errors import SamplesError
from ..sampling.class_values import Key, as_whole_number, plain_text


def match_classes(keys: Iterable[Key], labels: Mapping[Key, str], *names: Mapping[int, str]) -> dict[Key, int | None]:
    """The map's id of each value.

    A value is looked for among the map's names: as it is, then with other capitals and blanks, then by the label that
    it has in the layer's own legend. A number that is no name is an id, also where it is written as text.

    Args:
        keys: Values of the field.
        labels: What the layer's legend calls them.
        names: Of the map's ids; several where its legend and its file tell different ones, and the first that knows
            a value counts.

    Raises:
        SamplesError: Two ids of the map have the name of a value.
    """
    exact, loose = ([_ids_by_name(told, form) for told in names] for form in (str, plain_text))
    matched: dict[Key, int | None] = {}
    for key in keys:
        tries = [(str(key), exact), (plain_text(str(key)), loose), (plain_text(labels.get(key, "")), loose)]
        ids = next((by_name[text] for text, told in tries for by_name in told if text in by_name), [])
        if len(ids) > 1:
            raise SamplesError(
                f"The class '{key}' should be one class of the map; {len(ids)} have this name: ids "
                f"{', '.join(map(str, ids[:10]))}. Give them different names, or choose a CLASS_FIELD that holds ids."
            )
        matched[key] = ids[0] if ids else as_whole_number(key)
    return matched


def _ids_by_name(names: Mapping[int, str], form: Callable[[str], str]) -> dict[str, list[int]]:
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for number, name in names.items():
        if name.strip():
            by_name[form(name)].append(number)
    return dict(by_name)
