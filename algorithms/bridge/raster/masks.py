# SPDX-License-Identifier: GPL-2.0-or-later
"""A layer of pixels to leave out, brought to the raster's grid.

Raster: every value other than 0 and nodata is left out (nearest neighbour). Vector: every pixel whose centre a
polygon covers, or that a point or line touches, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from osgeo import gdal, ogr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsMapLayer,
    QgsProcessingException,
    QgsRasterLayer,
    QgsVectorLayer,
)

from ..vector.clean_geometry import clean_shapes, moved
from ..vector.exclusion_counts import ExclusionCounts
from .source import Grid, RasterSource, describe_raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

POLYGON_DIMENSION = 2


@dataclass(frozen=True)
class MaskSource:
    """A mask layer, read where its thread is: a raster, or geometries with their CRS.

    Attributes:
        name: Of the layer.
        raster: Where it is one.
        geometries: Of a vector layer.
        ids: Of their features.
        crs: Of the geometries.
        skipped: Features without a geometry that can be used.
    """

    name: str
    raster: RasterSource | None = None
    geometries: tuple[QgsGeometry, ...] = ()
    ids: tuple[int, ...] = ()
    crs: QgsCoordinateReferenceSystem | None = None
    skipped: ExclusionCounts = field(default_factory=ExclusionCounts)


def describe_mask(layer: QgsMapLayer) -> MaskSource:
    """Look at a mask layer.

    Raises:
        QgsProcessingException: Neither a raster of a file nor a vector layer, or a raster of several bands.
    """
    if isinstance(layer, QgsVectorLayer):
        skipped = ExclusionCounts()
        ids, shapes = clean_shapes(layer.getFeatures(), skipped)
        return MaskSource(layer.name(), geometries=tuple(shapes), ids=tuple(ids), crs=layer.crs(), skipped=skipped)
    if isinstance(layer, QgsRasterLayer) and layer.providerType() == "gdal":
        raster = describe_raster(layer)
        _refuse_several_bands(raster)
        return MaskSource(layer.name(), raster=raster)
    raise QgsProcessingException(
        f"The mask {layer.name()} should be a vector layer or a raster file. Save it as one of these first."
    )


def _refuse_several_bands(mask: RasterSource) -> None:
    if len(mask.bands) - len(mask.transparency) > 1:
        raise QgsProcessingException(
            f"The mask {mask.name} should have one band, in which every value but 0 and nodata is left out; it has "
            f"{len(mask.bands)}. Take out the band that says what to leave out (Raster > Conversion > Translate)."
        )


def usable_pixels(mask: MaskSource, grid: Grid, context: QgsCoordinateTransformContext) -> bytes:
    """One byte a pixel of the grid, row by row: 1 where the mask lets it be used.

    Raises:
        QgsProcessingException: The mask cannot be read or not be brought into the raster's CRS.
    """
    if mask.raster is not None:
        return _usable_by_raster(mask.name, mask.raster, grid)
    target = memory_raster(grid)
    target.GetRasterBand(1).Fill(1)
    shapes = []
    for shape, number in zip(in_crs(mask.geometries, mask.crs, grid.crs, context), mask.ids):
        if shape is None:  # what shall be left out must not be taken for usable
            raise QgsProcessingException(
                f"Shapes in the area of the raster's CRS were expected in the mask {mask.name}; feature {number} lies "
                "outside, so that its pixels are not known. Delete or cut it, or give the mask in the raster's CRS."
            )
        shapes.append(shape.asWkb().data())
    burn(target, shapes, 0)
    return target.GetRasterBand(1).ReadRaster()


def own_mask(source: RasterSource, numbers: Sequence[int]) -> bytes | None:
    """The same of the masks that a raster carries itself; None without one.

    That is transparency or a mask of the whole raster (a mask band, a .msk file), or masks of single bands, as virtual
    rasters may have. A band that its mask hides everywhere does not count. Nodata values are left to the reader of the
    pixels.

    Args:
        source: The raster.
        numbers: Bands (from 1) that are used.

    Raises:
        QgsProcessingException: The raster cannot be opened, or its mask not be read.
    """
    import numpy as np

    if not source.uri:
        return None
    dataset = source.open()  # a band does not keep it open
    carriers = [number for number in numbers if has_own_mask(dataset.GetRasterBand(number))]
    if any(dataset.GetRasterBand(number).GetMaskFlags() & gdal.GMF_PER_DATASET for number in carriers):
        carriers = carriers[:1]  # all bands share it
    usable = None
    for number in sorted(source.transparency):
        shown = band_pixels(dataset.GetRasterBand(number), f"band {number} of {source.name}") > 0
        usable = shown if usable is None else usable & shown
    for number in carriers:
        shown = band_pixels(dataset.GetRasterBand(number).GetMaskBand(), f"mask {source.name}") > 0
        if shown.any() or len(carriers) == 1:
            usable = shown if usable is None else usable & shown
    return None if usable is None else usable.astype(np.uint8).tobytes()


def hiding_bands(source: RasterSource, dataset: gdal.Dataset, number: int) -> list[gdal.Band]:
    """The bands whose 0 hides pixels of a band: its own mask, or that of the data set, and transparency.

    Args:
        source: The raster.
        dataset: The same, open.
        number: Of the band, from 1.
    """
    band = dataset.GetRasterBand(number)
    alpha = [dataset.GetRasterBand(other) for other in sorted(source.transparency)]
    return [*alpha, band.GetMaskBand()] if has_own_mask(band) else alpha


def has_own_mask(band: gdal.Band) -> bool:
    """Whether a band, or its data set, has a mask; its own nodata value is none, nor is transparency.

    Values of all bands together that mean no data, as GDAL's NODATA_VALUES has them, are a mask of the data set.
    """
    flags = band.GetMaskFlags()
    if flags & gdal.GMF_NODATA:
        return bool(flags & gdal.GMF_PER_DATASET)
    return not flags & (gdal.GMF_ALL_VALID | gdal.GMF_ALPHA)


def both_usable(one: bytes, other: bytes) -> bytes:
    """Where both masks let a pixel be used."""
    import numpy as np

    return (np.frombuffer(one, np.uint8) & np.frombuffer(other, np.uint8)).tobytes()


def in_crs(
    geometries: Iterable[QgsGeometry],
    source: QgsCoordinateReferenceSystem | None,
    target: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> list[QgsGeometry | None]:
    """Copies of the geometries in another CRS; as they are where one of the two is unknown.

    None stands for one that lies outside the area of the target CRS.
    """
    copies = [QgsGeometry(geometry) for geometry in geometries]
    if source is None or not source.isValid() or not target.isValid() or source == target:
        return list(copies)
    transform = QgsCoordinateTransform(source, target, context)
    return [copy if moved(copy, transform) else None for copy in copies]


def memory_raster(grid: Grid, *, with_crs: bool = True) -> gdal.Dataset:
    """An empty raster of bytes in memory with this grid."""
    dataset = gdal.GetDriverByName("MEM").Create("", grid.width, grid.height, 1, gdal.GDT_Byte)
    dataset.SetGeoTransform(grid.transform)
    if with_crs:
        dataset.SetProjection(grid.wkt)
    return dataset


def burn(target: gdal.Dataset, shapes: Iterable[bytes], value: int) -> None:
    """Set the pixels of the target whose centre lies in a polygon, or that a point or line touches.

    Args:
        target: A raster in memory.
        shapes: WKB in the target's CRS.
        value: Written.
    """
    store = ogr.GetDriverByName("Memory").CreateDataSource("")
    layers = [store.CreateLayer(name, None, ogr.wkbUnknown) for name in ("polygons", "others")]
    for wkb in shapes:
        shape = ogr.CreateGeometryFromWkb(bytes(wkb))
        if shape is not None:
            linear = shape.GetLinearGeometry() if shape.HasCurveGeometry() else shape
            feature = ogr.Feature(layers[0].GetLayerDefn())
            feature.SetGeometryDirectly(linear.Clone())
            layers[linear.GetDimension() != POLYGON_DIMENSION].CreateFeature(feature)
    wkt = target.GetProjection()
    target.SetProjection("")  # the shapes are in its CRS already; GDAL would warn that they name none
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        for layer, options in zip(layers, ([], ["ALL_TOUCHED=TRUE"])):
            if layer.GetFeatureCount():
                gdal.RasterizeLayer(target, [1], layer, burn_values=[value], options=options)
    finally:
        gdal.PopErrorHandler()
    target.SetProjection(wkt)


def _usable_by_raster(name: str, source: RasterSource, grid: Grid) -> bytes:
    same = source.grid.crs == grid.crs or not source.grid.wkt or not grid.wkt
    target = memory_raster(grid, with_crs=not same)
    target.GetRasterBand(1).Fill(1)  # stays where the mask does not reach
    stored = _usable_in_own_grid(name, source, with_crs=not same)
    try:
        failure = gdal.ReprojectImage(stored, target, None, None, gdal.GRA_NearestNeighbour)
    except RuntimeError:  # where somebody called gdal.UseExceptions
        failure = gdal.CE_Failure
    if failure:
        raise QgsProcessingException(
            f"The mask {name} cannot be brought to the raster's grid: {gdal.GetLastErrorMsg()}. "
            "Warp it to the raster's CRS first."
        )
    return target.GetRasterBand(1).ReadRaster()


def band_pixels(band: gdal.Band, name: str, window: tuple[int, int, int, int] | None = None) -> NDArray[Any]:
    """Stored values of a band.

    Args:
        band: To read.
        name: For the message, such as "mask clouds".
        window: First column, first row, columns, rows; None: all.

    Raises:
        QgsProcessingException: They cannot be read.
    """
    try:
        values = band.ReadAsArray(*(window or ()))
    except RuntimeError:  # where somebody called gdal.UseExceptions
        values = None
    if values is None:
        raise QgsProcessingException(
            f"The {name} cannot be read: {gdal.GetLastErrorMsg()}. The file may be incomplete."
        )
    return values


def _usable_in_own_grid(name: str, source: RasterSource, *, with_crs: bool) -> gdal.Dataset:
    """0 where the mask raster says "leave out", else 1."""
    import numpy as np

    from ....mtmsd_qgis.io.nodata import nodata_range, within

    dataset = source.open()
    usable = memory_raster(source.grid, with_crs=with_crs)
    band = dataset.GetRasterBand(1)
    for row in range(source.grid.height):
        values = band_pixels(band, f"mask {name}", (0, row, source.grid.width, 1))
        excluded = (values != 0) & np.isfinite(values)
        ends = nodata_range(source.bands[0].nodata, values.dtype)
        if ends is not None:
            excluded &= ~within(values, ends)
        for low, high in source.bands[0].excluded:
            excluded &= (values < low) | (values > high)
        usable.GetRasterBand(1).WriteArray((~excluded).astype(np.uint8), 0, row)
    return usable
