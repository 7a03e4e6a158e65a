# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:assessaccuracy with input that cannot work: each refusal says what to do, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from class_maps import IDS, SIX, assess, class_map, points, refusal
from qgis.core import (
    QgsProcessingException,
    QgsProcessingUtils,
    QgsVectorLayer,
)
from scenes import (
    Log,
    vector_layer,
    write_raster,
)


@pytest.fixture
def plain(tmp_path):
    return class_map(tmp_path / "plain.tif")


@pytest.mark.parametrize(
    ("raster", "more", "words"),
    [
        ({"dtype": "float32"}, {}, "numbers of the type Float32"),
        ({"values": np.arange(1600).reshape(40, 40), "dtype": "int16"}, {}, "more than 500"),
        ({}, {"CLASS_FIELD": "height"}, "has no field 'height'. Its fields are: cover"),
        ({}, {"STRATA": "map", "SAMPLING": "random"}, "Choose 'stratified', or leave STRATA empty"),
        ({}, {"STRATA": "small"}, "should have the pixels of the map map"),
        ({}, {"STRATA": "moved"}, "or lies elsewhere"),
        ({}, {"REPORT": "OUTPUT_JSON"}, "Two files were expected for REPORT and OUTPUT_JSON"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path, raster, more, words):
    path = class_map(tmp_path / "map.tif", raster.pop("values", IDS), **raster)
    class_map(tmp_path / "small.tif", IDS[:20])
    class_map(tmp_path / "moved.tif", transform=(500005.0, 10.0, 0, 5800000.0, 0, -10.0))
    if "STRATA" in more:
        more = {**more, "STRATA": str(tmp_path / f"{more['STRATA']}.tif")}
    if "REPORT" in more:
        more = {"REPORT": str(tmp_path / "out" / "a.json")}
    assert words in refusal(path, points(*SIX), tmp_path, **more)


def test_layers_that_cannot_work_are_refused(plain, tmp_path):
    cases = {
        "no usable feature was found": vector_layer([], "Point", field_type="integer"),
        "lies on a pixel of the raster plain with data (1 outside the raster": points((900, 900, 1)),
        "should hold ids or names of the map's classes; its values are 'sea'": points(
            (9, 9, "sea"), field_type="string"
        ),
    }
    for number, (words, layer) in enumerate(cases.items()):
        (tmp_path / str(number)).mkdir()
        assert words in refusal(plain, layer, tmp_path / str(number))
    assert not list(Path(QgsProcessingUtils.tempFolder()).glob("mtmsd_*"))


def test_a_field_of_numbers_of_features_is_refused(plain, tmp_path):
    numbered = points(*((4 + i // 40, i % 40, i + 1) for i in range(501)))
    assert "its samples have 501, and 498 of these are no class of the map" in refusal(plain, numbered, tmp_path)


def test_classes_of_samples_beyond_the_map_do_not_count(plain, tmp_path):
    beyond = [(4 + i // 40, 900 + i % 40, i + 4) for i in range(501)]
    results, document = assess(plain, points(*SIX, *beyond), tmp_path)
    assert results["SAMPLES"] == 6
    assert [entry["id"] for entry in document["classes"]] == [1, 2, 3]


def test_several_bands_are_refused(tmp_path):
    raster = write_raster(tmp_path / "bands.tif", np.ones((3, 9, 9), dtype=np.uint8))
    assert "should have one band" in refusal(raster, points(*SIX), tmp_path)


def test_the_map_and_the_reference_are_not_written_over(plain, tmp_path):
    table = tmp_path / "samples.csv"
    x = "\n".join(f"{500005 + 10 * c},{5799995 - 10 * r},{k}" for r, c, k in SIX)
    table.write_text(f"x,y,cover\n{x}\n")
    before = table.read_bytes()
    layer = QgsVectorLayer(f"file://{table}?xField=x&yField=y&crs=EPSG:32632&detectTypes=yes", "table", "delimitedtext")
    assert layer.isValid()
    words = refusal(plain, layer, tmp_path, OUTPUT_CSV=str(table))
    assert "which REFERENCE reads" in words
    assert table.read_bytes() == before


def test_a_place_that_cannot_be_written_leaves_nothing(plain, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refusal(plain, points(*SIX), tmp_path, OUTPUT_CSV=str(tmp_path / "file" / "a.csv"))


def test_cancel_leaves_nothing(plain, tmp_path):
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        assess(plain, points(*SIX), tmp_path, Log(cancel_at="Map: "))
    assert [path.name for path in tmp_path.iterdir()] == ["plain.tif"]
