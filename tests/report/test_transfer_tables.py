# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mtmsd_qgis.jobs.data_model import ClassEntry
from mtmsd_qgis.jobs.transfer_results import (
    CAREFUL,
    TRUSTED,
    BandComparison,
    ExtraComparison,
    FeatureShift,
    TransferFacts,
)
from mtmsd_qgis.report.charts import QuantileLines, quantile_chart
from mtmsd_qgis.report.html import page
from mtmsd_qgis.report.transfer_tables import transfer_parts
from tests.report.test_reports import Balanced

CLASSES = (ClassEntry(1, "water <deep>", "#0000ff"), ClassEntry(7, "wood", "#008800"))


def band(i: int, **changes) -> BandComparison:
    values = (10.0, 20.0, 30.0 + i, 40.0, 50.0 + i)
    made = BandComparison(f"b{i} & co", 400.0 + 10 * i, 1.5, False, 0.5 + i / 100, True, values, (0.0, *values[1:]))
    return replace(made, **changes)


FACTS = TransferFacts(
    sentence="Take this map with care: reasons <1>.",
    matched_by="wavelength",
    shift_auc=0.876,
    inside_share=0.823,
    noise_inside_share=0.004,
    bands=tuple(band(i) for i in range(3)),
    source_proportions=(0.25, 0.75),
    target_proportions=(0.5, 0.5),
    verdict=CAREFUL,
    source_inside_share=0.97,
    adapted_auc=0.61,
)


def html(**changes) -> str:
    text = page("x", transfer_parts(replace(FACTS, **changes), CLASSES))
    parser = Balanced()
    parser.feed(re.sub(r"<(path|rect|line)([^>]*)/>", "", text))
    assert parser.open == []
    assert not re.search(r"https?://|None|nan", text)
    return text


def test_the_sentence_comes_first():
    assert html().index("reasons &lt;1&gt;.") < html().index("<h2>")
    assert '<p class="warn">Take' in html()
    assert '<p class="note">Take' in html(verdict=TRUSTED)


def test_figures():
    text = html()
    for figure in ("<b>82 %</b>", "97 % there", "<b>0.88</b>", "<b>0.61</b>", "<b>less than 1 %</b>"):
        assert figure in text
    assert "adapted" not in html(adapted_auc=None).split("<h2>Values")[0]
    assert "<b>82 %</b>" not in html(inside_share=None)


def test_shares_of_a_sample_of_pixels_are_no_more_exact_than_it():
    assert "are those of 2000 pixels or fewer, spread over each scene" in html()
    text = html(inside_share=0.0, source_inside_share=1.0)
    assert "<b>less than 1 %</b><span>inside the area of applicability, more than 99 % there" in text


def test_bands_are_a_row_each_and_the_farthest_comes_first():
    rows = re.findall(r"<tr><td class=\"name\">(b\d.*?)</tr>", html())
    assert [row[:2] for row in rows] == ["b2", "b1", "b0"]
    assert "b2 &amp; co</td><td>+1.5</td><td>0.52</td><td>higher</td><td>10, 32, 52</td><td>0, 32, 52</td>" in html()


def test_shifted_bands_come_before_all_others_and_many_bands_are_cut():
    bands = (band(0, shifted=True, higher=False, auc=0.7), *(band(i) for i in range(1, 30)))
    rows = re.findall(r"<tr><td class=\"name\">(b\d.*?)</tr>", html(bands=bands))
    assert len(rows) == 20
    assert rows[0].startswith("b0 ")
    assert "(shifted)" in rows[0]
    assert "lower" in rows[0]
    assert "The 20 of 30 that differ most." in html(bands=bands)


def test_a_band_that_is_alike_is_neither_lower_nor_higher():
    (row,) = re.findall(r"<tr><td class=\"name\">(b\d.*?)</tr>", html(bands=(band(0, auc=0.5),)))
    assert "<td>0.50</td><td>–</td>" in row


