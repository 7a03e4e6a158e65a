# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes with an old output, what of somebody else stays beside it, and links as outputs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from class_maps import IDS, SIX, assess, points
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer, QgsVectorLayer
from scenes import CLASSIFY, COLORS, PRETRAIN, Log, categorize, legend, run, save_layer, write_raster
from split_layers import points as samples
from split_layers import split

CLASSES = {1: "water", 2: "meadow", 3: "forest"}


def write_map(path, values=IDS, classes=CLASSES, transform=(500000.0, 10.0, 0, 5800000.0, 0, -10.0)):
    """A class map as a run writes it, and its style as the end of a run keeps it."""
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.layers.saved_styles import save_styles
    from mtmsd.algorithms.bridge.layers.styling import class_map_style
    from mtmsd.algorithms.bridge.raster.geotiff import RawRaster, write_class_map
    from mtmsd.algorithms.bridge.raster.source import Grid
    from mtmsd.mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile
    from qgis.core import QgsCoordinateReferenceSystem

    raw = path.parent / "raw"
    raw.mkdir(exist_ok=True)
    height, width = values.shape
    values.astype("<u2").tofile(raw / "map.raw")
    crs = QgsCoordinateReferenceSystem("EPSG:32632")
    grid = Grid(height, width, transform, crs.toWkt(), crs, georeferenced=transform is not None)
    cube = CubeFile("map.raw", height, width, "uint16", (Band("class", nodata=0),))
    entries = [ClassEntry(number, name, COLORS.get(name, "#123456")) for number, name in classes.items()]
    write_class_map(RawRaster(cube, raw, grid), path, entries, ProgressRange(Log(), 0, 100))
    return save_styles([(str(path), class_map_style(entries))])


def old_raster(path, *, mask=True):
    """A raster with what may lie beside one: a mask with overviews, a world file, statistics."""
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 40, 40, 1, gdal.GDT_Byte, ["TFW=YES"])
    dataset.SetGeoTransform((7.0, 3.0, 0, 7.0, 0, -3.0))
    dataset.GetRasterBand(1).Fill(7)
    del dataset
    dataset = gdal.Open(str(path))  # read only: mask and overviews go into files of their own
    if mask:
        dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
        hidden = np.full((40, 40), 255, np.uint8)
        hidden[:, :20] = 0
        dataset.GetRasterBand(1).GetMaskBand().WriteArray(hidden)
        del dataset
        dataset = gdal.Open(str(path))
    dataset.BuildOverviews("NEAREST", [2])
    dataset.GetRasterBand(1).ComputeStatistics(False)
    del dataset
    return path


def names_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_what_belongs_to_an_old_raster_goes_with_it(tmp_path):
    path = old_raster(tmp_path / "map.tif")
    before = names_in(tmp_path)
    assert {"map.tif.msk", "map.tif.msk.ovr", "map.tif.ovr", "map.tfw", "map.tif.aux.xml"} <= set(before)
    write_map(path)
    assert names_in(tmp_path) == ["map.qml", "map.tif", "map.tif.aux.xml"]
    dataset = gdal.Open(str(path))
    assert dataset.GetRasterBand(1).GetMaskFlags() == gdal.GMF_NODATA
    result, _ = assess(path, points(*SIX), tmp_path)
    assert result["SAMPLES"] == len(SIX)


def test_what_was_left_of_a_raster_that_is_gone_goes_too(tmp_path):
    path = old_raster(tmp_path / "map.tif")
    path.unlink()
    write_map(path, transform=None)
    assert names_in(tmp_path) == ["map.qml", "map.tif", "map.tif.aux.xml"]
    dataset = gdal.Open(str(path))
    assert dataset.GetGeoTransform(can_return_null=True) is None
    assert dataset.GetRasterBand(1).GetMinimum() is None


def writers():
    from mtmsd.algorithms.bridge.raster import geotiff

    layout = ({"timesteps": (100,), "features": 2, "names": (), "window": 16},)
    return {
        "levels": (geotiff.write_class_levels, "uint16", ()),
        "floats": (geotiff.write_floats, "float32", (["a", "b"],)),
        "features": (geotiff.write_features, "int16", layout),
        "bands": (geotiff.write_many_bands, "int16", ()),
    }


