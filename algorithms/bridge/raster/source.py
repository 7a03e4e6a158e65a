# SPDX-License-Identifier: GPL-2.0-or-later
"""What a raster layer is, for us: where GDAL finds it, its grid, its bands.

Enters: a QGIS raster layer of any provider. Leaves: a RasterSource, which holds no layer and may cross threads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from pathlib import Path

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDistanceArea,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsProviderRegistry,
    QgsRasterBlockFeedback,
    QgsRasterFileWriter,
    QgsRasterLayer,
    QgsRasterPipe,
    QgsRectangle,
    QgsUnitTypes,
)

from ....mtmsd_qgis.jobs.data_model import Band, FeatureLayout, layout_from_json
from ..feedback import ProgressRange
from .band_metadata import describe_bands
from .no_data.layer_nodata import declared_nodata, with_layer_nodata
from .no_data.transparency import transparency_of

EARTH = "EPSG:7030"  # the ellipsoid of WGS 84, where a CRS names none
METRE_TOLERANCE = 0.01  # of the metre of a CRS, beside that on the ground
FEATURES_KEY = "MTMSD_FEATURES"  # metadata item of a feature raster: its FeatureLayout as JSON

# Without georeference QGIS puts pixel (0, 0) at the origin and lets rows go down.
_PLAIN_GRID = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
PROBE_M = 1000.0  # length of a line, and side of a square, by which the metre of a CRS is judged


@dataclass(frozen=True)
class Grid:
    """Where the pixels lie.

    Attributes:
        height: Rows.
        width: Columns.
        transform: GDAL's six numbers from (column, row) to map coordinates.
        wkt: CRS as GDAL shall store it; empty where unknown.
        crs: The same for QGIS.
        georeferenced: False where transform is QGIS's stand-in for a raster without georeference.
    """

    height: int
    width: int
    transform: tuple[float, ...]
    wkt: str
    crs: QgsCoordinateReferenceSystem
    georeferenced: bool = True

    @property
    def has_extent(self) -> bool:
        """Whether its pixels have an area, so that a place can be found again."""
        across, right, down, below = (self.transform[i] for i in (1, 2, 4, 5))
        return all(map(isfinite, self.transform)) and across * below != right * down

    @property
    def inverse(self) -> tuple[float, ...]:
        """GDAL's six numbers from map coordinates to (column, row)."""
        return tuple(gdal.InvGeoTransform(self.transform))

    def coarser(self, place: tuple[int, int], size: tuple[int, int], step: int) -> Grid:
        """A grid of larger pixels on this one.

        Args:
            place: Row and column of this grid where it begins.
            size: Rows and columns that it has.
            step: Pixels of this grid along a side of one of its own.
        """
        first, right, down, top, across, below = self.transform
        row, col = place
        origin = first + col * right + row * down, top + col * across + row * below
        transform = (origin[0], right * step, down * step, origin[1], across * step, below * step)
        return replace(self, height=size[0], width=size[1], transform=transform)

    @property
    def middle(self) -> QgsPointXY:
        """The middle of the raster, in map coordinates."""
        first, right, down, top, across, below = self.transform
        rows, cols = self.height / 2, self.width / 2
        return QgsPointXY(first + cols * right + rows * down, top + cols * across + rows * below)

    @property
    def extent(self) -> QgsRectangle:
        """The smallest rectangle of map coordinates around all pixels."""
        corners = [gdal.ApplyGeoTransform(self.transform, x, y) for x in (0, self.width) for y in (0, self.height)]
        xs, ys = zip(*corners)
        return QgsRectangle(min(xs), min(ys), max(xs), max(ys))

    @property
    def pixel_area_m2(self) -> float | None:
        """Area of a pixel; None where pixels have no one area in square metres, for the reason of why_no_area."""
        if self.why_no_area:
            return None
        across, right, down, below = (self.transform[i] for i in (1, 2, 4, 5))
        return abs(across * below - right * down) * metres_per_unit(self.crs) ** 2

    @property
    def why_no_area(self) -> str:
        """Why pixels have no one area, to follow "as" in a sentence about the raster; empty where they have one."""
        if not self.georeferenced:
            return "it has no georeference"
        if not self.crs.isValid():
            return "it has no CRS"
        if self.crs.isGeographic():
            return "its CRS is in degrees, so that pixels differ in size"
        if not has_unit_of_length(self.crs):
            return "the unit of its CRS is not one of length"
        if not is_local_grid(self.crs) and not _square_is_right(self.crs, self.middle):
            return f"a square metre of its CRS, {self.crs.description() or 'without a name'}, is not one on the ground"
        return ""


