# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign from QGIS: many tiles into a folder, workers on it, maps and report out of it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from campaigns import prepared, tiles_of
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingException, QgsRasterLayer
from scenes import CRS, NAMES, Log, box_of_pixels, legend, read_raster, run, spectra, vector_layer, write_raster


def refusal(name: str, parameters: dict[str, object]) -> str:
    """The words with which an algorithm refuses."""
    with pytest.raises(QgsProcessingException) as caught:
        run(name, parameters)
    return str(caught.value)


@pytest.fixture(scope="module")
def campaign(scene, torch_python, tmp_path_factory):
    """A campaign of two tiles, finished."""
    folder = tmp_path_factory.mktemp("campaign")
    tiles = tiles_of(scene, folder / "tiles")
    result = prepared(scene, tiles, folder / "campaign")
    run("runcampaign", {"CAMPAIGN": str(folder / "campaign"), "WORKERS": 2})
    return folder / "campaign", result


def test_the_folder_says_what_it_holds(campaign):
    folder, result = campaign
    document = json.loads((folder / "campaign.json").read_text(encoding="utf-8"))
    assert (result["SCENES"], result["PIXELS"], Path(result["OUTPUT"])) == (2, 64 * 64, folder)
    assert [(s["row"], s["col"], s["height"], s["width"], s["name"]) for s in document["scenes"]] == [
        (0, 0, 64, 32, "tile0"),
        (0, 32, 64, 32, "tile1"),
    ]
    assert [entry["name"] for entry in document["classes"]] == sorted(NAMES)
    assert result["SAMPLES"] == sum(s["samples"] for s in document["scenes"]) > 0
    assert 0 < result["CORE_HOURS"] < 1


def test_the_mosaic_is_one_map_with_names_and_colours(campaign, tmp_path):
    folder, _ = campaign
    result = run(
        "collectcampaign",
        {"CAMPAIGN": str(folder), "OUTPUT": str(tmp_path), "REPORT": str(tmp_path / "r.html"), "CONFIDENCE": True},
    )
    mosaic = gdal.Open(result["MOSAIC"])
    assert (mosaic.RasterXSize, mosaic.RasterYSize) == (64, 64)
    values = mosaic.ReadAsArray()
    parts = [read_raster(tmp_path / f"tile{i}_classes.tif")[0] for i in range(2)]
    assert np.array_equal(values, np.concatenate(parts, axis=1))
    assert sorted(set(np.unique(values))) <= [1, 2, 3]
    assert mosaic.GetRasterBand(1).GetCategoryNames() == ["", *sorted(NAMES)]
    layer = QgsRasterLayer(result["MOSAIC"], "mosaic")
    assert layer.crs() == QgsCoordinateReferenceSystem(CRS)
    assert [label for _, label, _ in legend(layer)] == sorted(NAMES)
    alone = QgsRasterLayer(str(tmp_path / "tile1_classes.tif"), "tile")
    assert [label for _, label, _ in legend(alone)] == sorted(NAMES)
    shares = QgsRasterLayer(str(tmp_path / "tile1_confidence.tif"), "shares")
    assert (shares.renderer().type(), shares.renderer().classificationMax()) == ("singlebandpseudocolor", 1)
    assert result["OA"] is not None
    report = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert all(word in report for word in ("Classification of a campaign", "<h2>Scenes</h2>", "tile0", "tile1"))
    table = (tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()
    assert any("mapped_ha" in line for line in table)
    last = dict(zip(table[-3].split(","), table[-1].split(",")))
    assert (last["scene"], last["raster"], last["pixels"]) == ("0002", "tile1", str(64 * 32))
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))


def test_tiles_give_the_map_of_the_whole(campaign, scene, tmp_path):
    """No seam: the same scene as one raster and as two tiles."""
    whole = tmp_path / "whole"
    prepared(scene, [str(scene.raster)], whole)
    run("runcampaign", {"CAMPAIGN": str(whole), "WORKERS": 1})
    maps = []
    for name, folder in (("one", whole), ("two", campaign[0])):
        result = run("collectcampaign", {"CAMPAIGN": str(folder), "OUTPUT": str(tmp_path / name)})
        maps.append(gdal.Open(result["MOSAIC"]).ReadAsArray())
    assert np.array_equal(*maps)


def test_a_finished_campaign_is_not_done_again(campaign):
    folder, _ = campaign
    before = {path: path.stat().st_mtime_ns for path in (folder / "shared").iterdir()}
    run("runcampaign", {"CAMPAIGN": str(folder)})
    assert {path: path.stat().st_mtime_ns for path in (folder / "shared").iterdir()} == before


