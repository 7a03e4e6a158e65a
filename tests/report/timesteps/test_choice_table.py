# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from mtmsd_qgis.jobs.timesteps.timestep_choice import TimestepChoice
from mtmsd_qgis.report.timesteps.choice_table import timestep_choice_parts

CHOICE = TimestepChoice((50, 100, 150), (50, 150), ((50, 100), (150, 150)), (0.97, 1.0), 0.98)


def test_a_row_for_each_interval():
    text = "".join(timestep_choice_parts(CHOICE))
    assert "2 of 3 timesteps stand for all: 50, 150." in text
    for cell in ("50 to 100", "0.970", "1.000", "it is 0.980"):
        assert cell in text
    assert "150 to 150" not in text


def test_nothing_where_none_were_chosen():
    assert timestep_choice_parts(None) == []