@dataclass(frozen=True)
class RasterSource:
    """A raster that can be read.

    Attributes:
        name: For the log and the report.
        uri: What GDAL opens; empty while the layer is of another provider and not yet exported.
        open_options: Of GDAL.
        grid: Where its pixels lie.
        bands: All its bands, numbered from 1.
        bad: Numbers of the bands that the metadata marks as bad.
        layout: What the bands are, where it is a feature raster.
        pipe: Where uri is empty: holds, and owns, a copy of the layer's data provider.
        notes: What else the log has to say of its metadata.
    """

    name: str
    uri: str
    open_options: tuple[str, ...]
    grid: Grid
    bands: tuple[Band, ...]
    bad: frozenset[int]
    layout: FeatureLayout | None = None
    pipe: QgsRasterPipe | None = None
    notes: tuple[str, ...] = ()

    def open(self) -> gdal.Dataset:
        """The data set.

        Raises:
            QgsProcessingException: It cannot be opened, or has other pixels or bands than when it was described.
        """
        dataset = open_raster(self.uri, self.open_options)
        size = (dataset.RasterYSize, dataset.RasterXSize, dataset.RasterCount)
        if size != (self.grid.height, self.grid.width, len(self.bands)):
            raise QgsProcessingException(f"The raster {self.name} has changed its size. Load it again.")
        return dataset

    @cached_property
    def transparency(self) -> frozenset[int]:
        """Numbers of the alpha bands that say which pixels are seen.

        Raises:
            QgsProcessingException: As open does.
        """
        return transparency_of(self.open()) if self.uri else frozenset()

    @cached_property
    def visible(self) -> tuple[Band, ...]:
        """The bands but transparency, which stands for no band of another raster."""
        return tuple(band for band in self.bands if band.number not in self.transparency)

    @cached_property
    def measured(self) -> tuple[int, ...]:
        """Numbers of the bands that hold data: neither marked as bad nor transparency."""
        return tuple(band.number for band in self.visible if band.number not in self.bad)

    @property
    def left_out(self) -> str:
        """Which bands do not, for the log; empty where all do."""
        kinds = (("Marked as bad in the metadata", self.bad), ("Transparency, which hides pixels", self.transparency))
        return " ".join(f"{why}, left out: {', '.join(map(str, sorted(them)))}." for why, them in kinds if them)

    @property
    def size_text(self) -> str:
        """For example 145 x 145 pixels, 200 bands."""
        bands = len(self.bands)
        return f"{self.grid.width} x {self.grid.height} pixels, {bands} band{'s' if bands != 1 else ''}"


def open_raster(uri: str, open_options: tuple[str, ...] = ()) -> gdal.Dataset:
    """Open a raster for reading.

    Raises:
        QgsProcessingException: GDAL cannot open it.
    """
    try:
        dataset = gdal.OpenEx(uri, gdal.OF_RASTER | gdal.OF_READONLY, open_options=list(open_options))
    except RuntimeError:  # where somebody called gdal.UseExceptions
        dataset = None
    if dataset is None:
        raise QgsProcessingException(
            f"The raster {uri} cannot be opened: {gdal.GetLastErrorMsg() or 'no reason given'}"
        )
    return dataset


