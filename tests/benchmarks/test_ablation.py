# SPDX-License-Identifier: GPL-2.0-or-later
"""The ablation of the default classifier: what is replaced, and the table of differences."""

from __future__ import annotations

import contextlib
import importlib
import sys
from operator import attrgetter
from types import ModuleType, SimpleNamespace

import pytest

from benchmarks.accuracy import ablation
from benchmarks.accuracy.ablation import LEFT_OUT, VARIANTS, WHOLE, table
from benchmarks.accuracy.replacement import Replacement, replaced


def document(oas: dict[str, list[list[float]]], split: str = "groups") -> list[dict]:
    """Runs with the overall accuracies (trainings, draws) of each method."""
    return [
        {
            "scene": "zion_landsat8",
            "preset": "quick",
            "split": split,
            "seed": seed,
            "model_seed": training,
            "method": method,
            "oa": oa,
            "seconds": 6.0 if method == WHOLE else 3.0,
        }
        for method, rows in oas.items()
        for training, row in enumerate(rows)
        for seed, oa in enumerate(row)
    ]


@pytest.fixture
def core(monkeypatch):
    """A module with a number in it."""
    module = ModuleType("part_of_the_core")
    module.NUMBER = 8
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def half(name: str = "NUMBER") -> Replacement:
    return Replacement("part_of_the_core", name, lambda number: number // 2)


def test_an_attribute_is_replaced_for_a_while(core):
    with replaced([half(), half()]):
        assert core.NUMBER == 2
    assert core.NUMBER == 8


def test_an_attribute_of_a_class_is_replaced_for_a_while(core):
    core.Kind = type("Kind", (), {"NUMBER": 8})
    with replaced([half("Kind.NUMBER")]):
        assert core.Kind.NUMBER == 4
    assert core.Kind.NUMBER == 8


def test_an_attribute_is_put_back_when_the_run_fails(core):
    with contextlib.suppress(RuntimeError), replaced([half()]):
        raise RuntimeError
    assert core.NUMBER == 8


def test_an_attribute_that_is_not_there_is_refused_and_earlier_ones_are_put_back(core):
    with pytest.raises(AttributeError), replaced([half(), half("NO_SUCH_NAME")]):
        pass
    assert core.NUMBER == 8


@pytest.mark.parametrize("name", list(VARIANTS))
def test_every_variant_changes_something_of_the_core(name):
    for each in VARIANTS[name].replacements:
        value_of = attrgetter(each.attribute)
        before = value_of(importlib.import_module(each.module))
        with replaced([each]):
            assert value_of(importlib.import_module(each.module)) != before


def test_table_names_the_component_that_costs_most_first_with_its_standard_error():
    whole = [[60.0, 70.0], [62.0, 72.0]]
    prior = [[60.5, 70.5], [62.5, 72.5]]  # better without by half a point, always
    library = [[57.0, 69.0], [59.0, 71.0]]  # worse without: 3 and 1 points
    groups = document({WHOLE: whole, f"{LEFT_OUT}prior": prior, f"{LEFT_OUT}library": library})
    random15 = document({WHOLE: [[80.0]], f"{LEFT_OUT}prior": [[79.0]]}, "random15")
    lines = table({"about": {}, "runs": groups + random15}).splitlines()
    assert lines[0] == (
        "| left out | Zion land cover (quick), random 15 a class | Zion land cover (quick), whole fields or polygons "
        "| mean | time |"
    )
    # Draws differ with a variance of 2 about the mean of -2: a standard error of 1.
    assert lines[2] == "| library | – | −2.00 ± 1.00 (2 x 2) | −2.00 ± 1.00 | 0.50 |"
    assert lines[3] == "| prior | −1.00 (1 x 1) | +0.50 ± 0.00 (2 x 2) | −0.25 | 0.50 |"


def test_failed_runs_and_draws_that_the_whole_classifier_lacks_do_not_count():
    runs = document({WHOLE: [[60.0, 70.0]], f"{LEFT_OUT}prior": [[61.0, 71.0, 99.0]]})
    runs[0]["error"] = "no memory"
    ((_, figures),) = ablation.differences({"about": {}, "runs": runs}).items()
    assert [figure.mean for figure in figures.values()] == [1]


def test_every_draw_is_asked_for_with_each_training_and_each_variant_that_concerns_its_split():
    options = SimpleNamespace(split=["groups", "random5"], seeds=[4, 5], trainings=2, preset="quick")
    options.without = ["context is asked for", "calibration of each model"]
    keys = ablation._keys("zion_landsat8", options)
    assert len(keys) == len({tuple(key.values()) for key in keys}) == 2 * 2 * (3 + 2)
    assert {key["method"] for key in keys if key["split"] == "random5"} == {
        "auto",
        "auto without calibration of each model",
    }
