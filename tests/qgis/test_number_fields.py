# SPDX-License-Identifier: GPL-2.0-or-later
"""Weights of samples and areas of classes from fields of the training layer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from campaigns import prepared, tiles_of
from qgis.core import QgsFeature, QgsProcessingException, QgsVectorLayer
from scenes import CLASSIFY, CRS, NAMES, Log, box_of_pixels, class_of_pixel, read_raster, run, save_layer

pytestmark = pytest.mark.usefixtures("torch_python")

ROWS = (4, 20, 36, 52)


def training(values, *, kind="double", path=None):
    """Four polygons of each of three classes with a field "trust"; values by class and number, None: NULL."""
    layer = QgsVectorLayer(f"Polygon?crs={CRS}&field=cover:string&field=trust:{kind}", "training", "memory")
    for index, name in enumerate(NAMES):
        for number, row in enumerate(ROWS):
            feature = QgsFeature(layer.fields())
            feature.setGeometry(box_of_pixels(row, 21 * index + 4, row + 6, 21 * index + 12))
            feature.setAttributes([name, values(index, number)])
            layer.dataProvider().addFeature(feature)
    layer.updateExtents()
    return layer if path is None else save_layer(layer, path)


def classified(scene, folder, layer, log=None, **more):
    """The bytes of map and confidence, and the JSON of the report."""
    parameters = {
        "INPUT": str(scene.raster),
        "TRAINING": layer,
        "CLASS_FIELD": "cover",
        "OUTPUT": str(folder / "map.tif"),
        "CONFIDENCE": str(folder / "confidence.tif"),
        "REPORT": str(folder / "report.html"),
        **CLASSIFY,
        "CLASSIFIER": "linear",
        **more,
    }
    run("classify", parameters, log)
    content = (folder / "map.tif").read_bytes() + (folder / "confidence.tif").read_bytes()
    return content, json.loads((folder / "report.json").read_text())


def test_weights_change_the_map_and_report_and_log_say_so(scene, tmp_path):
    layer, log = training(lambda index, number: 5 if number else 0.1), Log()
    plain, before = classified(scene, tmp_path, layer)
    weighted, report = classified(scene, tmp_path, layer, log, SAMPLE_WEIGHT_FIELD="trust")
    assert weighted != plain
    assert "choices" not in before or before["choices"] is None
    assert report["choices"]["sample_weights"]["field"] == report["settings"]["sample_weight_field"] == "trust"
    assert "Training samples count by the field trust (SAMPLE_WEIGHT_FIELD)" in log.text
    assert any("count by the field trust" in note for note in report["notes"])


@pytest.mark.parametrize("kind", ["double", "integer"])
def test_features_of_one_weight_leave_the_same_bytes_as_without(scene, tmp_path, kind):
    layer, log = training(lambda *_: 3, kind=kind), Log()
    plain, before = classified(scene, tmp_path, layer)
    alike, report = classified(scene, tmp_path, layer, log, SAMPLE_WEIGHT_FIELD="trust")
    assert alike == plain
    assert report["settings"] == before["settings"]
    assert "All features have the same weight in the field trust" in log.text


def test_a_feature_of_weight_0_is_as_if_it_were_not_there(scene, tmp_path):
    layer, log = training(lambda _, number: int(number > 0)), Log()
    without = layer.clone()
    without.dataProvider().deleteFeatures([f.id() for f in without.getFeatures() if f["trust"] == 0])
    fewer, _ = classified(scene, tmp_path, without)
    weighted, report = classified(scene, tmp_path, layer, log, SAMPLE_WEIGHT_FIELD="trust")
    assert weighted == fewer
    assert "Not used in the layer training: 3 of weight 0 (features 1, 5 and 9)." in log.text
    sentence = "3 training features are left out, being of weight 0 (field trust): neither learnt from nor judged with."
    assert report["choices"]["left_out_samples"] == [sentence]
    assert sentence in report["notes"]


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (
            lambda _, n: -1 if n == 1 else 2,
            "double",
            r"0 or more, .* field trust .* found 3 below 0 \(features 2, 6 and 1",
        ),
        (
            lambda i, n: None if (i, n) == (0, 2) else 2,
            "double",
            r"found 1 without a number \(feature 3\)\. Correct them",
        ),
        (lambda i, n: float("nan") if (i, n) == (0, 2) else 2, "double", r"found 1 without a number \(feature 3\)"),
        (lambda i, n: float("inf") if (i, n) == (0, 2) else 2, "double", r"found 1 with inf \(feature 3\)"),
        (lambda *_: 0, "integer", r"SAMPLE_WEIGHT_FIELD should be above 0 for some features; .* is 0 for all"),
        (
            lambda *_: "2",
            "string",
            r"should be a field of numbers; the layer training has no numbers in the field 'trust'",
        ),
    ],
)
def test_numbers_that_are_no_weights_are_refused(scene, tmp_path, value, kind, message):
    with pytest.raises(QgsProcessingException, match=message):
        classified(scene, tmp_path, training(value, kind=kind), SAMPLE_WEIGHT_FIELD="trust")
    assert not (tmp_path / "map.tif").exists()


def test_a_field_that_is_not_there_is_refused(scene, tmp_path):
    with pytest.raises(QgsProcessingException, match=r"has no field 'sure'. Its fields of numbers: trust"):
        classified(scene, tmp_path, training(lambda *_: 1), SAMPLE_WEIGHT_FIELD="sure")


def test_weights_of_features_in_two_rasters(scene, tmp_path):
    """The second raster sees the same ground: its features are in the first one already, and weights stay with them."""
    layer = training(lambda _, number: 1 + number)
    one, _ = classified(scene, tmp_path, layer, SAMPLE_WEIGHT_FIELD="trust", SPLIT="none")
    two, report = classified(
        scene, tmp_path, layer, SAMPLE_WEIGHT_FIELD="trust", SPLIT="none", EXTRA_INPUTS=[str(scene.raster)]
    )
    assert report["choices"]["sample_weights"]["most"] == pytest.approx(1.6)  # of 1, 2, 3, 4
    ids = np.array([sorted(NAMES).index(name) + 1 for name in NAMES])
    assert (read_raster(tmp_path / "map.tif")[0] == ids[class_of_pixel()]).mean() > 0.95
    assert len(one) == len(two)


def test_a_campaign_takes_weights_with_it(scene, tmp_path):
    log = Log()
    layer = training(lambda index, number: 0 if (index, number) == (0, 0) else 1 + number)
    tiles = tiles_of(scene, tmp_path / "tiles")
    prepared(scene, tiles, tmp_path / "weighted", log, TRAINING=layer, SAMPLE_WEIGHT_FIELD="trust")
    campaign = json.loads((tmp_path / "weighted" / "campaign.json").read_text())
    jobs = [json.loads((tmp_path / "weighted" / "scenes" / f"000{i}" / "job.json").read_text()) for i in (1, 2)]
    assert campaign["classify"]["sample_weight_field"] == "trust"
    assert [job["sample_weights"] for job in jobs] == ["weights.npy", None]
    weights = np.load(tmp_path / "weighted" / "scenes" / "0001" / "weights.npy")
    assert sorted(weights) == sorted(f["trust"] for f in layer.getFeatures() if f["trust"])
    assert "1 training feature is left out, being of weight 0 (field trust)" in log.text

    layer = training(lambda *_: 3)
    prepared(scene, tiles, tmp_path / "alike", log, TRAINING=layer, SAMPLE_WEIGHT_FIELD="trust")
    campaign = json.loads((tmp_path / "alike" / "campaign.json").read_text())
    assert campaign["classify"].get("sample_weight_field") is None
    assert not (tmp_path / "alike" / "scenes" / "0001" / "weights.npy").exists()


def test_areas_of_classes_from_a_field(scene, tmp_path):
    areas = (20, 30, 50)
    layer = training(lambda index, number: areas[index] if number else None)
    _, report = classified(scene, tmp_path, layer, CLASS_WEIGHTS="area", CLASS_AREA_FIELD="trust")
    in_order = [areas[NAMES.index(name)] / 100 for name in sorted(NAMES)]
    assert report["choices"]["class_weights"]["shares"] == in_order
    table = tmp_path / "merge.csv"
    table.write_text(f"value,merged_into\n{NAMES[0]},{NAMES[1]}\n")
    _, report = classified(
        scene, tmp_path, layer, CLASS_WEIGHTS="area", CLASS_AREA_FIELD="trust", CLASS_TABLE=str(table)
    )
    assert report["choices"]["class_weights"]["shares"] == [0.5, 0.5]
    table.write_text(f"value,left_out\n{NAMES[0]},yes\n")
    layer = training(lambda index, _: 50 * index)  # 0 for the class that is left out
    _, report = classified(
        scene, tmp_path, layer, CLASS_WEIGHTS="area", CLASS_AREA_FIELD="trust", CLASS_TABLE=str(table)
    )
    assert sorted(report["choices"]["class_weights"]["shares"]) == pytest.approx([1 / 3, 2 / 3])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda i, n: 1 + i + n, r"one area a class, the same for all its features; class '.*' .* has 1 and 2 in"),
        (lambda i, _: i, r"Numbers, above 0, were expected in the field trust .* found 4 with 0"),
        (lambda i, _: i + 1 if i else None, r"by CLASS_AREA_FIELD; missing: "),
    ],
)
def test_numbers_that_are_no_areas_are_refused(scene, tmp_path, value, message):
    with pytest.raises(QgsProcessingException, match=message):
        classified(scene, tmp_path, training(value), CLASS_WEIGHTS="area", CLASS_AREA_FIELD="trust")


def test_areas_come_from_one_place(scene, tmp_path):
    table = tmp_path / "areas.csv"
    table.write_text("value,area\n" + "".join(f"{name},10\n" for name in NAMES))
    given = {"CLASS_TABLE": str(table), "CLASS_WEIGHTS": "area", "CLASS_AREA_FIELD": "trust"}
    with pytest.raises(QgsProcessingException, match="come from one place"):
        classified(scene, tmp_path, training(lambda *_: 1), **given)


def test_an_area_field_without_class_weights_by_area_is_told_of(scene, tmp_path):
    log = Log()
    plain, _ = classified(scene, tmp_path, training(lambda *_: 1))
    same, _ = classified(scene, tmp_path, training(lambda *_: 1), log, CLASS_AREA_FIELD="trust")
    assert same == plain
    assert "CLASS_AREA_FIELD is used with CLASS_WEIGHTS 'area' alone" in log.text
