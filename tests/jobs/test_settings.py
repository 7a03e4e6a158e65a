# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json

import pytest

from mtmsd_qgis.errors import SettingsError
from mtmsd_qgis.jobs.settings import (
    PRESETS,
    ClassificationSettings,
    ExtractionSettings,
    PretrainSettings,
    extraction_settings,
    from_json,
    pretrain_settings,
    to_json,
)


def test_the_paper_preset_is_the_paper():
    paper = PRESETS["paper"]
    assert (paper.pretrain.base_width, paper.pretrain.patch_size) == (128, 48)
    assert (paper.pretrain.iterations, paper.pretrain.batch_size) == (40_000, 128)
    assert paper.pretrain.learning_rate == 1e-4
    assert paper.extraction.timesteps == tuple(range(50, 1000, 50))
    assert paper.extraction.stages == (0, 1, 2, 3, 5)
    assert paper.extraction.keep == 768
    mtmsd = ClassificationSettings(classifier="mtmsd")
    assert (mtmsd.networks, mtmsd.passes) == (5, 100)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_keep_60_percent_of_their_features(name):
    preset = PRESETS[name]
    assert preset.pretrain.preset == name
    assert preset.extraction.keep == round(0.6 * 10 * preset.pretrain.base_width)


def test_overrides_of_none_keep_the_preset():
    settings = pretrain_settings("quick", iterations=7, base_width=None)
    assert (settings.iterations, settings.base_width) == (7, 32)
    assert extraction_settings("standard", keep=0).keep == 0


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (PretrainSettings, {"base_width": 48}, "base width must be 32, 64 or 128. Found: 48"),
        (PretrainSettings, {"patch_size": 30}, "multiple of 4"),
        (PretrainSettings, {"patch_size": 8}, "16 to 4096 pixels"),
        (PretrainSettings, {"patch_size": 4100}, "16 to 4096 pixels and a multiple of 4"),
        (PretrainSettings, {"iterations": 0}, "iterations"),
        (PretrainSettings, {"learning_rate": 0.0}, "learning rate"),
        (PretrainSettings, {"device": "gpu"}, "device must be auto, cpu, cuda or cuda:N"),
        (PretrainSettings, {"preset": "slow"}, "quick, standard, paper"),
        (PretrainSettings, {"colour": 1}, "knows no setting"),
        (PretrainSettings, {"iterations": "many"}, "wrong type"),
        (ExtractionSettings, {"timesteps": []}, "Timesteps"),
        (ExtractionSettings, {"timesteps": [5, 1000]}, "0 to 999"),
        (ExtractionSettings, {"stages": [9]}, "0 to 8"),
        (ExtractionSettings, {"keep": -1}, "keep"),
        (ClassificationSettings, {"classifier": "forest"}, "classifier"),
        (ClassificationSettings, {"validation_share": 1.0}, "share"),
        (ClassificationSettings, {"split": "half"}, "split"),
    ],
)
def test_settings_out_of_range_are_refused(kind, values, message):
    with pytest.raises(SettingsError, match=message):
        from_json(kind, values)


@pytest.mark.parametrize("settings", [PretrainSettings(), ExtractionSettings(), ClassificationSettings(keep=3)])
def test_settings_travel_as_json(settings):
    assert from_json(type(settings), json.loads(json.dumps(to_json(settings)))) == settings