@pytest.mark.parametrize("driver", ["GTiff", "COG"])
@pytest.mark.parametrize("kind", ["levels", "floats", "features", "bands"])
def test_the_same_for_every_kind_of_raster(tmp_path, kind, driver):
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.formats.raster_format import RasterFormat
    from mtmsd.algorithms.bridge.raster.geotiff import RawRaster
    from mtmsd.algorithms.bridge.raster.source import describe_raster
    from mtmsd.mtmsd_qgis.jobs.data_model import Band, CubeFile, FeatureLayout

    write, dtype, more = writers()[kind]
    if kind == "features":
        more = (FeatureLayout(**more[0]),)
    (tmp_path / "raw").mkdir()
    np.ones((40, 2, 40), dtype).tofile(tmp_path / "raw" / "x.raw")
    grid = describe_raster(
        QgsRasterLayer(str(write_raster(tmp_path / "raw" / "grid.tif", np.ones((1, 40, 40), np.uint8))), "grid")
    ).grid
    cube = CubeFile("x.raw", 40, 40, dtype, (Band("a"), Band("b")))
    path = old_raster(tmp_path / "out.tif")
    assert {"out.tif.msk", "out.tif.msk.ovr", "out.tif.ovr", "out.tfw"} <= set(names_in(tmp_path))
    raw = RawRaster(cube, tmp_path / "raw", grid, RasterFormat(driver))
    write(raw, path, *more, ProgressRange(Log(), 0, 1))
    assert set(names_in(tmp_path)) <= {"out.tif", "out.tif.aux.xml"}
    dataset = gdal.Open(str(path))
    assert dataset.GetGeoTransform()[1] == 10.0
    assert not dataset.GetRasterBand(1).GetMaskFlags() & gdal.GMF_PER_DATASET
    assert (dataset.GetRasterBand(2).ReadAsArray() == 1).all()


def test_rasters_are_made_in_one_place():
    """Else what belongs to an older one would stay beside those of a new algorithm."""
    from harness import ROOT

    makers = {
        path.name
        for path in (ROOT / "algorithms").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if (".Create(" in line and "MEM" not in line) or "CreateCopy(" in line or "BuildVRT(" in line
    }
    # cog.py gets a path of geotiff.py; what raster_format.py and segment_polygons.py make is in memory.
    assert makers == {"geotiff.py", "cog.py", "raster_format.py", "campaign_maps.py", "segment_polygons.py"}


def test_what_another_raster_uses_too_stays(tmp_path):
    path = old_raster(tmp_path / "map.tif", mask=False)
    (tmp_path / "map.tfw").rename(tmp_path / "map.wld")
    picture = gdal.GetDriverByName("PNG").CreateCopy(str(tmp_path / "map.png"), gdal.Open(str(path)))
    del picture
    (tmp_path / "map.png.aux.xml").unlink()
    assert gdal.Open(str(tmp_path / "map.png")).GetGeoTransform()[1] == 3.0
    write_map(path)
    assert "map.wld" in names_in(tmp_path)
    assert gdal.Open(str(tmp_path / "map.png")).GetGeoTransform()[1] == 3.0
    assert gdal.Open(str(path)).GetGeoTransform()[1] == 10.0


def test_a_virtual_raster_is_replaced_without_its_sources(tmp_path):
    source = write_raster(tmp_path / "map_1.tif", np.ones((1, 9, 9), np.uint8))
    virtual = gdal.BuildVRT(str(tmp_path / "map.tif"), [str(source)])
    del virtual
    before = source.read_bytes()
    write_map(tmp_path / "map.tif")
    assert source.read_bytes() == before


def test_a_failure_leaves_the_old_raster_whole(tmp_path, monkeypatch):
    import os

    path = old_raster(tmp_path / "map.tif")
    before = {name: (tmp_path / name).read_bytes() for name in names_in(tmp_path)}
    replace = os.replace

    def fail_at_the_raster(source, target):
        if str(target) == str(path):
            raise PermissionError(13, "used by another program")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_at_the_raster)
    with pytest.raises(QgsProcessingException, match="used by another program"):
        write_map(path)
    assert {name: (tmp_path / name).read_bytes() for name in names_in(tmp_path)} == before


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "store").mkdir()
    target = old_raster(tmp_path / "store" / "real.tif")
    link = tmp_path / "map.tif"
    link.symlink_to("store/real.tif")
    write_map(link)
    assert link.is_symlink()
    assert names_in(tmp_path / "store") == ["real.tif", "real.tif.aux.xml"]
    for path in (link, target):
        dataset = gdal.Open(str(path))
        band = dataset.GetRasterBand(1)
        assert set(np.unique(band.ReadAsArray())) == {0, 1, 2, 3}
        assert band.GetMaskFlags() == gdal.GMF_NODATA
        assert band.GetDefaultRAT().GetValueAsString(0, 1) == "water"


