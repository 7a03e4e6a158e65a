# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin in the real desktop, on a virtual screen: toolbox, dialog, map and legend. Leaves pictures of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from harness import PATH, plugin_folder
from landscape import COLORS, make_landscape
from qgis.core import QgsApplication
from scenes import run

QGIS = shutil.which("qgis.bin", path=PATH) or shutil.which("qgis", path=PATH)
SCREEN = shutil.which("xvfb-run", path=PATH)
MODULES = Path(__file__).resolve().parent
SETTINGS = """
[PythonPlugins]
mtmsd=true
processing=true

[qgis]
askToSaveProjectChanges=false
checkVersion=false
enableMacros=Never
"""

pytestmark = [
    pytest.mark.skipif(QGIS is None, reason="the program qgis is not installed"),
    pytest.mark.skipif(SCREEN is None, reason="there is no virtual screen: install xvfb and xauth"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def session(torch_python, tmp_path_factory):
    """What the person in the desktop found."""
    folder = tmp_path_factory.mktemp("desktop")
    landscape = make_landscape(folder)
    device = {"DEVICE": "cpu"}
    model, features = folder / "scene.mtmsd", folder / "features.tif"
    size = {"ITERATIONS": 60, "BATCH_SIZE": 4, "PATCH_SIZE": 16, "COMPONENTS": 8}
    run("pretraindiffusion", {"INPUT": str(landscape.raster), "OUTPUT": str(model), **size, **device})
    steps = {"TIMESTEPS": "100,300", "KEEP": 16}
    run(
        "extractfeatures",
        {"INPUT": str(landscape.raster), "MODEL": str(model), "OUTPUT": str(features), **steps, **device},
    )
    return person_in_desktop(folder, landscape, features, torch_python)


def person_in_desktop(folder, landscape, features, torch_python):
    profiles = folder / "profiles"
    settings = profiles / "profiles" / "default" / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text(SETTINGS, encoding="utf-8")
    task = {"modules": str(MODULES), "scene": str(landscape.raster), "training": str(landscape.polygons)}
    task |= {"features": str(features), "folder": str(folder)}
    (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
    environment = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    environment |= {"QGIS_PLUGINPATH": str(plugin_folder()), "MTMSD_PYTHON": torch_python, "QT_QPA_PLATFORM": "xcb"}
    environment |= {"MTMSD_DESKTOP_SESSION": str(folder / "task.json"), "OMP_NUM_THREADS": "2"}
    command = [SCREEN, "-a", "-s", "-screen 0 1400x900x24", QGIS, "--nologo", "--noversioncheck", "--lang", "en"]
    command += ["--profiles-path", str(profiles), "--code", str(MODULES / "desktop_session.py")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    report = folder / "session.json"
    assert report.is_file(), f"QGIS ended with {ended.returncode}:\n{ended.stderr[-3000:]}"
    keep_pictures(folder)
    found = json.loads(report.read_text("utf-8"))
    assert "error" not in found, found.get("error")
    return {**found, "folder": folder}


def keep_pictures(folder):
    place = os.environ.get("MTMSD_SCREENSHOTS")
    if place:
        Path(place).mkdir(parents=True, exist_ok=True)
        for picture in folder.glob("d*_*.png"):
            shutil.copy(picture, place)


def test_toolbox_lists_the_algorithms(session):
    assert {"1 Pretrain diffusion model", "2 Extract diffusion features", "3 Classify diffusion features"} <= set(
        session["toolbox"]
    )
    assert "Scene to class map" in session["toolbox"]


def test_dialog_runs_and_the_map_lands_in_the_project(session):
    assert session["ended"] == [True]
    assert {"Class map", "Confidence"} <= set(session["layers"])
    assert 0 <= session["oa"] <= 100


def test_legend_has_the_names_and_colours_of_the_training_areas(session):
    assert [(label, color) for _, label, color in session["legend"]] == [
        (name, color) for name, color in sorted(COLORS.items())
    ]


def test_pictures_were_taken(session):
    taken = {path.stem: path.stat().st_size for path in session["folder"].glob("d*_*.png")}
    algorithms = QgsApplication.processingRegistry().providerById("mtmsd").algorithms()
    expected = {f"desktop_{part}" for part in ("toolbox", "map", "designer")} | {"dialog_log", "dialog_batch"}
    assert set(taken) == expected | {f"dialog_{item.name()}" for item in algorithms}
    assert min(taken.values()) > 5000  # an empty window has less
