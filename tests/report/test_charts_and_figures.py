# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of a report's page: charts, pictures, and figures as text."""

from __future__ import annotations

import re
import zlib

import numpy as np
import pytest

from mtmsd_qgis.jobs.choice_results import ChoiceFacts, SegmentFacts, SieveFacts
from mtmsd_qgis.jobs.data_model import ClassEntry
from mtmsd_qgis.report.accuracy_tables import mapped_areas
from mtmsd_qgis.report.charts import bar_chart, line_chart, png
from mtmsd_qgis.report.choice_parts import choice_notes, choice_parts
from mtmsd_qgis.report.html import STYLE, percent_text, with_error


def test_png_is_read_back_by_its_definition():
    colours = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    data = png(colours)
    start = data.index(b"IDAT") + 4
    length = int.from_bytes(data[start - 8 : start - 4], "big")
    lines = np.frombuffer(zlib.decompress(data[start : start + length]), np.uint8).reshape(5, 22)
    assert np.array_equal(lines[:, 1:].reshape(5, 7, 3), colours)
    assert (lines[:, 0] == 0).all()


def test_charts_hold_their_points():
    assert line_chart([[0, 1.0], [10, 0.5]], "x", "y").count("L") == 1
    assert bar_chart(["a", "b<"], [1.0, 0.0], "x", "y").count("<rect") == 2
    assert "b&lt;" in bar_chart(["b<"], [1.0], "x", "y")
    assert line_chart([[5, 0.0]], "x", "y")


def test_a_loss_that_begins_a_little_above_1_fills_its_chart():
    chart = line_chart([[0, 1.004], [10, 0.4]], "iteration", "loss")
    assert re.findall(r'class="tick end" [^>]*>([^<]+)<', chart)[-1] == "1"


def test_long_names_of_classes_leave_room_for_figures():
    """Those of mapping keys have hundreds of letters."""
    rule = re.search(r"th\.name,td\.name\{([^}]*)\}", STYLE)[1]
    assert "max-width" in rule
    assert "nowrap" not in rule


def test_ticks_are_round_numbers():
    ticks = re.findall(r'class="tick" [^>]*>([^<]+)<', line_chart([[12, 1.0], [1200, 0.4]], "iteration", "loss"))
    assert ticks == ["0", "200", "400", "600", "800", "1000", "1200"]
    late = re.findall(r'class="tick" [^>]*>([^<]+)<', line_chart([[500, 1.0], [1000, 0.4]], "iteration", "loss"))
    assert late == ["500", "600", "700", "800", "900", "1000"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (0.0, "0.0"), (100.0, "100.0"), (54.56, "54.6"), (0.04, "0.04"), (0.0004, "0.0004"),
        (99.96, "99.96"), (99.99996, "100.0"), (-0.03, "-0.03"),
    ],
)  # fmt: skip
def test_only_0_and_100_percent_read_so(value, text):
    assert percent_text(value) == text


def test_few_pixels_that_have_changed_are_not_told_as_none():
    segments = SegmentFacts(50, 50, 9, used=True, sentence="", changed=1, mapped_pixels=(9000, 1000))
    sieve = SieveFacts(5, changed=1, left=0, mapped_pixels=(9000, 1000))
    for note in choice_notes(ChoiceFacts(segments=segments, sieve=sieve)):
        assert "1 pixels, 0.01 % of the map" in note


def test_a_small_error_is_not_shown_as_none():
    assert with_error(0.123, 0.04) == "0.12 <small>± 0.04</small>"


def test_only_what_is_nothing_has_an_area_of_nothing():
    classes = [ClassEntry(i, f"c{i}") for i in range(1, 5)]
    areas = re.findall(r"([\d.,]+)</td></tr>", mapped_areas((2_000_000, 30, 3, 0), classes, 100.0))
    assert areas == ["20,000.0", "0.3", "0.03", "0.0"]


def test_shares_of_a_rare_class_are_shown_before_and_after():
    sieve = SieveFacts(unit=5, changed=1, left=0, mapped_pixels=(99_998, 2), accuracy=None)
    parts = choice_parts(ChoiceFacts(sieve=sieve), None, [ClassEntry(1, "a"), ClassEntry(2, "b")], (99_999, 1))
    assert "<td>1</td><td>0.001</td><td>2</td><td>0.002</td>" in "".join(parts)
