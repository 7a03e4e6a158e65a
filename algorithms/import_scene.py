# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:importscene: a .mat benchmark scene -> GeoTIFF, label raster and labelled points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterCrs,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
    QgsWkbTypes,
)

from ..mtmsd_qgis.jobs.data_model import ClassEntry
from ..mtmsd_qgis.jobs.protocol import Job
from ..mtmsd_qgis.jobs.results import ImportResult
from .base.algorithm import MtmsdAlgorithm
from .base.parameters import ParameterValues
from .base.rasters.raster_files import RasterStorage

if TYPE_CHECKING:
    from .bridge.feedback import ProgressRange
    from .bridge.raster.geotiff import RawRaster
    from .bridge.raster.source import Grid


class ImportScene(MtmsdAlgorithm):
    """Brings a benchmark scene into QGIS."""

    MODULE = "scipy"

    def name(self) -> str:
        """Fixed id."""
        return "importscene"

    def displayName(self) -> str:
        """Title."""
        return self.tr("Import benchmark scene (.mat)")

    def group(self) -> str:
        """Heading in the toolbox."""
        return self.tr("Data and environment")

    def groupId(self) -> str:
        """Fixed id of the heading."""
        return "dataenvironment"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("hyperspectral,matlab,indian pines,pavia,ground truth,geotiff").split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Reads a hyperspectral scene and its ground truth from MATLAB files, the form in which the public "
            "benchmark scenes are handed round, and writes a GeoTIFF, a raster of the labels, and a point layer "
            "with one point for every labelled pixel, for use as a training layer."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        mat = self.tr("MATLAB files (*.mat);;All files (*)")
        self.declare(
            QgsProcessingParameterFile("INPUT", self.tr("Scene"), fileFilter=mat),
            self.tr("File with an array of rows, columns and bands; versions 5 to 7.2 of the format."),
        )
        self.declare(
            QgsProcessingParameterString("VARIABLE", self.tr("Name of the array"), optional=True),
            self.tr("Needed only where the file holds several arrays of three dimensions."),
            advanced=True,
        )
        self.declare(
            QgsProcessingParameterFile("GROUND_TRUTH", self.tr("Ground truth"), optional=True, fileFilter=mat),
            self.tr("File with an array of rows and columns: class ids, 0 where there is no label."),
        )
        self.declare(
            QgsProcessingParameterNumber(
                "PIXEL_SIZE", self.tr("Pixel size"), QgsProcessingParameterNumber.Type.Double, 1.0, minValue=1e-9
            ),
            self.tr("In the unit of the CRS; metres where none is given. The files do not tell it."),
        )
        self.declare(
            QgsProcessingParameterCrs("CRS", self.tr("CRS"), None, optional=True),
            self.tr("Not set: a local grid in metres, as the files do not say where on Earth the scene lies."),
        )
        self.declare_groups(RasterStorage())
        self.declare(
            QgsProcessingParameterRasterDestination("OUTPUT", self.tr("Scene")),
            self.tr("GeoTIFF with the values and bands of the file."),
        )
        self.declare(
            QgsProcessingParameterRasterDestination(
                "OUTPUT_REFERENCE", self.tr("Label raster"), optional=True, createByDefault=False
            ),
            self.tr("Class ids, 0 where there is no label. Needs a ground truth."),
        )
        self.declare(
            QgsProcessingParameterFeatureSink(
                "OUTPUT_SAMPLES",
                self.tr("Labelled points"),
                QgsProcessing.SourceType.TypeVectorPoint,
                optional=True,
                createByDefault=True,
            ),
            self.tr("One point a labelled pixel, with the fields class_id and class. Needs a ground truth."),
        )

    def check_settings(self, values: ParameterValues) -> None:
        """Look at the CRS once."""
        _crs_from(values)

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Look at the files' names."""
        from .bridge.files.trial_layer import refuse_format

        refuse_format("OUTPUT_SAMPLES", values.destination("OUTPUT_SAMPLES"), _point_fields(), QgsWkbTypes.Type.Point)
        self._inputs = {"mat": _matlab_file(values, "INPUT")}
        if values.is_given("GROUND_TRUTH"):
            self._inputs["ground_truth"] = _matlab_file(values, "GROUND_TRUTH")
        elif values.is_given("OUTPUT_REFERENCE"):
            raise QgsProcessingException(
                "A label raster needs a ground truth; GROUND_TRUTH is empty. Choose its file, or leave out the label "
                "raster."
            )
        self._crs = _crs_from(values)

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Read the files in the worker, write the layers here."""
        from .bridge.feedback import ProgressRange
        from .bridge.layers.styling import class_map_style
        from .bridge.raster.geotiff import RawRaster, classes_from, write_class_map, write_many_bands
        from .bridge.worker.worker_process import job_folder, read_result, run_worker

        output = self.outputs.raster(values, "OUTPUT")
        reference = self.outputs.raster(values, "OUTPUT_REFERENCE")
        variable = values.text("VARIABLE")
        samples = None
        with job_folder() as folder:
            job = Job("importscene", inputs=self._inputs, options={"variable": variable} if variable else {})
            result = read_result(ImportResult, run_worker(job, folder, self.MODULE, ProgressRange(feedback, 0, 50)))
            cube = result.cube
            feedback.pushInfo(f"Scene: {cube.width} x {cube.height} pixels, {len(cube.bands)} bands, {cube.dtype}.")
            grid = self._grid(cube.height, cube.width, values.number("PIXEL_SIZE"))
            scene = RawRaster(cube, folder, grid, self.outputs.format("OUTPUT"))
            write_many_bands(scene, output, ProgressRange(feedback, 50, 70))
            if result.reference is not None:
                labels = RawRaster(result.reference, folder, grid)
                classes = classes_from(result.class_names)
                if reference is not None:
                    stored = replace(labels, format=self.outputs.format("OUTPUT_REFERENCE"))
                    write_class_map(stored, reference, classes, ProgressRange(feedback, 70, 75))
                    self.outputs.style("OUTPUT_REFERENCE", class_map_style(classes))
                samples = self._write_points(values, labels, classes, ProgressRange(feedback, 75, 100))
        written = {"OUTPUT": output, "OUTPUT_REFERENCE": reference, "OUTPUT_SAMPLES": samples}
        for name in (name for name, place in written.items() if place):
            self.outputs.title(name, Path(self._inputs["mat"]).stem, "{scene}")
        return {
            "OUTPUT": str(output),
            "OUTPUT_REFERENCE": str(reference) if reference else None,
            "OUTPUT_SAMPLES": samples,
        }

    def _grid(self, height: int, width: int, pixel_size: float) -> Grid:
        """North up, lower left corner at the origin, so that all coordinates are positive."""
        from .bridge.raster.source import Grid

        transform = (0.0, pixel_size, 0.0, height * pixel_size, 0.0, -pixel_size)
        wkt = self._crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED_GDAL)
        return Grid(height, width, transform, wkt, self._crs)

    def _write_points(
        self, values: ParameterValues, labels: RawRaster, classes: Sequence[ClassEntry], progress: ProgressRange
    ) -> str | None:
        from .bridge.layers.styling import samples_style
        from .bridge.vector.raster_to_points import labelled_points

        fields = _point_fields()
        sink, destination = values.sink("OUTPUT_SAMPLES", fields, QgsWkbTypes.Type.Point, labels.grid.crs)
        if sink is None:
            return None
        names: Mapping[int, str] = {entry.id: entry.name for entry in classes}
        content = (labels.folder / labels.cube.file).read_bytes()
        for feature in labelled_points(content, labels.grid, fields, names, progress):
            if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                raise QgsProcessingException(f"The labelled points cannot be written: {sink.lastError()}")
        del sink  # closes the file
        self.outputs.add_layer("OUTPUT_SAMPLES", destination)
        self.outputs.style("OUTPUT_SAMPLES", samples_style(classes, "class", by_name=True))
        return destination


def _point_fields() -> QgsFields:
    from .bridge.vector.field_types import TEXT, WHOLE_NUMBER

    fields = QgsFields()
    fields.append(QgsField("class_id", WHOLE_NUMBER))
    fields.append(QgsField("class", TEXT))
    return fields


def _matlab_file(values: ParameterValues, name: str) -> str:
    path = values.file(name)
    if path is None or not path.is_file():
        raise QgsProcessingException(f"{name} should be a MATLAB file; there is no file {path}. Choose it again.")
    return str(path.absolute())


def _crs_from(values: ParameterValues) -> QgsCoordinateReferenceSystem:
    """The CRS that is given, or the local grid.

    Raises:
        QgsProcessingException: QGIS does not know it.
    """
    crs, given = values.crs("CRS"), values.raw("CRS")
    if crs is None and isinstance(given, str) and given.strip():
        raise QgsProcessingException(
            f"CRS should be a coordinate system that QGIS knows, such as EPSG:32632; found '{given}'. Choose another, "
            "or leave it empty for a local grid."
        )
    return crs or local_grid_crs()


def local_grid_crs() -> QgsCoordinateReferenceSystem:
    """A plane in metres that lies nowhere on Earth: an engineering CRS."""
    return QgsCoordinateReferenceSystem.fromWkt(
        'LOCAL_CS["Local metric grid",UNIT["metre",1,AUTHORITY["EPSG","9001"]],'
        'AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
    )