def is_local_grid(crs: QgsCoordinateReferenceSystem) -> bool:
    """Whether a CRS is a plane that lies nowhere on Earth, such as that of an imported benchmark scene."""
    return crs.toWkt().startswith(("LOCAL_CS", "ENGCRS"))


def has_unit_of_length(crs: QgsCoordinateReferenceSystem) -> bool:
    """Whether coordinates are metres, feet or the like; degrees are not, also where a CRS is not called geographic."""
    units = QgsUnitTypes.DistanceUnit
    return crs.mapUnits() not in (units.DistanceDegrees, units.DistanceUnknownUnit)


def metres_per_unit(crs: QgsCoordinateReferenceSystem) -> float:
    """Metres in a unit of the coordinates."""
    return QgsUnitTypes.fromUnitToUnitFactor(crs.mapUnits(), QgsUnitTypes.DistanceUnit.DistanceMeters)


def measure_on_ground(crs: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext) -> QgsDistanceArea:
    """Lengths and areas in metres on the CRS's own ellipsoid, whatever its projection does to them."""
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, context)
    measure.setEllipsoid(crs.ellipsoidAcronym() or EARTH)
    return measure


def _square_is_right(crs: QgsCoordinateReferenceSystem, middle: QgsPointXY) -> bool:
    """Whether a square of the CRS has its area on the ground too, as in UTM and in every equal-area CRS."""
    half = PROBE_M / metres_per_unit(crs) / 2
    x, y = middle.x(), middle.y()
    square = QgsGeometry.fromRect(QgsRectangle(x - half, y - half, x + half, y + half))
    try:
        area = measure_on_ground(crs, QgsCoordinateTransformContext()).measureArea(square)
    except QgsCsException:
        return False
    return abs(area / PROBE_M**2 - 1) <= 2 * METRE_TOLERANCE


def describe_raster(layer: QgsRasterLayer) -> RasterSource:
    """Look at a layer, on the thread that owns it.

    Raises:
        QgsProcessingException: It has no pixels of its own, is placed by control points, or holds complex numbers.
    """
    if layer.providerType() != "gdal":
        return _describe_foreign(layer)
    parts = QgsProviderRegistry.instance().decodeUri("gdal", layer.source())
    uri = layer.source().split("|")[0]
    return _describe_dataset(layer, uri, tuple(parts.get("openOptions") or ()))


def export_foreign(
    source: RasterSource, folder: Path, context: QgsCoordinateTransformContext, progress: ProgressRange
) -> RasterSource:
    """A layer of another provider than GDAL as a GeoTIFF in the job folder; a GDAL layer stays as it is.

    A source can be exported again: its pipe stays.

    Raises:
        QgsProcessingException: The provider does not hand out its pixels, or the user cancelled.
    """
    if source.pipe is None:
        return source
    path = folder / "layer.tif"
    writer = QgsRasterFileWriter(str(path))
    grid, pipe = source.grid, source.pipe
    extent = pipe.provider().extent()
    following = QgsRasterBlockFeedback()
    progress.feedback.canceled.connect(following.cancel)
    failure = writer.writeRaster(pipe, grid.width, grid.height, extent, grid.crs, context, following)
    progress.advance(1.0)
    if failure != QgsRasterFileWriter.WriterError.NoError:
        raise QgsProcessingException(
            f"The layer {source.name} cannot be read pixel by pixel (error {int(failure)}). "
            "Save it as a GeoTIFF first (Export > Save As) and use that."
        )
    written = open_raster(str(path))  # the writer chooses a nodata value of its own where the provider has none
    bands = tuple(
        replace(band, nodata=declared_nodata(written.GetRasterBand(band.number).GetNoDataValue()))
        for band in source.bands
    )
    return replace(source, uri=str(path), bands=bands, pipe=None)


