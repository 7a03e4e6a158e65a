# SPDX-License-Identifier: GPL-2.0-or-later
"""What every run that ends with a class map does, whether its features come from a raster or from the scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ...mtmsd_qgis.jobs.settings import ClassificationSettings
from ..translation import tr
from .classification_parameters import ACCURACY, MAPS, SampleLayers
from .outputs import RunOutputs

if TYPE_CHECKING:
    from qgis.core import QgsProcessingFeedback

    from ...mtmsd_qgis.jobs.data_model import ClassEntry, CubeFile
    from ...mtmsd_qgis.jobs.protocol import Job
    from ...mtmsd_qgis.jobs.results import MapResult
    from ..bridge.feedback import ProgressRange
    from ..bridge.raster.source import RasterSource
    from ..bridge.vector.labels import LabelLayer
    from .parameters import ParameterValues


@dataclass(frozen=True)
class ClassificationRun:
    """One run, from the samples to the maps and their report.

    Attributes:
        outputs: Of the run.
        settings: Of the classification.
        source: The raster, whose grid the maps have.
        labels: Training samples.
        reference: Validation samples, where there is a layer of them.
        maps: Where each map goes; None where it is not wanted.
        report: Where the report goes; None where it is not wanted.
    """

    outputs: RunOutputs
    settings: ClassificationSettings
    source: RasterSource
    labels: LabelLayer
    reference: LabelLayer | None
    maps: Mapping[str, Path | None] = field(default_factory=dict)
    report: Path | None = None

    @classmethod
    def collect(
        cls,
        outputs: RunOutputs,
        values: ParameterValues,
        settings: ClassificationSettings,
        source: RasterSource,
    ) -> ClassificationRun:
        """Look at the layers.

        Raises:
            QgsProcessingException: A layer cannot be used.
        """
        labels, reference = SampleLayers().read(values, source)
        return cls(outputs, settings, source, labels, reference)

    def with_destinations(self, values: ParameterValues) -> ClassificationRun:
        """The run that knows where its outputs go.

        Raises:
            QgsProcessingException: A map is not to be a GeoTIFF.
        """
        maps = {name: self.outputs.raster(values, name) for name in MAPS}
        return replace(self, maps=maps, report=self.outputs.file(values, "REPORT"))

    @property
    def evaluation_text(self) -> str:
        """What the accuracy will rest on, for the log."""
        return f"split {self.settings.split}" + (", judged by the validation layer" if self.reference else "")

    @property
    def probability_bands(self) -> int:
        """Classes that get a raster of probabilities; 0 where none is wanted."""
        return len({key for _, key in self.labels.shapes}) if self.maps["PROBABILITIES"] else 0

    def with_samples(self, job: Job, folder: Path, feedback: QgsProcessingFeedback, start: float) -> Job:
        """The job with what this run adds to its scene: sample files, classes, and whether probabilities are wanted.

        Args:
            job: Its scene lies in the folder.
            folder: The job folder.
            feedback: Told what is left out.
            start: Percent of the bar; the samples of each layer take one.

        Raises:
            QgsProcessingException: No sample, a single class, a class with one sample, or cancelled.
        """
        from ..bridge.feedback import ProgressRange
        from ..bridge.vector.sample_export import SampleExport

        export = SampleExport(self.source, job.scene, folder)
        training = export.training(self.labels, ProgressRange(feedback, start, start + 1))
        validation = None
        if self.reference is not None:
            progress = ProgressRange(feedback, start + 1, start + 2)
            validation = export.reference(self.reference, training, progress)
        return replace(
            job,
            samples=training.file,
            validation=validation,
            classes=training.classes,
            options={**job.options, "probabilities": self.maps["PROBABILITIES"] is not None},
        )

    def write_maps(
        self, result: MapResult, classes: Sequence[ClassEntry], folder: Path, progress: ProgressRange
    ) -> None:
        """GeoTIFFs of what the worker wrote, styled and named.

        Args:
            result: Of the worker.
            classes: In the order of the class indices.
            folder: Where the worker's rasters lie.
            progress: Told after each part.
        """
        from ..bridge.layers.styling import class_map_style, confidence_style
        from ..bridge.raster.geotiff import RawRaster, write_class_map, write_floats

        def raw(cube: CubeFile) -> RawRaster:
            return RawRaster(cube, folder, self.source.grid)

        outputs = self.outputs
        path, confidence, probabilities = (self.maps[name] for name in MAPS)
        write_class_map(raw(result.map), path, classes, progress)
        outputs.style("OUTPUT", class_map_style(classes))
        if confidence is not None:
            write_floats(raw(result.confidence), confidence, ["confidence"], progress)
            outputs.style("CONFIDENCE", confidence_style)
        if probabilities is not None and result.probabilities is not None:
            write_floats(raw(result.probabilities), probabilities, [entry.name for entry in classes], progress)
        group = tr("Maps of {scene}")
        for name in MAPS:
            if self.maps[name] is not None:
                outputs.title(name, self.source.name, group)

    def write_report(self, result: MapResult, extra: Mapping[str, str] = MappingProxyType({})) -> None:
        """The report of the map, where one is wanted, and its content as JSON and CSV beside it.

        They have its stem where that is free; a file of somebody else stays, and ours has another name.

        Args:
            result: Of the worker.
            extra: Further rows on what the map was made from.
        """
        if self.report is None:
            return
        from ...mtmsd_qgis.report.export import accuracy_csv, accuracy_json
        from ...mtmsd_qgis.report.reports import classification_notes, classification_report
        from ..bridge.files.atomic_write import write_texts

        rows = {
            "Raster": f"{self.source.name}, {self.source.size_text}",
            "Training layer": f"{self.labels.name}, field {self.labels.field}",
            **extra,
        }
        if self.reference is not None:
            rows["Validation layer"] = self.reference.name
        facts, area = self.outputs.report_facts(rows), self.source.grid.pixel_area_m2
        notes = classification_notes(result)
        write_texts(
            {
                self.report: classification_report(result, facts, area),
                self.outputs.beside(self.report, ".json"): accuracy_json(result, facts, area, notes),
                self.outputs.beside(self.report, ".csv"): accuracy_csv(result, area),
            }
        )

    def results(self, result: MapResult) -> dict[str, Any]:
        """A value for each of MapOutputs."""
        return {
            **{name: str(path) if path else None for name, path in self.maps.items()},
            "REPORT": str(self.report) if self.report else None,
            **{name: getattr(result.accuracy, name.lower(), None) for name in ACCURACY},
            "SECONDS": result.seconds,
            "DEVICE_USED": result.computation.device,
        }
