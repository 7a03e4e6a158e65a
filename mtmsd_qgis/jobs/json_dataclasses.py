# SPDX-License-Identifier: GPL-2.0-or-later
"""Dataclasses from JSON values and back; every value has the type that the dataclass declares.

Enters: what json.loads gave, from anywhere. Leaves: an instance, or a ValueError that names the field. And back: values
that json.dumps takes.

A field's metadata may say json_name(...): how its key differs from its name; OMITTED_IF_NONE: the key is absent where
the field is None; INLINE: the keys of the field, a dataclass itself, stand among those of the outer one.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Callable, TypeVar

Kind = TypeVar("Kind")

OMITTED_IF_NONE: Mapping[str, Any] = MappingProxyType({"omitted_if_none": True})
INLINE: Mapping[str, Any] = MappingProxyType({"inline": True})

_SHOWN = 40  # characters of a wrong value in a message
_LARGEST_WHOLE = 2**63 - 1  # what arrays and files count with


def json_name(name: str) -> Mapping[str, Any]:
    """Metadata of a field whose key in JSON is not its name."""
    return MappingProxyType({"json_name": name})


def is_whole(value: object) -> bool:
    """Whether it is a whole number that fits 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST_WHOLE


def is_number(value: object) -> bool:
    """Whether it is a number; NaN and infinities are."""
    return isinstance(value, float) or is_whole(value)


_PLAIN: Mapping[str, Callable[[object], bool]] = {
    "str": lambda value: isinstance(value, str),
    "int": is_whole,
    "float": is_number,
    "bool": lambda value: isinstance(value, bool),
    "Any": lambda _: True,
}


class _OtherTypeError(Exception):
    """A value is not of the type that an annotation says."""


def from_json(kind: type[Kind], values: object) -> Kind:
    """An instance of a dataclass from JSON values; lists become tuples.

    A class with a method from_json of its own is made by that. Fields that a class names as RETIRED, those that older
    files have, are passed over.

    Args:
        kind: A dataclass whose annotations are texts, of: str, int, float, bool, Any, None, tuple, Mapping with texts
            as keys, unions, and dataclasses that its module knows.
        values: An object with some of its fields; those without a default must be there.

    Raises:
        ValueError: No object, an unknown or a missing field, or a value of another type.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{kind.__name__} should be an object, found {shown(values)}")
    remaining, parts = dict(values), {}
    for field in fields(kind):  # type: ignore[arg-type]
        if "inline" in field.metadata:
            inner = {key: remaining.pop(key) for key in _keys(_class_of(field, kind)) if key in remaining}
            if inner or not _has_default(field):
                parts[field.name] = _nested(_class_of(field, kind), inner)
            continue
        key = _key(field)
        if key in remaining:
            parts[field.name] = _checked(remaining.pop(key), field, kind)
        elif not _has_default(field):
            raise ValueError(f"{kind.__name__}.{key} is missing")
    for key in getattr(kind, "RETIRED", ()):
        remaining.pop(key, None)
    if remaining:
        raise ValueError(f"{kind.__name__} has no field {shown(next(iter(remaining)))}")
    return kind(**parts)


def to_json(instance: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    """The fields of a dataclass as values that json.dumps takes; tuples become lists."""
    document: dict[str, Any] = {}
    for field in fields(instance):
        value = getattr(instance, field.name)
        if value is None and (field.metadata.keys() & {"omitted_if_none", "inline"}):
            continue
        if "inline" in field.metadata:
            document.update(to_json(value))
        else:
            document[_key(field)] = _plain(value)
    return document


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if is_dataclass(value):
        return to_json(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _key(field: Field[Any]) -> str:
    return str(field.metadata.get("json_name", field.name))


def _keys(kind: Any) -> list[str]:  # noqa: ANN401 - a dataclass
    return [_key(field) for field in fields(kind)]


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _class_of(field: Field[Any], kind: type) -> Any:  # noqa: ANN401 - a dataclass
    """The dataclass of an inline field: X, or X | None."""
    return _known(kind)[str(field.type).split(" | ")[0]]


def _known(kind: type) -> Mapping[str, Any]:
    return vars(sys.modules[kind.__module__])


def _checked(value: object, field: Field[Any], kind: type) -> object:
    try:
        return _converted(value, _annotation(str(field.type)), _known(kind))
    except _OtherTypeError:
        raise ValueError(
            f"{kind.__name__}.{_key(field)} should be of type {field.type}, found {shown(value)}"
        ) from None


@cache
def _annotation(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _converted(value: object, annotation: ast.expr, known: Mapping[str, Any]) -> object:
    """The value as the annotation says: "int | None" cannot be evaluated in Python 3.9, but it can be walked.

    Raises:
        _OtherTypeError: It is of another type.
    """
    if isinstance(annotation, ast.BinOp):  # X | Y
        try:
            return _converted(value, annotation.left, known)
        except _OtherTypeError:
            return _converted(value, annotation.right, known)
    if isinstance(annotation, ast.Subscript):
        return _converted_parts(value, annotation, known)
    if isinstance(annotation, ast.Constant):  # None
        return _of_type(value, value is None)
    name = ast.unparse(annotation)
    if name in _PLAIN:
        return _of_type(value, _PLAIN[name](value))
    return _nested(known[name], _of_type(value, isinstance(value, dict)))


def _converted_parts(value: object, annotation: ast.Subscript, known: Mapping[str, Any]) -> object:
    """A tuple from a list, or a dict with text keys."""
    inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    if ast.unparse(annotation.value) == "Mapping":
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise _OtherTypeError
        return {key: _converted(part, inner[1], known) for key, part in value.items()}
    if not isinstance(value, (list, tuple)):
        raise _OtherTypeError
    if isinstance(inner[-1], ast.Constant) and inner[-1].value is Ellipsis:
        inner = [inner[0]] * len(value)
    if len(value) != len(inner):
        raise _OtherTypeError
    return tuple(_converted(part, each, known) for part, each in zip(value, inner))


def _nested(kind: Any, values: object) -> object:  # noqa: ANN401 - a dataclass
    return kind.from_json(values) if hasattr(kind, "from_json") else from_json(kind, values)


def _of_type(value: object, fits: bool) -> object:
    if not fits:
        raise _OtherTypeError
    return value


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
