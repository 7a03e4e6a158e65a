# SPDX-License-Identifier: GPL-2.0-or-later
"""Creation options and formats of rasters: honoured, refused in a sentence, and never at the cost of a value."""

from __future__ import annotations

import subprocess

import numpy as np
import processing
import pytest
from mtmsd.algorithms.base.newer_qgis import format_pairs
from mtmsd.algorithms.bridge.feedback import ProgressRange
from mtmsd.algorithms.bridge.raster.formats import cog
from mtmsd.algorithms.bridge.raster.formats.raster_format import RasterFormat
from mtmsd.algorithms.bridge.raster.geotiff import RawRaster, write_class_map, write_floats, write_many_bands
from mtmsd.algorithms.bridge.raster.source import describe_raster
from mtmsd.mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterRasterDestination,
    QgsRasterLayer,
)
from scenes import PRETRAIN, Log, run, write_raster

SIDE = 300
CLASSES = [ClassEntry(1, "water", "#1f78b4"), ClassEntry(4, "bog", "#33a02c")]
RASTER_ALGORITHMS = {"mapscene", "extractfeatures", "classify", "applyclassifier", "importscene"}


def progress(log=None):
    return ProgressRange(log or Log(), 0, 100)


def raw(folder, values, nodata=None, wanted=RasterFormat()):  # noqa: B008 - frozen
    """A raster of the worker: values are bands, lines and pixels."""
    bands, height, width = values.shape
    np.ascontiguousarray(values.transpose(1, 0, 2)).tofile(folder / "cube.raw")
    cube = CubeFile("cube.raw", height, width, values.dtype.name, (Band("b", nodata=nodata),) * bands)
    source = write_raster(folder / "in.tif", np.ones((1, height, width), np.uint8))
    return RawRaster(cube, folder, describe_raster(QgsRasterLayer(str(source), "in")).grid, wanted)


def numbers(bands, dtype):
    return np.arange(bands * SIDE * SIDE).reshape(bands, SIDE, SIDE).astype(dtype)


def structure(path, *names):
    dataset = gdal.Open(str(path))
    return tuple(dataset.GetMetadataItem(name, "IMAGE_STRUCTURE") for name in names)


def test_options_replace_the_usual_ones_and_keep_the_rest(tmp_path):
    wanted = RasterFormat.read("GTiff", " compress = LZW | BLOCKXSIZE=128 ")
    values = numbers(2, np.float32)
    write_floats(raw(tmp_path, values, -1, wanted), tmp_path / "p.tif", ["a", "b"], progress())
    assert structure(tmp_path / "p.tif", "COMPRESSION", "PREDICTOR") == ("LZW", "3")
    dataset = gdal.Open(str(tmp_path / "p.tif"))
    assert dataset.GetRasterBand(1).GetBlockSize() == [128, 256]
    assert np.array_equal(dataset.ReadAsArray(), values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["COMPRESS=DEFLATE", "PREDICTOR=3", "BLOCKYSIZE=16"]),
        ("COMPRESS=NONE", ["BLOCKYSIZE=16", "COMPRESS=NONE"]),  # nothing to predict for
        ("COMPRESS=ZSTD", ["PREDICTOR=3", "BLOCKYSIZE=16", "COMPRESS=ZSTD"]),
        ("PREDICTOR=2", ["COMPRESS=DEFLATE", "BLOCKYSIZE=16", "PREDICTOR=2"]),
        ("TILED=YES", ["COMPRESS=DEFLATE", "PREDICTOR=3", "TILED=YES"]),  # 16 lines are a strip's
    ],
)
def test_which_usual_options_stay(text, expected):
    options = RasterFormat.read("GTiff", text)
    assert options.over(["COMPRESS=DEFLATE", "PREDICTOR=3", "BLOCKYSIZE=16"]) == expected


def test_many_bands_in_tiles(tmp_path):
    values = numbers(40, np.int16)
    wanted = RasterFormat.read("GTiff", "TILED=YES|COMPRESS=DEFLATE|INTERLEAVE=PIXEL")
    write_many_bands(raw(tmp_path, values, wanted=wanted), tmp_path / "f.tif", progress())
    assert structure(tmp_path / "f.tif", "COMPRESSION", "INTERLEAVE") == ("DEFLATE", "PIXEL")
    assert np.array_equal(gdal.Open(str(tmp_path / "f.tif")).ReadAsArray(), values)


