# SPDX-License-Identifier: GPL-2.0-or-later
"""Extra rasters of another scene stand for those of the same name, the others for those that are left."""

from __future__ import annotations

import pytest

from mtmsd_qgis.jobs.extras.extra_rasters import ExtraRaster, learnt_order


@pytest.mark.parametrize(
    ("learnt", "given", "order"),
    [
        (["dem", "sar"], ["dem", "sar"], [0, 1]),
        (["dem", "sar"], ["sar", "dem"], [1, 0]),
        (["dem", "sar"], ["sar", "dem 2024"], [1, 0]),
        (["dem", "sar"], ["a", "b"], [0, 1]),
        (["dem", "sar", "soils"], ["soils", "a", "b"], [1, 2, 0]),
        (["mean", "mean", "sar"], ["sar", "mean", "mean"], [1, 2, 0]),
        (["dem", "sar"], ["dem", "dem"], [0, 1]),
        ([], [], []),
    ],
)
def test_names_tell_the_order(learnt, given, order):
    wanted = [ExtraRaster(name, "values", (name,)) for name in learnt]
    assert learnt_order(wanted, given) == order
