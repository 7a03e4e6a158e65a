# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments as QGIS writes them: raster, polygons that can be corrected and learnt from, report, refusals."""

from __future__ import annotations

import json
import re

import pytest
from osgeo import gdal
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsColorRampShader,
    QgsProcessingException,
    QgsRasterLayer,
    QgsVectorLayer,
)
from scenes import CLASSIFY, EXTRACT, NAMES, Log, legend, read_raster, results_of, run

pytestmark = pytest.mark.usefixtures("torch_python")
CLASS_OF_ID = dict(enumerate(sorted(NAMES), 1))


def parameters(scene, folder, **more):
    """Of a map of the plain bands, in a second or two."""
    return {
        "INPUT": str(scene.raster),
        "TRAINING": str(scene.polygons),
        "CLASS_FIELD": "cover",
        "OUTPUT": str(folder / "map.tif"),
        **CLASSIFY,
        "CLASSIFIER": "linear",
        **more,
    }


def polygons_of(path):
    layer = QgsVectorLayer(str(path), "segments", "ogr")
    assert layer.isValid()
    return layer


def test_segments_are_a_raster_and_polygons_with_the_colours_of_the_map(scene, tmp_path):
    outputs = {"TOKENS": str(tmp_path / "tokens.tif"), "TOKEN_POLYGONS": str(tmp_path / "tokens.gpkg")}
    more = {"CONFIDENCE": str(tmp_path / "confidence.tif"), "REPORT": str(tmp_path / "report.html"), **outputs}
    results = run("classify", parameters(scene, tmp_path, SUPERTOKENS=64, **more))
    assert results["TOKENS"] == outputs["TOKENS"]
    ids, segment = read_raster(tmp_path / "map.tif")[0], read_raster(outputs["TOKENS"])[0]
    dataset = gdal.Open(outputs["TOKENS"])
    assert dataset.GetRasterBand(1).DataType == gdal.GDT_UInt32
    assert dataset.GetRasterBand(1).GetNoDataValue() == 0
    assert dataset.GetGeoTransform() == gdal.Open(str(scene.raster)).GetGeoTransform()
    report = json.loads((tmp_path / "report.json").read_text())
    facts = report["choices"]["segments"]
    assert facts["used"]
    assert (facts["asked"], facts["count"]) == (64, segment.max())
    assert report["facts"]["Segments"] == "of 64 pixels on average"
    assert "(SUPERTOKENS) decide the map, as given" in (tmp_path / "report.html").read_text()
    layer = polygons_of(outputs["TOKEN_POLYGONS"])
    assert layer.crs() == QgsRasterLayer(str(scene.raster)).crs()
    features = list(layer.getFeatures())
    assert sorted(each["id"] for each in features) == list(range(1, segment.max() + 1))
    confidence = [each["confidence"] for each in features]
    assert confidence == sorted(confidence)
    shown = read_raster(more["CONFIDENCE"])[0]
    for each in features:
        inside = segment == each["id"]
        assert set(ids[inside]) == {each["class_id"]}
        assert each["class"] == CLASS_OF_ID[each["class_id"]]
        assert each["runner_up"] in set(NAMES) - {each["class"]}
        assert 0 <= each["runner_up_share"] <= each["confidence"] == pytest.approx(shown[inside][0], abs=1e-4)
        assert each["pixels"] == inside.sum()
        assert each.geometry().area() == pytest.approx(100 * inside.sum())
        assert 0 <= each["purity"] <= 1
    renderer = layer.renderer()
    assert isinstance(renderer, QgsCategorizedSymbolRenderer)
    assert renderer.classAttribute() == "class_id"
    assert [category.label() for category in renderer.categories()] == sorted(NAMES)
    colours = {label: colour for _, label, colour in legend(QgsRasterLayer(str(tmp_path / "map.tif")))}
    assert {each.label(): each.symbol().color().name() for each in renderer.categories()} == colours