def test_rasters_of_another_grid_lie_far_away(scene, tmp_path):
    tiles = tiles_of(scene, tmp_path / "tiles")
    shifted = write_raster(tmp_path / "shifted.tif", spectra(seed=1), transform=(500003.0, 10.0, 0, 5800004.0, 0, -10))
    log = Log()
    prepared(scene, [*tiles, str(shifted)], tmp_path / "campaign", log)
    assert "0.0 " not in log.text.split("The mosaic:")[1]  # small campaigns take MiB and seconds
    scenes = json.loads((tmp_path / "campaign" / "campaign.json").read_text(encoding="utf-8"))["scenes"]
    assert (scenes[2]["row"], scenes[2]["col"]) == (64 + 256, 0)


def test_what_cannot_be_prepared_leaves_nothing(scene, tmp_path):
    tiles = tiles_of(scene, tmp_path / "tiles")
    other = write_raster(tmp_path / "other.tif", spectra(bands=5))
    wanted = {"TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", "OUTPUT": str(tmp_path / "campaign")}
    assert "same sensor" in refusal("preparecampaign", {**wanted, "INPUTS": [*tiles, str(other)]})
    assert not (tmp_path / "campaign").exists()
    used = tmp_path / "used"
    used.mkdir()
    (used / "mine.txt").write_text("mine", encoding="utf-8")
    assert "new or an empty folder" in refusal("preparecampaign", {**wanted, "INPUTS": tiles, "OUTPUT": str(used)})
    assert [path.name for path in used.iterdir()] == ["mine.txt"]


def test_a_scene_that_the_mask_covers_is_one_without_data(scene, torch_python, tmp_path):
    mask = vector_layer([(box_of_pixels(0, 32, 64, 64), "x")], "Polygon", name="sea")
    log = Log()
    prepared(scene, tiles_of(scene, tmp_path / "tiles"), tmp_path / "campaign", log, MASK=mask)
    assert "Mask sea: 2048 of 2048 pixels are left out." in log.lines
    log = Log()
    run("runcampaign", {"CAMPAIGN": str(tmp_path / "campaign"), "WORKERS": 1}, log)
    assert "Scene 0002 (tile1) has no data; its map will be empty." in log.warnings
    run("collectcampaign", {"CAMPAIGN": str(tmp_path / "campaign"), "OUTPUT": str(tmp_path / "maps")})
    mapped = [int((read_raster(tmp_path / "maps" / f"tile{i}_classes.tif") > 0).sum()) for i in range(2)]
    assert mapped == [64 * 32, 0]
    everything = vector_layer([(box_of_pixels(0, 0, 64, 64), "x")], "Polygon", name="all of it")
    with pytest.raises(QgsProcessingException, match="no feature of the layer polygons lies on a pixel with data"):
        prepared(scene, tiles_of(scene, tmp_path / "tiles"), tmp_path / "none", MASK=everything)


def test_folders_that_are_no_finished_campaign(scene, tmp_path):
    nothing = {"CAMPAIGN": str(tmp_path)}
    assert "a folder with a campaign.json" in refusal("runcampaign", nothing)
    prepared(scene, tiles_of(scene, tmp_path / "tiles"), tmp_path / "campaign")
    words = refusal("collectcampaign", {"CAMPAIGN": str(tmp_path / "campaign"), "OUTPUT": str(tmp_path / "maps")})
    assert "of the step 'moments' 0 of 2 parts are done" in words


def test_somebody_elses_files_among_the_maps_stay(campaign, tmp_path):
    """Their names are ours, not the user's choice: only maps of the same campaign are replaced."""
    folder, _ = campaign
    parameters = {"CAMPAIGN": str(folder), "OUTPUT": str(tmp_path), "CONFIDENCE": True}
    for name in ("mosaic.vrt", "tile1_classes.tif", "tile0_confidence.tif"):
        theirs = write_raster(tmp_path / name, np.ones((1, 4, 4), np.uint8))
        before = theirs.read_bytes()
        words = refusal("collectcampaign", parameters)
        assert f"{theirs} would be replaced, and it is not a map of this campaign" in words
        assert theirs.read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == [name]
        theirs.unlink()
    for _ in range(2):  # its own maps and figures are replaced
        run("collectcampaign", {**parameters, "REPORT": str(tmp_path / "r.html")})
    assert sorted(path.name for path in tmp_path.glob("r.*")) == ["r.csv", "r.html", "r.json"]
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    text = (other / "campaign.json").read_text(encoding="utf-8")
    (other / "campaign.json").write_text(text.replace('"seed": 0', '"seed": 1'), encoding="utf-8")
    assert "is not a map of this campaign" in refusal("collectcampaign", {**parameters, "CAMPAIGN": str(other)})


