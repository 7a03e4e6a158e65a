# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up scenes and layers with known answers, and runs of algorithms that tell what they logged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal, osr
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPalettedRasterRenderer,
    QgsProcessingFeedback,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsRendererCategory,
    QgsSymbol,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor

LEFT, TOP, PIXEL = 500000.0, 5800000.0, 10.0
CRS = "EPSG:32632"
NAMES = ("water", "meadow", "forest")
COLORS = {"water": "#1f78b4", "meadow": "#b2df8a", "forest": "#33a02c"}

# Tiny: seconds, no matter how good the map is.
PRETRAIN = {"ITERATIONS": 3, "BATCH_SIZE": 2, "PATCH_SIZE": 16, "COMPONENTS": 4, "DEVICE": "cpu"}
EXTRACT = {"TIMESTEPS": "100,500", "KEEP": 8, "DEVICE": "cpu"}
CLASSIFY = {"EPOCHS": 2, "ENSEMBLE": 1, "DEVICE": "cpu", "SPLIT": "random"}


@dataclass(frozen=True)
class Scene:
    """A raster of three classes in stripes, and polygons on them in geographic coordinates."""

    folder: Path
    raster: Path
    polygons: Path


def write_raster(path, values, *, transform=(LEFT, PIXEL, 0.0, TOP, 0.0, -PIXEL), epsg=32632, nodata=None, code=None):
    """A GeoTIFF of (bands, H, W)."""
    values = np.asarray(values)
    codes = {"uint8": gdal.GDT_Byte, "uint16": gdal.GDT_UInt16, "int16": gdal.GDT_Int16, "float32": gdal.GDT_Float32}
    bands, height, width = values.shape
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), width, height, bands, code or codes[values.dtype.name])
    if transform is not None:
        dataset.SetGeoTransform(transform)
    if epsg:
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(epsg)
        dataset.SetProjection(reference.ExportToWkt())
    for number in range(bands):
        band = dataset.GetRasterBand(number + 1)
        band.SetDescription(f"b{number + 1}")
        if nodata is not None:
            band.SetNoDataValue(nodata)
        band.WriteArray(values[number])
    dataset.FlushCache()
    del dataset
    return path


def plus_one(path, width, height):
    """A layer of another provider: a raster of one band, its values plus one, as QGIS's raster calculator gives it.

    The base layer is added to the project, which the caller clears.
    """
    base = QgsRasterLayer(str(path), "base")
    QgsProject.instance().addMapLayer(base)
    uri = (
        f"?crs=EPSG:32632&extent={LEFT},{TOP - height * PIXEL},{LEFT + width * PIXEL},{TOP}&width={width}"
        f'&height={height}&formula="base@1" + 1&base:uri={path}&base:provider=gdal'
    )
    virtual = QgsRasterLayer(uri, "virtual", "virtualraster")
    if not virtual.isValid():
        import pytest  # the session in a real desktop, which uses this file too, has none

        pytest.skip("this QGIS has no virtual raster")
    return virtual


def class_of_pixel(height=64, width=64):
    """(H, W): 0, 1, 2 in vertical stripes."""
    return np.broadcast_to(np.arange(width) * 3 // width, (height, width))


def spectra(bands=12, height=64, width=64, seed=0):
    """(bands, H, W) uint16: a spectrum a class, and noise."""
    rng = np.random.default_rng(seed)
    means = rng.uniform(1000, 3000, (3, bands))
    values = means[class_of_pixel(height, width)].transpose(2, 0, 1) + rng.normal(0, 60, (bands, height, width))
    return values.clip(1, 60000).astype(np.uint16)


def make_scene(folder: Path) -> Scene:
    """The scene of most tests: 64 x 64 pixels, 12 bands."""
    raster = write_raster(folder / "scene.tif", spectra())
    shapes = [
        (box_of_pixels(row, 21 * index + 4, row + 6, 21 * index + 12), name)
        for index, name in enumerate(NAMES)
        for row in (4, 20, 36, 52)
    ]
    layer = vector_layer(shapes, "Polygon", crs="EPSG:4326")
    return Scene(folder, raster, save_layer(layer, folder / "polygons.gpkg"))


def box_of_pixels(top, left, bottom, right):
    """The rectangle of rows top to bottom and columns left to right (both without the last)."""
    return QgsGeometry.fromRect(
        QgsRectangle(LEFT + left * PIXEL, TOP - bottom * PIXEL, LEFT + right * PIXEL, TOP - top * PIXEL)
    )


def point_in_pixel(row, column):
    """The middle of a pixel."""
    return QgsGeometry.fromWkt(f"POINT({LEFT + (column + 0.5) * PIXEL} {TOP - (row + 0.5) * PIXEL})")


def vector_layer(shapes, kind, *, crs=CRS, field="cover", field_type="string", name="training", crs_of_shapes=CRS):
    """A layer in memory of (geometry, value) with one field."""
    layer = QgsVectorLayer(f"{kind}?crs={crs}&field={field}:{field_type}", name, "memory")
    transform = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem(crs_of_shapes), QgsCoordinateReferenceSystem(crs), QgsProject.instance()
    )
    for geometry, value in shapes:
        feature = QgsFeature(layer.fields())
        moved = QgsGeometry(geometry)
        if not moved.isNull():
            moved.transform(transform)
        feature.setGeometry(moved)
        feature.setAttributes([value])
        layer.dataProvider().addFeature(feature)
    layer.updateExtents()
    return layer


