# SPDX-License-Identifier: GPL-2.0-or-later
"""When values of two layers are the same class, though one layer has numbers and the other text.

Enters: values of class fields, or of a layer's categories. Leaves: which value of one is which value of the other.

QGIS draws a feature by the category whose value reads the same as text, whatever the types are. Here, what differs
only in the way of writing counts as the same too: blanks, leading zeros, a point with zeros behind it, capitals, signs
that nobody sees, and accents that are signs of their own.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Callable, Optional, Union

Key = Union[int, str]  # a class as a field has it: a whole number, or text
Form = Callable[[Key], Optional[str]]

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_UNSEEN = ("Cc", "Cf")  # Unicode's categories of control and format characters
_TRUTHS = {"false": "0", "true": "1"}


def plain_text(text: str) -> str:
    """Without capitals, needless blanks and signs that nobody sees, such as marks of the writing direction.

    A letter with its accent is one sign, which some programs write as two.
    """
    seen = "".join(sign for sign in text if sign.isspace() or unicodedata.category(sign) not in _UNSEEN)
    return " ".join(unicodedata.normalize("NFC", seen).split()).casefold()


def with_unseen(text: str) -> str:
    r"""A text whose signs that nobody sees are told, such as "water\u200b"."""
    return "".join(f"\\u{ord(sign):04x}" if unicodedata.category(sign) in _UNSEEN else sign for sign in text)


def as_whole_number(key: Key) -> int | None:
    """The whole number that a value is, also as text such as " 01 ", "1.0" or "true"; None where it is none."""
    text = _as_truth(key) or _as_number(key)
    return int(text) if text is not None and "." not in text else None


def in_order(keys: Iterable[Key]) -> list[Key]:
    """Different values, numbers by their size, also as text, before texts."""
    numbers = {key: _as_number(key) for key in keys}
    return sorted(numbers, key=lambda key: (numbers[key] is None, float(numbers[key] or 0), str(key)))


def same_class(one: Key, other: Key) -> bool:
    """Whether two values of one list are a class twice; 1.1 and 1.10 are not: they may be codes of classes."""
    return str(one) == str(other) if _is_fraction(_as_number(one)) else bool(matching_values([one], [other]))


def matching_values(values: Iterable[Key], known: Iterable[Key]) -> dict[Key, Key]:
    """The known value that each value is; those that are none are missing.

    Tried one after the other: the same text, the same number, the same but for capitals and blanks, and 0 and 1 for
    false and true. Where two known values have the same form, that form tells nothing; and 1.10 is not 1.1 where that
    is looked for beside it: they may be codes of classes.

    Args:
        values: Looked for.
        known: Of another layer.
    """
    tables = [(form, _by_form(known := list(known), form)) for form in _FORMS]
    matched, wanted = {}, list(dict.fromkeys(values))
    own = set(map(str, wanted))
    for value in wanted:
        for form, table in tables:
            text = form(value)
            if text is None or text not in table:
                continue
            if form is str or not _is_fraction(text) or str(table[text]) not in own:
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


def _is_fraction(number: str | None) -> bool:
    """Whether it is a number with decimals, as _as_number has it."""
    return number is not None and _NUMBER.fullmatch(number) is not None and "." in number


def _as_truth(key: Key) -> str | None:
    text = plain_text(str(key))
    return _TRUTHS.get(text, text if text in _TRUTHS.values() else None)


_FORMS: tuple[Form, ...] = (str, _as_number, lambda key: plain_text(str(key)), _as_truth)
