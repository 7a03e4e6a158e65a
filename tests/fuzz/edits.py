# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzzed edits of a JSON document that is right: they reach what lies behind the first check of its form."""

from __future__ import annotations

import copy
from typing import Any

import atheris

_ODD = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, -(10**400)),
    *(0.5, -0.0, 1e308, float("inf"), float("nan")),
    *("", "1", "\ud800", "\0", "x" * 300, "../../etc/passwd", "²", "cuda:²", "F64", "O"),
    *([], {}, [[]], [0, 2**50], [{}], {"": None}),
)


def edited(document: dict[str, Any], data: atheris.FuzzedDataProvider) -> dict[str, Any]:
    """A copy with up to four values replaced, removed or added."""
    changed = copy.deepcopy(document)
    for _ in range(data.ConsumeIntInRange(1, 4)):
        parent, key = _place(changed, data)
        action = data.ConsumeIntInRange(0, 9)
        if action == 0 and isinstance(parent, dict):
            parent.pop(key, None)
        elif action == 1 and isinstance(parent, dict):
            parent[data.ConsumeUnicode(8)] = _value(data, 0)
        elif action == 2 and isinstance(parent, list):
            parent.append(_value(data, 0))
        elif parent:
            parent[key] = _value(data, 0)
    return changed


def _place(document: Any, data: atheris.FuzzedDataProvider) -> tuple[Any, Any]:
    """A container somewhere in the document, and one of its keys."""
    parent, key = document, None
    here: Any = document
    while isinstance(here, (dict, list)) and here:
        parent = here
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        key = keys[data.ConsumeIntInRange(0, len(keys) - 1)]
        here = here[key]
        if data.ConsumeIntInRange(0, 7) == 0:
            break
    return parent, key


def _value(data: atheris.FuzzedDataProvider, depth: int) -> Any:
    kind = data.ConsumeIntInRange(0, 7)
    if kind <= 2:
        return copy.deepcopy(_ODD[data.ConsumeIntInRange(0, len(_ODD) - 1)])
    if kind == 3:
        return data.ConsumeInt(8)
    if kind == 4:
        return data.ConsumeFloat()
    if kind == 5 or depth > 2:
        return data.ConsumeUnicode(12)
    if kind == 6:
        return [_value(data, depth + 1) for _ in range(data.ConsumeIntInRange(0, 3))]
    return {data.ConsumeUnicode(6): _value(data, depth + 1) for _ in range(data.ConsumeIntInRange(0, 3))}
