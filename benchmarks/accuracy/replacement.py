# SPDX-License-Identifier: GPL-2.0-or-later
"""Attributes of the core that are replaced while something is measured."""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Callable


@dataclass(frozen=True)
class Replacement:
    """One attribute of a module of the core, and what stands in its place for a while.

    Attributes:
        module: Full name.
        attribute: Its name in the module, or that of a class and of its attribute, joined by a dot.
        change: From the present value to the one that replaces it.
    """

    module: str
    attribute: str
    change: Callable[[Any], Any]


@contextlib.contextmanager
def replaced(replacements: Sequence[Replacement]) -> Iterator[None]:
    """The core with some attributes replaced, and as it was afterwards.

    Raises:
        AttributeError: There is no such attribute.
    """
    with contextlib.ExitStack() as stack:
        for each in replacements:
            *owners, name = each.attribute.split(".")
            owner = functools.reduce(getattr, owners, importlib.import_module(each.module))
            value = getattr(owner, name)
            stack.callback(setattr, owner, name, value)
            setattr(owner, name, each.change(value))
        yield
