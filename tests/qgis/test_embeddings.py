# SPDX-License-Identifier: GPL-2.0-or-later
"""Ready-made embeddings as input: bytes with a sign, -128, scales, rows upwards, no wavelengths, constant bands."""

from __future__ import annotations

import numpy as np
import pytest
from class_maps import assess, points
from embeddings import NO_DATA, SIDE, alphaearth, quantised_roots, tessera_bytes, unit_vectors, write_embedding
from osgeo import gdal
from qgis.core import QgsRasterLayer
from scenes import Log, class_of_pixel, run

HERE = np.ones((SIDE, SIDE), dtype=bool)
HERE[NO_DATA[1:]] = False
TRUTH = np.array([3, 2, 1])[class_of_pixel(SIDE, SIDE)]  # water, meadow, forest in the order of their names


def classified(scene, raster, folder, log=None, **more):
    """(H, W) class map and confidence, the first row the northernmost."""
    folder.mkdir(exist_ok=True)
    outputs = {"OUTPUT": str(folder / "map.tif"), "CONFIDENCE": str(folder / "confidence.tif")}
    asked = {"INPUT": str(raster), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", "DEVICE": "cpu"}
    run("classify", {**asked, **outputs, **more}, log)
    return northernmost_first(outputs["OUTPUT"]), northernmost_first(outputs["CONFIDENCE"])


def northernmost_first(path):
    dataset = gdal.Open(str(path))
    return dataset.ReadAsArray()[:: -1 if dataset.GetGeoTransform()[5] > 0 else 1]


def described(path):
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    return describe_raster(QgsRasterLayer(str(path), "in"))


def test_minus_128_of_bytes_with_a_sign_is_no_data_and_they_take_two_bytes(tmp_path):
    from mtmsd.algorithms.bridge.raster.disk_space import SceneNeed

    source = described(alphaearth(tmp_path / "in.tif"))
    assert {band.nodata for band in source.bands} == {-128}
    assert [band.name for band in source.bands[:2]] == ["A00", "A01"]
    assert {band.wavelength_nm for band in source.bands} == {None}
    assert SceneNeed(source, range(1, 65)).size_bytes == 64 * SIDE * SIDE * 2


@pytest.mark.usefixtures("torch_python")
def test_bytes_with_a_sign_and_rows_upwards_give_the_map_of_plain_numbers(scene, tmp_path):
    log = Log()
    plain = alphaearth(tmp_path / "plain.tif", upwards=False, dtype=np.int16)
    expected, confidence = classified(scene, plain, tmp_path / "a", log)
    assert np.array_equal(expected != 0, HERE)
    assert (expected == TRUTH)[HERE].mean() > 0.99
    assert "Wavelengths" not in log.text
    assert "no data" not in log.text
    mapped, certain = classified(scene, alphaearth(tmp_path / "bytes.tif", upwards=False), tmp_path / "b")
    assert np.array_equal(mapped, expected)
    assert np.array_equal(certain, confidence)
    upwards, _ = classified(scene, alphaearth(tmp_path / "upwards.tif"), tmp_path / "c")
    assert np.array_equal(upwards != 0, HERE)
    assert (upwards == TRUTH)[HERE].mean() > 0.99

    reference = points((5, 5, "water"), (45, 30, "meadow"), (60, 30, "meadow"), (60, 60, "water"), field_type="string")
    results, document = assess(tmp_path / "c" / "map.tif", reference, tmp_path)
    assert results["OA"] == pytest.approx(200 / 3)  # (45, 30) has no class on the map, the last one another class
    assert document["mapped_pixels"] == [int((upwards == class_id).sum()) for class_id in (1, 2, 3)]


@pytest.mark.usefixtures("torch_python")
@pytest.mark.parametrize("classifier", ["linear", "mtmsd"])
def test_constant_bands_are_left_out_by_every_classifier(scene, tmp_path, classifier):
    log = Log()
    raster = alphaearth(tmp_path / "in.tif", constant=(5, 63))
    more = {"CLASSIFIER": classifier, "EPOCHS": 2, "ENSEMBLE": 1, "KEEP": 0}
    mapped, _ = classified(scene, raster, tmp_path / "out", log, **more)
    assert np.array_equal(mapped != 0, HERE)
    assert "Bands left out: 6 constant (3), 64 constant (3)." in log.text


@pytest.mark.usefixtures("torch_python")
def test_floating_point_numbers_and_bytes_with_a_scale_give_one_map(scene, tmp_path):
    stored, scales = tessera_bytes()
    numbers = (stored * scales[:, None, None]).astype(np.float32)
    numbers[NO_DATA] = np.nan
    expected, confidence = classified(scene, write_embedding(tmp_path / "numbers.tif", numbers), tmp_path / "a")
    assert np.array_equal(expected != 0, HERE)
    assert (expected == TRUTH)[HERE].mean() > 0.99
    stored[NO_DATA] = -128
    scaled = write_embedding(tmp_path / "scaled.tif", stored, nodata=-128, scales=scales)
    mapped, certain = classified(scene, scaled, tmp_path / "b")
    assert np.array_equal(mapped, expected)
    assert np.allclose(certain, confidence, atol=1e-3)


@pytest.mark.usefixtures("torch_python")
def test_minus_128_that_is_not_declared_is_told_of(scene, tmp_path):
    log = Log()
    raster = alphaearth(tmp_path / "in.tif", declared=False)
    classified(scene, raster, tmp_path / "out", log, CLASSIFIER="linear")
    assert "520 of 4096 pixels have the value -128 in all bands" in "\n".join(log.warnings)


def test_a_class_map_of_bytes_with_a_sign(tmp_path):
    ids = np.repeat([1, 2, -128], [20, 20, 24])[None, None] * np.ones((1, SIDE, 1), dtype=int)
    path = write_embedding(tmp_path / "map.tif", ids.astype(np.int8), nodata=-128)
    reference = points((3, 3, 1), (4, 30, 2), (5, 4, 2), (6, 50, 2))
    results, _ = assess(path, reference, tmp_path)
    assert results["OA"] == pytest.approx(200 / 3)


@pytest.mark.usefixtures("torch_python")
@pytest.mark.parametrize("layout", ["alphaearth", "tessera"])
def test_a_classifier_from_embeddings_maps_the_next_tile(scene, tmp_path, layout):
    """Of a raster with another type, another direction of rows and bands that are constant in one of the two."""
    here, next_tile = tmp_path / "here.tif", tmp_path / "next.tif"
    if layout == "alphaearth":
        alphaearth(here, constant=(5,))
        alphaearth(next_tile, upwards=False, dtype=np.int16, constant=(5, 9))
    else:
        stored, scales = tessera_bytes()
        stored[NO_DATA] = -128
        write_embedding(here, stored, nodata=-128, scales=scales)
        numbers = (stored * scales[:, None, None]).astype(np.float32)
        numbers[NO_DATA] = np.nan
        write_embedding(next_tile, numbers)
    learnt = tmp_path / "fields.mtmsdc"
    expected, _ = classified(scene, here, tmp_path / "here", OUTPUT_CLASSIFIER=str(learnt))
    outputs = {"OUTPUT": str(tmp_path / "next_map.tif"), "APPLICABILITY": str(tmp_path / "applicability.tif")}
    for raster, equal in ((here, 1.0), (next_tile, 0.97)):
        results = run("applyclassifier", {"INPUT": str(raster), "CLASSIFIER": str(learnt), "DEVICE": "cpu", **outputs})
        mapped = northernmost_first(outputs["OUTPUT"])
        assert np.array_equal(mapped != 0, HERE)
        assert (mapped == expected)[HERE].mean() >= equal
        assert results["INSIDE_SHARE"] > 0.5


@pytest.mark.usefixtures("torch_python")
def test_embeddings_of_another_version_and_values_in_place_of_bytes_are_not_believed(scene, tmp_path):
    learnt = tmp_path / "fields.mtmsdc"
    classified(scene, alphaearth(tmp_path / "in.tif"), tmp_path / "here", OUTPUT_CLASSIFIER=str(learnt))
    vectors = unit_vectors(64)
    turned = np.linalg.qr(np.random.default_rng(3).normal(size=(64, 64)))[0]  # the same ground, axes of another meaning
    others = {
        "values": vectors.astype(np.float32),
        "version": quantised_roots(np.einsum("ij,jhw->ihw", turned, vectors)),
    }
    for name, content in others.items():
        raster = write_embedding(tmp_path / f"{name}.tif", content, names="A{:02d}")
        log, place = Log(), str(tmp_path / f"{name}_map.tif")
        run("applyclassifier", {"INPUT": str(raster), "CLASSIFIER": str(learnt), "DEVICE": "cpu", "OUTPUT": place}, log)
        assert "Do not believe this map before reference samples of this scene confirm it" in log.text
