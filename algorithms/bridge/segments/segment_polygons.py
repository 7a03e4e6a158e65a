# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments of the worker -> polygons along the borders of pixels, with what is known of each.

Enters: a raster of segments, and a table of them. Leaves: features, the least certain first, whose polygons take the
same pixels again where they are training samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from osgeo import gdal, ogr
from qgis.core import NULL, QgsFeature, QgsField, QgsFields, QgsGeometry, QgsProcessingUtils, QgsWkbTypes

from ....mtmsd_qgis.jobs.data_model import ClassEntry, CubeFile
from ....mtmsd_qgis.jobs.map_choices import SEGMENT_COLUMNS
from ..feedback import ProgressRange
from ..raster.geotiff import RawRaster
from ..vector.field_types import LONG_NUMBER, NUMBER, TEXT, WHOLE_NUMBER

if TYPE_CHECKING:
    from numpy.typing import NDArray

POLYGON_KIND = QgsWkbTypes.Type.Polygon
CLASS_FIELD = "class_id"
_ID = "id"
_DIGITS = 4  # of shares
_TRACED = 0.5  # of the time, when all polygons are there


def segment_fields() -> QgsFields:
    """Of the layer of polygons."""
    fields = QgsFields()
    for name, kind in (
        (_ID, LONG_NUMBER),
        ("class", TEXT),
        (CLASS_FIELD, WHOLE_NUMBER),
        ("confidence", NUMBER),
        ("runner_up", TEXT),
        ("runner_up_share", NUMBER),
        ("pixels", LONG_NUMBER),
        ("purity", NUMBER),
    ):
        fields.append(QgsField(name, kind))
    return fields


@dataclass(frozen=True)
class WrittenSegments:
    """What the worker wrote.

    Attributes:
        raster: The segment of each pixel, 0 for none.
        table: Of all segments.
        classes: Of the map.
    """

    raster: RawRaster
    table: CubeFile
    classes: Sequence[ClassEntry]

    def features(self, progress: ProgressRange) -> Iterator[QgsFeature]:
        """A polygon of each segment that has a class, the least certain first.

        Raises:
            QgsProcessingException: The user cancelled.
            OSError: GDAL cannot make polygons.
        """
        import numpy as np

        names, fields = {entry.id: entry.name for entry in self.classes}, segment_fields()
        rows = self._rows()
        with self._polygons(progress) as layer:
            number_of = np.full(len(rows) + 1, -1, dtype=np.int64)  # of a polygon in its file
            for polygon in layer:
                number_of[polygon.GetField(_ID)] = polygon.GetFID()
            confidence = rows[:, SEGMENT_COLUMNS.index("confidence")]
            wanted = [n for n in np.argsort(confidence, kind="stable").tolist() if number_of[n + 1] >= 0]
            for done, n in enumerate(wanted):
                values = dict(zip(SEGMENT_COLUMNS, rows[n].tolist()))
                class_id, other = int(values["class_id"]), int(values["runner_up_id"])
                if not class_id:
                    continue
                feature = QgsFeature(fields)
                polygon, shape = layer.GetFeature(int(number_of[n + 1])), QgsGeometry()  # it owns what it refers to
                shape.fromWkb(bytes(polygon.GetGeometryRef().ExportToWkb()))
                feature.setGeometry(shape)
                feature.setAttributes(
                    [
                        n + 1,
                        names.get(class_id, NULL),
                        class_id,
                        round(values["confidence"], _DIGITS),
                        names.get(other, NULL),
                        round(values["runner_up_share"], _DIGITS),
                        int(values["pixels"]),
                        round(values["purity"], _DIGITS),
                    ]
                )
                yield feature
                progress.advance(_TRACED + (1 - _TRACED) * (done + 1) / len(wanted))

    def _rows(self) -> NDArray:
        """(M, columns) of the table."""
        import numpy as np

        values = np.fromfile(self.raster.folder / self.table.file, np.dtype(self.table.dtype).newbyteorder("<"))
        return values.reshape(-1, len(SEGMENT_COLUMNS))

    @contextmanager
    def _polygons(self, progress: ProgressRange) -> Iterator[ogr.Layer]:
        """Polygons of all segments, in a temporary file, so that they need no memory."""
        with TemporaryDirectory(prefix="mtmsd-segments-", dir=QgsProcessingUtils.tempFolder()) as folder:
            placed = gdal.GetDriverByName("VRT").CreateCopy(
                "", gdal.Open(str(self.raster.folder / self.raster.cube.file))
            )
            placed.SetGeoTransform(self.raster.grid.transform)
            file = ogr.GetDriverByName("GPKG").CreateDataSource(str(Path(folder) / "segments.gpkg"))
            layer = file.CreateLayer("segments", None, ogr.wkbPolygon)
            layer.CreateField(ogr.FieldDefn(_ID, ogr.OFTInteger64))
            band = placed.GetRasterBand(1)

            def heard(*_: object) -> int:
                progress.beat()
                return 0 if progress.feedback.isCanceled() else 1

            failure = gdal.Polygonize(band, band, layer, 0, [], callback=heard)
            try:
                progress.advance(_TRACED)
                if failure:
                    raise OSError(gdal.GetLastErrorMsg())
                yield layer
            finally:
                del layer, file, band, placed  # closes the files
