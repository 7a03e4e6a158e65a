# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from mtmsd_qgis.jobs.transfer_results import (
    CAREFUL,
    NOT_TRUSTED,
    TRUSTED,
    BandComparison,
    ExtraComparison,
    TransferFacts,
)
from mtmsd_qgis.transfer.verdict import judged


def band(name: str, auc: float = 0.5, shifted: bool = False) -> BandComparison:
    return BandComparison(name, None, None, shifted, auc, True, (1.0,) * 5, (1.0,) * 5)


FACTS = TransferFacts(
    sentence="",
    matched_by="name",
    shift_auc=0.6,
    inside_share=0.95,
    noise_inside_share=0.0,
    bands=(band("red"), band("nir")),
    source_proportions=(0.5, 0.3, 0.2),
    target_proportions=(0.4, 0.3, 0.3),
    source_inside_share=0.97,
)
CLASSES = ("water", "meadow", "forest")


def sentence(**changes) -> str:
    return judged(replace(FACTS, **changes), CLASSES).sentence


def test_a_scene_like_the_source_is_trusted():
    found = judged(FACTS, CLASSES)
    assert found.verdict == TRUSTED
    assert found.sentence == (
        "Nothing found speaks against this map, though only reference samples of this scene can confirm it: 95 % of "
        "the scene resembles the training samples (there 97 %), and its pixels can hardly be told from those of the "
        "other scene (AUC 0.60; 0.5 or less is not at all, 1 is always)."
    )


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"inside_share": 0.874}, TRUSTED),
        ({"inside_share": 0.872}, CAREFUL),
        ({"inside_share": 0.486}, CAREFUL),
        ({"inside_share": 0.484}, NOT_TRUSTED),
        ({"inside_share": 0.0}, NOT_TRUSTED),
        ({"inside_share": 0.89, "source_inside_share": None}, CAREFUL),
        ({"inside_share": None}, TRUSTED),
        ({"shift_auc": 0.749}, TRUSTED),
        ({"shift_auc": 0.75}, CAREFUL),
        ({"shift_auc": 0.9}, NOT_TRUSTED),
        ({"shift_auc": None}, TRUSTED),
        ({"bands": (band("red", shifted=True),)}, CAREFUL),
        ({"target_proportions": (0.0, 0.3, 0.7)}, CAREFUL),
        ({"target_proportions": (0.02, 0.3, 0.68)}, TRUSTED),
        ({"target_proportions": ()}, TRUSTED),
        ({"source_proportions": (0.0, 0.0, 0.0)}, TRUSTED),
        ({"noise_inside_share": 0.11}, CAREFUL),
        ({"noise_inside_share": None}, TRUSTED),
        ({"adapt": "scale"}, CAREFUL),
        ({"adapt": "scale", "shift_auc": 0.95}, NOT_TRUSTED),
        ({"extras": (ExtraComparison("ndsm", ""),), "share_without_extras": 0.49}, TRUSTED),
        ({"share_without_extras": 0.5}, CAREFUL),
        ({"extras": (ExtraComparison("ndsm", "It lies off."),)}, NOT_TRUSTED),
        ({"shift_auc": None, "inside_share": None}, ""),
    ],
)
def test_each_rule_has_its_ends(changes, verdict):
    assert judged(replace(FACTS, **changes), CLASSES).verdict == verdict


def test_noise_as_a_scene_is_said_first():
    text = sentence(inside_share=0.002, shift_auc=1.0)
    assert text.startswith(
        "Do not believe this map before reference samples of this scene confirm it: less than 1 % of the scene "
        "resembles the training samples (there 97 %), and its pixels can be told from those of the other scene"
    )


def test_the_worst_reason_comes_first_and_good_ones_are_left_out():
    text = sentence(shift_auc=0.95, inside_share=0.7)
    assert text.index("AUC 0.95") < text.index("only 70 %")
    assert "resembles" not in sentence(shift_auc=0.95)


def test_bands_that_shift_are_named_the_most_first():
    bands = (band("blue", 0.76), band("green", 0.5), band("red", 0.99), band("nir", 0.8), band("swir", 0.9))
    assert "1 is always; most of all by red, swir, nir)" in sentence(shift_auc=0.97, bands=bands)
    assert "most of all" not in sentence(shift_auc=0.97)


def test_shifted_wavelengths_are_named_and_cut():
    bands = tuple(band(f"b{i}", shifted=True) for i in range(5))
    assert "more than half a band's width (b0, b1, b2 and 2 more)" in sentence(bands=bands)


def test_the_class_that_moves_most_is_named():
    assert "(water 0 %, there 50 %)" in sentence(target_proportions=(0.0, 0.3, 0.7))
    facts = replace(FACTS, target_proportions=(0.0, 0.3, 0.7))
    assert "(class 1 0 %, there 50 %)" in judged(facts).sentence


def test_a_wide_area_of_applicability_is_told():
    assert "too few or too far apart" in sentence(noise_inside_share=0.3)
    assert "30 % of white noise" in sentence(noise_inside_share=0.3)


@pytest.mark.parametrize(
    ("auc", "adapted", "advised"), [(0.97, 0.6, True), (0.97, 0.9, False), (0.85, 0.5, False), (0.97, None, False)]
)
def test_the_adaptation_is_proposed_where_it_helps(auc, adapted, advised):
    text = sentence(shift_auc=auc, adapted_auc=adapted)
    assert ("ADAPT='scale'" in text) == advised
    assert not advised or text.endswith("; with ADAPT='scale' the AUC would be 0.60.")


def test_an_adapted_scene_is_never_simply_trusted():
    assert "(before, the AUC was 0.99)" in sentence(adapt="scale", unadapted_auc=0.99)


def test_it_is_always_one_sentence():
    everything = {
        "inside_share": 0.3,
        "shift_auc": 0.95,
        "bands": (band("red", 0.9, shifted=True),),
        "target_proportions": (0, 0, 1),
        "noise_inside_share": 0.2,
        "adapted_auc": 0.5,
    }
    for text in (sentence(**everything), sentence(shift_auc=None, inside_share=None), sentence()):
        assert text.endswith(".")
        assert ". " not in text.replace("1 is always. ", "")
