# SPDX-License-Identifier: GPL-2.0-or-later
"""The guide's examples are run as they stand, in a folder with files of the names they use; only settings that they
leave open are made small. Of qgis_process lines, the names are checked."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from campaigns import prepared, tiles_of
from harness import ROOT
from qgis.core import QgsApplication, QgsProcessingContext, QgsVectorLayer
from scenes import CLASSIFY, EXTRACT, PRETRAIN, Log, make_scene, run, save_layer, vector_layer

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCKS = {page.name: re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S) for page in PAGES}
PYTHON = {page: [text for language, text in blocks if language == "python"] for page, blocks in BLOCKS.items()}
SHELL = {page: [text for kind, text in blocks if not kind and "mtmsd:" in text] for page, blocks in BLOCKS.items()}
QUICK = {"CLASSIFIER": "linear", "EPOCHS": 2, "DEVICE": "cpu"}
SMALL = {
    "mtmsd:pretraindiffusion": PRETRAIN,
    "mtmsd:extractfeatures": EXTRACT,
    "mtmsd:explorefeatures": {"TIMESTEPS": "100,200", "STAGES": "5", "DEVICE": "cpu"},
    "mtmsd:classify": QUICK,
    "mtmsd:mapscene": {**PRETRAIN, **EXTRACT, **QUICK},
    "mtmsd:preparecampaign": {**PRETRAIN, "TIMESTEPS": "100,200"},
    "mtmsd:scenetoclassmap": {"ITERATIONS": 1, "TIMESTEPS": "200", "CLASSIFIER": "linear", "DEVICE": "cpu"},
    "mtmsd:mapanotherscene": {"ITERATIONS": 1, "TIMESTEPS": "200", "CLASSIFIER": "linear", "DEVICE": "cpu"},
}
MAT_FILES = (
    "import numpy as np, scipy.io as s; r = np.random.default_rng(0);"
    "s.savemat('Indian_pines_corrected.mat', {'cube': r.integers(0, 9, (9, 7, 5), dtype=np.int16)});"
    "s.savemat('Indian_pines_gt.mat', {'gt': np.eye(9, 7)})"
)


@pytest.fixture(scope="module")
def folder(model, features, torch_python, tmp_path_factory):
    """What the examples call scene.tif, samples.gpkg and so on."""
    place = tmp_path_factory.mktemp("guide")
    scene = make_scene(place)
    polygons = list(QgsVectorLayer(str(scene.polygons), "polygons", "ogr").getFeatures())
    for name, field in {"samples": "class", "fields": "crop", "random_points": "class"}.items():
        shapes = [(feature.geometry(), feature["cover"]) for feature in polygons]
        fields = {"field": f"{field}:string&field=trust", "field_type": "double"}
        layer = vector_layer(shapes, "Polygon", crs_of_shapes="EPSG:4326", **fields)
        layer.dataProvider().changeAttributeValues({f.id(): {1: 1 + f.id() % 2} for f in layer.getFeatures()})
        save_layer(layer, place / f"{name}.gpkg")
    shutil.copy(model, place / "scene.mtmsd")
    shutil.copy(features, place / "features.tif")
    for name in ("another_scene.tif", "next_year.tif", "heights.tif", "embedding.tif", "next_embedding.tif"):
        shutil.copy(scene.raster, place / name)
    samples = {"TRAINING": str(place / "samples.gpkg"), "CLASS_FIELD": "class"}
    run("classify", {"INPUT": str(features), "OUTPUT": str(place / "class_map.tif"), **samples, **CLASSIFY, **QUICK})
    subprocess.run([torch_python, "-c", MAT_FILES], check=True, cwd=place)
    for number, tile in enumerate(tiles_of(scene, place), 1):
        Path(tile).rename(place / f"tile_{number}.tif")
    prepared(scene, [str(place / f"tile_{number}.tif") for number in (1, 2)], place / "campaign")
    run("runcampaign", {"CAMPAIGN": str(place / "campaign")})
    return place


@pytest.mark.parametrize("page", [name for name, blocks in PYTHON.items() if blocks])
def test_console_examples_run(folder, page, tmp_path, monkeypatch, project):
    import processing

    whole = processing.run
    ran = []

    def run_small(algorithm, parameters, **more):
        ran.append(algorithm)
        if algorithm == "mtmsd:setupenvironment":  # it would download a gigabyte
            return {"PYTHON": refused_or_empty(algorithm, parameters)}
        return whole(algorithm, {**SMALL.get(algorithm, {}), **parameters}, feedback=Log(), **more)

    place = tmp_path / "guide"
    shutil.copytree(folder, place)
    monkeypatch.chdir(place)
    monkeypatch.setattr(processing, "run", run_small)
    names = {"processing": processing, "__name__": "__console__"}
    for block in PYTHON[page]:
        exec(compile(block, page, "exec"), names)
    assert ran


def refused_or_empty(algorithm, parameters):
    item = QgsApplication.processingRegistry().createAlgorithmById(algorithm)
    fine, message = item.checkParameterValues(parameters, QgsProcessingContext())
    assert fine, message
    return message


@pytest.mark.parametrize("page", [name for name, blocks in SHELL.items() if blocks])
def test_shell_examples_name_what_there_is(page):
    lines = "".join(SHELL[page]).replace("\\\n", " ").splitlines()
    calls = [shlex.split(line) for line in lines if line.startswith("qgis_process run mtmsd:")]
    assert calls
    for _, _, identity, dashes, *values in calls:
        item = QgsApplication.processingRegistry().createAlgorithmById(identity)
        assert dashes == "--"
        given = dict(value.split("=", 1) for value in values)
        assert set(given) <= {parameter.name() for parameter in item.parameterDefinitions()}
        for name, value in given.items():
            parameter = item.parameterDefinition(name)
            if parameter.type() == "enum":
                assert value in parameter.options()


def test_there_are_examples_for_every_algorithm():
    text = "".join(block for blocks in PYTHON.values() for block in blocks)
    items = QgsApplication.processingRegistry().providerById("mtmsd").algorithms()
    assert [item.id() for item in items if f'"{item.id()}"' not in text] == []


def test_pages_are_found():
    assert Path("index.md").name in PYTHON
    assert sum(map(len, PYTHON.values())) > 5
