# SPDX-License-Identifier: GPL-2.0-or-later
"""Reference layer -> samples that can be split into training and validation: whole features, or pixels of a raster.

Enters: a point or polygon layer with a class field. Leaves: ReferenceSamples with class index and source feature, their
positions, and the features to write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsWkbTypes,
)

from ....mtmsd_qgis.jobs.data_model import ClassEntry
from ....mtmsd_qgis.sampling.class_values import Key
from ..feedback import ProgressRange
from ..raster.source import Grid, RasterSource
from ..raster.valid_pixels import pixels_with_data
from .clean_geometry import OUTSIDE_CRS, clean_sample, moved
from .exclusion_counts import ExclusionCounts
from .field_types import LONG_NUMBER, holds_ids, renamed, writable_names
from .labels import LabelLayer, by_age, class_key, refuse_other_shapes
from .metric_projection import MetricPlane, between, metric_plane
from .rasterization import SamplePixels, left_out_sentence, rasterize_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SOURCE_ID = "feature_id"
FEATURES_AT_ONCE = 1000  # features between two looks at the cancel button


@dataclass(frozen=True)
class ReferenceLayer:
    """The usable features of a reference layer, in the order of their ids.

    Attributes:
        name: Of the layer.
        field: Index of the class field.
        fields: Of the layer.
        crs: Of the layer.
        wkb_type: Of the layer.
        features: With a class and a geometry, as they are written.
        geometries: Of these features, flat and of real coordinates.
        keys: Class of each feature.
        skipped: Reason -> number of features that are not used, and which.
    """

    name: str
    field: int
    fields: QgsFields
    crs: QgsCoordinateReferenceSystem
    wkb_type: QgsWkbTypes.Type
    features: tuple[QgsFeature, ...]
    geometries: tuple[QgsGeometry, ...]
    keys: tuple[Key, ...]
    skipped: ExclusionCounts

    @property
    def points(self) -> bool:
        """Points, else polygons."""
        return QgsWkbTypes.geometryType(self.wkb_type) == QgsWkbTypes.GeometryType.PointGeometry

    @cached_property
    def single_points(self) -> tuple[bool, ...]:
        """Which features are one point; many formats store these as multipoints."""
        return tuple(self.points and shape.constGet().nCoordinates() == 1 for shape in self.geometries)

    @cached_property
    def classes(self) -> tuple[Key, ...]:
        """The classes in the order of the class indices: numbers, then texts."""
        return tuple(sorted(set(self.keys), key=lambda key: (isinstance(key, str), key)))


@dataclass(frozen=True)
class ReferenceSamples:
    """Samples to be split.

    Attributes:
        reference: Where they come from.
        classes: (N,) int64 class indices.
        sources: (N,) int64 index of the feature that a sample is, or comes from.
        grid: Of the raster whose pixels they are; None where they are whole features.
        pixels: (N, 2) int64 row and column; without a grid, empty.
        left_out: What became no sample, for the log.
    """

    reference: ReferenceLayer
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
        """All fields of the layer; of pixels the class and the id of their feature; under names that formats take."""
        return renamed(*self._fields_and_names)

    @property
    def renamed_fields(self) -> Mapping[str, str]:
        """New name -> name in the layer, of the fields that are written under another name."""
        fields, names = self._fields_and_names
        return {name: fields.at(index).name() for index, name in names.items()}

    @cached_property
    def _fields_and_names(self) -> tuple[QgsFields, Mapping[int, str]]:
        """The fields as the layer has them, and the new names of some."""
        reference = self.reference
        if self.grid is None:
            ids_kept = holds_ids(reference.fields, reference.features)
            return reference.fields, writable_names(reference.fields, reference.field, ids_kept=ids_kept)
        fields = QgsFields()
        fields.append(reference.fields.at(reference.field))
        same = fields.at(0).name().lower() == _SOURCE_ID
        fields.append(QgsField(f"{_SOURCE_ID}_2" if same else _SOURCE_ID, LONG_NUMBER))
        return fields, writable_names(fields, 0, ids_kept=False)

    def geometry(self, number: int) -> QgsGeometry:
        """That of the feature, or the pixel's centre."""
        if self.grid is None or self.pixels is None:
            return self.reference.geometries[self.sources[number]]
        row, column = self.pixels[number]
        x, y = gdal.ApplyGeoTransform(self.grid.transform, float(column) + 0.5, float(row) + 0.5)
        return QgsGeometry.fromPointXY(QgsPointXY(x, y))

    def feature(self, number: int) -> QgsFeature:
        """As it is written."""
        source = self.reference.features[self.sources[number]]
        feature = QgsFeature(self.fields)
        if self.grid is None:
            feature.setGeometry(source.geometry())
            feature.setAttributes(source.attributes())
            return feature
        feature.setGeometry(self.geometry(number))
        feature.setAttributes([source.attribute(self.reference.field), source.id()])
        return feature