@pytest.mark.parametrize(
    ("driver", "text", "words"),
    [
        ("GTiff", "COMPRES=LZW", "no option COMPRES. Did you mean COMPRESS?"),
        ("GTiff", "QQ=1", "no option QQ. GDAL "),
        ("GTiff", "COMPRESS=ZIP", "COMPRESS should be one of NONE, LZW,"),
        ("GTiff", "COMPRESS", "should be NAME=VALUE, with | between several, such as"),
        ("GTiff", "COMPRESS=|TILED=YES", "found 'COMPRESS='"),
        ("GTiff", "TILED=MAYBE", "TILED should be YES or NO; found MAYBE"),
        ("GTiff", "ZLEVEL=high", "ZLEVEL should be a whole number"),
        ("GTiff", "COMPRESS=JPEG", "COMPRESS=JPEG may change values, such as class ids"),
        ("GTiff", "NBITS=2", "NBITS=2 may change values"),
        ("GTiff", "COMPRESS=LERC|MAX_Z_ERROR=2", "MAX_Z_ERROR=2 may change values"),
        ("GTiff", "TFW=YES", "TFW would write a file beside the raster"),
        ("GTiff", "TILED=YES|BLOCKXSIZE=17", "cannot be used for whole numbers, such as class ids. GDAL says: "),
        ("COG", "TILED=YES", "Cloud Optimized GeoTIFF: there is no option TILED"),
        ("COG", "BLOCKSIZE=64", "BLOCKSIZE should be a whole number from 128; found 64"),
        ("COG", "TILING_SCHEME=GoogleMapsCompatible", "TILING_SCHEME would move the pixels off the grid"),
        ("PNG", "", "written as GeoTIFF or Cloud Optimized GeoTIFF; found the format PNG"),
    ],
)
def test_a_bad_option_is_refused_in_a_sentence(driver, text, words):
    with pytest.raises(QgsProcessingException) as refused:
        RasterFormat.read(driver, text)
    assert words in str(refused.value)


def test_an_option_that_gdal_refuses_is_refused_with_its_exceptions_too(gdal_raises):
    with pytest.raises(QgsProcessingException, match="GDAL says: "):
        RasterFormat.read("GTiff", "TILED=YES|BLOCKXSIZE=17")


@pytest.fixture
def gdal_raises():
    before = gdal.GetUseExceptions()
    gdal.UseExceptions()
    yield
    if not before:
        gdal.DontUseExceptions()


def test_a_class_map_as_cog_keeps_values_names_and_colours(tmp_path):
    values = np.full((1, 700, 600), 4, np.uint16)
    values[:, ::3, ::3] = 1
    path = tmp_path / "map.tif"
    write_class_map(raw(tmp_path, values, 0, RasterFormat("COG")), path, CLASSES, progress())
    dataset = gdal.Open(str(path))
    band = dataset.GetRasterBand(1)
    assert structure(path, "LAYOUT", "COMPRESSION") == ("COG", "DEFLATE")
    assert np.array_equal(dataset.ReadAsArray(), values[0])
    assert set(np.unique(band.GetOverview(1).ReadAsArray())) == {4}  # the most frequent class, never one in between
    assert band.GetCategoryNames()[4] == "bog"
    assert band.GetColorTable().GetColorEntry(4) == (0x33, 0xA0, 0x2C, 255)
    assert band.GetDefaultRAT().GetValueAsString(1, 1) == "bog"
    assert band.GetNoDataValue() == 0
    assert dataset.GetGeoTransform() == gdal.Open(str(tmp_path / "in.tif")).GetGeoTransform()
    assert {file.name for file in tmp_path.iterdir()} - {"cube.raw", "in.tif", "in.tif.aux.xml"} == {
        "map.tif",
        "map.tif.aux.xml",
    }


def test_features_as_cog_keep_every_number_and_the_layout(tmp_path):
    values = numbers(40, np.int16)
    path = tmp_path / "f.tif"

    def describe(dataset):
        dataset.SetMetadataItem("MTMSD_FEATURES", "{}")

    write_many_bands(raw(tmp_path, values, wanted=RasterFormat("COG")), path, progress(), describe)
    assert structure(path, "LAYOUT") == ("COG",)
    assert np.array_equal(gdal.Open(str(path)).ReadAsArray(), values)
    assert gdal.Open(str(path)).GetMetadataItem("MTMSD_FEATURES") == "{}"


def test_tiles_of_thousands_of_bands_fit_into_memory(monkeypatch):
    dataset = gdal.GetDriverByName("MEM").Create("", 1000, 1, 1000, gdal.GDT_Int16)
    listed = cog.OptionList.of_driver("COG").options
    without = cog.OptionList({name: option for name, option in listed.items() if name != "INTERLEAVE"})
    monkeypatch.setattr(cog.OptionList, "of_driver", lambda name: without)
    assert cog._layout(dataset) == "BLOCKSIZE=128"
    assert cog._layout(gdal.GetDriverByName("MEM").Create("", 1000, 1, 3)) == "BLOCKSIZE=512"
    with_band = cog.OptionList({**listed, "INTERLEAVE": listed["BIGTIFF"]})
    monkeypatch.setattr(cog.OptionList, "of_driver", lambda name: with_band)
    assert cog._layout(dataset) == "INTERLEAVE=BAND"


