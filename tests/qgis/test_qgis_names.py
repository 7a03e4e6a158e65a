# SPDX-License-Identifier: GPL-2.0-or-later
"""Every name of QGIS that our sources use is there in this QGIS, and no enum value is used without its enum."""

from __future__ import annotations

import importlib
import sys

import pytest
from harness import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from check_qt_names import Source

SOURCES = sorted([ROOT / "plugin.py", *(ROOT / "algorithms").rglob("*.py"), *(ROOT / "tests" / "qgis").glob("*.py")])


def trouble_with(module, chain):
    """What is wrong with a chain of names in a module of QGIS; a value's own attributes are not looked at."""
    value = importlib.import_module(module)
    for name in chain:
        owner, value = value, getattr(value, name, trouble_with)
        if value is trouble_with:
            return f"{'.'.join(chain)} is not in this QGIS"
        is_value = isinstance(value, int) and not isinstance(value, (bool, type))
        if is_value and isinstance(owner, type) and type(value) is not int and type(value) is not owner:
            return f"{'.'.join(chain)} is an enum value without its enum {type(value).__name__}"
        if not isinstance(value, type):
            return ""
    return ""


def names_of(path):
    source = Source(path)
    for line, (first, *rest), _ in source.chains:
        module, name = source.imports.get(first, ("", ""))
        if module in ("qgis.core", "qgis.gui") and line not in source.only_qt5:
            yield module, (name, *rest)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_names_of_qgis_are_there_and_written_out(path):
    assert sorted({t for t in (trouble_with(*name) for name in names_of(path)) if t}) == []


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        (("QgsWkbTypes", "Point"), "without its enum"),
        (("QgsProcessing", "TypeVectorPoint"), "without its enum"),
        (("QgsNoSuchClass",), "is not in this QGIS"),
        (("QgsWkbTypes", "Type", "NoSuchType"), "is not in this QGIS"),
        (("QgsWkbTypes", "Type", "Point"), ""),
        (("Qgis", "QGIS_VERSION_INT"), ""),
    ],
)
def test_the_look_up_itself(chain, expected):
    found = trouble_with("qgis.core", chain)
    assert expected in found if expected else found == ""
