# SPDX-License-Identifier: GPL-2.0-or-later
"""Labelled geometries -> sample pixels: row, column, class index, group.

Rules, the same for training and reference samples:
- A polygon takes the pixels whose centre it covers; one that covers no centre takes the pixel nearest to its inside.
- A point takes the pixel it lies in. Samples outside the raster or on nodata are left out.
- A pixel with several labels of one class is one sample, of the first of these features; what becomes of one with
  labels of different classes says overlaps.py. What was left out is counted and named in the log.
- A group is what a spatial split keeps together: one for each polygon, one for each point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING

from osgeo import gdal
from qgis.core import QgsGeometry, QgsProcessingException

from ....mtmsd_qgis.jobs.data_model import ClassEntry
from ....mtmsd_qgis.sampling.class_values import Key
from ..feedback import ProgressRange
from ..raster.class_map_reader import MOST_CLASSES
from ..raster.masks import POLYGON_DIMENSION, burn, memory_raster
from ..raster.source import Grid
from ..raster.valid_pixels import LEAST_SHARE
from .exclusion_counts import ExclusionCounts
from .labels import LabelLayer, names_of
from .overlaps import one_label_a_pixel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ....mtmsd_qgis.io.cube import Cube
    from ....mtmsd_qgis.sampling.sample_table import SampleTable

OUTSIDE = "outside the raster"
NODATA = "pixels on nodata"
_USUAL_CLASSES = 30  # of a legend, at most; with more, a field that numbers features shows in them
LEAST_PER_CLASS = 2  # one to learn from, and one more: a class cannot be told from its noise by a single pixel


@dataclass(frozen=True)
class SamplePixels:
    """Sample pixels.

    Attributes:
        table: Of the pixels, sorted by row, then column; the group is the number of a shape of the labels.
        left_out: Reason -> number of pixels or features that became no sample, and which.
    """

    table: SampleTable
    left_out: ExclusionCounts


def rasterize_labels(
    labels: LabelLayer, classes: Mapping[Key, ClassEntry], grid: Grid, progress: ProgressRange
) -> SamplePixels:
    """The pixels of labelled geometries; those of classes that are not among the given ones are left out.

    Raises:
        QgsProcessingException: Polygons of different classes overlap, and that is to be refused; or cancelled.
    """
    import numpy as np

    from ....mtmsd_qgis.sampling.sample_table import SampleTable

    left_out = ExclusionCounts()
    index_of = {key: index for index, key in enumerate(classes)}
    parts = [np.empty((0, 4), dtype=np.int64)]
    for group, (shape, key) in enumerate(labels.shapes):
        if group % 500 == 0:
            progress.advance(group / len(labels.shapes))
        if key not in index_of:
            left_out.note("of a class that the training layer lacks", [labels.ids[group]])
            continue
        is_area = shape.constGet().dimension() == POLYGON_DIMENSION  # a file may mix points and polygons
        pixels = _pixels_of_polygon(shape, grid) if is_area else _pixels_of_points(shape, grid)
        if not len(pixels):
            left_out.note(OUTSIDE, [labels.ids[group]])
            continue
        part = np.empty((len(pixels), 4), dtype=np.int64)
        part[:, :2] = pixels
        part[:, 2:] = index_of[key], group
        parts.append(part)
    table = SampleTable.from_array(np.concatenate(parts))
    return SamplePixels(one_label_a_pixel(table, labels, classes, left_out, progress), left_out)


def without_nodata(
    samples: SamplePixels, ids: Sequence[int], cube: Cube, bands: Sequence[int] | None = None
) -> SamplePixels:
    """The samples that lie on pixels with data.

    Args:
        samples: As rasterized.
        ids: Of the features, by group.
        cube: The scene.
        bands: Positions of the bands that must have data; all where None. Those that are empty at most of the samples
            do not count, as the tasks leave them out too.
    """
    import numpy as np

    table = samples.table
    keep = np.zeros(len(table), dtype=bool)
    counts = sum(has_data.sum(axis=1) for _, has_data in _rows_with_data(table, cube, bands))
    for part, has_data in _rows_with_data(table, cube, bands):
        keep[part] = has_data[counts >= LEAST_SHARE * np.max(counts)].all(axis=0)
    left_out = ExclusionCounts(samples.left_out)
    if not keep.all():
        lost = table.group[~keep]
        left_out.note(NODATA, (ids[group] for group in np.unique(lost)), len(lost))
    return SamplePixels(table.subset(keep), left_out)


def _rows_with_data(table: SampleTable, cube: Cube, bands: Sequence[int] | None) -> Iterator[tuple[slice, NDArray]]:
    """The samples of one row after the other, and (bands, n) where each band has data there."""
    import numpy as np

    from ....mtmsd_qgis.io.windows import Window

    rows, starts = np.unique(table.rows, return_index=True)
    for row, first, last in zip(rows, starts, [*starts[1:], len(table)]):
        columns = table.cols[first:last]
        left, right = int(columns.min()), int(columns.max()) + 1
        values = cube.read(Window(int(row), left, 1, right - left), bands)
        yield slice(first, last), np.isfinite(values[:, 0, columns - left])


def settle_classes(
    samples: SamplePixels, classes: Mapping[Key, ClassEntry], name: str
) -> tuple[SamplePixels, dict[Key, ClassEntry], list[Key]]:
    """Check that every class can be learnt, and drop those without any sample.

    Args:
        samples: Of the training layer.
        classes: All classes of the layer.
        name: Of the layer, for messages.

    Returns:
        The samples with class indices into the kept classes, the kept classes, and the dropped ones.

    Raises:
        QgsProcessingException: No sample, a single class, a class with one sample, or too many classes.
    """
    import numpy as np

    counts = samples.table.count_by_class(len(classes))
    kept = [key for key, count in zip(classes, counts) if count]
    dropped = [key for key, count in zip(classes, counts) if not count]
    if not kept:
        reasons = f" ({samples.left_out.text})" if samples.left_out else ""
        raise QgsProcessingException(
            f"Training samples were expected; no feature of the layer {name} lies on a pixel with data{reasons}. "
            "Check that layer and raster show the same place and have the right CRS."
        )
    if len(kept) < 2:
        raise QgsProcessingException(
            f"At least two classes are needed; the layer {name} has one: {names_of(kept, classes)}. "
            "Add samples of a second class, or choose another class field."
        )
    if len(kept) > MOST_CLASSES:
        raise QgsProcessingException(
            f"Some dozens of classes were expected in the class field of the layer {name}, {MOST_CLASSES} at most; its "
            f"samples have {len(kept)}. Choose the field with the classes as CLASS_FIELD."
        )
    scarce = [key for key, count in zip(classes, counts) if 0 < count < LEAST_PER_CLASS]
    if scarce:
        raise QgsProcessingException(
            f"Every class needs at least {LEAST_PER_CLASS} sample pixels; the layer {name} has one of "
            f"{names_of(scarce, classes)}. Add samples, take the class out of the layer, or choose another class field."
        )
    new_index = (np.cumsum(counts > 0) - 1).astype(np.int64)
    table = samples.table.with_classes(new_index[samples.table.class_index])
    return SamplePixels(table, samples.left_out), {key: classes[key] for key in kept}, dropped


def id_field_sentence(samples: SamplePixels, classes: int, labels: LabelLayer) -> str:
    """That the class field looks like one that numbers features, where it does; else empty.

    Args:
        samples: Of the training layer.
        classes: How many have samples.
        labels: The layer.
    """
    features = len(set(samples.table.group.tolist()))
    if classes <= _USUAL_CLASSES or features >= 2 * classes:
        return ""
    return (
        f"The field {labels.field} of the layer {labels.name} has {classes} classes in {features} features, less than "
        "two for each. If it numbers features, cancel this run, which may take long, and choose the field with the "
        "classes as CLASS_FIELD."
    )


def save_samples(samples: SamplePixels, folder: Path, name: str) -> str:
    """Write the table into the job folder; returns the file's name."""
    from ....mtmsd_qgis.sampling.sample_table import write_samples

    write_samples(samples.table, folder, f"{name}.npy")
    return f"{name}.npy"


