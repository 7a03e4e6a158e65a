# SPDX-License-Identifier: GPL-2.0-or-later
"""GDAL with exceptions, or without, for a while; and then as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from osgeo import gdal, ogr, osr

MODULES = (gdal, ogr, osr)


@contextmanager
def gdal_exceptions(on: bool) -> Iterator[None]:
    """Before GDAL 3.7 each module puts a handler of its own on one stack: they can only be left from the top."""
    left = leave_all()
    if on:
        gdal.UseExceptions()
    try:
        yield
    finally:
        leave_all()
        enter(*reversed(left))


def leave_all():
    """Switch exceptions off in all modules; those that had them, in the order in which they could be left."""
    left = []
    for _ in MODULES:
        for module in MODULES:
            with suppress(RuntimeError):  # not the last one that was entered
                if module.GetUseExceptions():
                    module.DontUseExceptions()
                    left.append(module)
    return left


def enter(*modules):
    for module in modules:
        module.UseExceptions()