def test_what_the_adaptation_did_is_shown():
    bands = tuple(band(i, gain=0.5, offset=-12.0) for i in range(3))
    text = html(bands=bands, adapt="scale", adapted_auc=None, unadapted_auc=0.99)
    assert "<th>Gain</th><th>Offset</th>" in text
    assert "<td>0.5</td><td>-12</td>" in text
    assert "<b>0.99</b>" in text
    assert "before it was adapted" in text
    assert "Gain" not in html()


def test_extra_rasters_are_a_row_each_with_the_share_of_pixels_that_lack_one():
    extras = (ExtraComparison("ndsm", ""), ExtraComparison("radar <db>", "Its median lies off."))
    text = html(extras=extras, share_without_extras=0.125)
    assert "ndsm</td><td>alike</td>" in text
    assert "radar &lt;db&gt;</td><td>Its median lies off.</td>" in text
    assert "12.5 % of the mapped pixels lack an extra" in text
    assert "lack an extra" not in html(extras=extras)
    assert "Extra rasters" not in html()


def test_class_proportions():
    text = html()
    assert "water &lt;deep&gt;</td><td>25.0</td><td>50.0</td>" in text
    assert "<td>–</td><td>50.0</td>" in html(source_proportions=())
    assert "Class proportions" not in html(target_proportions=())


def test_without_anything_known_only_the_sentence_stands():
    parts = transfer_parts(TransferFacts("Not known.", "order", None, None, None, ()), CLASSES)
    assert parts == ['<p class="warn">Not known.</p>']


def test_the_axis_is_of_wavelengths_where_all_are_known_and_differ():
    assert ">wavelength (nm)<" in html()
    assert ">band<" in html(bands=(band(0), band(1, wavelength_nm=None)))
    assert ">band<" in html(bands=(band(0), band(1, wavelength_nm=400.0)))


def test_bands_out_of_order_are_drawn_by_wavelength():
    shuffled = tuple(FACTS.bands[i] for i in (2, 0, 1))
    chart = re.compile(r"<svg.*?</svg>", re.DOTALL)
    assert chart.search(html(bands=shuffled)).group() == chart.search(html()).group()


def path_of(chart: str, kind: str) -> list[tuple[float, float]]:
    drawn = re.search(rf'class="{kind}" d="M(.*?)"', chart).group(1)
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", drawn)]


def test_the_chart_draws_ranges_and_medians_to_scale():
    lines = [QuantileLines("one", [0, 0], [50, 100], [100, 100]), QuantileLines("two", [-100, 0], [0, 0], [0, 50])]
    chart = quantile_chart([1, 3], lines, "band", "value")
    (left, middle), (right, top) = path_of(chart, "line s0")
    assert right > left
    assert middle > top  # y grows downwards
    assert [y for _, y in path_of(chart, "range s0")][2:] == [top, top]
    bottom = path_of(chart, "range s1")[0][1]
    assert bottom - top == pytest.approx(4 * (middle - top), abs=0.2)
    assert ">one</text>" in chart
    assert ">-100<" in chart


@pytest.mark.parametrize("value", [0.0, 7.0, -3e-9])
def test_a_chart_of_one_band_of_one_value_is_drawn(value):
    lines = [QuantileLines("one", [value], [value], [value])]
    assert "nan" not in quantile_chart([5], lines, "band", "value")


def test_timesteps_and_stages_are_a_row_each_and_many_are_cut():
    features = (FeatureShift(100, 3, 0.934), FeatureShift(50, None, 0.5))
    text = html(features=features)
    assert "<td>3</td><td>0.93</td>" in text
    assert text.index("0.93") < text.index("<td>0.50</td></tr>")
    assert "<h2>Diffusion features</h2>" not in html()
    assert "The 20 of 24 that differ most." in html(features=features * 12)


def test_what_sure_means():
    assert "a confidence of 0.5157 or more" in html(least_confidence=0.5157)
    assert "a confidence of 0.9966 or more" in html(least_confidence=0.9966)  # of 1.00 almost no pixel is
    assert "Sure are" not in html()
