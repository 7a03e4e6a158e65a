# SPDX-License-Identifier: GPL-2.0-or-later
"""When values of two layers are the same class, though one layer has numbers and the other text.

Enters: values of class fields, or of a layer's categories. Leaves: which value of one is which value of the other.

QGIS draws a feature by the category whose value reads the same as text, whatever the types are. Here, what differs
only in the way of writing counts as the same too: blanks, leading zeros, a point with zeros behind it, capitals.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Callable, Optional, Union

Key = Union[int, str]  # a class as a field has it: a whole number, or text
Form = Callable[[Key], Optional[str]]

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_TRUTHS = {"false": "0", "true": "1"}


def plain_text(text: str) -> str:
    """Without capitals and needless blanks."""
    return " ".join(text.split()).casefold()


def as_whole_number(key: Key) -> int | None:
    """The whole number that a value is, also as text such as " 01 ", "1.0" or "true"; None where it is none."""
    text = _as_truth(key) or _as_number(key)
    return int(text) if text is not None and "." not in text else None


def matching_values(values: Iterable[Key], known: Iterable[Key]) -> dict[Key, Key]:
    """The known value that each value is; those that are none are missing.

    Tried one after the other: the same text, the same number, the same but for capitals and blanks, and 0 and 1 for
    false and true. Where two known values have the same form, that form tells nothing.

    Args:
        values: Looked for.
        known: Of another layer.
    """
    tables = [(form, _by_form(known := list(known), form)) for form in _FORMS]
    matched = {}
    for value in dict.fromkeys(values):
        for form, table in tables:
            text = form(value)
            if text is not None and text in table:
                matched[value] = table[text]
                break
    return matched


def _by_form(known: Iterable[Key], form: Form) -> Mapping[str, Key]:
    found: defaultdict[str, list[Key]] = defaultdict(list)
    for key in dict.fromkeys(known):
        text = form(key)
        if text is not None:
            found[text].append(key)
    return {text: keys[0] for text, keys in found.items() if len(keys) == 1}


def _as_number(key: Key) -> str | None:
    text = str(key).strip()
    if not _NUMBER.fullmatch(text):
        return None
    whole, _, part = text.partition(".")
    part = part.rstrip("0")
    return f"{int(whole)}.{part}" if part else str(int(whole))


def _as_truth(key: Key) -> str | None:
    text = plain_text(str(key))
    return _TRUTHS.get(text, text if text in _TRUTHS.values() else None)


_FORMS: tuple[Form, ...] = (str, _as_number, lambda key: plain_text(str(key)), _as_truth)
