# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from mtmsd_qgis.errors import SettingsError
from mtmsd_qgis.jobs.timesteps.number_lists import parse_timesteps, parse_whole_numbers


@pytest.mark.parametrize(
    ("text", "expected"), [("50,100", (50, 100)), (" 3; 1 ,2,", (1, 2, 3)), ("5,5", (5,)), ("", ())]
)
def test_lists_of_whole_numbers(text, expected):
    assert parse_whole_numbers(text, "TIMESTEPS") == expected


def test_a_list_that_is_none_is_quoted():
    with pytest.raises(SettingsError, match=r'TIMESTEPS must be whole numbers .* found "a,b"'):
        parse_whole_numbers("a,b", "TIMESTEPS")


@pytest.mark.parametrize(("text", "expected"), [("auto", None), (" AUTO ", None), ("200;100", (100, 200))])
def test_timesteps_are_listed_or_chosen(text, expected):
    assert parse_timesteps(text, "TIMESTEPS") == expected


def test_a_word_that_is_no_choice_is_refused():
    with pytest.raises(SettingsError, match=r'TIMESTEPS must be whole numbers .*, or auto; found "some"'):
        parse_timesteps("some", "TIMESTEPS")