def categorize(layer, field="cover", colors=COLORS, label=str.upper):
    """Give a layer categories with colours; the labels are made of the values."""
    categories = []
    for value, color in colors.items():
        symbol = QgsSymbol.defaultSymbol(layer.geometryType())
        symbol.setColor(QColor(color))
        categories.append(QgsRendererCategory(value, symbol, label(str(value))))
    layer.setRenderer(QgsCategorizedSymbolRenderer(field, categories))
    return layer


def save_layer(layer, path):
    """The layer as a GeoPackage."""
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "GPKG"
    context = QgsProject.instance().transformContext()
    QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(path), context, options)
    return path


def read_raster(path):
    """(bands, H, W)."""
    dataset = gdal.Open(str(path))
    values = dataset.ReadAsArray()
    return values if values.ndim == 3 else values[None]


class Log(QgsProcessingFeedback):
    """Feedback that remembers, and that can cancel at a certain word or percentage."""

    def __init__(self, cancel_at=None, cancel_at_percent=101):
        super().__init__(False)
        self.cancel_at_percent = cancel_at_percent
        self.lines = []
        self.warnings = []
        self.cancel_at = cancel_at
        self.values = []
        self.progressChanged.connect(self._progressed)

    def _progressed(self, value):
        self.values.append(value)
        if value >= self.cancel_at_percent:
            self.cancel()

    def _note(self, text):
        self.lines.append(text)
        if self.cancel_at is not None and self.cancel_at in text:
            self.cancel()

    def pushInfo(self, info):
        self._note(info)

    def pushDebugInfo(self, info):
        self._note(info)

    def setProgressText(self, text):
        self._note(text)

    def pushWarning(self, warning):
        self.warnings.append(warning)
        self._note(warning)

    def reportError(self, error, fatalError=False):
        self._note(error)

    @property
    def text(self):
        return "\n".join(self.lines)


def results_of(completed):
    """The results in what qgis_process --json printed."""
    return json.loads(completed.stdout[completed.stdout.index("{") :])["results"]


EXPECTED_LEGEND = [(i, name.upper(), COLORS[name]) for i, name in enumerate(sorted(NAMES), 1)]


def run(name, parameters, log=None):
    """Run an algorithm of the plugin as the console does."""
    import processing

    return processing.run(f"mtmsd:{name}", parameters, feedback=log or Log())


def legend(layer):
    """Value, label and colour of each row of a class map's legend."""
    renderer = layer.renderer()
    assert isinstance(renderer, QgsPalettedRasterRenderer)
    return [(row.value, row.label, row.color.name()) for row in renderer.classes()]


def job_folders():
    """The folders of jobs that are under way, or were left behind."""
    return list(Path(QgsProcessingUtils.tempFolder()).glob("mtmsd_*"))


def loaded(algorithm, parameters, context):
    """Runs an algorithm; gives the layers that land in the project by output, styled and named as they are there."""
    log = Log()
    _, fine = algorithm.run(parameters, context, log)
    assert fine, log.text
    styled = {}
    for destination, details in context.layersToLoadOnCompletion().items():
        layer = QgsProcessingUtils.mapLayerFromString(destination, context)
        if details.postProcessor():
            details.postProcessor().postProcessLayer(layer, context, log)
        styled[details.outputName] = layer
        layer.setName(details.name)
    return styled
