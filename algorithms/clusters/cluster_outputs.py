# SPDX-License-Identifier: GPL-2.0-or-later
"""The outputs of a cluster map: GeoTIFFs, places to look at, report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import QgsFeatureSink, QgsProcessingException

from ..base.outputs import RunOutputs
from ..base.translation import tr

if TYPE_CHECKING:
    from ...mtmsd_qgis.jobs.clusters.cluster_map import ClusterResult
    from ...mtmsd_qgis.jobs.data_model import CubeFile
    from ..base.parameters import ParameterValues
    from ..bridge.feedback import ProgressRange
    from ..bridge.raster.source import RasterSource

_RASTERS = ("OUTPUT", "CONFIDENCE", "OUTPUT_LEVELS")


@dataclass
class ClusterFiles:
    """Where the outputs of a run go.

    Attributes:
        outputs: Of the run.
        source: The raster, whose grid the maps have.
        paths: Of the rasters; None where one is not wanted.
        report: None where it is not wanted.
        places: The layer of places, once it is written.
    """

    outputs: RunOutputs
    source: RasterSource
    paths: Mapping[str, Path | None]
    report: Path | None
    places: str | None = None

    @classmethod
    def of(cls, outputs: RunOutputs, values: ParameterValues, source: RasterSource) -> ClusterFiles:
        """Ask where they go.

        Raises:
            QgsProcessingException: A map is not to be a GeoTIFF.
        """
        paths = {name: outputs.raster(values, name) for name in _RASTERS}
        return cls(outputs, source, paths, outputs.file(values, "REPORT"))

    @property
    def map(self) -> Path:
        """The cluster map."""
        path = self.paths["OUTPUT"]
        if path is None:
            raise QgsProcessingException("OUTPUT should be a file for the cluster map; it is empty. Name one.")
        return path

    def write(self, result: ClusterResult, values: ParameterValues, progress: ProgressRange) -> None:
        """GeoTIFFs of what the worker wrote, and the places, styled and named."""
        from ..bridge.layers.styling import class_map_style, share_style
        from ..bridge.raster.geotiff import RawRaster, write_class_levels, write_class_map, write_floats

        folder, outputs = Path(result.folder), self.outputs

        def raw(cube: CubeFile, name: str) -> RawRaster:
            return RawRaster(cube, folder, self.source.grid, outputs.format(name))

        write_class_map(raw(result.map, "OUTPUT"), self.map, result.classes, progress)
        outputs.style("OUTPUT", class_map_style(result.classes))
        confidence, levels = self.paths["CONFIDENCE"], self.paths["OUTPUT_LEVELS"]
        if confidence is not None:
            write_floats(raw(result.confidence, "CONFIDENCE"), confidence, ["confidence"], progress)
            outputs.style("CONFIDENCE", share_style)
        if levels is not None and result.levels_map is not None:
            write_class_levels(raw(result.levels_map, "OUTPUT_LEVELS"), levels, progress)
            outputs.style("OUTPUT_LEVELS", class_map_style(result.levels[0].classes))
        for name, path in self.paths.items():
            if path is not None:
                outputs.title(name, self.source.name, tr("Maps of {scene}"))
        self._write_places(result, values)

    def _write_places(self, result: ClusterResult, values: ParameterValues) -> None:
        from ..bridge.clusters.suggested_places import PLACE_KIND, place_features, place_fields

        fields = place_fields()
        sink, destination = values.sink("SUGGESTIONS", fields, PLACE_KIND, self.source.grid.crs)
        if sink is None:
            return
        features = place_features(result.suggestions, self.source.grid, fields)
        if not sink.addFeatures(features, QgsFeatureSink.Flag.FastInsert):
            raise QgsProcessingException(f"SUGGESTIONS cannot be written: {sink.lastError()}")
        del sink  # closes the file
        self.places = destination
        self.outputs.add_layer("SUGGESTIONS", destination)
        self.outputs.title("SUGGESTIONS", self.source.name, tr("Maps of {scene}"))

    def write_report(self, result: ClusterResult, rows: Mapping[str, str]) -> None:
        """The report, where one is wanted, and its content as JSON in a file of the same stem."""
        if self.report is None:
            return
        from ...mtmsd_qgis.report.cluster_report import cluster_json, cluster_report
        from ..bridge.files.atomic_write import write_texts

        facts, area = self.outputs.report_facts(rows), self.source.grid.pixel_area_m2
        write_texts(
            {
                self.report: cluster_report(result, facts, area),
                self.outputs.beside(self.report, ".json"): cluster_json(result, facts, area),
            }
        )

    def results(self) -> dict[str, Any]:
        """A value for each output."""
        return {
            **{name: str(path) if path else None for name, path in self.paths.items()},
            "SUGGESTIONS": self.places,
            "REPORT": str(self.report) if self.report else None,
        }
