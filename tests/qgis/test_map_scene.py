# SPDX-License-Identifier: GPL-2.0-or-later
"""The three steps in one, through QGIS: outputs, its agreement with the three steps, and resuming after a stop."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from qgis.core import QgsProcessingException, QgsVectorLayer
from scenes import (
    CLASSIFY,
    EXPECTED_LEGEND,
    EXTRACT,
    NAMES,
    PRETRAIN,
    Log,
    categorize,
    class_of_pixel,
    legend,
    read_raster,
    results_of,
    run,
    spectra,
    write_raster,
)

pytestmark = pytest.mark.usefixtures("torch_python")
TRAIN = {k: v for k, v in PRETRAIN.items() if k != "DEVICE"}
TINY = {**TRAIN, **EXTRACT, **CLASSIFY, "CLASSIFIER": "linear"}


def with_paths(scene, folder, **more):
    return {"INPUT": str(scene.raster), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **TINY} | {
        "OUTPUT": str(folder / "map.tif"),
        **more,
    }


def test_every_output_and_what_is_said(scene, tmp_path, project):
    layer = categorize(QgsVectorLayer(str(scene.polygons), "fields", "ogr"))
    project.addMapLayer(layer)
    outputs = {
        name: str(tmp_path / file)
        for name, file in {
            "CONFIDENCE": "confidence.tif",
            "PROBABILITIES": "probabilities.tif",
            "REPORT": "report.html",
            "OUTPUT_MODEL": "scene.mtmsd",
        }.items()
    }
    log = Log()
    results = run("mapscene", with_paths(scene, tmp_path, TRAINING=layer, **outputs), log)
    assert set(results) == {
        *("OUTPUT", "CONFIDENCE", "PROBABILITIES", "UNCERTAINTY", "SUGGESTIONS", "REPORT", "OUTPUT_MODEL"),
        *("TOKENS", "TOKEN_POLYGONS"),
        *("OA", "AA", "KAPPA", "OUTPUT_CLASSIFIER", "SECONDS", "DEVICE_USED"),
    }
    assert all(Path(results[name]).is_file() for name in ("OUTPUT", *outputs))
    assert list(tmp_path.glob("*.checkpoint")) == []
    assert 0 <= results["OA"] <= 100
    values = read_raster(results["OUTPUT"])[0]
    assert set(np.unique(values)) <= {1, 2, 3}
    probabilities = read_raster(results["PROBABILITIES"])
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-4)
    np.testing.assert_allclose(probabilities.max(axis=0), read_raster(results["CONFIDENCE"])[0], atol=1e-6)
    from qgis.core import QgsRasterLayer

    assert legend(QgsRasterLayer(results["OUTPUT"])) == EXPECTED_LEGEND
    said = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert "trained on this raster, preset quick, 3 iterations" in json.dumps(said)
    assert "Preset quick, 3 iterations" in log.text
    assert "The map uses 2 of 2 timesteps: 100, 500." in log.text

    # The model that it leaves maps the scene again, to the same classes.
    given = {"MODEL": outputs["OUTPUT_MODEL"], "OUTPUT": str(tmp_path / "again.tif")}
    run("mapscene", with_paths(scene, tmp_path, TRAINING=layer, **given))
    np.testing.assert_array_equal(read_raster(given["OUTPUT"])[0], values)


@pytest.mark.parametrize("classifier", ["auto", "linear"])
def test_it_is_the_map_of_the_three_steps(scene, model, tmp_path, classifier):
    where = {"INPUT": str(scene.raster), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover"}
    choice = {**CLASSIFY, "CLASSIFIER": classifier, "SPLIT": "none"}
    features = str(tmp_path / "features.tif")
    run("extractfeatures", {**where, **EXTRACT, "MODEL": str(model), "OUTPUT": features})
    run("classify", {**where, **choice, "INPUT": features, "OUTPUT": str(tmp_path / "steps.tif")})
    parts = {**where, **EXTRACT, **choice, "MODEL": str(model)}
    run("mapscene", {**parts, "OUTPUT": str(tmp_path / "once.tif")})
    assert np.mean(read_raster(tmp_path / "steps.tif") == read_raster(tmp_path / "once.tif")) > 0.995
    clear = read_raster(tmp_path / "once.tif")[0] == np.array([3, 2, 1])[class_of_pixel()]  # water, meadow, forest
    assert NAMES == ("water", "meadow", "forest")
    assert clear.mean() > (0.9 if classifier == "auto" else 0.7)  # a straight line on a network of three steps


LONGER = {"ITERATIONS": 30, "TIMESTEPS": "100,300,500,700,900"}  # long enough to be told of


@pytest.fixture(scope="module")
def whole_map(scene, torch_python, tmp_path_factory):
    """Of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("whole")
    run("mapscene", with_paths(scene, folder, **LONGER))
    return read_raster(folder / "map.tif")