def test_a_cancel_while_a_cog_is_written_leaves_nothing(tmp_path):
    raster = raw(tmp_path, numbers(1, np.uint16) % 4, 0, RasterFormat("COG"))
    log = Log()
    before = set(tmp_path.iterdir())
    log.cancel()
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        write_class_map(raster, tmp_path / "map.tif", CLASSES, progress(log))
    assert set(tmp_path.iterdir()) == before


def test_every_algorithm_that_writes_rasters_has_the_options():
    found = set()
    for algorithm in QgsApplication.processingRegistry().providerById("mtmsd").algorithms():
        rasters = [
            definition
            for definition in algorithm.destinationParameterDefinitions()
            if isinstance(definition, QgsProcessingParameterRasterDestination)
        ]
        options = algorithm.parameterDefinition("CREATION_OPTIONS")
        if options is not None:
            found.add(algorithm.name())
            assert options.metadata() == {"widget_wrapper": {"widget_type": "rasteroptions"}}
            assert options.flags() & options.Flag.FlagAdvanced
            assert options.flags() & options.Flag.FlagOptional
        assert (options is not None) == bool(rasters) or algorithm.name() in ("scenetoclassmap", "mapanotherscene")
    assert found >= RASTER_ALGORITHMS


@pytest.mark.parametrize(("driver", "layout"), [("COG", "COG"), ("GTiff", None), ("", None)])
def test_the_format_of_an_output_is_honoured_where_qgis_has_one(matlab, monkeypatch, driver, layout):
    """QGIS 4.0 has parameterAsOutputRasterFormat; here it stands in for that."""
    from mtmsd.algorithms.import_scene import ImportScene

    asked = []

    def of_output(self, parameters, name, context):
        asked.append(name)
        return driver

    monkeypatch.setattr(ImportScene, "parameterAsOutputRasterFormat", of_output, raising=False)
    assert structure(run("importscene", matlab)["OUTPUT"], "LAYOUT") == (layout,)
    assert set(asked) == {"OUTPUT"}


@pytest.fixture
def matlab(tmp_path, torch_python):
    """A MATLAB file, for the algorithm that takes the least time to write a raster."""
    code = (
        "import numpy as np, scipy.io, sys;"
        "scipy.io.savemat(sys.argv[1], {'cube': np.arange(40 * 30 * 3, dtype=np.int16).reshape(40, 30, 3)})"
    )
    subprocess.run([torch_python, "-c", code, str(tmp_path / "scene.mat")], check=True)
    return {"INPUT": str(tmp_path / "scene.mat"), "OUTPUT": str(tmp_path / "scene.tif")}


def test_options_reach_the_file_from_the_algorithm(matlab):
    results = run("importscene", {**matlab, "CREATION_OPTIONS": "COMPRESS=LZW"})
    assert structure(results["OUTPUT"], "COMPRESSION") == ("LZW",)


def test_a_bad_option_stops_a_run_before_it_works(tmp_path, scene):
    given = {
        "INPUT": str(scene.raster),
        "TRAINING": str(scene.polygons),
        "CLASS_FIELD": "class",
        "OUTPUT": str(tmp_path / "map.tif"),
        "CREATION_OPTIONS": "COMPRESS=ZIP",
        **PRETRAIN,
    }
    with pytest.raises(QgsProcessingException, match="COMPRESS should be one of NONE, LZW"):
        processing.run("mtmsd:mapscene", given, feedback=Log())
    assert not (tmp_path / "map.tif").exists()
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:mapscene")
    fine, message = algorithm.checkParameterValues(given, QgsProcessingContext())
    assert (fine, "COMPRESS should be one of" in message) == (False, True)  # so a dialog says it at once


def test_formats_are_pairs_or_the_objects_of_newer_qgis(monkeypatch):
    from mtmsd.algorithms.base import newer_qgis

    provider = QgsApplication.processingRegistry().providerById("mtmsd")
    pairs = [("GTiff", "tif"), ("GTiff", "tiff"), ("COG", "tif"), ("COG", "tiff")]
    if not hasattr(newer_qgis.core, "QgsProcessingFormatExtensionPair"):
        assert [tuple(pair) for pair in provider.supportedOutputRasterLayerFormatAndExtensions()] == pairs
    monkeypatch.setattr(newer_qgis.core, "QgsProcessingFormatExtensionPair", lambda *pair: ["object", *pair], False)
    assert format_pairs(pairs[:1]) == [["object", "GTiff", "tif"]]
