# SPDX-License-Identifier: GPL-2.0-or-later
"""EXTRA through Processing: any grid and CRS, what is refused, and what the report says."""

from __future__ import annotations

import json
from itertools import permutations

import numpy as np
import pytest
from mtmsd.algorithms.base.rasters.extra_rasters import ChosenExtras
from mtmsd.algorithms.bridge.extras.extra_export import ExtraExport
from mtmsd.algorithms.bridge.extras.extra_source import describe_extra, fill_sentence
from mtmsd.algorithms.bridge.feedback import ProgressRange
from mtmsd.algorithms.bridge.raster.source import describe_raster
from mtmsd.mtmsd_qgis.io.cube import Cube
from mtmsd.mtmsd_qgis.io.windows import whole
from mtmsd.mtmsd_qgis.jobs.extras.extra_rasters import ExtraRaster
from osgeo import gdal
from qgis.core import QgsCoordinateTransformContext, QgsProcessingException, QgsRasterLayer
from scenes import (
    LEFT,
    NAMES,
    PIXEL,
    TOP,
    Log,
    box_of_pixels,
    read_raster,
    run,
    vector_layer,
    write_raster,
)

pytestmark = pytest.mark.usefixtures("torch_python")

SIDE, FIELD = 64, 8  # pixels


@pytest.fixture(scope="module")
def two_heights(tmp_path_factory):
    """A raster, polygons on every other field, the class (H, W) from 1, and heights that tell classes 2 and 3 apart."""
    folder, rng = tmp_path_factory.mktemp("heights"), np.random.default_rng(4)
    of_field = rng.integers(0, 3, size=(SIDE // FIELD, SIDE // FIELD))
    index = np.kron(of_field, np.ones((FIELD, FIELD), dtype=np.int64))
    spectra = np.array([[900, 400, 300, 200], [1500, 1800, 2600, 2400], [1500, 1800, 2600, 2400]])
    values = spectra[index].transpose(2, 0, 1) + rng.normal(0, 60, size=(4, SIDE, SIDE))
    raster = write_raster(folder / "scene.tif", values.astype(np.int16))
    fields = [(r, c) for r in range(SIDE // FIELD) for c in range(SIDE // FIELD) if (r + c) % 2 == 0]
    shapes = [
        (box_of_pixels(r * FIELD + 2, c * FIELD + 2, r * FIELD + 6, c * FIELD + 6), NAMES[of_field[r, c]])
        for r, c in fields
    ]
    polygons = vector_layer(shapes, "Polygon")
    heights = np.where(index == 2, 14.0, 2.0) + rng.normal(0, 0.5, size=index.shape)
    return folder, raster, polygons, index + 1, heights.astype(np.float32)


def classified(two_heights, folder, log=None, **more):
    _, raster, polygons, *_ = two_heights
    parameters = {"INPUT": str(raster), "TRAINING": polygons, "CLASS_FIELD": "cover", "SPLIT": "spatial"}
    results = run("classify", {**parameters, "DEVICE": "cpu", "OUTPUT": str(folder / "map.tif"), **more}, log)
    return results, read_raster(folder / "map.tif")[0]


def finer(heights, times=4):
    return np.kron(heights, np.ones((times, times), dtype=np.float32))


def test_a_finer_surface_model_tells_classes_of_one_spectrum_apart(two_heights, tmp_path):
    *_, truth, heights = two_heights
    ids = {name: number for number, name in enumerate(sorted(NAMES), 1)}
    truth = np.array([0, *(ids[name] for name in NAMES)])[truth]
    transform = (LEFT, PIXEL / 4, 0.0, TOP, 0.0, -PIXEL / 4)
    surface = write_raster(tmp_path / "ndsm.tif", finer(heights)[None], transform=transform)
    _, without = classified(two_heights, tmp_path)
    alike = (truth == ids["meadow"]) | (truth == ids["forest"])
    log = Log()
    report = tmp_path / "report.html"
    _, found = classified(two_heights, tmp_path, log, EXTRA=[str(surface)], REPORT=str(report))
    assert (without == truth)[alike].mean() < 0.7
    assert (found == truth)[alike].mean() > 0.95
    assert "4 of its pixels across one of the raster" in log.text
    extras = json.loads((tmp_path / "report.json").read_text("utf-8"))["extras"]
    assert extras["findings"][0]["joined"]
    assert "ndsm" in report.read_text("utf-8")


def test_a_fill_value_that_nobody_declared_is_told_of(two_heights, tmp_path):
    *_, heights = two_heights
    holed = heights.copy()
    holed[:8, :40] = -9999
    surface, log = write_raster(tmp_path / "ndsm.tif", holed[None]), Log()
    classified(two_heights, tmp_path, log, EXTRA=[str(surface)])
    (sentence,) = (warning for warning in log.warnings if "looks like no data" in warning)
    assert sentence.startswith("Extra raster ndsm: 320 of 4096 pixels have the value -9999, far from all other values")
    declared, log = write_raster(tmp_path / "declared.tif", holed[None], nodata=-9999), Log()
    classified(two_heights, tmp_path, log, EXTRA=[str(declared)])
    assert not any("looks like no data" in warning for warning in log.warnings)


@pytest.mark.parametrize(("size", "looked_at"), [((150, 300), 150 * 300), ((1100, 130), 8 * 128 * 130)])
def test_pixels_with_a_fill_value_are_counted_once(tmp_path, size, looked_at):
    values = np.random.default_rng(0).normal(size=(1, *size)).astype(np.float32)
    values[0, :10] = -9999
    source = describe_raster(QgsRasterLayer(str(write_raster(tmp_path / "ndsm.tif", values)), "ndsm"))
    expected = f"{10 * size[1]} of {looked_at} pixels have the value -9999"
    assert fill_sentence(source, 1).startswith(expected)


@pytest.mark.parametrize(
    "transform",
    [(LEFT, 0.0, 0.0, TOP, 0.0, 0.0), (LEFT, 10.0, 10.0, TOP, 10.0, 10.0), (float("nan"), 10, 0, TOP, 0, -10)],
)
def test_pixels_without_an_extent_are_refused(two_heights, tmp_path, transform):
    """As extra raster and as scene: nothing that has a place can be found in them."""
    broken = write_raster(tmp_path / "in.tif", np.ones((4, SIDE, SIDE), np.uint8), transform=transform)
    for parameters in ({"EXTRA": [str(broken)]}, {"INPUT": str(broken)}):
        with pytest.raises(QgsProcessingException, match=r"by its georeference, .* they have no extent"):
            classified(two_heights, tmp_path, **parameters)


def test_an_extra_raster_of_bad_bands_alone_is_refused(two_heights, tmp_path):
    *_, heights = two_heights
    plain = write_raster(tmp_path / "plain.tif", heights[None])
    path = tmp_path / "radar.dat"
    gdal.GetDriverByName("ENVI").CreateCopy(str(path), gdal.Open(str(plain)))
    with path.with_suffix(".hdr").open("a") as header:
        header.write("bbl = {0}\n")
    with pytest.raises(QgsProcessingException, match=r"usable band was expected; of radar .* all are marked as bad"):
        classified(two_heights, tmp_path, EXTRA=[str(path)])


def aligned(path, folder, expected=()):
    """The extra raster as it lies on a grid of 8 x 8 pixels: its kind, the names of its bands, its values (B, 8, 8).

    Where a classifier is applied, it expects such as this gave before.
    """
    folder.mkdir()
    scene = describe_raster(QgsRasterLayer(str(write_raster(folder / "scene.tif", np.zeros((1, 8, 8), np.uint8))), "s"))
    extra = describe_extra(QgsRasterLayer(str(path), path.stem))
    export = ExtraExport([extra], scene.grid, folder, QgsCoordinateTransformContext())
    expected = [ExtraRaster("learnt", *learnt[:2]) for learnt in expected]
    (raster,), cube = export.write(ProgressRange(Log(), 0, 1), expected)
    return raster.kind, raster.bands, Cube(folder, cube).read(whole(8, 8))


def test_a_finer_grid_leaves_mean_and_deviation_and_categories_their_shares(tmp_path):
    fine = {"transform": (LEFT, PIXEL / 2, 0.0, TOP, 0.0, -PIXEL / 2)}
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1, 16, 16)).astype(np.float32)
    kind, bands, found = aligned(write_raster(tmp_path / "radar.tif", values, **fine), tmp_path / "radar")
    within = values[0].reshape(8, 2, 8, 2).swapaxes(1, 2).reshape(8, 8, 4)
    assert (kind, len(bands)) == ("values", 2)
    np.testing.assert_allclose(found, [within.mean(axis=2), within.std(axis=2)], atol=1e-5)

    soils = rng.choice([2, 5, 9], size=(1, 16, 16)).astype(np.uint8)
    kind, bands, found = aligned(write_raster(tmp_path / "soils.tif", soils, **fine), tmp_path / "soils")
    within = soils[0].reshape(8, 2, 8, 2).swapaxes(1, 2).reshape(8, 8, 4)
    assert (kind, bands) == ("categories", ("2", "5", "9"))
    np.testing.assert_allclose(found, [(within == value).mean(axis=2) for value in (2, 5, 9)], atol=1e-6)


def test_a_classifier_finds_the_same_categories_again_of_any_number_of_digits(tmp_path):
    index = np.random.default_rng(0).integers(0, 4, (8, 8))
    ids = np.array([-1, 2453217, 2453218, 1234567890], np.int32)
    soils = write_raster(tmp_path / "soils.tif", ids[index][None], code=gdal.GDT_Int32)
    learnt = aligned(soils, tmp_path / "learnt")
    assert learnt[:2] == ("categories", ("-1", "2453217", "2453218", "1234567890"))
    np.testing.assert_array_equal(learnt[2], [index == number for number in range(4)])
    found = aligned(soils, tmp_path / "found", [learnt])
    assert found[:2] == learnt[:2]
    np.testing.assert_array_equal(found[2], learnt[2])


@pytest.mark.parametrize(
    ("names", "is_elevation"),
    [
        (("dem", "SRTM_90", "alos_dsm", "aw3d30", "DGM1", "Höhe", "hoehen 2020", "DGM Tiefebene", "street_dem"), True),
        (("alos_palsar_hh", "ALOS2_HV_2020", "Baumhöhe", "rain", "random"), False),
        (("srtm_slope", "dem_aspect", "dem hillshade", "DTM-roughness", "dem_curvature", "dem_TWI", "srtm_tpi"), False),
        (("DGM Hangneigung", "dgm_exposition", "DGM_Schummerung", "dgm krümmung"), False),
        (("höhe über Grund", "hoehe_ueber_grund", "Höhe Vegetation", "ndsm", "n-DSM", "dsm_minus_dtm", "chm"), False),
    ],
)
def test_heights_are_known_by_their_names(tmp_path, names, is_elevation):
    path = str(write_raster(tmp_path / "any.tif", np.zeros((1, 8, 8), np.float32)))
    assert {name: describe_extra(QgsRasterLayer(path, name)).is_elevation for name in names} == dict.fromkeys(
        names, is_elevation
    )


@pytest.mark.parametrize(("name", "kind"), [("b", True), ("distance_to_water", False), ("canopy height", False)])
def test_what_is_in_metres_is_a_height_unless_its_name_says_something_else(tmp_path, name, kind):
    path = write_raster(tmp_path / "any.tif", np.zeros((1, 8, 8), np.float32))
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.GetRasterBand(1).SetUnitType("metre")
    del dataset
    assert describe_extra(QgsRasterLayer(str(path), name)).is_elevation is kind


@pytest.mark.parametrize("times", [1, 2])
def test_feet_are_metres_on_the_grid(tmp_path, times):
    """So that a classifier that was learnt with heights in metres takes heights in feet."""
    heights = np.random.default_rng(0).uniform(100, 200, (1, 8 * times, 8 * times)).astype(np.float32)
    found = []
    for unit, values in (("m", heights), ("ft", heights / 0.3048), ("US-foot", heights / 0.3048), ("", heights)):
        path = tmp_path / f"dem{unit}.tif"
        write_raster(path, values, transform=(LEFT, PIXEL / times, 0.0, TOP, 0.0, -PIXEL / times))
        dataset = gdal.Open(str(path), gdal.GA_Update)
        dataset.GetRasterBand(1).SetUnitType(unit)
        del dataset
        found.append(aligned(path, tmp_path / f"grid {unit}")[2])
    assert len(found[0]) == times  # of finer ones the deviation too
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-5)


def test_directions_are_averaged_around_the_circle(tmp_path):
    fine = {"transform": (LEFT, PIXEL / 2, 0.0, TOP, 0.0, -PIXEL / 2)}
    aspect = np.where(np.arange(16) % 2, 350.5, 9.5) + np.zeros((1, 16, 16))
    aspect[0, :2, :2], aspect[0, 15] = -1, 90  # flat; east in every other row of the last
    learnt = aligned(write_raster(tmp_path / "dem_aspect.tif", aspect.astype(np.float32), **fine), tmp_path / "learnt")
    assert learnt[:2] == ("values", ("b1, cosine", "b1, sine"))
    north = np.cos(np.radians(9.5))
    np.testing.assert_allclose(learnt[2][:, 3, 3], [north, 0], atol=1e-6)
    np.testing.assert_allclose(learnt[2][:, 0, 0], [0, 0], atol=1e-6)
    np.testing.assert_allclose(learnt[2][:, 7, 3], [north / 2, 0.5], atol=1e-6)
    unnamed = write_raster(tmp_path / "tile_7.tif", aspect.astype(np.float32), **fine)
    np.testing.assert_array_equal(aligned(unnamed, tmp_path / "found", [learnt])[2], learnt[2])
    assert aligned(unnamed, tmp_path / "alone")[1] == ("b1", "b1, deviation within the pixel")
    cosine = write_raster(tmp_path / "aspect_cosine.tif", np.cos(np.radians(aspect)).astype(np.float32))
    assert aligned(cosine, tmp_path / "cosine")[1] == ("b1",)
    both = np.concatenate([aspect, aspect / 9]).astype(np.float32)
    two = named_bands(tmp_path / "relief.tif", both, ["aspect", "slope"], **fine)
    names = ("aspect, cosine", "aspect, sine", "slope", "slope, deviation within the pixel")
    found = aligned(two, tmp_path / "two")
    assert found[1] == names
    np.testing.assert_array_equal(found[2][:2], learnt[2])
    turned = named_bands(tmp_path / "turned.tif", both[::-1], ["slope", "aspect"], **fine)
    np.testing.assert_array_equal(aligned(turned, tmp_path / "turned", [found])[2], found[2])


@pytest.mark.parametrize(("name", "kind"), [("wet", "values"), ("dem", "elevation")])
def test_a_histogram_is_no_table_of_classes(tmp_path, name, kind):
    """ERDAS keeps it in the attribute table, of measurements too."""
    values = np.random.default_rng(0).normal(0, 100, (1, 64, 64))
    plain = write_raster(tmp_path / "plain.tif", values.astype(np.float32))
    path = tmp_path / f"{name}.img"
    gdal.GetDriverByName("HFA").CreateCopy(str(path), gdal.Open(str(plain)), options=["STATISTICS=YES"])
    dataset = gdal.Open(str(path))
    assert dataset.GetRasterBand(1).GetDefaultRAT().GetRowCount() > 0
    del dataset
    assert aligned(path, tmp_path / "grid")[:2] == (kind, ("b1",))


@pytest.mark.parametrize(("step", "kind"), [(1.0, "categories"), (0.5, "values")])
def test_a_table_of_classes_makes_categories_of_whole_numbers(tmp_path, step, kind):
    path = write_raster(tmp_path / "soils.tif", step * np.arange(64, dtype=np.float32).reshape(1, 8, 8))
    dataset, table = gdal.Open(str(path), gdal.GA_Update), gdal.RasterAttributeTable()
    table.CreateColumn("VALUE", gdal.GFT_Integer, gdal.GFU_Generic)
    table.SetRowCount(1)
    dataset.GetRasterBand(1).SetDefaultRAT(table)
    del table, dataset
    found = aligned(path, tmp_path / "grid")
    assert (found[0], len(found[1])) == (kind, 32 if kind == "categories" else 1)


def test_measurements_of_few_whole_numbers_stay_measurements_where_a_classifier_expects_them(tmp_path):
    rng = np.random.default_rng(0)
    many = write_raster(tmp_path / "rain.tif", rng.permutation(64).reshape(1, 8, 8).astype(np.int16))
    few = write_raster(tmp_path / "dry_year.tif", rng.integers(0, 5, (1, 8, 8)).astype(np.int16))
    learnt = aligned(many, tmp_path / "learnt")
    assert learnt[:2] == ("values", ("b1",))
    assert aligned(few, tmp_path / "alone")[0] == "categories"
    kind, bands, found = aligned(few, tmp_path / "found", [learnt])
    assert (kind, bands) == ("values", ("b1",))
    np.testing.assert_array_equal(found[0], read_raster(few)[0])
    heights = aligned(few, tmp_path / "heights", [("elevation", ("b1",))])
    assert heights[0] == "elevation"

    dataset = gdal.Open(str(few), gdal.GA_Update)
    dataset.GetRasterBand(1).SetCategoryNames(["loam", "sand"])
    del dataset
    with pytest.raises(QgsProcessingException, match=r"dry_year should be of values, like learnt, .* of categories"):
        aligned(few, tmp_path / "table", [learnt])
    with pytest.raises(QgsProcessingException, match=r"of categories, like .* it is of values.* give it a table"):
        aligned(many, tmp_path / "measured", [("categories", ("0", "1"))])


def test_a_classifier_refuses_heights_for_other_values_and_what_is_no_height_for_heights(tmp_path):
    """As where two extra rasters are given in another order; what says nothing of itself is what is expected."""
    path = write_raster(tmp_path / "any.tif", np.random.default_rng(0).normal(0, 9, (1, 8, 8)).astype(np.float32))
    paths = {name: path.with_name(f"{name}.tif") for name in ("tile_7", "dem", "slope")}
    for copy in paths.values():
        copy.write_bytes(path.read_bytes())
    values, heights = [("values", ("b1",))], [("elevation", ("b1",))]
    for number, (name, learnt) in enumerate(
        (("tile_7", values), ("tile_7", heights), ("dem", heights), ("slope", values))
    ):
        assert aligned(paths[name], tmp_path / str(number), learnt)[0] == learnt[0][0]
    with pytest.raises(QgsProcessingException, match=r"dem should be of values, like learnt, .* it is of elevation"):
        aligned(paths["dem"], tmp_path / "no", values)
    with pytest.raises(QgsProcessingException, match=r"slope should be of elevation, like learnt, .* it is of values"):
        aligned(paths["slope"], tmp_path / "never", heights)


def named_bands(path, values, names, **more):
    write_raster(path, values, **more)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number, name in enumerate(names, 1):
        dataset.GetRasterBand(number).SetDescription(name)
    return path


def test_a_classifier_finds_bands_of_an_extra_raster_by_their_names(tmp_path):
    fine = {"transform": (LEFT, PIXEL / 2, 0.0, TOP, 0.0, -PIXEL / 2)}
    values = np.random.default_rng(0).normal(size=(2, 16, 16)).astype(np.float32)
    learnt = aligned(named_bands(tmp_path / "radar.tif", values, ["VV", "VH"], **fine), tmp_path / "learnt")
    turned = named_bands(tmp_path / "turned.tif", values[::-1], ["VH", "VV"], **fine)
    found = aligned(turned, tmp_path / "found", [learnt])
    assert found[:2] == learnt[:2]
    np.testing.assert_array_equal(found[2], learnt[2])
    other_names = named_bands(tmp_path / "later.tif", values, ["May", "June"], **fine)
    np.testing.assert_array_equal(aligned(other_names, tmp_path / "later", [learnt])[2], learnt[2])
    with pytest.raises(QgsProcessingException, match="by their names, it lacks VH"):
        aligned(named_bands(tmp_path / "hh.tif", values, ["VV", "HH"], **fine), tmp_path / "hh", [learnt])
    one = named_bands(tmp_path / "one.tif", values[:1], ["VV"], **fine)
    assert aligned(one, tmp_path / "one", [("values", ("VV", "VH"))])[1] == ("VV",)  # and no deviation for VH


@pytest.mark.parametrize(("categories", "bands"), [(3, 3), (30, 30), (60, 2)])
def test_the_room_for_categories_is_counted_by_category(tmp_path, categories, bands):
    index = np.arange(64).reshape(1, 8, 8) % categories
    path = write_raster(tmp_path / "soils.tif", index.astype(np.uint8))
    extra = describe_extra(QgsRasterLayer(str(path), "soils"))
    assert ChosenExtras((extra,)).bytes_on(extra.source.grid) == bands * 4 * 8 * 8
    aligned(path, tmp_path / "grid")
    assert (tmp_path / "grid" / "extras.raw").stat().st_size <= bands * 4 * 8 * 8


def test_a_coarser_grid_is_interpolated(tmp_path):
    coarse = {"transform": (LEFT - 2 * PIXEL, 2 * PIXEL, 0.0, TOP + 2 * PIXEL, 0.0, -2 * PIXEL)}
    rising = np.tile(np.arange(6, dtype=np.float32) + 0.25, (1, 6, 1))
    kind, bands, found = aligned(write_raster(tmp_path / "wet.tif", rising, **coarse), tmp_path / "wet")
    assert (kind, len(bands)) == ("values", 1)
    np.testing.assert_allclose(found[0], np.broadcast_to(1 + np.arange(8) / 2, (8, 8)), atol=1e-5)


def test_another_crs_and_a_shift_below_half_a_pixel_leave_the_map_nearly_as_it_is(two_heights, tmp_path):
    *_, heights = two_heights
    fine = {"transform": (LEFT, PIXEL / 4, 0.0, TOP, 0.0, -PIXEL / 4)}
    surface = write_raster(tmp_path / "ndsm.tif", finer(heights)[None], **fine)
    _, expected = classified(two_heights, tmp_path, EXTRA=[str(surface)])
    degrees = tmp_path / "degrees.tif"
    gdal.Warp(str(degrees), str(surface), dstSRS="EPSG:4326", resampleAlg="bilinear", dstNodata=-9999)
    off = (LEFT + 0.3 * PIXEL, PIXEL / 4, 0.0, TOP - 0.3 * PIXEL, 0.0, -PIXEL / 4)
    shifted = write_raster(tmp_path / "shifted.tif", finer(heights)[None], transform=off)
    for name, extra in (("another CRS", degrees), ("0.3 pixel right and down", shifted)):
        _, found = classified(two_heights, tmp_path, EXTRA=[str(extra)])
        assert (found == expected).mean() >= 0.995, name


def test_extras_part_a_scene_into_clusters_and_what_says_nothing_leaves_the_same_bytes(two_heights, tmp_path):
    _, raster, _, truth, heights = two_heights
    holed = heights.copy()
    holed[:6, :20] = -9999
    ndsm = write_raster(tmp_path / "ndsm.tif", holed[None], nodata=-9999)
    flat = write_raster(tmp_path / "flat.tif", np.full((1, SIDE, SIDE), 3, np.float32))
    given = {"INPUT": str(raster), "FEATURES": "bands", "CLUSTERS": 3, "DEVICE": "cpu"}
    plain, log = tmp_path / "plain.tif", Log()
    run("clusterscene", {**given, "OUTPUT": str(plain)})
    run("clusterscene", {**given, "EXTRA": [str(flat)], "OUTPUT": str(tmp_path / "flat_map.tif")}, log)
    assert (tmp_path / "flat_map.tif").read_bytes() == plain.read_bytes()
    assert "Extra raster flat: Left out: it is the same everywhere." in log.text
    outputs = {"OUTPUT": str(tmp_path / "map.tif"), "REPORT": str(tmp_path / "report.html")}
    run("clusterscene", {**given, "EXTRA": [str(ndsm)], **outputs})
    clusters = read_raster(tmp_path / "map.tif")[0]
    right = []
    for ids in (read_raster(plain)[0], clusters):
        table = np.zeros((3, 3), dtype=int)
        np.add.at(table, (truth.ravel() - 1, ids.ravel() - 1), 1)
        right.append(max(table[range(3), order].sum() for order in permutations(range(3))) / ids.size)
    assert right[0] < 0.75
    assert right[1] > 0.8
    assert clusters.min() == 1
    extras = json.loads((tmp_path / "report.json").read_text("utf-8"))["extras"]
    assert extras["share_without"] == pytest.approx(120 / SIDE**2, abs=0.01)
    assert "ndsm" in (tmp_path / "report.html").read_text("utf-8")