def test_neighbouring_segments_have_colours_of_their_own(scene, tmp_path):
    tokens = tmp_path / "tokens.tif"
    run("classify", parameters(scene, tmp_path, SUPERTOKENS=64, TOKENS=str(tokens)))
    layer, segment = QgsRasterLayer(str(tokens)), read_raster(tokens)[0].astype(int)
    shader = layer.renderer().shader().rasterShaderFunction()
    assert shader.colorRampType() == QgsColorRampShader.Type.Interpolated  # one bar in the legend
    colour_of = {int(item.value): item.color.getRgb()[:3] for item in shader.colorRampItemList()}
    assert sorted(colour_of) == list(range(1, segment.max() + 1))
    pairs = {
        tuple(sorted(pair))
        for first, second in ((segment[1:], segment[:-1]), (segment[:, 1:], segment[:, :-1]))
        for pair in zip(first.ravel().tolist(), second.ravel().tolist())
        if pair[0] != pair[1]
    }
    apart = [max(abs(a - b) for a, b in zip(colour_of[one], colour_of[other])) for one, other in pairs]
    assert min(apart) > 30  # of 255


def test_many_segments_have_as_many_colours_as_a_style_may_hold(scene):
    from mtmsd.algorithms.bridge.layers.styling import segments_style

    layer = QgsRasterLayer(str(scene.raster))
    segments_style(20_000)(layer)
    items = layer.renderer().shader().rasterShaderFunction().colorRampItemList()
    assert (len(items), items[0].value) == (6668, 1)
    assert items[-1].value >= 20_000


def test_corrected_polygons_are_training_samples(scene, tmp_path):
    path = tmp_path / "tokens.gpkg"
    run("classify", parameters(scene, tmp_path, SUPERTOKENS=64, TOKEN_POLYGONS=str(path)))
    before = read_raster(tmp_path / "map.tif")[0].copy()
    layer = polygons_of(path)
    corrected = next(each for each in layer.getFeatures() if each["class"] == "water")
    assert layer.startEditing()
    wrong = {entry: number for number, entry in CLASS_OF_ID.items()}["forest"]
    layer.changeAttributeValue(corrected.id(), layer.fields().lookupField("class_id"), wrong)
    assert layer.commitChanges()
    again = parameters(scene, tmp_path, TRAINING=layer, CLASS_FIELD="class_id", OUTPUT=str(tmp_path / "again.tif"))
    log = Log()
    run("classify", {**again, "SPLIT": "none"}, log)
    learnt = read_raster(tmp_path / "again.tif")[0]
    assert (learnt == before).mean() > 0.9
    rows = legend(QgsRasterLayer(str(tmp_path / "again.tif")))
    assert [name for _, name, _ in rows] == sorted(NAMES)  # of the layer's categories
    # The polygons take each pixel of a segment, and no other.
    assert re.search(rf"\b{before.size}\b", log.text)


def test_where_segments_are_refused_one_sentence_says_so(scene, tmp_path):
    tokens = str(tmp_path / "tokens.tif")
    expected = r"TOKENS shows segments, so SUPERTOKENS 0 or a size of 2 pixels or more was expected; it is empty\. Set"
    with pytest.raises(QgsProcessingException, match=expected):
        run("classify", parameters(scene, tmp_path, TOKENS=tokens))
    both = {"TOKENS": tokens, "TOKEN_POLYGONS": str(tmp_path / "tokens.gpkg")}
    with pytest.raises(QgsProcessingException, match=r"TOKENS and TOKEN_POLYGONS show segments.* it is 1\."):
        run("mapscene", parameters(scene, tmp_path, SUPERTOKENS=1, **both))
    with pytest.raises(QgsProcessingException, match=r"mean size of segments must be 0 .* Found: 2000000"):
        run("classify", parameters(scene, tmp_path, SUPERTOKENS=2_000_000))
    assert not list(tmp_path.iterdir())


def test_one_pixel_a_segment_is_the_map_without(scene, tmp_path):
    run("classify", parameters(scene, tmp_path))
    expected = (tmp_path / "map.tif").read_bytes()
    run("classify", parameters(scene, tmp_path, SUPERTOKENS=1))
    assert (tmp_path / "map.tif").read_bytes() == expected


