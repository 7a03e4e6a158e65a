# SPDX-License-Identifier: GPL-2.0-or-later
"""The check of a graphics card: all its parts where there is none, its goals, and what its page says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.card import maps, run
from benchmarks.card.check import CardCheck, Found, Goal, PartSkipped, made_up_scene
from benchmarks.card.page import NONE_RUN, TITLES, page, sections

ROOT = Path(__file__).parents[2]
NEED_A_CARD = {"tests", "plan", "compiled"}
OTHER_PACKAGES = ("sklearn", "pytest", "matplotlib", "osgeo", "qgis", "hypothesis")


@pytest.mark.slow
def test_every_part_works_without_a_card_in_less_than_a_minute(tmp_path):
    code = f"import runpy, sys; sys.argv[1:] = {['--device', 'cpu', '--short', '--out', str(tmp_path)]!r}\n"
    code += "try:\n    runpy.run_path('scripts/gpu_check.py', run_name='__main__')\nfinally:\n"
    code += f"    print('LOADED', [name for name in {OTHER_PACKAGES} if name in sys.modules])\n"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "LOADED []" in done.stdout  # a Python with torch, numpy and scipy is enough
    document = json.loads((tmp_path / "gpu.json").read_text("utf-8"))
    assert set(document["parts"]) == set(TITLES)
    assert {name for name, part in document["parts"].items() if part["status"] == "skipped"} == NEED_A_CARD
    assert {part["status"] for part in document["parts"].values()} == {"done", "skipped"}
    figures = {name: part.get("figures") for name, part in document["parts"].items()}
    assert figures["same_map"]["same_share"] == 1.0  # one device, the same bytes
    assert figures["same_map"]["correlation_lowest"] == 1.0
    assert 0 < figures["rate"]["quick"]["share"] < 1.5
    assert figures["training"]["whole_minutes"] > 0
    few = figures["fallback"]
    assert few["timesteps_a_pass_with_little_memory"] <= few["timesteps_a_pass"] / 2
    assert few["largest_difference"] < 0.02
    text = (tmp_path / "gpu.md").read_text("utf-8")
    assert all(f"## {title}" in text for title in TITLES.values())
    assert "Skipped: These tests need a card." in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gpu.json", "gpu.md"]


def check(tmp_path, **changes):
    return CardCheck(**{"device": "cpu", "short": True, "folder": tmp_path, "ends": time.monotonic() + 60, **changes})


@pytest.mark.parametrize(
    ("goal", "reached", "text"),
    [
        (Goal("ratio", 1.25, 1.25), True, "ratio: at most 1.25"),
        (Goal("ratio", 1.26, 1.25), False, "ratio: at most 1.25"),
        (Goal("share", 0.35, 0.35, at_most=False), True, "share: at least 0.35"),
        (Goal("share", 0.34, 0.35, at_most=False), False, "share: at least 0.35"),
    ],
)
def test_a_goal_is_reached_or_missed(goal, reached, text):
    assert goal.as_json() == {"what": text, "measured": goal.measured, "reached": reached}


@pytest.mark.parametrize(("device", "short", "count"), [("cuda:0", False, 1), ("cuda:0", True, 0), ("cpu", False, 0)])
def test_goals_are_those_of_a_card_in_full_length(tmp_path, device, short, count):
    assert len(check(tmp_path, device=device, short=short).goals(Goal("x", 1.0, 2.0))) == count


def test_a_part_that_fails_or_has_no_time_ends_no_other(tmp_path, monkeypatch):
    def fails(_):
        raise RuntimeError("CUDA error: unspecified launch failure")

    def cannot(_):
        raise PartSkipped("No card.")

    parts = {"rate": (fails, 1), "tests": (cannot, 1), "plan": (lambda _: Found({"a": 1}), 1)}
    monkeypatch.setattr(run, "PARTS", parts)
    failed, skipped, done = (run.run_part(check(tmp_path), name) for name in parts)
    assert (failed["status"], failed["reason"]) == ("failed", "RuntimeError: CUDA error: unspecified launch failure")
    assert "in fails" in failed["traceback"]
    assert (skipped["status"], skipped["reason"]) == ("skipped", "No card.")
    assert (done["status"], done["figures"]) == ("done", {"a": 1})
    late = run.run_part(check(tmp_path, ends=time.monotonic()), "plan")
    assert late["status"] == "skipped"
    assert "where it may take 1." in late["reason"]


@pytest.mark.parametrize(
    ("part", "well"),
    [
        ({"status": "done", "goals": [{"reached": True}]}, True),
        ({"status": "skipped"}, True),
        ({"status": "failed"}, False),
        ({"status": "done", "goals": [{"reached": True}, {"reached": False}]}, False),
    ],
)
def test_the_exit_status_tells_of_failures_and_missed_goals(part, well):
    assert run.went_well({"parts": {"rate": part}}) is well


def test_a_card_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="was asked for, but"):
        run.main(["--device", "cuda:99", "--out", str(tmp_path)])


def test_the_page_says_that_no_card_has_been_checked_or_what_was_found():
    assert sections(None, "###") == [NONE_RUN]
    part = {"status": "done", "figures": {"quick": {"ratio": 1.5}}, "notes": ["A note."]}
    part["goals"] = [Goal("ratio", 1.5, 1.25).as_json()]
    machine = {"status": "done", "figures": {"device": "cuda:0 (Card, 8.0 GiB)", "torch": "2.13.0"}}
    document = {"day": "2026-01-02", "seconds": 300, "short": False, "parts": {"machine": machine, "extraction": part}}
    text = page(document)
    assert "cuda:0 (Card, 8.0 GiB), torch 2.13.0, 2026-01-02, 300 s." in text
    assert "| ratio: at most 1.25 | 1.5 | **missed** |" in text
    assert "| quick, ratio | 1.5 |" in text
    assert "A note." in text


def test_features_are_compared_band_by_band():
    one = np.stack([np.arange(6.0).reshape(2, 3), np.zeros((2, 3)), np.arange(6.0).reshape(2, 3) ** 2])
    other = np.stack([5 - 2 * one[0], one[1], 3 * one[2] + 1])
    assert maps._correlations(one, other) == pytest.approx([-1.0, 1.0])  # the constant one has none


def test_the_made_up_scene_has_a_class_for_every_sample(tmp_path):
    scene = made_up_scene(tmp_path, 48)
    assert set(scene.samples.class_index) == set(range(len(scene.classes)))
    assert scene.samples.cols.min() == 3  # behind the border without data
