# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.jobs.data_model import Band
from mtmsd_qgis.jobs.json_dataclasses import from_json, to_json
from mtmsd_qgis.jobs.transfer_results import CAREFUL, NOT_TRUSTED, TRUSTED, TransferFacts
from mtmsd_qgis.transfer.band_matching import compare_bands
from mtmsd_qgis.transfer.scene_summary import SceneSummary
from mtmsd_qgis.transfer.transfer_summary import Inside, SceneComparison, Scenes
from tests.scenes import cube_of, fields

BANDS = tuple(Band(f"b{i}", 400.0 + 50 * i, number=i + 1) for i in range(8))
CLASSES = ("water", "meadow", "forest")


def scenes(folder, change=lambda values: values, source=True) -> Scenes:
    """Two draws of one landscape, of which the second is changed."""
    values = [fields(96, 96, seed=seed)[0].astype(np.float32) for seed in (0, 0)]
    noise = np.random.default_rng(3).normal(0, 20, values[1].shape)
    target = change(values[1] + noise).astype(np.float32)
    summaries = [SceneSummary.of_raster(cube_of(folder, v, name=n)) for v, n in ((values[0], "a"), (target, "b"))]
    moved = [
        Band(band.name, band.wavelength_nm + (30 if band.number == 4 else 0), number=band.number) for band in BANDS
    ]
    match = compare_bands(BANDS, moved)
    return Scenes(BANDS, match, summaries[0].with_classes([50, 25, 25]) if source else None, summaries[1])


def test_facts_of_a_like_scene(tmp_path):
    facts = SceneComparison.of(scenes(tmp_path), "none").facts(Inside(0.96, 0.97, 0.01), CLASSES, [40, 40, 20])
    assert facts.matched_by == "wavelength"
    assert facts.shift_auc == pytest.approx(0.5, abs=0.1)
    assert facts.unadapted_auc is None
    assert facts.adapted_auc == pytest.approx(0.5, abs=0.1)
    assert (facts.inside_share, facts.source_inside_share, facts.noise_inside_share) == (0.96, 0.97, 0.01)
    assert facts.source_proportions == (0.5, 0.25, 0.25)
    assert facts.target_proportions == (0.4, 0.4, 0.2)
    assert [band.shifted for band in facts.bands] == [i == 3 for i in range(8)]
    assert facts.bands[3].offset_nm == 30
    assert facts.bands[0].name == "b0 (400 nm)"
    assert facts.bands[0].gain is None
    assert "b3 (550 nm)" in facts.sentence


def test_another_gain_is_told_and_undone(tmp_path):
    brighter = scenes(tmp_path, lambda values: values * 1.5 + 100)
    plain = SceneComparison.of(brighter, "none").facts(None)
    assert plain.shift_auc > 0.95
    assert plain.verdict == NOT_TRUSTED
    assert "with ADAPT='scale' the AUC would be 0." in plain.sentence
    adapted = SceneComparison.of(brighter, "scale").facts(None)
    assert adapted.adapt == "scale"
    assert adapted.verdict == CAREFUL
    assert adapted.unadapted_auc == plain.shift_auc
    assert adapted.shift_auc == plain.adapted_auc == pytest.approx(0.5, abs=0.1)
    assert adapted.adapted_auc is None
    np.testing.assert_allclose([band.gain for band in adapted.bands], 1 / 1.5, rtol=0.03)
    assert [band.target for band in adapted.bands] == [band.target for band in plain.bands]
    assert all(band.auc < 0.6 for band in adapted.bands)


def test_before_there_is_a_map_and_an_index(tmp_path):
    facts = SceneComparison.of(scenes(tmp_path), "none").facts(None)
    assert facts.inside_share is None
    assert facts.target_proportions == ()


def test_without_a_source_nothing_is_known(tmp_path):
    facts = SceneComparison.of(scenes(tmp_path, source=False), "none").facts(None, CLASSES, [1, 1, 2])
    assert facts.verdict == ""
    assert "is not known" in facts.sentence
    assert facts.bands == ()
    assert facts.target_proportions == (0.25, 0.25, 0.5)


def test_features_that_are_computed_already_cannot_be_adapted(tmp_path):
    brighter = replace(scenes(tmp_path, lambda values: values * 1.5 + 100), adaptable=False)
    facts = SceneComparison.of(brighter, "none").facts(None)
    assert facts.adapted_auc is None
    assert facts.shift_auc > 0.95
    assert "ADAPT" not in facts.sentence


def test_the_area_of_applicability_alone_can_tell(tmp_path):
    comparison = SceneComparison.of(scenes(tmp_path, source=False), "none")
    assert comparison.facts(Inside(0.99, 0.97)).verdict == TRUSTED
    assert comparison.facts(Inside(0.1, 0.97)).verdict == NOT_TRUSTED


def test_facts_survive_json(tmp_path):
    facts = SceneComparison.of(scenes(tmp_path), "scale").facts(Inside(0.5, None, None), CLASSES, [1, 0, 0])
    assert from_json(TransferFacts, json.loads(json.dumps(to_json(facts), allow_nan=False))) == facts
