# SPDX-License-Identifier: GPL-2.0-or-later
"""Values from a file or a line into a dataclass, each of the type that the dataclass declares.

Enters: what json.loads gave, from anywhere. Leaves: an instance, or a ValueError that names the field.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, Callable, TypeVar

Kind = TypeVar("Kind")

_SHOWN = 40  # characters of a wrong value in a message
_LARGEST_WHOLE = 2**63 - 1  # what arrays and files count with


def is_whole(value: object) -> bool:
    """Whether it is a whole number that fits 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST_WHOLE


def is_number(value: object) -> bool:
    """Whether it is a number; NaN and infinities are."""
    return isinstance(value, float) or is_whole(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _all(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, (list, tuple)) and all(check(part) for part in value)


def _is_pair(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(map(is_number, value))


def _or_none(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or check(value)


def _is_object(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


# By the text of the annotation, as Python 3.9 cannot evaluate "int | None".
_CHECKS: dict[str, Callable[[object], bool]] = {
    "str": _is_text,
    "int": is_whole,
    "float": is_number,
    "bool": lambda value: isinstance(value, bool),
    "str | None": _or_none(_is_text),
    "int | None": _or_none(is_whole),
    "float | None": _or_none(is_number),
    "tuple[int, ...]": _all(is_whole),
    "tuple[str, ...]": _all(_is_text),
    "tuple[tuple[float, float], ...]": _all(_is_pair),
    "Mapping[str, Any]": _is_object,
    "Mapping[str, str]": lambda value: isinstance(value, dict) and all(map(_is_text, (*value, *value.values()))),
}


def build(kind: type[Kind], values: object, **made: Any) -> Kind:
    """An instance of a dataclass from JSON values.

    Args:
        kind: A dataclass whose annotations are texts.
        values: An object with some of its fields; those without a default must be there.
        made: Fields that the caller has made from their values already.

    Raises:
        ValueError: No object, an unknown or a missing field, or a value of another type.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{kind.__name__} should be an object, found {shown(values)}")
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {shown(unknown[0])}")
    parts = dict(made)
    for name, field in known.items():
        if name in made:
            continue
        if name not in values:
            if field.default is MISSING and field.default_factory is MISSING:
                raise ValueError(f"{kind.__name__}.{name} is missing")
        elif not _CHECKS[str(field.type)](values[name]):
            raise ValueError(f"{kind.__name__}.{name} should be of type {field.type}, found {shown(values[name])}")
        else:
            value = values[name]
            parts[name] = _frozen(value)
    return kind(**parts)


def _frozen(value: object) -> object:
    """Lists, also those in lists, as tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def shown(value: object) -> str:
    """The start of a value, for a message; safe to print."""
    if isinstance(value, (list, tuple, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    if _is_huge(value):
        return "a number of hundreds of digits"
    text = value if isinstance(value, str) and value else repr(value)
    return "".join(sign if sign.isprintable() else "?" for sign in text[:_SHOWN])


def _is_huge(value: object) -> bool:
    """Python refuses to write out whole numbers of thousands of digits."""
    return isinstance(value, int) and abs(value) > _LARGEST_WHOLE
