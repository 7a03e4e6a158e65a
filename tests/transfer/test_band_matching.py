# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import re

import pytest

from mtmsd_qgis.errors import SceneError
from mtmsd_qgis.jobs.data_model import Band
from mtmsd_qgis.transfer.band_matching import (
    compare_bands,
    match_all_bands,
    match_model_bands,
    named,
    same_sensor_bands,
    sensor_difference,
)


def at(*wavelengths: float | None, fwhm: float | None = None) -> list[Band]:
    return [Band("", nm, number=i + 1, fwhm_nm=fwhm) for i, nm in enumerate(wavelengths)]


def called(*names: str) -> list[Band]:
    return [Band(name, number=i + 1) for i, name in enumerate(names)]


def test_bands_are_matched_by_the_nearest_wavelength():
    match = compare_bands(at(480, 560, 660, fwhm=40), at(1600, 655, 490, 561))
    assert match.how == "wavelength"
    assert match.indices == (2, 3, 1)
    assert match.offsets_nm == (10, 1, -5)
    assert match.missing == match.shifted == match.shared == ()


@pytest.mark.parametrize(
    ("found", "missing", "shifted"), [(520, (), ()), (520.5, (), (0,)), (540, (), (0,)), (540.5, (0,), ())]
)
def test_a_band_is_shifted_from_half_a_width_and_missing_from_a_width_on(found, missing, shifted):
    match = compare_bands(at(500, fwhm=40), at(found))
    assert (match.missing, match.shifted) == (missing, shifted)


def test_without_fwhm_the_distance_to_the_next_band_is_the_width():
    match = compare_bands(at(400, 410, 500), at(402, 416, 470))
    assert match.indices == (0, 1, 2)
    assert match.shifted == (1, 2)
    assert compare_bands(at(400, 410, 500), at(388, 421, 500)).missing == (0, 1)


def test_without_fwhm_a_band_is_at_most_a_tenth_of_its_wavelength_wide():
    assert compare_bands(at(480, 2200), at(500, 2420)).shifted == (1,)
    assert compare_bands(at(480, 2200), at(500, 2421)).missing == (1,)
    assert compare_bands(at(2200), at(2090)).shifted == ()


def test_one_band_may_stand_for_two():
    match = compare_bands(at(500, 505, fwhm=20), at(502, 900))
    assert match.indices == (0, 0)
    assert match.shared == (0, 1)


def test_bands_of_one_wavelength_as_a_stack_of_dates_has_them_are_told_apart():
    stack = at(490, 665, 490, 665, 490, 665)
    assert match_model_bands(stack, stack, 6) == [0, 1, 2, 3, 4, 5]
    assert same_sensor_bands(stack, stack, 6, ("a", "b"))[1] == [0, 1, 2, 3, 4, 5]
    assert match_model_bands(stack[2:4], stack, 6) == [2, 3]  # by order: the model was trained with BANDS
    assert match_model_bands(stack[2:], at(490.2, 665, 489.9, 665), 6) == [0, 1, 2, 3]  # the first for the first
    named_stack = [Band(f"date {i // 2}", band.wavelength_nm, number=i + 1) for i, band in enumerate(stack)]
    assert match_model_bands(named_stack[2:4], named_stack[::-1], 6) == [3, 2]
    with pytest.raises(SceneError, match=r"needs 6 bands, of which this raster has none near them: band 5 \(490 nm\)"):
        match_model_bands(stack, at(490, 665, 490, 665, 705), 6)


@pytest.mark.parametrize(
    ("target", "how", "indices"),
    [
        (called("nir", "red", "blue"), "name", (2, 1, 0)),
        (called("nir", "red", "swir"), "name", (None, 1, 0)),
        (called("b1", "b2", "nir"), "order", (0, 1, 2)),
        ([Band("blue", 480.0), Band("red"), Band("nir")], "name", (0, 1, 2)),
    ],
)
def test_names_then_order_where_wavelengths_do_not_tell(target, how, indices):
    match = compare_bands(called("blue", "red", "nir"), target)
    assert (match.how, match.indices) == (how, indices)


def test_a_repeated_name_tells_nothing():
    assert compare_bands(called("x", "x"), called("x", "x")).how == "order"
    assert compare_bands(called("x", "y"), called("x", "x")).indices == (0, 1)


def test_bands_are_found_in_their_own_raster_where_another_band_has_the_name_of_one():
    raster = called("x", "y", "z", "x")
    assert compare_bands(raster[:3], raster, 4).indices == (0, 1, 2)
    assert compare_bands(raster[1:], raster, 4).indices == (1, 2, 3)
    assert compare_bands(raster[:3], called("q", "x", "y", "x", "z"), 4).missing == (0,)


@pytest.mark.parametrize("form", ["Band {}", "BAND {}", "Band 0{}", "Layer_{}", ""])
def test_names_that_were_made_up_are_no_names(form):
    wanted = called(*(f"Band {i}" for i in range(1, 5)))
    names = [form.format(i) for i in range(1, 7)]
    assert compare_bands(wanted, called(*names[:4]), 4).how == "order"
    assert compare_bands(wanted, called(*names), 4) is None
    with pytest.raises(SceneError, match="expects a raster of 4 bands, this one has 3 bands and neither"):
        match_all_bands(wanted, called(*names[:3]), 4)
    assert compare_bands(called(*names[:4]), called(*names), 4) is None


def test_made_up_names_in_another_order_tell_which_bands_these_are():
    wanted, turned = called("Band 1", "Band 2", "Band 3"), called("Band 3", "Band 2", "Band 1")
    assert (compare_bands(wanted, turned).how, compare_bands(wanted, turned).indices) == ("name", (2, 1, 0))
    assert compare_bands(turned, wanted).indices == (2, 1, 0)