def test_a_scene_is_mapped_by_segments_and_a_cancelled_run_comes_to_the_same_map(scene, model, tmp_path):
    where = {**EXTRACT, "MODEL": str(model), "SUPERTOKENS": 0, "CLASSIFIER": "auto"}
    whole, log = tmp_path / "whole", Log()
    whole.mkdir()
    results = run("mapscene", parameters(scene, whole, TOKENS=str(whole / "tokens.tif"), **where), log)
    assert results["TOKEN_POLYGONS"] is None
    assert "(SUPERTOKENS) decide the map, the largest of the sizes tried" in log.text
    more = {"TOKENS": str(tmp_path / "tokens.tif"), **where}
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("mapscene", parameters(scene, tmp_path, **more), Log(cancel_at="segments"))
    run("mapscene", parameters(scene, tmp_path, **more))
    for name in ("map.tif", "tokens.tif"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()
    assert not list(tmp_path.glob("*.checkpoint"))


def test_a_classifier_from_a_file_maps_by_segments(scene, tmp_path):
    learnt = {"OUTPUT_CLASSIFIER": str(tmp_path / "c.mtmsdc"), "TOKENS": str(tmp_path / "tokens.tif")}
    polygons = tmp_path / "tokens.gpkg"
    run("classify", parameters(scene, tmp_path, SUPERTOKENS=64, TOKEN_POLYGONS=str(polygons), **learnt))
    first = polygons_of(polygons)
    expected = [each.attributes()[1:] for each in first.getFeatures()]
    again = tmp_path / "again"
    again.mkdir()
    applied = {
        "INPUT": str(scene.raster),
        "CLASSIFIER": learnt["OUTPUT_CLASSIFIER"],
        "DEVICE": "cpu",
        "SUPERTOKENS": 0,
        "OUTPUT": str(again / "map.tif"),
        "TOKENS": str(again / "tokens.tif"),
        "TOKEN_POLYGONS": str(again / "tokens.gpkg"),
        "REPORT": str(again / "report.html"),
    }
    log = Log()
    results = run("applyclassifier", applied, log)
    assert (results["TOKENS"], results["TOKEN_POLYGONS"]) == (applied["TOKENS"], applied["TOKEN_POLYGONS"])
    assert "(SUPERTOKENS) decide the map, the size of the map that the classifier was learnt with" in log.text
    for name in ("map.tif", "tokens.tif"):
        assert (again / name).read_bytes() == (tmp_path / name).read_bytes()
    layer = polygons_of(again / "tokens.gpkg")
    assert [each.attributes()[1:] for each in layer.getFeatures()] == expected
    assert [each.label() for each in layer.renderer().categories()] == sorted(NAMES)
    report = json.loads((again / "report.json").read_text())
    assert report["choices"]["segments"]["used"]
    assert report["facts"]["Segments"] == "as in the run that the classifier was learnt in"


def test_a_classifier_that_knows_no_segments_needs_a_size(scene, tmp_path):
    learnt = str(tmp_path / "c.mtmsdc")
    run("classify", parameters(scene, tmp_path, OUTPUT_CLASSIFIER=learnt))
    applied = {
        "INPUT": str(scene.raster),
        "CLASSIFIER": learnt,
        "DEVICE": "cpu",
        "SUPERTOKENS": 0,
        "OUTPUT": str(tmp_path / "again.tif"),
        "TOKENS": str(tmp_path / "tokens.tif"),
        "TOKEN_POLYGONS": str(tmp_path / "tokens.gpkg"),
    }
    with pytest.raises(QgsProcessingException, match="SUPERTOKENS 0 takes the size of segments that the classifier"):
        run("applyclassifier", applied)
    with pytest.raises(QgsProcessingException, match="TOKENS and TOKEN_POLYGONS show segments"):
        run("applyclassifier", {**applied, "SUPERTOKENS": None})


def test_qgis_process_writes_segments(qgis_process, scene, tmp_path):
    arguments = parameters(scene, tmp_path, SUPERTOKENS=64, TOKEN_POLYGONS=str(tmp_path / "tokens.gpkg"))
    done = qgis_process.run("mtmsd:classify", **arguments)
    assert done.returncode == 0, done.stderr
    assert results_of(done)["TOKEN_POLYGONS"].startswith(arguments["TOKEN_POLYGONS"])
    assert polygons_of(tmp_path / "tokens.gpkg").featureCount() > 10
