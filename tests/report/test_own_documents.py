# SPDX-License-Identifier: GPL-2.0-or-later
"""What this plugin wrote beside a report is known by its content."""

from __future__ import annotations

import importlib
import json
import pkgutil

import pytest

from mtmsd_qgis import report
from mtmsd_qgis.report.export import is_accuracy_csv, is_own_json


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ('{"format": "mtmsd-accuracy", "version": 1}', True),
        ('{"format": "mtmsd-file"}', True),
        ('{"format": 3}', False),
        ('["mtmsd-accuracy"]', False),
        ("mtmsd-accuracy", False),
        ("[" * 99999, False),
    ],
)
def test_a_json_document_of_ours_is_known(text, known):
    assert is_own_json(text) == known


def test_the_documents_of_all_reports_are_known():
    """Else the next run would take its own figures for somebody else's, and give its new ones another name."""
    formats = set()
    for module in pkgutil.walk_packages(report.__path__, f"{report.__name__}."):
        formats.add(getattr(importlib.import_module(module.name), "FORMAT", None))
    assert {"mtmsd-accuracy", "mtmsd-clusters", "mtmsd-exploration", "mtmsd-file", "mtmsd-transfer"} <= formats
    assert all(is_own_json(json.dumps({"format": each})) for each in formats - {None})


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("\ufefffigure,value,low_95,high_95,standard_error\noa_percent,9\n", True),
        ("\ufeffid,class,mapped_pixels\n1,water,9\n", True),
        ("\ufeffid,class,mapped_pixels,mapped_ha\r\n", True),
        ("figure,value,low_95,high_95,standard_error\n", False),
        ("id,class\n1,water\n", False),
        ("", False),
    ],
)
def test_a_table_of_ours_is_known(text, known):
    assert is_accuracy_csv(text) == known