def test_neither_campaign_nor_report_is_replaced_by_a_map(campaign, tmp_path):
    folder, _ = campaign
    before = sorted(path.name for path in folder.rglob("*"))
    for place in (folder, folder / "maps"):
        words = refusal("collectcampaign", {"CAMPAIGN": str(folder), "OUTPUT": str(place)})
        assert "OUTPUT should be a folder of its own" in words
    (tmp_path / "x").mkdir()
    for name in ("mosaic.vrt", "x/../tile0_classes.tif"):
        parameters = {"CAMPAIGN": str(folder), "OUTPUT": str(tmp_path), "REPORT": str(tmp_path / name)}
        assert "REPORT should be a file whose name ends in .html" in refusal("collectcampaign", parameters)
    assert sorted(path.name for path in folder.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_belongs_to_an_older_mosaic_goes_with_it(campaign, tmp_path):
    folder, _ = campaign
    (tmp_path / "mosaic.vrt.ovr").write_bytes(b"of an older one")
    (tmp_path / "tile0_classes.tfw").write_text("1\n0\n0\n1\n0\n0\n")
    run("collectcampaign", {"CAMPAIGN": str(folder), "OUTPUT": str(tmp_path)})
    assert not (tmp_path / "mosaic.vrt.ovr").exists()
    assert not (tmp_path / "tile0_classes.tfw").exists()


def test_a_damaged_campaign_is_told_of_in_words(campaign, tmp_path):
    broken = tmp_path / "campaign"
    shutil.copytree(campaign[0], broken)
    parameters = {"CAMPAIGN": str(broken), "OUTPUT": str(tmp_path / "maps")}
    scene = broken / "scenes" / "0002" / "map.raw"
    content = scene.read_bytes()
    scene.write_bytes(content[: len(content) // 2])
    assert "of the step 'map' 1 of 2 parts are done. Finish it with" in refusal("collectcampaign", parameters)
    scene.write_bytes(content)
    (broken / "shared" / "result.json").write_text("{", encoding="utf-8")
    assert "result.json should hold the result of the campaign" in refusal("collectcampaign", parameters)


def test_a_campaign_goes_where_nobody_elses_files_are(scene, tmp_path, monkeypatch):
    tiles = tiles_of(scene, tmp_path / "tiles")
    theirs = tmp_path / "campaign.partial"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("mine", encoding="utf-8")
    wanted = {"INPUTS": tiles, "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover"}
    words = refusal("preparecampaign", {**wanted, "OUTPUT": str(tmp_path / "campaign")})
    assert f"The campaign would be prepared in {theirs}" in words
    assert (theirs / "thesis.txt").read_text(encoding="utf-8") == "mine"
    (theirs / "thesis.txt").rename(theirs / "unfinished")  # as a run leaves it that was killed
    (tmp_path / "store" / "real").mkdir(parents=True)
    (tmp_path / "campaign").symlink_to(tmp_path / "store" / "real")
    prepared(scene, tiles, tmp_path / "campaign")
    assert (tmp_path / "campaign").is_symlink()
    assert sorted(path.name for path in (tmp_path / "store" / "real").iterdir()) == [
        "campaign.json", "progress", "scenes", "shared",
    ]  # fmt: skip
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["real"]
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == tmp_path / "disk")
    assert "is a whole disk" in refusal("preparecampaign", {**wanted, "OUTPUT": str(tmp_path / "disk")})


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "A"], ["0001_a", "0002_A"]),
        (["a", "a", "0001_a"], ["0001_a", "0002_a", "0001_a_2"]),
        (["", "x/y"], ["0001", "x_y"]),
        (["ä" * 300 + "1", "ä" * 300 + "2"], ["0001_" + "ä" * 50, "0002_" + "ä" * 50]),
    ],
)
def test_no_two_scenes_have_files_of_one_name(names, expected):
    from mtmsd.algorithms.bridge.campaign.campaign_maps import file_names
    from mtmsd.mtmsd_qgis.campaign.folder import Scene

    scenes = [Scene(f"{number:04d}", 0, 0, 1, 1, 0, name) for number, name in enumerate(names, 1)]
    assert file_names(scenes) == expected


def test_maps_that_a_mosaic_cannot_hold_are_named(campaign, tmp_path):
    turned = tmp_path / "campaign"
    shutil.copytree(campaign[0], turned)
    place = turned / "scenes" / "0002" / "grid.json"
    grid = json.loads(place.read_text(encoding="utf-8"))
    grid["transform"][2] = grid["transform"][4] = 3.0
    place.write_text(json.dumps(grid), encoding="utf-8")
    log = Log()
    parameters = {"CAMPAIGN": str(turned), "OUTPUT": str(tmp_path / "maps"), "REPORT": str(tmp_path / "r.html")}
    result = run("collectcampaign", parameters, log)
    assert gdal.Open(result["MOSAIC"]).RasterXSize == 32
    assert "In no mosaic" in log.warnings[0]
    assert "tile1_classes.tif" in log.warnings[0]
    assert (tmp_path / "maps" / "tile1_classes.tif").is_file()
    assert "mapped_ha" not in (tmp_path / "r.csv").read_text(encoding="utf-8")  # pixels of two sizes
