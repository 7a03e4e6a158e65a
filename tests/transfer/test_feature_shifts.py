# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.errors import FileFormatError
from mtmsd_qgis.jobs.data_model import FeatureLayout
from mtmsd_qgis.jobs.transfer_results import FeatureShift
from mtmsd_qgis.transfer.feature_shifts import diffusion_features, feature_shifts, group_names, summary_of_features
from tests.scenes import cube_of

LAYOUT = FeatureLayout(
    timesteps=(50, 100), features=3, names=("s1 c000", "s1 c004", "s5 c002"), stages=(1, 5), spectra=2
)
READ = (7, 0, 4, 3, 5, 4)  # band 7 is a spectrum


def raster(folder, seed: int, shifted: int | None = None):
    values = np.random.default_rng(seed).normal(size=(8, 60, 60))
    if shifted is not None:
        values[shifted] += 3
    folder.mkdir()
    return cube_of(folder, values.astype(np.float32))


def test_the_timestep_and_stage_that_shift_are_named_first(tmp_path):
    chosen = diffusion_features(READ, LAYOUT)
    assert chosen == [0, 3, 4, 5]
    assert group_names(LAYOUT, chosen) == ["50 1", "100 1", "100 1", "100 5"]
    source = summary_of_features(raster(tmp_path / "a", 0), LAYOUT, READ)
    target = summary_of_features(raster(tmp_path / "b", 1, shifted=3), LAYOUT, READ)
    shifts = feature_shifts(source, target, group_names(LAYOUT, chosen))
    assert (shifts[0].timestep, shifts[0].stage) == (100, 1)
    assert shifts[0].auc > 0.95
    assert all(shift.auc < 0.6 for shift in shifts[1:])
    assert shifts[0].title == "timestep 100, stage 1"


def test_features_without_names_are_told_apart_by_their_timesteps():
    layout = FeatureLayout(timesteps=(50, 100), features=2)
    assert group_names(layout, [0, 1, 3]) == ["50", "50", "100"]
    assert FeatureShift(50, None, 0.5).title == "timestep 50"


def test_a_map_of_spectra_alone_rests_on_no_features(tmp_path):
    assert summary_of_features(raster(tmp_path / "a", 0), LAYOUT, (6, 7)) is None


def test_a_file_that_keeps_other_features_is_refused(tmp_path):
    cube = raster(tmp_path / "a", 0)
    source, target = (summary_of_features(cube, LAYOUT, bands) for bands in ((0, 1), (0, 1, 2)))
    with pytest.raises(FileFormatError, match="keeps 2 features of its scene, its map uses 3"):
        feature_shifts(source, target, group_names(LAYOUT, [0, 1, 2]))