def test_links_as_reports_tables_and_layers(tmp_path):
    write_map(tmp_path / "map.tif")
    (tmp_path / "store").mkdir()
    for name in ("a.html", "a.json", "OUTPUT_TRAINING.gpkg", "OUTPUT_VALIDATION.shp"):
        (tmp_path / "store" / name).write_text("old")
        (tmp_path / name).symlink_to(tmp_path / "store" / name)
    assess(tmp_path / "map.tif", points(*SIX), tmp_path)
    (tmp_path / "store" / "OUTPUT_TRAINING.gpkg").unlink()  # a link that leads nowhere yet
    split(samples(10), METHOD="random", OUTPUT_TRAINING=str(tmp_path / "OUTPUT_TRAINING.gpkg"))
    split(samples(10), METHOD="random", OUTPUT_VALIDATION=str(tmp_path / "OUTPUT_VALIDATION.shp"))
    assert (tmp_path / "store" / "a.html").read_text().startswith("<!DOCTYPE html>")
    assert json.loads((tmp_path / "store" / "a.json").read_text())["kind"] == "assessment"
    assert QgsVectorLayer(str(tmp_path / "store" / "OUTPUT_TRAINING.gpkg"), "t", "ogr").featureCount() == 14
    assert QgsVectorLayer(str(tmp_path / "store" / "OUTPUT_VALIDATION.shp"), "v", "ogr").featureCount() == 6
    links = ("a.html", "a.json", "OUTPUT_TRAINING.gpkg", "OUTPUT_VALIDATION.shp")
    assert all((tmp_path / name).is_symlink() for name in links)


def test_a_link_in_a_circle_is_refused(tmp_path):
    (tmp_path / "a.tif").symlink_to(tmp_path / "b.tif")
    (tmp_path / "b.tif").symlink_to(tmp_path / "a.tif")
    with pytest.raises(QgsProcessingException, match="cannot be written: Too many levels"):
        write_map(tmp_path / "a.tif")


def test_a_model_goes_through_a_link(scene, tmp_path, torch_python):
    (tmp_path / "store").mkdir()
    (tmp_path / "scene.mtmsd").symlink_to(tmp_path / "store" / "real.mtmsd")
    parameters = {"INPUT": str(scene.raster), "OUTPUT": str(tmp_path / "scene.mtmsd"), **PRETRAIN}
    run("pretraindiffusion", parameters)
    assert (tmp_path / "scene.mtmsd").is_symlink()
    assert names_in(tmp_path / "store") == ["real.mtmsd"]


def test_the_state_of_another_training_stays(scene, tmp_path, torch_python):
    """A training to the same model that does not go on from it must not take hours of work away."""
    state = tmp_path / "scene.mtmsd.checkpoint"
    state.write_bytes(b"of another training")
    parameters = {"INPUT": str(scene.raster), "OUTPUT": str(tmp_path / "scene.mtmsd"), **PRETRAIN}
    run("pretraindiffusion", parameters)
    assert names_in(tmp_path) == ["scene.mtmsd", "scene.mtmsd.checkpoint"]
    assert state.read_bytes() == b"of another training"


def test_a_style_of_somebody_else_stays(tmp_path):
    layer = categorize(samples(10, values=tuple(COLORS)))
    save_layer(layer, tmp_path / "map.gpkg")
    layer.saveNamedStyle(str(tmp_path / "map.qml"))
    before = (tmp_path / "map.qml").read_bytes()
    (sentence,) = write_map(tmp_path / "map.tif")
    assert "map.qml was left as it is" in sentence
    assert "Choose another name" in sentence
    assert (tmp_path / "map.qml").read_bytes() == before


def test_a_style_of_ours_is_replaced_and_one_that_was_saved_anew_is_not(tmp_path):
    path = tmp_path / "map.tif"
    assert write_map(path) == []
    assert write_map(path, classes={**CLASSES, 3: "bog"}) == []
    layer = QgsRasterLayer(str(path), "map")
    assert [label for _, label, _ in legend(layer)] == ["water", "meadow", "bog"]
    layer.saveNamedStyle(str(tmp_path / "map.qml"))
    assert len(write_map(path)) == 1


