# SPDX-License-Identifier: GPL-2.0-or-later
"""Fields of input layers that an output format cannot take as they are."""

from __future__ import annotations

import pytest
from qgis.core import QgsFeature, QgsVectorLayer
from scenes import CRS, Log, point_in_pixel, spectra, write_raster
from split_layers import split

SIDES = ("OUTPUT_TRAINING", "OUTPUT_VALIDATION")


def layer_with(*fields, names=("cover",)):
    """20 points of two classes with further fields: (name, type, value of feature i)."""
    columns = "".join(f"&field={name}:{kind}" for name, kind, _ in fields)
    layer = QgsVectorLayer(f"Point?crs={CRS}&field={names[0]}:string{columns}", "merged", "memory")
    for i in range(20):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(point_in_pixel(3 * i, 2 * i))
        feature.setAttributes(["ab"[i % 2], *(value(i) for _, _, value in fields)])
        layer.dataProvider().addFeature(feature)
    return layer


def written(layer, folder, suffix="gpkg", **more):
    """Fields and features of both outputs together, and the log."""
    log = Log()
    paths = {name: str(folder / f"{name.lower()}.{suffix}") for name in SIDES}
    split(layer, log, METHOD="random", **paths, **more)
    layers = [QgsVectorLayer(path, "out", "ogr") for path in paths.values()]
    features = [feature for side in layers for feature in side.getFeatures()]
    return [field.name() for field in layers[0].fields()], features, log


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param("integer", lambda i: i // 2, id="twice"),
        pytest.param("string", "gml.{}".format, id="text"),
        pytest.param("double", lambda i: i + 0.5, id="fractions"),
        pytest.param("integer", lambda i: None if i % 2 else i, id="some missing"),
        pytest.param("integer", lambda i: -i, id="negative"),
    ],
)
@pytest.mark.parametrize("name", ["fid", "FID"])
def test_a_fid_that_is_none_is_kept_under_another_name(tmp_path, kind, value, name):
    layer = layer_with((name, kind, value))
    names, features, log = written(layer, tmp_path)
    assert names == ["fid", "cover", f"old_{name}"]
    assert len(features) == 20
    expected = sorted(str(feature[name]) for feature in layer.getFeatures())
    assert sorted(str(feature[f"old_{name}"]) for feature in features) == expected
    assert f"The field '{name}' is called 'old_{name}' in the outputs" in log.text


def test_a_fid_of_different_whole_numbers_stays(tmp_path):
    names, features, log = written(layer_with(("fid", "integer", lambda i: 100 + i)), tmp_path)
    assert names == ["fid", "cover"]
    assert {feature.id() for feature in features} == set(range(100, 120))
    assert log.warnings == []


@pytest.mark.parametrize(
    ("fields", "suffix", "expected"),
    [
        (("geom",), "gpkg", {"cover", "old_geom"}),
        (("geometry",), "sqlite", {"cover", "old_geometry"}),
        (("COVER",), "gpkg", {"cover", "COVER_2"}),
        (("Name", "name"), "geojson", {"cover", "Name", "name_2"}),
        (("fid", "old_fid"), "gpkg", {"cover", "fid_2", "old_fid"}),
    ],
)
def test_other_names_that_a_format_cannot_take(tmp_path, fields, suffix, expected):
    layer = layer_with(*((name, "string", f"{name}{{}}".format) for name in fields))
    names, features, _ = written(layer, tmp_path, suffix)
    assert expected <= set(names)
    assert len(features) == 20


def test_a_class_field_that_is_called_so(tmp_path):
    raster = write_raster(tmp_path / "in.tif", spectra(bands=2))
    layer = layer_with(names=("fid",))
    names, features, _ = written(layer, tmp_path, field="fid", RASTER=str(raster))
    assert names == ["fid", "old_fid", "feature_id"]
    assert {feature["old_fid"] for feature in features} == {"a", "b"}
