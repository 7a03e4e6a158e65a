# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:nameclusters: cluster map + a few labelled points, or a table -> class map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterMatrix,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..base.algorithm import MtmsdAlgorithm
from ..base.parameters import Overlaps, ParameterValues, read_label_layer
from ..base.rasters.raster_files import RasterStorage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..bridge.vector.labels import LabelLayer

_UNNAMED = ("keep", "nodata")


class NameClusters(MtmsdAlgorithm):
    """Gives the clusters of a map the names of classes."""

    MODULE = ""  # numpy is all it needs, and QGIS has that

    def name(self) -> str:
        """Fixed id."""
        return "nameclusters"

    def displayName(self) -> str:
        """Title."""
        return self.tr("Name clusters")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("unsupervised,clustering,labelling,reclassify,class map,land cover").split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Makes an ordinary class map of a cluster map: each cluster takes the class of the labelled points or "
            "polygons in it, or the name that a table gives it. One point in each cluster is enough; 'Map clusters of "
            "a scene' suggests where. Clusters of one class become one. It needs no torch."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        kinds = [QgsProcessing.SourceType.TypeVectorPoint, QgsProcessing.SourceType.TypeVectorPolygon]
        self.declare(
            QgsProcessingParameterRasterLayer("INPUT", self.tr("Cluster map")),
            self.tr("One band of whole numbers, of 'Map clusters of a scene' or any other program."),
        )
        self.declare(
            QgsProcessingParameterFeatureSource(
                "SAMPLES", self.tr("Labelled points or polygons"), kinds, optional=True
            ),
            self.tr(
                "A few, in any CRS. A cluster takes the class that most of its labelled pixels have, where that has a "
                "probability of 0.5 or more."
            ),
        )
        self.declare(
            QgsProcessingParameterField(
                "CLASS_FIELD", self.tr("Class field"), parentLayerParameterName="SAMPLES", optional=True
            ),
            self.tr("Of the labelled layer. Features without a value are left out."),
        )
        self.declare(
            QgsProcessingParameterMatrix(
                "TABLE",
                self.tr("Names of clusters"),
                1,
                False,
                [self.tr("Cluster"), self.tr("Class")],
                [],
                optional=True,
            ),
            self.tr("Number of a cluster and its class, a row each. What stands here counts more than the layer."),
        )
        self.declare(
            QgsProcessingParameterEnum(
                "UNNAMED",
                self.tr("Clusters without a name"),
                list(_UNNAMED),
                False,
                _UNNAMED[0],
                usesStaticStrings=True,
            ),
            self.tr("keep: each stays a class of its own, called after its number. nodata: they become no data."),
            advanced=True,
        )
        self.declare_groups(Overlaps(), RasterStorage())
        self.declare(
            QgsProcessingParameterRasterDestination("OUTPUT", self.tr("Class map")),
            self.tr("GeoTIFF of class ids, 0 where there is no data."),
        )
        for name, title in (
            ("CLASSES", self.tr("Classes on the map")),
            ("NAMED_SHARE", self.tr("Share of the map that has a name (%)")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, title))

    def check_settings(self, values: ParameterValues) -> None:
        """There must be something to take names from."""
        table = _table(values)
        if not values.is_given("SAMPLES") and not table:
            raise QgsProcessingException(
                "Names were expected: labelled features as SAMPLES, or a TABLE of clusters and classes. Give one of "
                "them."
            )
        if values.is_given("SAMPLES") and not values.field("CLASS_FIELD"):
            raise QgsProcessingException("SAMPLES needs CLASS_FIELD, the field with the classes. Choose the field.")

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Look at map and layer."""
        from ..bridge.raster.class_map_reader import describe_class_map
        from ..bridge.vector.labels import refuse_two_spellings

        self.check_settings(values)
        self._table = _table(values)
        self._map = describe_class_map(values.raster("INPUT"), "INPUT")
        self._labels: LabelLayer | None = None
        if values.is_given("SAMPLES"):
            self._labels = read_label_layer(values, "SAMPLES", self._map.source)
            refuse_two_spellings(self._labels, "Write them alike.")

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Look up the samples, name the clusters, write the class map."""
        from ..bridge.clusters.naming import NamedMap
        from ..bridge.layers.styling import class_map_style
        from ..bridge.worker.worker_process import job_folder

        path = self.outputs.raster(values, "OUTPUT")
        if path is None:
            raise QgsProcessingException("OUTPUT should be a file for the class map; it is empty. Name one.")
        keep = values.choice("UNNAMED") == "keep"
        feedback.pushInfo(f"Cluster map: {self._map.source.name}, {self._map.source.size_text}.")
        with job_folder() as folder:
            named = NamedMap.find(self._map, self._labels, self._table, (folder, values.transforms), feedback)
            classes = named.write(path, self.outputs.format("OUTPUT"), keep, feedback)
        self.outputs.style("OUTPUT", class_map_style(classes))
        self.outputs.title("OUTPUT", self._map.source.name, self.tr("Maps of {scene}"))
        return {"OUTPUT": str(path), "CLASSES": len(classes), "NAMED_SHARE": named.named_share}


def _table(values: ParameterValues) -> Mapping[int, str]:
    """The rows of TABLE.

    Raises:
        QgsProcessingException: One is not right.
    """
    from ...mtmsd_qgis.sampling.cluster_names import read_name_table

    try:
        return read_name_table(values.matrix("TABLE"))
    except ValueError as error:
        raise QgsProcessingException(
            f"TABLE should have the number of a cluster and its class in each row, each cluster once; found {error}. "
            "Correct the table."
        ) from None
