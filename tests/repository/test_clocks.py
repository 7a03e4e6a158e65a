# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing depends on the time of day: a clock that jumps changes no waiting, no result and no file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [*sorted((ROOT / "mtmsd_qgis").rglob("*.py")), *sorted((ROOT / "algorithms").rglob("*.py"))]
WALL_CLOCKS = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "today"), ("date", "today")}


def uses(source: str) -> list[int]:
    """Lines that ask for the time of day."""
    tree = ast.parse(source)
    asked = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in WALL_CLOCKS
    ]
    taken = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and {(node.module, alias.name) for alias in node.names} & WALL_CLOCKS
    ]
    return asked + taken


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_module_asks_for_the_time_of_day(path):
    assert uses(path.read_text(encoding="utf-8")) == []


def test_asking_for_it_is_noticed():
    assert uses("import time\nstart = time.time()\n") == [2]
    assert uses("from time import time\n") == [1]


def test_a_training_under_a_jumping_clock_is_the_same(tmp_path):
    code = """
import random, sys, time
if sys.argv[2] == "jumping":
    time.time = lambda: random.uniform(0, 4e9)
sys.path.insert(0, sys.argv[3])
from pathlib import Path
import numpy as np, torch
from mtmsd_qgis.diffusion.patch_sampler import PatchSampler
from mtmsd_qgis.diffusion.training_loop import train
from mtmsd_qgis.progress import silent
from mtmsd_qgis.jobs.settings import PretrainSettings
from mtmsd_qgis.diffusion.training_state import new_training
from tests.scenes import cube_of, fields
folder = Path(sys.argv[1]); folder.mkdir()
cube = cube_of(folder, fields(32, 32)[0].astype(np.float32) / 1000)
settings = PretrainSettings(iterations=3, patch_size=16, batch_size=1, components=8)
state = new_training(8, settings, torch.device("cpu"))
saved = []
train(state, PatchSampler(cube, np.ones((32, 32), bool), 16), settings, silent, saved.append)
print(state.losses, len(saved))
"""
    ends = [
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / clock), clock, str(ROOT)],
            capture_output=True, text=True, check=True,
        ).stdout
        for clock in ("steady", "jumping")
    ]  # fmt: skip
    assert ends[0] == ends[1]
    assert ends[0].strip().endswith("] 0")