def test_a_style_of_another_output_of_ours_stays(tmp_path):
    """Our samples t.shp and a map t.tif would share t.qml: the names of the one are not those of the other."""
    layer = categorize(samples(10, values=tuple(COLORS)))
    split(layer, METHOD="random", OUTPUT_TRAINING=f"{tmp_path}/t--1.shp", OUTPUT_VALIDATION=f"{tmp_path}/v.shp")
    before = (tmp_path / "t--1.qml").read_bytes()
    assert "t--1.qml was left as it is" in write_map(tmp_path / "t--1.tif")[0]
    assert (tmp_path / "t--1.qml").read_bytes() == before
    part = QgsVectorLayer(f"{tmp_path}/t--1.shp", "t", "ogr")
    part.loadDefaultStyle()
    assert {c.value(): c.symbol().color().name() for c in part.renderer().categories()} == COLORS


def test_samples_beside_a_style_of_somebody_else(tmp_path):
    (tmp_path / "t.qml").write_text("<qgis/>")
    log, layer = Log(), categorize(samples(10, values=tuple(COLORS)))
    split(layer, log, METHOD="random", OUTPUT_TRAINING=str(tmp_path / "t.shp"), OUTPUT_VALIDATION=f"{tmp_path}/v.shp")
    assert (tmp_path / "t.qml").read_text() == "<qgis/>"
    assert "Written by MTMSD for QGIS" in (tmp_path / "v.qml").read_text()
    assert any("t.qml was left as it is" in warning for warning in log.warnings)


def test_tables_beside_a_report(features, scene, tmp_path):
    """The user's own landcover.csv and landcover.json stay; ours are found by the next run and replaced."""
    for suffix in (".csv", ".json"):
        (tmp_path / f"landcover{suffix}").write_text("{}" if suffix == ".json" else "id,class\n1,water\n")
    outputs = {"OUTPUT": str(tmp_path / "map.tif"), "REPORT": str(tmp_path / "landcover.html")}
    parameters = {"INPUT": str(features), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **outputs}
    for _ in range(2):
        run("classify", {**parameters, **CLASSIFY, "CLASSIFIER": "linear"})
        assert names_in(tmp_path) == [
            "landcover.csv", "landcover.html", "landcover.html.csv", "landcover.html.json", "landcover.json",
            "map.qml", "map.tif", "map.tif.aux.xml",
        ]  # fmt: skip
    assert (tmp_path / "landcover.json").read_text() == "{}"
    assert (tmp_path / "landcover.csv").read_text() == "id,class\n1,water\n"
    assert json.loads((tmp_path / "landcover.html.json").read_text())["kind"] == "classification"


def test_what_is_ours(tmp_path):
    from mtmsd.algorithms.bridge.files.owned_files import beside, is_ours

    write_map(tmp_path / "map.tif")
    assess(tmp_path / "map.tif", points(*SIX), tmp_path)
    assert [is_ours(tmp_path / f"a{suffix}") for suffix in (".json", ".csv", ".html")] == [True, True, False]
    report = tmp_path / "a.html"
    assert beside(report, ".csv", lambda path: True) == tmp_path / "a.csv"
    assert beside(report, ".csv", lambda path: path.name != "a.csv") == tmp_path / "a.html.csv"
    for name, content in (
        ("b.json", b"[1]"), ("b.csv", b"figure,value\n"), ("b.html.csv", b"\xff\xfe"), ("b.qml", b"<qgis/>"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert not is_ours(tmp_path / name)
    assert beside(tmp_path / "b.html", ".csv", lambda path: True) == tmp_path / "b.html.2.csv"


def test_a_work_folder_of_somebody_else(scene, tmp_path, torch_python):
    """Their files in a folder of that name stay, also those that were put beside our own."""
    from mtmsd.algorithms.bridge.files.resume_folder import ResumeFolder

    output = tmp_path / "map.tif"
    (tmp_path / "map.tif.checkpoint").mkdir()
    (tmp_path / "map.tif.checkpoint" / "thesis.txt").write_text("mine")
    with pytest.raises(QgsProcessingException, match="files that are not of this plugin lie there"):
        ResumeFolder.beside(output, "")
    (tmp_path / "map.tif.checkpoint" / "run.json").write_text("{}")
    (tmp_path / "map.tif.checkpoint" / "map.raw").write_text("ours")
    with ResumeFolder.beside(output, "").kept(Log()):
        pass
    assert names_in(tmp_path / "map.tif.checkpoint") == ["thesis.txt"]