def left_out_sentence(samples: SamplePixels, layer: str) -> str:
    """What became no sample, for the log; empty where all did."""
    return f"Left out of the samples of the layer {layer}: {samples.left_out.text}." if samples.left_out else ""


def _pixels_of_points(shape: QgsGeometry, grid: Grid) -> list[tuple[int, int]]:
    pixels = {pixel_at(vertex.x(), vertex.y(), grid) for vertex in shape.vertices()}
    return sorted(pixel for pixel in pixels if pixel is not None)


def pixel_at(x: float, y: float, grid: Grid) -> tuple[int, int] | None:
    """Row and column of a point in map coordinates; None off the raster."""
    column, row = gdal.ApplyGeoTransform(grid.inverse, x, y)
    row, column = floor(row), floor(column)
    return (row, column) if 0 <= row < grid.height and 0 <= column < grid.width else None


def _pixels_of_polygon(shape: QgsGeometry, grid: Grid) -> NDArray | list[tuple[int, int]]:
    """Rows and columns of the pixels in the window around the polygon, burnt by GDAL."""
    import numpy as np

    window = _window_around(shape, grid)
    if window is None:
        return []
    row, column, part = window
    target = memory_raster(part, with_crs=False)
    burn(target, [shape.asWkb().data()], 1)
    inside = np.frombuffer(target.GetRasterBand(1).ReadRaster(), np.uint8).reshape(part.height, part.width)
    pixels = np.argwhere(inside)
    if len(pixels):
        return pixels + np.array([row, column])
    centre = shape.pointOnSurface()
    pixel = None if centre.isEmpty() else pixel_at(centre.asPoint().x(), centre.asPoint().y(), grid)
    return [] if pixel is None else [pixel]


def _window_around(shape: QgsGeometry, grid: Grid) -> tuple[int, int, Grid] | None:
    """First row and column and the grid of the part of the raster that the polygon's box touches."""
    box = shape.boundingBox()
    corners = [
        gdal.ApplyGeoTransform(grid.inverse, x, y)
        for x in (box.xMinimum(), box.xMaximum())
        for y in (box.yMinimum(), box.yMaximum())
    ]
    left = max(0, floor(min(column for column, _ in corners)))
    top = max(0, floor(min(row for _, row in corners)))
    right = min(grid.width, floor(max(column for column, _ in corners)) + 1)
    bottom = min(grid.height, floor(max(row for _, row in corners)) + 1)
    if right <= left or bottom <= top:
        return None
    x, y = gdal.ApplyGeoTransform(grid.transform, left, top)
    transform = (x, *grid.transform[1:3], y, *grid.transform[4:6])
    return top, left, Grid(bottom - top, right - left, transform, grid.wkt, grid.crs)