def _describe_dataset(layer: QgsRasterLayer, uri: str, open_options: tuple[str, ...]) -> RasterSource:
    dataset = open_raster(uri, open_options)
    name = layer.name()
    if dataset.RasterCount == 0:
        raise QgsProcessingException(f"The raster {name} has no bands; choose one of its sub-datasets.")
    if dataset.GetGCPCount() and dataset.GetGeoTransform(can_return_null=True) is None:
        raise QgsProcessingException(
            f"The raster {name} is placed by control points, not by a grid. Warp it first "
            "(Raster > Projections > Warp) and use the result."
        )
    for number in range(1, dataset.RasterCount + 1):
        if gdal.DataTypeIsComplex(dataset.GetRasterBand(number).DataType):
            raise QgsProcessingException(
                f"Band {number} of the raster {name} holds complex numbers; real numbers were expected. "
                "Compute amplitudes first, for example with the raster calculator."
            )
    grid = _grid_of(dataset, layer.crs())
    if grid.georeferenced and not grid.has_extent:
        numbers = ", ".join(f"{number:g}" for number in grid.transform)
        raise QgsProcessingException(
            f"The raster {name} should say where its pixels lie; by its georeference, {numbers}, they have no extent. "
            "Give it a right one (gdal_edit -a_ullr), or none."
        )
    layout_text = dataset.GetMetadataItem(FEATURES_KEY)
    described = describe_bands(dataset, uri, layer)
    return RasterSource(
        name=name,
        uri=uri,
        open_options=open_options,
        grid=grid,
        bands=with_layer_nodata(described.bands, layer.dataProvider()),
        bad=described.bad,
        notes=described.notes,
        layout=layout_from_json(layout_text) if layout_text else None,
    )


def _grid_of(dataset: gdal.Dataset, crs: QgsCoordinateReferenceSystem) -> Grid:
    transform = dataset.GetGeoTransform(can_return_null=True)
    stored = dataset.GetProjection()
    if not stored or QgsCoordinateReferenceSystem.fromWkt(stored) != crs:  # the user gave the layer another CRS
        stored = crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED_GDAL) if crs.isValid() else ""
    return Grid(
        height=dataset.RasterYSize,
        width=dataset.RasterXSize,
        transform=tuple(transform or _PLAIN_GRID),
        wkt=stored,
        crs=crs,
        georeferenced=transform is not None,
    )


def _name_of_foreign(layer: QgsRasterLayer, number: int) -> str:
    """A band's name; empty where QGIS makes one up, "Band 1" in its language."""
    name = layer.bandName(number)
    return "" if re.fullmatch(rf"\D+ 0*{number}", name) else name


def _describe_foreign(layer: QgsRasterLayer) -> RasterSource:
    provider = layer.dataProvider()
    if provider.xSize() < 1 or provider.ySize() < 1:
        raise QgsProcessingException(
            f"The layer {layer.name()} ({layer.providerType()}) has no pixels of its own. Save the part you need as a "
            "GeoTIFF (Export > Save As) and use that."
        )
    extent: QgsRectangle = provider.extent()
    width, height = provider.xSize(), provider.ySize()
    grid = Grid(
        height=height,
        width=width,
        transform=(
            extent.xMinimum(),
            extent.width() / width,
            0.0,
            extent.yMaximum(),
            0.0,
            -extent.height() / height,
        ),
        wkt=layer.crs().toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED_GDAL),
        crs=layer.crs(),
    )
    bands = tuple(
        Band(
            name=_name_of_foreign(layer, number),
            nodata=declared_nodata(provider.sourceNoDataValue(number))
            if provider.sourceHasNoDataValue(number)
            else None,
            number=number,
        )
        for number in range(1, layer.bandCount() + 1)
    )
    bands = with_layer_nodata(bands, provider)
    pipe = QgsRasterPipe()
    # For all exports: a pipe deletes its provider, and QGIS 3.22's virtual raster reads rubbish from a clone's clone.
    pipe.set(provider.clone())
    return RasterSource(layer.name(), "", (), grid, bands, frozenset(), pipe=pipe)
