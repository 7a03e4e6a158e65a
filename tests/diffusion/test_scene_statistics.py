# SPDX-License-Identifier: GPL-2.0-or-later
"""Statistics of the scene that a model was trained on, in its file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mtmsd_qgis.diffusion.model import DiffusionModel, load_checkpoint, load_model
from mtmsd_qgis.errors import Cancelled, FileFormatError
from mtmsd_qgis.features.extractor import FeatureExtractor
from mtmsd_qgis.io.array_file import KIND_CHECKPOINT, read_arrays, read_header, write_file
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ExtractionSettings, PretrainSettings, extraction_settings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run as run_task
from tests.scenes import cube_of, fields

PRETRAIN = PretrainSettings(components=4, patch_size=16, iterations=4, batch_size=4, device="cpu")
EXTRACT = extraction_settings("quick", keep=20, device="cpu")
FROM_MODEL = "Statistics of the scene: from the model"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("job")


def pretrained(folder: Path, progress=silent, **outputs: str) -> Path:
    path = folder / "m.mtmsd"
    scene = cube_of(folder, fields(46, 50, bands=6)[0])
    job = Job("pretrain", to_json(PRETRAIN), scene.description, outputs={"model": str(path), **outputs})
    run_task(job, folder, progress)
    return path


@pytest.fixture(scope="module")
def model(folder) -> Path:
    return pretrained(folder)


def extracted(model: Path, folder: Path, settings: ExtractionSettings = EXTRACT, brighter: float = 0.0) -> np.ndarray:
    """The numbers of the feature raster of the scene, or of a brighter one."""
    values = fields(46, 50, bands=6)[0]
    scene = cube_of(folder, values + brighter * values.std(), name="other")
    job = Job("extract", to_json(settings), scene.description, inputs={"model": str(model)})
    found = run_task(job, folder, silent)
    return np.fromfile(Path(found.folder) / found.raster.file, np.int16).astype(int)


def test_on_its_own_scene_a_model_needs_no_pass_for_them_and_gives_the_same(model, tmp_path, monkeypatch, caplog):
    with caplog.at_level("INFO", logger="mtmsd_qgis"):
        taken = extracted(model, tmp_path)
    assert FROM_MODEL in caplog.text
    monkeypatch.setattr("mtmsd_qgis.diffusion.scene_statistics.StoredStatistics.hold_for", lambda *arguments: False)
    collected = extracted(model, tmp_path)
    assert np.abs(taken - collected).max() <= 1


def test_no_patch_goes_through_the_network_for_them(model, tmp_path, monkeypatch):
    def collected(*arguments: object) -> None:
        raise AssertionError("statistics were collected")

    monkeypatch.setattr(FeatureExtractor, "_patch_statistics", collected)
    extracted(model, tmp_path)
    with pytest.raises(AssertionError, match="were collected"):
        extracted(model, tmp_path, replace(EXTRACT, seed=1))


@pytest.mark.parametrize(
    ("change", "brighter", "taken"),
    [
        ({"timesteps": (100, 900), "stages": (1, 3)}, 0.0, True),
        ({}, 0.01, False),
        ({"timesteps": (120,)}, 0.0, False),
        ({"stages": (5, 8)}, 0.0, False),
        ({"seed": 1}, 0.0, False),
    ],
    ids=["fewer timesteps and stages", "another scene", "another timestep", "a later stage", "other noise"],
)
def test_they_are_taken_only_where_they_hold(model, tmp_path, caplog, change, brighter, taken):
    with caplog.at_level("INFO", logger="mtmsd_qgis"):
        extracted(model, tmp_path, replace(EXTRACT, **change), brighter)
    assert (FROM_MODEL in caplog.text) == taken


def test_other_numbers_are_collected_anew(model, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("mtmsd_qgis.features.precision.short_type", lambda device: torch.bfloat16)
    monkeypatch.setattr("mtmsd_qgis.features.precision._LEAST_CORRELATION", -1)
    few = replace(EXTRACT, timesteps=EXTRACT.timesteps[:1], stages=EXTRACT.stages[:1])
    with caplog.at_level("INFO", logger="mtmsd_qgis"):
        extracted(model, tmp_path, few)
    assert (FROM_MODEL in caplog.text) == (load(model).conditions.numbers == "bfloat16")


def load(model: Path):
    loaded = load_model(model)
    assert isinstance(loaded, DiffusionModel)
    assert loaded.statistics is not None
    return loaded.statistics


def test_the_file_gives_back_what_was_stored(model):
    found, description, arrays = load(model), read_header(model), read_arrays(model)
    assert found.conditions.timesteps == EXTRACT.timesteps
    assert found.conditions.last_stage == EXTRACT.stages[-1]
    assert found.patches.shape == (8, 4, 2)
    assert all(table.shape[::2] == (len(EXTRACT.timesteps), 2) for table in found.means.values())
    assert found.describe() == description["statistics"]
    stored = {name: array for name, array in arrays.items() if name.startswith("statistics.")}
    assert found.arrays().keys() == stored.keys()
    assert all(np.array_equal(found.arrays()[name], array) for name, array in stored.items())


def edited(model: Path, path: Path, statistics: object, arrays: dict[str, np.ndarray]) -> Path:
    description = {k: v for k, v in read_header(model).items() if k not in ("kind", "version", "statistics")}
    if statistics is not None:
        description["statistics"] = statistics
    write_file(path, "model", json.loads(json.dumps(description)), arrays)
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"timesteps": [300, 50]}, "should ascend"),
        ({"timesteps": []}, "should ascend"),
        ({"timesteps": [50, 5000]}, "should ascend"),
        ({"timesteps": [50, 100]}, "should be"),
        ({"last_stage": 9}, "do not fit"),
        ({"last_stage": 8}, "should be"),
        ({"seed": "0"}, "do not fit"),
        ({"numbers": 3}, "do not fit"),
        ({"more": 1}, "were expected"),
    ],
)
def test_a_file_whose_statistics_do_not_fit_is_refused(model, tmp_path, changes, message):
    wrong = {**read_header(model)["statistics"], **changes}
    with pytest.raises(FileFormatError, match=message):
        load_model(edited(model, tmp_path / "wrong.mtmsd", wrong, read_arrays(model)))


def test_a_file_with_broken_tables_is_refused_and_one_without_is_taken(model, tmp_path):
    right, arrays = read_header(model)["statistics"], read_arrays(model)
    path = tmp_path / "edited.mtmsd"
    name = next(n for n in arrays if n.startswith("statistics.") and n != "statistics.patches")
    for broken, message in (
        ({**arrays, name: np.full_like(arrays[name], np.nan)}, "no number"),
        ({n: a for n, a in arrays.items() if n != name}, "should be"),
        ({**arrays, "statistics.patches": np.zeros((65, 4, 2))}, "1 to 64 patches"),
        ({**arrays, "statistics.patches": np.zeros(())}, "1 to 64 patches"),
    ):
        with pytest.raises(FileFormatError, match=message):
            load_model(edited(model, path, right, broken))
    with pytest.raises(FileFormatError, match="absent"):
        load_model(edited(model, path, None, arrays))
    plain = {n: a for n, a in arrays.items() if not n.startswith("statistics.")}
    assert load_model(edited(model, path, None, plain)).statistics is None
    extracted(path, tmp_path)


def test_who_cancels_while_they_are_collected_goes_on_after_the_training(model, tmp_path):
    def cancel(share: float, text: str) -> None:
        if "statistics of the scene" in text:
            raise Cancelled("Cancelled.")

    checkpoint = tmp_path / "c.checkpoint"
    with pytest.raises(Cancelled):
        pretrained(tmp_path, cancel, checkpoint=str(checkpoint))
    assert not (tmp_path / "m.mtmsd").exists()
    assert read_header(checkpoint, KIND_CHECKPOINT)["iteration"] == PRETRAIN.iterations
    assert load_checkpoint(checkpoint, PRETRAIN, torch.device("cpu"))[0].iteration == PRETRAIN.iterations
    scene = cube_of(tmp_path, fields(46, 50, bands=6)[0])
    places = {"model": str(tmp_path / "m.mtmsd"), "checkpoint": str(checkpoint)}
    job = Job("pretrain", to_json(PRETRAIN), scene.description, inputs={"resume": str(checkpoint)}, outputs=places)
    run_task(job, tmp_path, silent)
    assert (tmp_path / "m.mtmsd").read_bytes() == model.read_bytes()


def test_a_model_is_written_without_them_where_memory_runs_out(tmp_path, monkeypatch, caplog):
    def out_of_memory(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(FeatureExtractor, "learn_statistics", out_of_memory)
    with caplog.at_level("WARNING", logger="mtmsd_qgis"):
        path = pretrained(tmp_path)
    assert load_model(path).statistics is None
    assert "ran out of memory. The model is complete without" in caplog.text
