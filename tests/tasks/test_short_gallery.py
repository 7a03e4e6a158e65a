# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of features after a training: which ones, the same again, where there is little data, and in the report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtmsd_qgis.io.windows import network_tile_side, network_tiles
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.results import GalleryPicture
from mtmsd_qgis.jobs.settings import PretrainSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.report.exploration.short_gallery import gallery_sentence
from mtmsd_qgis.report.reports import pretraining_report
from mtmsd_qgis.tasks.exploration.short_gallery import _squares
from mtmsd_qgis.tasks.run import run
from tests.scenes import cube_of, fields

SETTINGS = PretrainSettings(components=4, patch_size=16, iterations=8, batch_size=4)


def trained(folder, values, settings=SETTINGS, *, gallery=True):
    cube = cube_of(folder, values.astype(np.float32))
    options = {"gallery": True} if gallery else {}
    job = Job("pretrain", to_json(settings), cube.description, outputs={"model": str(folder / "m")}, options=options)
    return run(job, folder, silent)


@pytest.fixture(scope="module")
def values():
    """Wider than a tile, with a column of tiles that has a hole."""
    scene = fields(46, 100, bands=6)[0].astype(np.float32)
    scene[:, :, 90:] = np.nan
    return scene


@pytest.fixture(scope="module")
def found(values, tmp_path_factory):
    return trained(tmp_path_factory.mktemp("job"), values)


def test_a_few_timesteps_and_stages_are_shown_with_their_figures(found):
    assert [(each.stage, each.timestep) for each in found.gallery] == [
        (stage, timestep) for stage in (1, 3, 5) for timestep in (50, 200, 400, 600)
    ]
    for picture in found.gallery:
        assert picture.picture.startswith("data:image/png;base64,")
        assert 0 < picture.shown <= 1
        assert -1 <= picture.draw_correlation <= 1
    least, _, _, most = found.gallery[-4:]
    assert least.draw_correlation > 0.9 > most.draw_correlation  # more noise, more luck


def test_the_same_seed_shows_the_same_pictures_and_leaves_the_model_as_it_is(found, values, tmp_path):
    again = trained(tmp_path, values)
    assert again.gallery == found.gallery
    (tmp_path / "without").mkdir()
    without = trained(tmp_path / "without", values, gallery=False)
    assert without.gallery == ()
    assert Path(without.model).read_bytes() == Path(again.model).read_bytes()


def test_timesteps_that_are_not_trained_are_not_shown(values, tmp_path):
    few = trained(tmp_path, values, replace(SETTINGS, train_up_to=300))
    assert {picture.timestep for picture in few.gallery} == {50, 200}


def test_where_the_middle_has_no_data_another_part_is_shown(tmp_path):
    scene = np.full((6, 46, 330), np.nan, dtype=np.float32)
    scene[:, :, :66] = fields(46, 66, bands=6)[0]
    made = trained(tmp_path, scene)
    assert len(made.gallery) == 12


def test_squares_of_tiles_begin_in_the_middle():
    tiles = network_tiles(300, 460, network_tile_side(300, 460))
    squares = list(_squares(300, 460))
    rows, cols = (len({getattr(tile.core, side) for tile in tiles}) for side in ("row", "col"))
    assert len(squares) == (rows - 1) * (cols - 1)
    assert all(len(square) == 4 for square in squares)
    first = squares[0]
    assert first[0].core.row < 150 <= first[3].core.stop_row
    assert first[0].core.col < 230 <= first[3].core.stop_col
    assert [len(square) for square in _squares(40, 60)] == [1]


def test_the_report_has_them_with_a_sentence(found):
    page = pretraining_report(found, {})
    assert page.count('<img class="picture"') == 12
    assert gallery_sentence(found.gallery) in page
    assert "What the features show" not in pretraining_report(replace(found, gallery=()), {})


def test_the_sentence_tells_scene_from_noise():
    def picture(timestep, agreement):
        return GalleryPicture(timestep, 5, 0.5, agreement, "data:a")

    sure = gallery_sentence([picture(50, 0.99), picture(200, 0.7)])
    assert sure.startswith("Stage 5 at t = 50 depends least on the noise that is drawn (two draws correlate by 0.99)")
    assert sure.endswith("stage 5 at t = 200 most (0.70): what is seen is the scene.")
    assert "; 1 of 2 pictures is noise for the most part." in gallery_sentence([picture(50, 0.9), picture(600, 0.2)])
    assert gallery_sentence([picture(50, None)]) == "The features do not vary over the middle of the scene."
