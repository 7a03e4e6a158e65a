# SPDX-License-Identifier: GPL-2.0-or-later
"""Reference layer -> samples that can be parted into training and validation: whole features, or pixels of a raster.

Enters: a point or polygon layer with a class field. Leaves: Candidates with class index and source feature of each
sample, the features to write, and which validation samples lie too near to training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsSpatialIndex,
    QgsWkbTypes,
)

from ....mtmsd_qgis.jobs.data_model import ClassEntry
from ..feedback import Stretch
from ..raster.source import Grid, RasterSource
from ..raster.valid_pixels import pixels_with_data
from .exclusion_counts import Tally
from .field_types import LONG_NUMBER
from .labels import Key, LabelLayer, class_key
from .metric_projection import MetricPlane, between, metric_plane
from .rasterization import Samples, place_samples, sentence_of_left_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SOURCE_ID = "feature_id"
_AT_ONCE = 1000  # features between two looks at the cancel button


@dataclass(frozen=True)
class Reference:
    """The usable features of a reference layer, in the order of their ids.

    Attributes:
        name: Of the layer.
        field: Index of the class field.
        fields: Of the layer.
        crs: Of the layer.
        wkb_type: Of the layer.
        features: With a class and a geometry.
        keys: Class of each feature.
        skipped: Reason -> number of features that are not used, and which.
    """

    name: str
    field: int
    fields: QgsFields
    crs: QgsCoordinateReferenceSystem
    wkb_type: QgsWkbTypes.Type
    features: tuple[QgsFeature, ...]
    keys: tuple[Key, ...]
    skipped: Tally

    @property
    def points(self) -> bool:
        """Points, else polygons."""
        return QgsWkbTypes.geometryType(self.wkb_type) == QgsWkbTypes.GeometryType.PointGeometry

    @property
    def single_points(self) -> bool:
        """Every feature is one point; many formats store these as multipoints."""
        return self.points and all(f.geometry().constGet().nCoordinates() == 1 for f in self.features)

    @cached_property
    def classes(self) -> tuple[Key, ...]:
        """The classes in the order of the class indices: numbers, then texts."""
        return tuple(sorted(set(self.keys), key=lambda key: (isinstance(key, str), key)))


@dataclass(frozen=True)
class Candidates:
    """Samples to be parted.

    Attributes:
        reference: Where they come from.
        classes: (N,) int64 class indices.
        sources: (N,) int64 index of the feature that a sample is, or comes from.
        grid: Of the raster whose pixels they are; None where they are whole features.
        pixels: (N, 2) int64 row and column; without a grid, empty.
        left_out: What became no sample, for the log.
    """

    reference: Reference
    classes: NDArray
    sources: NDArray
    grid: Grid | None = None
    pixels: NDArray | None = None
    left_out: str = ""

    @property
    def crs(self) -> QgsCoordinateReferenceSystem:
        """Of the geometries."""
        return self.reference.crs if self.grid is None else self.grid.crs

    @property
    def wkb_type(self) -> QgsWkbTypes.Type:
        """Of the geometries."""
        return self.reference.wkb_type if self.grid is None else QgsWkbTypes.Type.Point

    @cached_property
    def fields(self) -> QgsFields:
        """All fields of the layer; of pixels the class and the id of their feature."""
        if self.grid is None:
            return self.reference.fields
        class_field = self.reference.fields.at(self.reference.field)
        fields = QgsFields()
        fields.append(class_field)
        same = class_field.name().lower() == _SOURCE_ID
        fields.append(QgsField(f"{_SOURCE_ID}_2" if same else _SOURCE_ID, LONG_NUMBER))
        return fields

    def geometry(self, number: int) -> QgsGeometry:
        """That of the feature, or the pixel's centre."""
        if self.grid is None or self.pixels is None:
            return self.reference.features[self.sources[number]].geometry()
        row, column = self.pixels[number]
        x, y = gdal.ApplyGeoTransform(self.grid.transform, float(column) + 0.5, float(row) + 0.5)
        return QgsGeometry.fromPointXY(QgsPointXY(x, y))

    def feature(self, number: int) -> QgsFeature:
        """As it is written."""
        source = self.reference.features[self.sources[number]]
        if self.grid is None:
            return source
        feature = QgsFeature(self.fields)
        feature.setGeometry(self.geometry(number))
        feature.setAttributes([source.attribute(self.reference.field), source.id()])
        return feature


