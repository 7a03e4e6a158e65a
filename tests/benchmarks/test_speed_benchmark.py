# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark of speed and memory: its pairs of times, its tilings, its made-up scenes and its page."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from benchmarks.scenes import Scene
from benchmarks.speed import page as speed_page
from benchmarks.speed.growth import BANDS, make_scene
from benchmarks.speed.scene import Bench, Pairs, in_turn
from benchmarks.speed.seams import Tiling, seam_ratio, seams, tilings
from mtmsd_qgis.io.cube import Cube, valid_pixels
from mtmsd_qgis.io.windows import network_tile_side, network_tiles
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import PretrainSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable
from mtmsd_qgis.tasks.run import run as run_task
from tests.scenes import CLASSES, cube_of, fields, sample_table


def test_two_things_are_timed_in_turn_and_each_comes_first():
    order = []
    pairs = in_turn(lambda: order.append("a"), lambda: order.append("b"), 4)
    assert order == ["a", "b", "a", "b", "b", "a", "a", "b", "b", "a"]
    assert len(pairs.one) == len(pairs.other) == 4


@pytest.mark.parametrize("part", ["steps", "growth", "seams", "patches"])
def test_every_part_finds_what_it_uses_of_the_core(part):
    if part == "patches":
        pytest.importorskip("sklearn")
    assert importlib.import_module(f"benchmarks.speed.{part}").__doc__


def test_the_ratio_is_that_of_the_middle_pair():
    facts = Pairs([3.0, 20.0, 4.0], [2.0, 16.0, 2.0]).facts("ours", "bare")
    assert facts == {"ours": 4.0, "bare": 2.0, "ratio": 1.5, "ratio_range": [1.25, 2.0], "pairs": 3}


def test_our_tiling_is_that_of_the_extraction():
    side = network_tile_side(170, 145)
    assert tilings(side)[0][1].tiles(170, 145) == network_tiles(170, 145, side)


@pytest.mark.parametrize("name", [name for name, _ in tilings(72)])
def test_every_tiling_covers_the_raster_once(name):
    tiling = dict(tilings(72))[name]
    counts = np.zeros((50, 41), dtype=int)
    for tile in tiling.tiles(50, 41):
        counts[tile.core.slices] += 1
        assert tile.window.height == tiling.side
        assert tile.window.row % 4 == tile.window.col % 4 == 0
    assert (counts == 1).all()


