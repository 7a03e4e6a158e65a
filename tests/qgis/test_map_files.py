# SPDX-License-Identifier: GPL-2.0-or-later
"""What is inside the files of a map, how its layers are called, and colours where the training layer has none."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from label_layers import placed
from osgeo import gdal
from qgis.core import (
    QgsGraduatedSymbolRenderer,
    QgsProcessingException,
    QgsRasterLayer,
    QgsRendererRange,
    QgsRuleBasedRenderer,
    QgsSingleSymbolRenderer,
    QgsSymbol,
)
from scenes import COLORS, Log, categorize, legend, point_in_pixel, vector_layer, write_raster

HEIGHT, WIDTH = 300, 700


def grid_and_progress(folder, log=None):
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    raster = write_raster(folder / "in.tif", np.ones((1, HEIGHT, WIDTH), np.uint8))
    return describe_raster(QgsRasterLayer(str(raster), "in")).grid, ProgressRange(log or Log(), 0, 100)


def class_map(folder, log=None):
    from mtmsd.algorithms.bridge.raster.geotiff import RawRaster, write_class_map
    from mtmsd.mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile

    values = np.ones((HEIGHT, 1, WIDTH), "<u2")
    values[::5, :, ::5] = 4  # single pixels, which nobody should see from afar
    values.tofile(folder / "map.raw")
    cube = CubeFile("map.raw", HEIGHT, WIDTH, "uint16", (Band("class", nodata=0),))
    classes = [ClassEntry(1, "water", "#1f78b4"), ClassEntry(4, "bog", "#33a02c")]
    grid, progress = grid_and_progress(folder, log)
    write_class_map(RawRaster(cube, folder, grid), folder / "map.tif", classes, progress)
    return gdal.Open(str(folder / "map.tif"))


def facts(dataset):
    band = dataset.GetRasterBand(1)
    sizes = [(band.GetOverview(i).YSize, band.GetOverview(i).XSize) for i in range(band.GetOverviewCount())]
    return dataset.GetMetadataItem("COMPRESSION", "IMAGE_STRUCTURE"), band.GetBlockSize(), sizes


def test_a_class_map_is_compressed_tiled_and_has_overviews(tmp_path, capfd):
    dataset = class_map(tmp_path)
    assert facts(dataset) == ("DEFLATE", [256, 256], [(150, 350), (75, 175)])
    assert set(np.unique(dataset.GetRasterBand(1).ReadAsArray())) == {1, 4}
    assert set(np.unique(dataset.GetRasterBand(1).GetOverview(1).ReadAsArray())) == {1}  # the most frequent class
    assert dataset.GetRasterBand(1).GetColorTable().GetColorEntry(4) == (0x33, 0xA0, 0x2C, 255)
    assert not list(tmp_path.glob("*.ovr"))
    assert "palette" not in capfd.readouterr().err


def test_probabilities_are_compressed_tiled_and_have_overviews_names_and_nodata(tmp_path):
    from mtmsd.algorithms.bridge.raster.geotiff import RawRaster, write_floats
    from mtmsd.mtmsd_qgis.jobs.data_model import Band, CubeFile

    values = np.full((HEIGHT, 2, WIDTH), 0.5, "<f4")
    values[:, :, 350:] = -1
    values.tofile(tmp_path / "p.raw")
    cube = CubeFile("p.raw", HEIGHT, WIDTH, "float32", (Band(nodata=-1.0), Band(nodata=-1.0)))
    grid, progress = grid_and_progress(tmp_path)
    write_floats(RawRaster(cube, tmp_path, grid), tmp_path / "p.tif", ["water", "Wald"], progress)
    dataset = gdal.Open(str(tmp_path / "p.tif"))
    assert facts(dataset) == ("DEFLATE", [256, 256], [(150, 350), (75, 175)])
    assert [dataset.GetRasterBand(n).GetDescription() for n in (1, 2)] == ["water", "Wald"]
    assert [dataset.GetRasterBand(n).GetNoDataValue() for n in (1, 2)] == [-1, -1]
    assert set(np.unique(dataset.GetRasterBand(2).GetOverview(1).ReadAsArray())) == {-1, 0.5}


@pytest.mark.parametrize(
    ("size", "factors"), [((256, 256), []), ((257, 10), [2]), ((512, 513), [2, 4]), ((5000, 100), [2, 4, 8, 16, 32])]
)
def test_overviews_go_down_to_one_tile(size, factors):
    from mtmsd.algorithms.bridge.raster.overviews import overview_factors

    assert overview_factors(*size) == factors


def test_a_cancel_while_a_map_is_written_leaves_nothing(tmp_path):
    log = Log()
    log.cancel()
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        class_map(tmp_path, log)
    assert not list(tmp_path.glob("map.tif*"))


class Loading:
    """A context that loads one layer, with a group or, as in QGIS 3.22, without."""

    def __init__(self, **details):
        self.details = SimpleNamespace(**details)

    def willLoadLayerOnCompletion(self, destination):
        return destination == "map.tif"

    def layerToLoadOnCompletionDetails(self, destination):
        return self.details


@pytest.mark.parametrize(
    ("given", "name"), [("Class map", "Class map – Potsdam"), ("", "Class map – Potsdam"), ("My map", "My map")]
)
def test_a_layer_is_named_after_its_scene_unless_somebody_named_it(given, name):
    from mtmsd.algorithms.bridge.layers.layer_names import Title, name_layer

    context = Loading(name=given, groupName="")
    name_layer(context, "map.tif", Title("Class map", "Diffusion features – Potsdam", "Maps of Potsdam"))
    assert (context.details.name, context.details.groupName) == (name, "Maps of Potsdam")
    old = Loading(name=given)
    name_layer(old, "map.tif", Title("Class map", "Potsdam", "Maps of Potsdam"))
    name_layer(old, "not loaded.tif", Title("Confidence", "Potsdam"))
    assert vars(old.details) == {"name": name}


def single(layer):
    return QgsSingleSymbolRenderer(QgsSymbol.defaultSymbol(layer.geometryType()))


def rules(layer):
    root = QgsRuleBasedRenderer.Rule(None)
    for name in COLORS:
        root.appendChild(
            QgsRuleBasedRenderer.Rule(QgsSymbol.defaultSymbol(layer.geometryType()), 0, 0, f"cover = '{name}'", name)
        )
    return QgsRuleBasedRenderer(root)


def graduated(layer):
    return QgsGraduatedSymbolRenderer(
        "cover", [QgsRendererRange(0, 9, QgsSymbol.defaultSymbol(layer.geometryType()), "low")]
    )


@pytest.mark.parametrize("renderer", [single, rules, graduated])
def test_without_categories_classes_have_their_values_and_the_palette(renderer):
    from mtmsd.algorithms.bridge.raster.palette import palette

    layer = vector_layer([(point_in_pixel(i, i), name) for i, name in enumerate(COLORS)], "Point")
    layer.setRenderer(renderer(layer))
    _, classes = placed(layer)
    assert [(entry.name, entry.color) for entry in classes.values()] == list(zip(sorted(COLORS), palette(3)))


def test_a_class_without_a_category_gets_a_colour_that_no_other_has():
    from mtmsd.algorithms.bridge.raster.palette import palette

    taken = dict(zip(("water", "meadow", "forest"), palette(6)[1:4]))
    shapes = [(point_in_pixel(i, i), name) for i, name in enumerate((*taken, "bog", "acre"))]
    _, classes = placed(categorize(vector_layer(shapes, "Point"), colors=taken))
    assert len({entry.color for entry in classes.values()}) == 5


def test_one_legend_row_a_class_with_ids_beyond_a_byte(tmp_path):
    from mtmsd.algorithms.bridge.layers.styling import class_map_style, save_beside
    from mtmsd.mtmsd_qgis.jobs.data_model import ClassEntry

    path = write_raster(tmp_path / "map.tif", np.array([[[1, 300]]], np.uint16), nodata=0)
    classes = [ClassEntry(1, "water", "#1f78b4"), ClassEntry(300, "bog", "#33a02c")]
    save_beside(QgsRasterLayer(str(path)), class_map_style(classes), path)
    assert (tmp_path / "map.qml").is_file()
    assert legend(QgsRasterLayer(str(path), "map")) == [(1, "water", "#1f78b4"), (300, "bog", "#33a02c")]