@pytest.mark.parametrize("percent", [20, 45, 60])
def test_what_was_cancelled_goes_on_to_the_same_map(scene, tmp_path, whole_map, percent):
    log = Log(cancel_at_percent=percent)
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("mapscene", with_paths(scene, tmp_path, **LONGER), log)
    folder, report = tmp_path / "map.tif.checkpoint", tmp_path / "report.html"
    if folder.exists():  # small scenes may be done before the word reaches the worker
        assert f"kept in {folder}" in log.text
        assert not (tmp_path / "map.tif").exists()
        again = Log()
        run("mapscene", with_paths(scene, tmp_path, RESUME=str(folder), REPORT=str(report), **LONGER), again)
        assert "Going on with the unfinished run" in again.text
        assert "the time is that of the last run alone" in report.read_text("utf-8")
    else:
        run("mapscene", with_paths(scene, tmp_path, **LONGER))
    assert not folder.exists()
    np.testing.assert_array_equal(read_raster(tmp_path / "map.tif"), whole_map)


def test_a_run_that_begins_anew_does_not_say_that_another_one_had_done_a_part(scene, tmp_path):
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("mapscene", with_paths(scene, tmp_path, **LONGER), Log(cancel_at_percent=45))
    report = tmp_path / "report.html"
    run("mapscene", with_paths(scene, tmp_path, SEED=3, REPORT=str(report), **LONGER))
    assert "the time is that of the last run alone" not in report.read_text("utf-8")


def test_qgis_process_maps_a_scene(qgis_process, scene, tmp_path):
    arguments = with_paths(scene, tmp_path)
    done = qgis_process.run("mtmsd:mapscene", **arguments)
    assert done.returncode == 0, done.stderr
    assert results_of(done)["OUTPUT"] == str(tmp_path / "map.tif")
    assert read_raster(tmp_path / "map.tif").shape == (1, 64, 64)


def test_refusals(scene, model, tmp_path):
    (tmp_path / "empty").mkdir()
    other = write_raster(tmp_path / "other.tif", spectra(bands=5))
    cases = [
        (
            {"MODEL": str(model), "OUTPUT_MODEL": str(tmp_path / "m.mtmsd")},
            "OUTPUT_MODEL is for a model",
        ),
        ({"MODEL": str(tmp_path / "none.mtmsd")}, "none.mtmsd"),
        ({"MODEL": str(model), "INPUT": str(other)}, "bands"),
        ({"RESUME": str(tmp_path / "nowhere")}, "there is no folder"),
        ({"RESUME": str(tmp_path / "empty")}, "the folder that an interrupted run left"),
        ({"OUTPUT": str(scene.raster)}, "which INPUT reads"),
        ({"PATCH_SIZE": 128}, "at least as large as a training patch"),
        ({"CLASS_FIELD": "colour"}, "colour"),
    ]
    for change, words in cases:
        with pytest.raises(QgsProcessingException, match=words):
            run("mapscene", with_paths(scene, tmp_path, **change))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "other.tif"]


def test_extraction_that_was_cancelled_goes_on_to_the_same_raster(scene, model, features, tmp_path):
    parameters = {"INPUT": str(scene.raster), "MODEL": str(model), **EXTRACT, "OUTPUT": str(tmp_path / "f.tif")}
    log = Log(cancel_at="tile")
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("extractfeatures", parameters, log)
    again = Log()
    run("extractfeatures", parameters, again)
    assert ("Going on" in again.text) == ("kept in" in log.text)
    np.testing.assert_array_equal(read_raster(tmp_path / "f.tif"), read_raster(features))
    assert [path.name for path in tmp_path.iterdir()] == ["f.tif"]