def test_a_map_that_shows_the_tiles_has_changes_at_their_borders():
    rows, cols = np.mgrid[0:64, 0:64]
    noise = np.random.default_rng(0).integers(0, 4, size=(64, 64))
    blocks = (rows // 16 * 5 + cols // 16 * 3) % 7
    assert seam_ratio(noise, Tiling(32, 8)) == pytest.approx(1, abs=0.15)
    spotted = np.where(noise == 0, 9, blocks)
    assert seam_ratio(spotted, Tiling(32, 8)) > 2
    assert seam_ratio(spotted, Tiling(32, 8, 8)) < 1


def test_a_made_up_scene_is_a_cube_with_a_border_of_no_data(tmp_path):
    cube = Cube(tmp_path, make_scene(tmp_path, 70))
    valid = valid_pixels(cube)
    assert (cube.height, cube.width, cube.bands) == (70, 70, BANDS)
    assert not valid[:, :3].any()
    assert valid[:, 3:].all()


def results():
    step = {"seconds": 6.0, "microseconds_a_pixel": 10.0, "process_seconds": 7.0, "peak_rss_bytes": 2**29}
    seeds = [{"disagree": 4.0, "disagree_labelled": 0.5, "anew": 8.0, "anew_labelled": 0.3, "oa": 99.0, "seams": 1.0}]
    ratio = {"ratio_range": [1.0, 1.3], "pairs": 3, "pixels_per_second": 3000, "numbers": "bfloat16"}
    way = {
        "milliseconds_a_pixel_patch": 100.0,
        "milliseconds_a_pixel_tile": 0.2,
        "times_faster": 500,
        "times_faster_range": [450, 520],
    }
    shape = {"side": 32, "halo": 8, "shift": 0}
    return {
        "about": {"day": "2026-01-01", "versions": {"torch": "2"}},
        "steps": {
            "extraction": {"seconds": 6.0, "bare_seconds": 5.0, "ratio": 1.2, **ratio},
            "extraction_large": {"seconds": 65.0, "bare_seconds": 50.0, "ratio": 1.3, **ratio},
            "pretraining": {"seconds": 0.2, "bare_seconds": 0.15, "ratio": 1.33, **ratio},
        },
        "patches": {"quick": {"base_width": 32, "side": 32, "core": 16, "published": way, "together": way}},
        "growth": {
            "sizes": {
                "1024": {"timesteps": [100], "extraction": step},
                "4096": {"timesteps": [100], "extraction": {**step, "microseconds_a_pixel": 10.5}},
            }
        },
        "seams": {
            "tilings": {
                "ours": {**shape, "compared_with": "ours", "seeds": seeds},
                "other origin": {**shape, "shift": 8, "compared_with": "ours", "seeds": seeds},
            }
        },
        "start": {"qgis": {"seconds": 0.05, "cpu_seconds": 0.04, "range": [0.04, 0.07], "algorithms": 8, "loaded": []}},
    }


def test_goals_are_judged_by_what_was_measured():
    judged = {text: (value, verdict) for text, value, verdict in speed_page.goals(results())}
    verdicts = {text.split(":")[0]: verdict for text, (_, verdict) in judged.items()}
    assert verdicts["extraction, whole task / bare network"] == "reached"
    assert verdicts["the same, nine times the scene"] == "**missed**"
    assert verdicts["pretraining / bare steps"] == "**missed**"
    assert verdicts["times faster than a patch for every pixel, width 32"] == "reached"
    assert verdicts["the same at width 128"] == "–"
    assert verdicts["peak memory of the worker, 4096²"] == "reached"
    assert verdicts["class maps of two tilings, labelled pixels"] == "reached"
    assert verdicts["class maps of two tilings, all pixels"] == "**missed**"
    assert judged["extraction, time a pixel, 4096² / 1024²: at most 1.15"] == ("1.05", "reached")


def test_the_page_says_what_there_is_and_links_its_plots():
    text = speed_page.page(results(), ["growth.svg"])
    assert "| extraction, s a scene | 6.000 | 5.000 | 1.200 (1.000 to 1.300) | 3 000 | bfloat16 |" in text
    assert "![Time a pixel and memory](performance/growth.svg)" in text
    assert "seams.svg" not in text
    assert "| other origin | 32, 8, 8 | ours | 0.50 | 4.00 | 0.30 | 8.00 | 99.00 | 1.00 |" in text


def test_a_page_of_nothing_has_no_empty_parts():
    text = speed_page.page({})
    assert text.count("not measured") == len(speed_page.goals({}))
    assert "## Seams" not in text


def test_two_tilings_of_a_small_scene_are_compared(tmp_path):
    values, index = fields(48, 48, bands=6)
    cube = cube_of(tmp_path, values)
    settings = to_json(PretrainSettings(components=3, patch_size=16, iterations=2, batch_size=2))
    model = tmp_path / "m.mtmsd"
    run_task(Job("pretrain", settings, cube.description, outputs={"model": str(model)}), tmp_path, silent)
    samples = SampleTable.from_array(sample_table(index, step=2))
    scene = Scene("small", tmp_path, cube.description, CLASSES, cube.description.bands, samples, len(samples))
    bench = Bench.of(scene, model, tmp_path / "bench")
    found = seams(bench, 1, ["ours", "other origin"], lambda text: None)
    assert found["other origin"]["compared_with"] == "ours"
    own, other = (found[name]["seeds"][0] for name in ("ours", "other origin"))
    assert own["disagree"] == own["anew"] == 0
    assert own["oa"] > 80
    assert 0 <= other["disagree_labelled"] < 20