def test_bands_without_a_name_are_found_among_named_ones_by_order():
    wanted = called("Band 1", "Band 2", "green", "red", "nir")
    for names in (["", "", "green", "red", "nir"], ["", "b", "green", "red", "nir"], ["a", "b", "c", "d", "e"]):
        assert compare_bands(wanted, called(*names), 5).indices == (0, 1, 2, 3, 4)
    assert compare_bands(wanted, called("", "green", "red", "nir"), 5) is None
    with pytest.raises(SceneError, match="has none of these names: nir; use"):
        match_all_bands(wanted, called("", "", "green", "red", "swir"), 5)


def test_order_does_not_count_where_a_name_is_at_another_place():
    wanted, later = (called(*(f"b{i}" for i in range(first, first + 5))) for first in (1, 4))
    assert compare_bands(wanted, later).missing == (0, 1, 2)
    with pytest.raises(SceneError, match="has none of these names: b1, b2, b3; use a raster of the same sensor"):
        match_all_bands(wanted, later)
    with pytest.raises(SceneError, match="it has no band for b1, b2, b3"):
        same_sensor_bands(wanted, later, 5, ("May", "June"))
    assert compare_bands(wanted, called("b1", "c", "d", "e", "f")).how == "order"
    turned = called("nir", "red", "", "")
    with pytest.raises(SceneError, match="order alone, as they have no names of their own: band 1, band 2"):
        match_all_bands(called("", "", "red", "nir"), turned)
    with pytest.raises(SceneError, match="its named bands lie in another order"):
        same_sensor_bands(called("", "", "red", "nir"), turned, 4, ("May", "June"))


def test_bands_that_were_left_out_count_in_the_order():
    wanted = [Band("a", number=2), Band("b", number=4)]
    assert compare_bands(wanted, called("c", "d", "e", "f"), source_band_count=4).indices == (1, 3)
    assert compare_bands(wanted, called("c", "d", "e"), source_band_count=4) is None


def test_bands_chosen_in_any_order_are_found_by_their_numbers():
    wanted = [Band("a", number=2), Band("b", number=1)]
    assert compare_bands(wanted, called("c", "d", "e"), source_band_count=3).indices == (1, 0)
    assert compare_bands(wanted, called("c", "d"), source_band_count=2).indices == (1, 0)
    some = [Band("c", number=1), Band("d", number=2), Band("e", number=4)]
    assert compare_bands(wanted, some, source_band_count=5, target_band_count=5).indices == (1, 0)
    assert compare_bands(wanted, some[:2], source_band_count=5, target_band_count=5).indices == (1, 0)
    assert compare_bands(wanted, some, source_band_count=5, target_band_count=4) is None
    with pytest.raises(SceneError, match="expects a raster of 5 bands, this one has 4 bands"):
        match_all_bands(wanted, some, source_band_count=5, target_band_count=4)


def test_all_bands_or_one_sentence():
    match, indices = match_all_bands(at(480, 660), at(660, 480))
    assert indices == [1, 0]
    assert match.how == "wavelength"
    with pytest.raises(SceneError, match=r"needs 2 bands, of which .* none near them: band 2 \(2200 nm\); use"):
        match_all_bands(at(480, 2200), at(480, 660, 860, fwhm=20))
    with pytest.raises(SceneError, match="none of these names: swir; use"):
        match_all_bands(called("red", "swir"), called("red", "nir"))
    with pytest.raises(SceneError, match="expects a raster of 6 bands, this one has 1 band and neither"):
        match_all_bands(called("red", "swir"), called("grey"), source_band_count=6)


def test_a_model_asks_for_all_its_bands_at_their_wavelengths():
    assert match_model_bands(at(500, 600, fwhm=20), at(400, 501, 598)) == [1, 2]
    with pytest.raises(SceneError, match=r"The model needs 2 bands, of which .* none near them: band 2 \(600 nm\)"):
        match_model_bands(at(500, 600, fwhm=20), at(500, 700))
    with pytest.raises(SceneError, match=r"at most half a band's width off.*: band 2 \(600 nm\)\. Use"):
        match_model_bands(at(500, 600, fwhm=20), at(500, 611))
    with pytest.raises(SceneError, match="The model expects a raster of 5 bands, this one has 7 bands"):
        match_model_bands(called("", "", ""), called(*[""] * 7), source_band_count=5)


@pytest.mark.parametrize(
    ("one", "other", "phrase"),
    [
        (at(480, 660, fwhm=40), at(481, 660, fwhm=41), None),
        (called("a", "b"), called("c", "d"), None),
        (called("a", "b"), called("c"), "2 bands in one and 1 in the other"),
        (at(480, 660), at(480, 2200), r"no band in the other for band 2 \(660 nm\)"),
        (at(480, 660, fwhm=40), at(480, 690, fwhm=40), r"off by more than half a width: band 2 \(660 nm\)"),
        (at(500, 505, fwhm=20), at(502, 900), "one band of the other stands for several"),
        (at(480, 660, fwhm=40), at(480, 660, fwhm=10), r"widths that differ: band 1 \(480 nm\), band 2"),
    ],
)
def test_what_speaks_against_one_sensor(one, other, phrase):
    found = sensor_difference(one, other)
    assert found is None if phrase is None else re.search(phrase, found)


def test_long_lists_are_cut():
    assert named(at(*range(400, 480, 10)), range(8)).endswith("band 5 (440 nm) and 3 more")
    assert named([Band("nir", number=4)], [0]) == "nir"
