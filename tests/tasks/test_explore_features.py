# SPDX-License-Identifier: GPL-2.0-or-later
"""The recipe that looks at features: figures, the same bytes again, an interruption, and what it refuses."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.errors import Cancelled, MtmsdError
from mtmsd_qgis.features.exploration.inspected_tiles import InspectionPlan
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import network_tile_side, network_tiles, whole
from mtmsd_qgis.jobs.data_model import Band
from mtmsd_qgis.jobs.exploration.exploration import ExplorationResult
from mtmsd_qgis.jobs.json_dataclasses import from_json, to_json
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ExtractionSettings, PretrainSettings
from mtmsd_qgis.jobs.settings import to_json as settings_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.report.exploration.exploration_report import exploration_json, exploration_report
from mtmsd_qgis.report.exploration.exploration_sentences import similarity_sentence, spectral_sentence
from mtmsd_qgis.sampling.sample_table import SampleTable
from mtmsd_qgis.tasks.exploration.gallery_raster import Gallery
from mtmsd_qgis.tasks.run import run
from tests.scenes import CLASSES, cube_of, fields, sample_table

SETTINGS = ExtractionSettings(timesteps=(50, 900), stages=(1, 5), keep=0, spectra=False)
SIZE = (46, 100)  # two tiles


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("job")


@pytest.fixture(scope="module")
def job(folder):
    """A scene of two tiles with a hole, and wavelengths, and its job."""
    values, index = fields(*SIZE, bands=6)
    values = values.astype(np.float32)
    values[:, 10:14, 20:30] = np.nan
    cube = cube_of(folder, values)
    bands = tuple(Band(name=f"b{i}", number=i, wavelength_nm=350.0 + 100 * i) for i in range(1, 7))
    table = sample_table(index)
    np.save(folder / "samples.npy", table[~((table[:, 0] // 4 == 2) | (table[:, 0] // 4 == 3))])
    settings = settings_json(PretrainSettings(components=4, patch_size=16, iterations=8, batch_size=4))
    trained = Job("pretrain", settings, replace(cube.description, bands=bands), outputs={"model": str(folder / "m")})
    model = run(trained, folder, silent).model
    return Job(
        "explorefeatures",
        settings_json(SETTINGS),
        trained.scene,
        samples="samples.npy",
        classes=CLASSES,
        inputs={"model": model},
    )


@pytest.fixture(scope="module")
def found(job, folder):
    return run(job, folder, silent)


def changed(job, **changes):
    return Job(**{**vars(job), **changes})


def png_colours(uri):
    """(H, W, 3) of a PNG with a palette whose lines are not filtered, as the core writes it."""
    content = base64.b64decode(uri.partition(",")[2])
    chunks, place = {}, 8
    while place < len(content):
        length, kind = struct.unpack(">I4s", content[place : place + 8])
        chunks[kind] = content[place + 8 : place + 8 + length]
        place += 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), dtype=np.uint8).reshape(height, 1 + width)
    return np.frombuffer(chunks[b"PLTE"], dtype=np.uint8).reshape(-1, 3)[lines[:, 1:]]


def unlike_seconds(result):
    return replace(result, seconds=0)


def test_every_cell_has_its_figures_and_a_picture(found):
    assert [(cell.stage, cell.timestep) for cell in found.cells] == [(1, 50), (1, 900), (5, 50), (5, 900)]
    for cell in found.cells:
        assert 0 <= cell.spectral_share <= 1
        assert 0 < cell.range_pixels < 30
        assert 0 <= cell.accuracy <= 100
        assert cell.accuracy_error > 0
        assert 0 < cell.shown <= 1
        assert cell.picture.startswith("data:image/png;base64,")
    little, much = (cell.draw_correlation for cell in found.cells[2:])
    assert little > 0.9 > 0.6 > much
    assert [each.stage for each in found.similarity] == [1, 5]
    assert found.similarity[0].cka[0][0] == 1
    assert 0 < len(found.cards) <= 12
    assert found.inspection.quantities == ("NDVI", "NDWI", "brightness", "texture")
    assert (found.inspection.tiles, found.inspection.step, found.inspection.natural_colours) == (2, 1, True)
    assert (found.inspection.picture_height, found.inspection.picture_width) == SIZE
    assert found.inspection.pixels == SIZE[0] * SIZE[1] - 40
    for card in found.cards:
        assert all(abs(card.correlations[name]) >= 0.6 for name in card.resembles)
        assert len(card.highest) > 1
        assert all(0 <= place.row < SIZE[0] and 0 <= place.col < SIZE[1] for place in card.lowest)


def test_sentences_of_a_single_cell_and_of_timesteps_that_are_all_needed(found):
    needed = replace(found, similarity=tuple(replace(each, kept=(50, 900)) for each in found.similarity))
    assert similarity_sentence(needed).endswith("each timestep says something of its own: none stands for another.")
    assert "of those that are not noise" not in spectral_sentence(found.cells[:1])
    one = replace(found, cells=found.cells[:1], timesteps=(50,), stages=(1,), similarity=())
    page = exploration_report(replace(one, inspection=replace(one.inspection, class_source="clusters")), {}, None)
    assert "cells: 1 timestep of 1 stage<" in page
    assert "of its variance lies between clusters." in page


def test_the_same_seed_gives_the_same_report_and_it_goes_through_json(found, job, tmp_path, folder):
    for name in ("samples.npy", job.scene.file):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    assert unlike_seconds(run(job, tmp_path, silent)) == unlike_seconds(found)
    again = from_json(ExplorationResult, json.loads(json.dumps(to_json(found))))
    assert again == found


def test_an_interrupted_run_goes_on_to_the_same_report(found, job, folder, tmp_path):
    kept = changed(job, outputs={"checkpoint": str(tmp_path / "kept")})
    for stop in ("inspection: tile 1", "second noise draw: tile 1"):

        def until(fraction, text, stop=stop):
            if text.startswith(stop):
                raise Cancelled

        with pytest.raises(Cancelled):
            run(kept, folder, until)
    seen = []
    again = run(kept, folder, lambda fraction, text: seen.append(text))
    assert not any(text.startswith("inspection: tile") for text in seen)
    assert [text for text in seen if "draw" in text] == ["second noise draw: tile 1 of 1"]
    assert unlike_seconds(again) == unlike_seconds(found)


def test_the_gallery_is_a_raster_of_the_pictures(found, job, folder, tmp_path):
    for name in ("samples.npy", job.scene.file):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    made = run(changed(job, options={"gallery": True}), tmp_path, silent)
    gallery = made.gallery
    assert unlike_seconds(replace(made, gallery=None)) == unlike_seconds(found)
    assert (gallery.row, gallery.col, gallery.step) == (0, 0, 1)
    cube = Cube(tmp_path, gallery.raster)
    assert [band.name for band in gallery.raster.bands][:4] == [
        "stage 1, t = 50: component 1",
        "stage 1, t = 50: component 2",
        "stage 1, t = 50: component 3",
        "stage 1, t = 900: component 1",
    ]
    values = cube.stored(whole(*SIZE))
    assert values.shape == (3 * 4, *SIZE)
    hole = np.zeros(SIZE, dtype=bool)
    hole[10:14, 20:30] = True
    assert (values[:, hole] == 0).all()
    assert values[:, ~hole].min() >= 1
    for position, cell in enumerate(found.cells):
        shown = png_colours(cell.picture)[~hole] / 255.0
        stored = (values[3 * position : 3 * position + 3, ~hole].T - 1) / 254
        assert np.abs(shown - stored).max() < 0.11  # a picture has six or seven steps a colour


def test_a_gallery_of_a_large_scene_has_fewer_cells_that_lie_where_their_pixels_do(tmp_path):
    rows, cols = np.array([400, 400, 402, 8400]), np.array([80, 82, 80, 8080])
    gallery = Gallery.of(rows, cols, 2)
    assert gallery.step == 8
    gallery.add_stage(5, [50], np.array([[[0.0, 0.5, 1.0]], [[1.0, 1.0, 1.0]], [[1.0, 1.0, 1.0]], [[1.0, 0.0, 0.0]]]))
    made = gallery.write(tmp_path)
    assert (made.row, made.col, made.step) == (400, 80, 8)
    values = Cube(tmp_path, made.raster).stored(whole(1001, 1001))
    assert values[:, 0, 0].tolist() == [1, 128, 255]  # of the first of three pixels in the cell
    assert values[:, 1000, 1000].tolist() == [255, 1, 1]
    assert np.count_nonzero(values) == 6


def test_without_samples_clusters_choose_the_channels(job, folder):
    found = run(changed(job, samples=None, classes=()), folder, silent)
    assert found.training is None
    assert all(cell.accuracy is None for cell in found.cells)
    assert found.inspection.class_source == "clusters"
    assert found.cards
    page = exploration_report(found, {}, None)
    assert "There is no training layer" in page
    assert "What it knows of the classes" not in page
    assert " m)" not in page


def test_one_group_a_class_leaves_nothing_to_hold_out(job, folder, caplog):
    table = np.load(folder / "samples.npy")
    table[:, 3] = table[:, 2]
    np.save(folder / "one.npy", table)
    found = run(changed(job, samples="one.npy"), folder, silent)
    assert found.training is None
    assert "nothing can be held out" in caplog.text
    assert "Fewer than two classes have samples in two polygons or blocks" in exploration_report(found, {}, None)


def test_classes_that_are_not_judged_are_told_of(job, folder, caplog):
    table = np.load(folder / "samples.npy")
    table[table[:, 2] == 0, 3] = 10_000  # the first class has one polygon
    np.save(folder / "some.npy", table)
    found = run(changed(job, samples="some.npy"), folder, silent)
    of_all = len(job.classes)
    assert (found.training.classes, found.training.all_classes) == (of_all - 1, of_all)
    words = f"of {of_all - 1} of {of_all} classes (those with samples in two polygons of what was looked at)"
    assert words in caplog.text
    assert words in exploration_report(found, {}, None)


def test_a_report_stands_alone_and_its_json_has_no_pictures(found):
    page = exploration_report(found, {"Raster": "a&b.tif"}, 20.0)
    assert "a&amp;b.tif" in page
    assert not re.search(r"https?://|(src|href)=\"(?!data:)|@import|<script", page)
    assert page.count('<svg class="picture"') == 1 + 4 + len(found.cards)
    assert page.count("<strong>") == 5
    assert re.search(r"pixels \(\d+ m\)", page)
    document = json.loads(exploration_json(found, {"Raster": "a"}, 20.0))
    assert (document["format"], document["version"], document["pixel_m"]) == ("mtmsd-exploration", 1, 20.0)
    assert document["cells"][0]["spectral_share"] == found.cells[0].spectral_share
    assert "base64" not in json.dumps(document)
    nearly = replace(found, training=replace(found.training, spectral_accuracy=99.96, most_frequent=99.97))
    page = exploration_report(nearly, {}, None)
    assert "99.96 %" in page
    assert "most frequent class 99.97 %" in page
    assert document["training"]["unit"] in ("polygons", "blocks")


def test_one_timestep_has_nothing_to_compare(job, folder):
    settings = settings_json(replace(SETTINGS, timesteps=(50,), stages=(5,)))
    found = run(changed(job, settings=settings), folder, silent)
    assert len(found.cells) == 1
    page = exploration_report(found, {}, None)
    assert "There is one timestep, so there is nothing to compare." in page
    assert "All cells look equally far" in page


def test_what_is_of_no_use_is_refused(job, folder):
    empty = np.full((6, *SIZE), np.nan, dtype=np.float32)
    nothing = cube_of(folder, empty, name="nothing")
    few = np.load(folder / "samples.npy")
    np.save(folder / "few.npy", few[:1])
    for changes, words in (
        ({"scene": nothing.description}, "No valid pixel was found"),
        ({"samples": "few.npy"}, "Every class needs at least 2 training samples"),
        ({"settings": {"timesteps": [2000]}}, "Timesteps must be"),
        ({"scene": replace(job.scene, bands=job.scene.bands[:3])}, "bands|bytes"),
    ):
        with pytest.raises(MtmsdError, match=words):
            run(changed(job, **changes), folder, silent)


def test_of_a_large_scene_48_tiles_with_all_classes_are_looked_at():
    tiles = network_tiles(800, 1600, network_tile_side(800, 1600))
    rows, cols = np.arange(0, 800, 90), np.arange(0, 1600, 180)
    samples = SampleTable(rows, cols, np.arange(9) % 3, np.arange(9))
    plan = InspectionPlan.of(tiles, samples)
    assert (len(plan.tiles), plan.whole, plan.step) == (48, False, 4)
    assert len(set(plan.tiles)) == 48
    owned = {tile for tile in plan.tiles for r, c in zip(rows, cols) if _holds(tile, r, c)}
    assert len(owned) == 9
    places = [plan.place(number) for number in range(48)]
    assert len(set(places)) == 48
    assert max(place[1] for place in places) + 20 <= 168
    assert len(plan.drawn_twice) == 12
    assert InspectionPlan.of(tiles[:48], samples).whole


def _holds(tile, row, col):
    core = tile.core
    return core.row <= row < core.stop_row and core.col <= col < core.stop_col