def read_reference(source: QgsProcessingFeatureSource, field: str, stretch: Stretch) -> Reference:
    """Read all features of the source; only the selected ones where it holds these.

    Raises:
        QgsProcessingException: No such field, neither points nor polygons, no usable feature, one class, or cancelled.
    """
    name, fields = source.sourceName(), source.fields()
    index = fields.lookupField(field)
    if index < 0:
        raise QgsProcessingException(
            f"The layer {name} has no field '{field}'. Its fields are: {', '.join(fields.names()) or 'none'}. "
            "Choose one of them as CLASS_FIELD."
        )
    kind = QgsWkbTypes.geometryType(source.wkbType())
    if kind not in (QgsWkbTypes.GeometryType.PointGeometry, QgsWkbTypes.GeometryType.PolygonGeometry):
        raise QgsProcessingException(f"The layer {name} should hold points or polygons; choose such a layer.")
    skipped = Tally()
    unchecked = source.getFeatures(QgsFeatureRequest(), QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks)
    # Sorted, because a layer in memory hands out its selected features in another order each time.
    features = sorted(_usable(unchecked, index, field, skipped, stretch), key=QgsFeature.id)
    keys = tuple(class_key(feature.attribute(index)) for feature in features)
    if not features:
        reasons = f"; {skipped.text}" if skipped else ""
        raise QgsProcessingException(
            f"Labelled points or polygons were expected in the layer {name}; no usable feature was found{reasons}. "
            "Choose a layer with features and a filled class field; with 'Selected features only', select some."
        )
    if len(set(keys)) < 2:
        raise QgsProcessingException(
            f"At least two classes are needed; the layer {name} has one in the field '{field}': '{keys[0]}'. "
            "Add samples of a second class, or choose another class field."
        )
    return Reference(name, index, fields, source.sourceCrs(), source.wkbType(), tuple(features), keys, skipped)


def whole_features(reference: Reference) -> Candidates:
    """Each feature is a sample."""
    import numpy as np

    return Candidates(reference, _class_indices(reference), np.arange(len(reference.features)))


def pixels_of(
    reference: Reference,
    raster: RasterSource,
    overlaps: str,
    context: QgsCoordinateTransformContext,
    stretch: Stretch,
) -> Candidates:
    """Each pixel that a feature labels is a sample, but for those on nodata.

    Args:
        reference: The features.
        raster: Whose pixels are wanted.
        overlaps: What is done with pixels of several classes, see overlaps.py.
        context: Of the project.
        stretch: Told from time to time.

    Raises:
        QgsProcessingException: No feature lies on the raster, fewer than two classes do, polygons overlap, or
            cancelled.
    """
    import numpy as np

    labels, sources = _labels_in(reference, raster.grid.crs, context)
    labels = replace(labels, overlaps=overlaps)
    entries = {key: ClassEntry(number, str(key), "#000000") for number, key in enumerate(reference.classes, 1)}
    samples = place_samples(labels, entries, raster.grid, stretch)
    table, tally = samples.table, labels.skipped.merged(samples.left_out)
    has_data = pixels_with_data(raster, table, context, stretch)
    if not has_data.all():
        lost = np.unique(table[~has_data, 3])
        tally.note("pixels on nodata", (labels.ids[group] for group in lost), int((~has_data).sum()))
    table = table[has_data]
    left_out = sentence_of_left_out(Samples(table, tally), reference.name)
    if len(np.unique(table[:, 2])) < 2:
        raise QgsProcessingException(
            f"Pixels of at least two classes were expected; the layer {reference.name} labels {len(table)} pixels with "
            f"data on the raster {raster.name}, of {len(np.unique(table[:, 2]))} classes. {left_out} Check that "
            "layer and raster show the same place and have the right CRS."
        )
    return Candidates(reference, table[:, 2], np.array(sources)[table[:, 3]], raster.grid, table[:, :2], left_out)


