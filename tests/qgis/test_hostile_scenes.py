# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters and files that only the worker can see through, and shapes that are odd but fine; with the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsGeometry, QgsProcessingException
from scenes import (
    CLASSIFY,
    EXTRACT,
    PRETRAIN,
    Log,
    box_of_pixels,
    read_raster,
    run,
    spectra,
    vector_layer,
    write_raster,
)

pytestmark = pytest.mark.usefixtures("torch_python")


def flood(value, dtype="float32", bands=4):
    return np.full((bands, 32, 32), value, dtype)


def one_valid_pixel():
    values = flood(np.nan)
    values[:, 5, 5] = 1
    return values


def never_together():
    """Every band has data, but no pixel has data in all of them."""
    values = spectra(bands=4, height=32, width=32).astype("float32")
    values[0, :16], values[1, 16:] = np.nan, np.nan
    return values


@pytest.mark.parametrize(
    ("values", "nodata", "words"),
    [
        pytest.param(flood(np.nan), None, "usable band", id="NaN everywhere"),
        pytest.param(flood(np.inf), None, "usable band", id="infinite everywhere"),
        pytest.param(flood(7, "int16"), None, "usable band", id="constant"),
        pytest.param(flood(7, "int16"), 7, "usable band", id="no data everywhere"),
        pytest.param(one_valid_pixel(), None, "usable band", id="one pixel with data"),
        pytest.param(never_together(), None, "No valid pixel was found", id="no pixel with all bands"),
    ],
)
def test_scenes_with_nothing_to_learn_are_refused(tmp_path, values, nodata, words):
    raster = write_raster(tmp_path / "in.tif", values, nodata=nodata)
    (tmp_path / "out").mkdir()
    with pytest.raises(QgsProcessingException, match=words):
        run("pretraindiffusion", {"INPUT": str(raster), "OUTPUT": str(tmp_path / "out" / "m.mtmsd"), **PRETRAIN})
    assert list((tmp_path / "out").iterdir()) == []


def test_too_many_bands_are_refused(tmp_path):
    write_raster(tmp_path / "one.tif", spectra(bands=1, height=16, width=16))
    band = (
        '<VRTRasterBand dataType="UInt16" band="{}"><SimpleSource><SourceFilename relativeToVRT="1">one.tif'
        "</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
    )
    bands = "".join(band.format(number) for number in range(1, 5_001))
    (tmp_path / "in.vrt").write_text(f'<VRTDataset rasterXSize="16" rasterYSize="16">{bands}</VRTDataset>')
    with pytest.raises(QgsProcessingException, match="at most 4096 bands was expected, found 5000"):
        run("pretraindiffusion", {"INPUT": str(tmp_path / "in.vrt"), "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN})
    assert not (tmp_path / "m.mtmsd").exists()


def test_a_nodata_value_that_the_type_cannot_hold_excludes_nothing(tmp_path):
    raster = write_raster(tmp_path / "in.tif", spectra(height=32, width=32))
    dataset = gdal.Open(str(raster))
    gdal.Translate(str(tmp_path / "in.vrt"), dataset, noData=-9999)  # of unsigned numbers
    del dataset
    plain, odd = tmp_path / "plain.mtmsd", tmp_path / "odd.mtmsd"
    run("pretraindiffusion", {"INPUT": str(raster), "OUTPUT": str(plain), **PRETRAIN})
    run("pretraindiffusion", {"INPUT": str(tmp_path / "in.vrt"), "OUTPUT": str(odd), **PRETRAIN})
    from mtmsd.mtmsd_qgis.io.array_file import read_header

    assert read_header(plain)["loss_curve"] == read_header(odd)["loss_curve"]


def flipped(path, target):
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    target.write_bytes(content)
    return target


def test_a_model_with_a_flipped_bit_is_refused(scene, model, tmp_path):
    broken = flipped(model, tmp_path / "broken.mtmsd")
    parameters = {"INPUT": str(scene.raster), "MODEL": str(broken), "OUTPUT": str(tmp_path / "f.tif"), **EXTRACT}
    with pytest.raises(QgsProcessingException, match="damaged: its content is not what was written"):
        run("extractfeatures", parameters)
    assert not (tmp_path / "f.tif").exists()


def test_a_checkpoint_that_is_none_is_refused(scene, model, tmp_path):
    text = tmp_path / "x.checkpoint"
    text.write_text("a shopping list " * 20)
    parameters = {"INPUT": str(scene.raster), "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN}
    for path, words in ((model, "should be a checkpoint, it is a model"), (text, "is not a checkpoint")):
        with pytest.raises(QgsProcessingException, match=words):
            run("pretraindiffusion", {**parameters, "RESUME": str(path)})
    assert not (tmp_path / "m.mtmsd").exists()


def map_of(raster, layer, folder):
    run(
        "classify",
        {
            "INPUT": str(raster), "TRAINING": layer, "CLASS_FIELD": "cover", "OUTPUT": str(folder / "map.tif"),
            **CLASSIFY, "CLASSIFIER": "linear", "SPLIT": "none",
        },
        Log(),
    )  # fmt: skip
    return read_raster(folder / "map.tif")


CORNERS = [(5, 4), (25, 4), (45, 4)]


def boxes(turn):
    """A square of each class, in another way to write it down."""
    return [(turn(box_of_pixels(row, col, row + 8, col + 8)), name) for (row, col), name in zip(CORNERS, "aab")]


def with_z_and_m(box):
    geometry = QgsGeometry(box)
    geometry.get().addZValue(100.0)
    geometry.get().addMValue(float("nan"))
    return geometry


def as_curve(box):
    points = ", ".join(f"{point.x()} {point.y()}" for point in box.vertices())
    return QgsGeometry.fromWkt(f"CURVEPOLYGON(COMPOUNDCURVE(({points})))")


def as_collection(box):
    geometry = QgsGeometry(box)
    geometry.convertToMultiType()
    return geometry


@pytest.mark.parametrize(
    ("turn", "kind"),
    [(with_z_and_m, "PolygonZM"), (as_curve, "CurvePolygon"), (as_collection, "MultiPolygon")],
    ids=["Z and M", "curved", "multi"],
)
def test_other_kinds_of_geometry_give_the_same_map(scene, tmp_path, turn, kind):
    (tmp_path / "plain").mkdir()
    (tmp_path / "other").mkdir()
    expected = map_of(scene.raster, vector_layer(boxes(QgsGeometry), "Polygon"), tmp_path / "plain")
    assert np.array_equal(map_of(scene.raster, vector_layer(boxes(turn), kind), tmp_path / "other"), expected)


def bow_tie(box):
    """A polygon that crosses itself."""
    a, b, c, d = list(box.vertices())[:4]
    ring = ", ".join(f"{p.x()} {p.y()}" for p in (a, c, b, d, a))
    return QgsGeometry.fromWkt(f"POLYGON(({ring}))")


def test_invalid_empty_and_missing_geometries_do_not_stop_the_rest(scene, tmp_path):
    shapes = [
        *boxes(QgsGeometry), (bow_tie(box_of_pixels(40, 40, 50, 50)), "b"), (QgsGeometry(), "a"),
        (QgsGeometry.fromWkt("POLYGON EMPTY"), "b"),
    ]  # fmt: skip
    assert set(np.unique(map_of(scene.raster, vector_layer(shapes, "Polygon"), tmp_path))) <= {1, 2}