def read_reference(source: QgsProcessingFeatureSource, field: str, progress: ProgressRange) -> ReferenceLayer:
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
    refuse_other_shapes(source)
    skipped = ExclusionCounts()
    unchecked = source.getFeatures(QgsFeatureRequest(), QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks)
    # Sorted, because a layer in memory hands out its selected features in another order each time.
    usable = sorted(_usable(unchecked, index, field, skipped, progress), key=lambda found: by_age(found[0].id()))
    features, geometries = [feature for feature, _ in usable], [geometry for _, geometry in usable]
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
    return ReferenceLayer(
        name, index, fields, source.sourceCrs(), source.wkbType(), tuple(features), tuple(geometries), keys, skipped
    )


def whole_features(reference: ReferenceLayer) -> ReferenceSamples:
    """Each feature is a sample."""
    import numpy as np

    return ReferenceSamples(reference, _class_indices(reference), np.arange(len(reference.features)))


def pixels_of(
    reference: ReferenceLayer,
    raster: RasterSource,
    overlaps: str,
    context: QgsCoordinateTransformContext,
    progress: ProgressRange,
) -> ReferenceSamples:
    """Each pixel that a feature labels is a sample, but for those on nodata.

    Args:
        reference: The features.
        raster: Whose pixels are wanted.
        overlaps: What is done with pixels of several classes, see overlaps.py.
        context: Of the project.
        progress: Told from time to time.

    Raises:
        QgsProcessingException: No feature lies on the raster, fewer than two classes do, polygons overlap, or
            cancelled.
    """
    import numpy as np

    labels, sources = _labels_in(reference, raster.grid.crs, context)
    labels = replace(labels, overlaps=overlaps)
    entries = {key: ClassEntry(number, str(key), "#000000") for number, key in enumerate(reference.classes, 1)}
    labelled = rasterize_labels(labels, entries, raster.grid, progress)
    table, excluded = labelled.table, labels.skipped.merged(labelled.left_out)
    has_data = pixels_with_data(raster, table.positions, context, progress)
    if not has_data.all():
        lost = np.unique(table.group[~has_data])
        excluded.note("pixels on nodata", (labels.ids[group] for group in lost), int((~has_data).sum()))
    table = table.subset(has_data)
    left_out = left_out_sentence(SamplePixels(table, excluded), reference.name)
    found = len(np.unique(table.class_index))
    if found < 2:
        raise QgsProcessingException(
            f"Pixels of at least two classes were expected; the layer {reference.name} labels {len(table)} pixels with "
            f"data on the raster {raster.name}, of {found} classes. {left_out} Check that "
            "layer and raster show the same place and have the right CRS."
        )
    return ReferenceSamples(
        reference, table.class_index, np.array(sources)[table.group], raster.grid, table.positions, left_out
    )


def plane_of(samples: ReferenceSamples, context: QgsCoordinateTransformContext) -> MetricPlane:
    """The plane to measure in; a thousand of the samples show where they lie."""
    step = max(1, len(samples.classes) // FEATURES_AT_ONCE)
    shapes = [samples.geometry(number) for number in range(0, len(samples.classes), step)]
    return metric_plane(samples.crs, shapes, context)


def positions_m(samples: ReferenceSamples, plane: MetricPlane, progress: ProgressRange) -> NDArray:
    """(N, 2) metres: where each sample lies; of a polygon or multipoint the centre of gravity."""
    import numpy as np

    positions = np.empty((len(samples.classes), 2))
    for number in range(len(positions)):
        if number % FEATURES_AT_ONCE == 0:
            progress.advance(number / len(positions))
        shape = plane.moved(samples.geometry(number))
        centroid = shape.centroid()  # a polygon without an extent has none
        centre = shape.boundingBox().center() if centroid.isEmpty() else centroid.asPoint()
        positions[number] = centre.x(), centre.y()
    return positions


def _usable(
    features: Iterable[QgsFeature], index: int, field: str, skipped: ExclusionCounts, progress: ProgressRange
) -> Iterable[tuple[QgsFeature, QgsGeometry]]:
    for number, feature in enumerate(features):
        if number % FEATURES_AT_ONCE == 0:
            progress.advance(0)  # how many there are is not always known
        if class_key(feature.attribute(index)) is None:
            skipped.note(f"without a class in the field '{field}'", [feature.id()])
            continue
        geometry = clean_sample(feature, skipped)
        if geometry is not None:
            yield feature, geometry


def _class_indices(reference: ReferenceLayer) -> NDArray:
    import numpy as np

    index_of = {key: index for index, key in enumerate(reference.classes)}
    return np.array([index_of[key] for key in reference.keys], dtype=np.int64)


def _labels_in(
    reference: ReferenceLayer, crs: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext
) -> tuple[LabelLayer, list[int]]:
    """The geometries in the raster's CRS, and the index of the feature of each."""
    transform = between(reference.crs, crs, context)
    shapes, sources, skipped = [], [], ExclusionCounts()
    features = zip(reference.features, reference.geometries, reference.keys)
    for index, (feature, geometry, key) in enumerate(features):
        shape = QgsGeometry(geometry)
        if transform is not None and not moved(shape, transform):
            skipped.note(OUTSIDE_CRS, [feature.id()])
            continue
        shapes.append((shape, key))
        sources.append(index)
    ids = tuple(reference.features[index].id() for index in sources)
    return LabelLayer(reference.name, "", reference.points, tuple(shapes), {}, skipped, ids), sources