def plane_of(candidates: Candidates, context: QgsCoordinateTransformContext) -> MetricPlane:
    """The plane to measure in; a thousand of the samples show where they lie."""
    step = max(1, len(candidates.classes) // _AT_ONCE)
    shapes = [candidates.geometry(number) for number in range(0, len(candidates.classes), step)]
    return metric_plane(candidates.crs, shapes, context)


def places_in(candidates: Candidates, plane: MetricPlane, stretch: Stretch) -> NDArray:
    """(N, 2) metres: where each sample lies; of a polygon or multipoint the centre of gravity."""
    import numpy as np

    places = np.empty((len(candidates.classes), 2))
    for number in range(len(places)):
        if number % _AT_ONCE == 0:
            stretch.advance(number / len(places))
        place = plane.moved(candidates.geometry(number)).centroid().asPoint()
        places[number] = place.x(), place.y()
    return places


def too_near(
    candidates: Candidates,
    training: Sequence[int],
    validation: Sequence[int],
    plane: MetricPlane,
    distance_m: float,
    stretch: Stretch,
) -> NDArray:
    """Which validation samples lie within a distance of a training sample, outline to outline.

    Args:
        candidates: All samples.
        training: Numbers of the training samples.
        validation: Numbers of the validation samples.
        plane: To measure in.
        distance_m: One at exactly this distance is too near.
        stretch: Told from time to time.

    Returns:
        (len(validation),) bool.
    """
    import numpy as np

    steps = len(training) + len(validation)
    index = QgsSpatialIndex(QgsSpatialIndex.Flag.FlagStoreFeatureGeometries)
    for done, number in enumerate(training):
        if done % _AT_ONCE == 0:
            stretch.advance(done / steps)
        feature = QgsFeature(int(number))
        feature.setGeometry(plane.moved(candidates.geometry(number)))
        index.addFeature(feature)
    near = np.zeros(len(validation), dtype=bool)
    for done, number in enumerate(validation):
        if done % _AT_ONCE == 0:
            stretch.advance((len(training) + done) / steps)
        shape = plane.moved(candidates.geometry(number))
        near[done] = any(index.geometry(i).distance(shape) <= distance_m for i in index.nearestNeighbor(shape, 1))
    return near


def _usable(
    features: Iterable[QgsFeature], index: int, field: str, skipped: Tally, stretch: Stretch
) -> Iterable[QgsFeature]:
    for number, feature in enumerate(features):
        if number % _AT_ONCE == 0:
            stretch.advance(0)  # how many there are is not always known
        if class_key(feature.attribute(index)) is None:
            skipped.note(f"without a class in the field '{field}'", [feature.id()])
        elif not feature.hasGeometry() or feature.geometry().isEmpty():
            skipped.note("without a geometry", [feature.id()])
        else:
            yield feature


def _class_indices(reference: Reference) -> NDArray:
    import numpy as np

    index_of = {key: index for index, key in enumerate(reference.classes)}
    return np.array([index_of[key] for key in reference.keys], dtype=np.int64)


def _labels_in(
    reference: Reference, crs: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext
) -> tuple[LabelLayer, list[int]]:
    """The geometries in the raster's CRS, and the index of the feature of each."""
    transform = between(reference.crs, crs, context)
    shapes, sources, skipped = [], [], Tally()
    for index, (feature, key) in enumerate(zip(reference.features, reference.keys)):
        shape = feature.geometry()
        try:
            if transform is not None:
                shape.transform(transform)
        except QgsCsException:
            skipped.note("outside the area of the raster's CRS", [feature.id()])
            continue
        shapes.append((shape, key))
        sources.append(index)
    ids = tuple(reference.features[index].id() for index in sources)
    return LabelLayer(reference.name, "", reference.points, tuple(shapes), {}, skipped, ids), sources
