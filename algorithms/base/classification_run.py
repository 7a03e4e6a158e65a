# SPDX-License-Identifier: GPL-2.0-or-later
"""What every run that ends with a class map does, whether its features come from a raster or from the scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ...mtmsd_qgis.jobs.settings import ClassificationSettings
from .choices.finish_parameters import FinishParameters, finish_rows
from .choices.number_fields import SampleWeightField
from .choices.segment_parameters import SegmentFiles, SegmentParameters, segment_bands, segment_rows
from .classification_parameters import ACCURACY, ClassifierFile, SampleLayers
from .explanation.explain_parameter import ExplainParameter
from .outputs import RunOutputs
from .rasters.extra_rasters import ChosenExtras
from .rasters.map_files import MAPS, MapFiles, share_bands, wanted_rasters
from .translation import tr
from .uncertainty.suggestion_parameters import OUTPUT as SUGGESTIONS
from .uncertainty.suggestion_parameters import SuggestionParameters

if TYPE_CHECKING:
    from qgis.core import QgsCoordinateTransformContext, QgsProcessingFeedback

    from ...mtmsd_qgis.jobs.data_model import ClassEntry
    from ...mtmsd_qgis.jobs.protocol import Job
    from ...mtmsd_qgis.jobs.results import MapResult
    from ..bridge.choices.class_table import ChosenSamples
    from ..bridge.explanation.explained_points import ExplainedPoints
    from ..bridge.feedback import ProgressRange
    from ..bridge.raster.source import RasterSource
    from ..bridge.uncertainty.suggestion_points import WantedSuggestions
    from ..bridge.vector.labels import LabelLayer
    from .parameters import ParameterValues
    from .rasters.extra_scenes import ExtraScene


CLASSIFIER_FILE = "classifier.mtmsdc"  # in the job folder
_SUGGESTION_BANDS = 4  # that a run writes to suggest samples, at most: uncertainty, and the runner-up


@dataclass(frozen=True)
class ClassificationRun:
    """One run, from the samples to the maps and their report.

    Attributes:
        outputs: Of the run.
        settings: Of the classification.
        source: The raster, whose grid the maps have.
        samples: Training samples, and validation samples where there is a layer of them.
        maps: Where each map goes; None where it is not wanted.
        report: Where the report goes; None where it is not wanted.
        classifier: Where the classifier's file goes; None where it is not wanted.
        include_model: Whether the diffusion model goes into it.
        extra: Further rasters to learn from, with the training samples in their CRS.
        suggestions: Samples to take next that are asked for; None: none.
        explain: Pixels whose classes are to be explained; None: none.
        transforms: Of the project.
        extras: What the classifier may know beside the raster.
        segments: Where segments go; None before that is asked.
    """

    outputs: RunOutputs
    settings: ClassificationSettings
    source: RasterSource
    samples: ChosenSamples
    maps: Mapping[str, Path | None] = field(default_factory=dict)
    report: Path | None = None
    classifier: Path | None = None
    include_model: bool = False
    extra: tuple[tuple[ExtraScene, LabelLayer], ...] = ()
    suggestions: WantedSuggestions | None = None
    explain: ExplainedPoints | None = None
    transforms: QgsCoordinateTransformContext | None = None
    extras: ChosenExtras = field(default_factory=ChosenExtras)
    segments: SegmentFiles | None = None

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
        from ..bridge.choices.class_table import areas_of
        from ..bridge.vector.labels import make_classes

        finish = FinishParameters().read(values, source)
        settings = replace(settings, finish=finish, segments=SegmentParameters().read(values))
        suggestions = SuggestionParameters().collect(values, source)
        samples = SampleLayers().read(values, source)
        if settings.class_weights == "area":
            areas_of(samples.areas, make_classes(samples.training))
        explain = ExplainParameter().read(values, source)
        return cls(outputs, settings, source, samples, suggestions=suggestions, explain=explain)

    def with_destinations(self, values: ParameterValues) -> ClassificationRun:
        """The run that knows where its outputs go.

        Raises:
            QgsProcessingException: A map is not to be a GeoTIFF.
        """
        maps = {name: self.outputs.raster(values, name) for name in MAPS}
        return replace(
            self,
            maps=maps,
            transforms=values.transforms,
            report=self.outputs.file(values, "REPORT"),
            classifier=self.outputs.file(values, ClassifierFile.OUTPUT),
            include_model=ClassifierFile.includes_model(values),
            segments=SegmentFiles.of(self.outputs, values, self.source),
        )

    def with_weights(self, values: ParameterValues) -> ClassificationRun:
        """The run whose settings name the field of weights, where samples do not all count alike."""
        layers = [self.labels, *(labels for _, labels in self.extra)]
        if len({weight for labels in layers for weight in labels.weights.values()}) < 2:
            return self
        return replace(self, settings=replace(self.settings, sample_weight_field=SampleWeightField.named(values)))

    @property
    def labels(self) -> LabelLayer:
        """Training samples."""
        return self.samples.training

    @property
    def reference(self) -> LabelLayer | None:
        """Validation samples, where there is a layer of them."""
        return self.samples.reference

    @property
    def evaluation_text(self) -> str:
        """What the accuracy will rest on, for the log."""
        return f"split {self.settings.split}" + (", judged by the validation layer" if self.reference else "")

    @property
    def share_bands(self) -> int:
        """Bands of probabilities, of uncertainty, of segments and for suggestions that are written at most."""
        classes = len({key for _, key in self.labels.shapes})
        bands = share_bands(self.maps, classes, self.settings.finish) + segment_bands(self.settings.segments, classes)
        return bands + (_SUGGESTION_BANDS if self.suggestions else 0)

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
        from ..bridge.choices.class_table import areas_of
        from ..bridge.feedback import ProgressRange
        from ..bridge.vector.sample_export import SampleExport, training_of_several

        for sentence in (*self.samples.sentences, *self.samples.weight_sentences):
            feedback.pushInfo(sentence)
        for sentence in self.samples.warnings:
            feedback.pushWarning(sentence)
        export = SampleExport(self.source, job.scene, folder)
        reading = ProgressRange(feedback, start, start + 1)
        if self.extra:
            others = [
                (SampleExport(scene.source, cube, folder), labels)
                for (scene, labels), cube in zip(self.extra, job.extra_scenes)
            ]
            training, extra_samples = training_of_several([(export, self.labels), *others], reading)
            job = replace(job, extra_samples=extra_samples)
        else:
            training = export.training(self.labels, reading)
        validation = None
        if self.reference is not None:
            progress = ProgressRange(feedback, start + 1, start + 2)
            validation = export.reference(self.reference, training, progress)
        options, outputs = dict(job.options), dict(job.outputs)
        if self.settings.class_weights == "area":
            options["class_areas"] = areas_of(self.samples.areas, training.by_key)
        if self.classifier is not None:
            options.update(source_name=self.source.name, include_model=self.include_model)
            outputs["classifier"] = str(folder / CLASSIFIER_FILE)
        options.update(self._point_options(folder, feedback))
        return replace(
            job,
            samples=training.file,
            sample_weights=training.weights,
            validation=validation,
            classes=training.classes,
            outputs=outputs,
            options={**options, **wanted_rasters(self.maps), **(self.segments.options if self.segments else {})},
        )

    def _point_options(self, folder: Path, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Options of the job on points that are explained and on points that are suggested."""
        options: dict[str, Any] = {}
        if self.explain is not None:
            options["explain"] = [vars(point) for point in self.explain.pixels]
        if self.suggestions is not None:
            options["suggestions"] = self.suggestions.option(folder, self.source.grid, self.transforms)
        for asked in (self.explain, self.suggestions):
            if asked is not None and asked.warning:
                feedback.pushWarning(asked.warning)
        return options

    @property
    def _extra_rows(self) -> dict[str, str]:
        """What the report says of further rasters."""
        rasters = "; ".join(f"{scene.source.name}, {scene.source.size_text}" for scene, _ in self.extra)
        return {"Further rasters learnt from": rasters} if rasters else {}

    def write_maps(
        self, result: MapResult, classes: Sequence[ClassEntry], job_folder: Path, progress: ProgressRange
    ) -> None:
        """GeoTIFFs of what the worker wrote, as MapFiles.write, and the classifier's file."""
        from ...mtmsd_qgis.jobs.results import SceneMapResult
        from ..bridge.files.atomic_write import copy_file

        folder = Path(result.folder) if isinstance(result, SceneMapResult) else job_folder
        MapFiles(self.outputs, self.source, self.maps).write(result, classes, folder, progress)
        if self.classifier is not None:
            copy_file(job_folder / CLASSIFIER_FILE, self.classifier)

    def write_segments(
        self, values: ParameterValues, result: MapResult, job_folder: Path, progress: ProgressRange
    ) -> dict[str, str | None]:
        """Raster and polygons of the segments, as SegmentFiles.write; a value for each of these outputs."""
        from ...mtmsd_qgis.jobs.results import SceneMapResult

        folder = Path(result.folder) if isinstance(result, SceneMapResult) else job_folder
        return self.segments.write(values, result, folder, progress) if self.segments else {}

    def write_suggestions(self, values: ParameterValues, result: MapResult) -> str | None:
        """The layer of samples to take next, styled and named; its id, None where it is not wanted.

        Raises:
            QgsProcessingException: The layer cannot be written.
        """
        from qgis.core import QgsWkbTypes

        from ..bridge.uncertainty.suggestion_points import points_style, suggestion_fields, write_points

        if self.suggestions is None:
            return None
        grid = self.source.grid
        sink, destination = values.sink(SUGGESTIONS, suggestion_fields(), QgsWkbTypes.Type.Point, grid.crs)
        if sink is None:
            return None
        write_points(sink, result.suggestions or (), result.classes, grid)
        del sink  # closes the file
        self.outputs.add_layer(SUGGESTIONS, destination)
        self.outputs.title(SUGGESTIONS, self.source.name, tr("Maps of {scene}"))
        self.outputs.style(SUGGESTIONS, points_style)
        return destination

    def write_report(self, result: MapResult, extra: Mapping[str, str] = MappingProxyType({})) -> None:
        """The report of the map, where one is wanted, and its content as JSON and CSV beside it.

        They have its stem where that is free; a file of somebody else stays, and ours has another name.

        Args:
            result: Of the worker.
            extra: Further rows on what the map was made from.
        """
        if self.report is None:
            return
        from ...mtmsd_qgis.jobs.choice_results import ChoiceFacts
        from ...mtmsd_qgis.report.export import accuracy_csv, accuracy_json
        from ...mtmsd_qgis.report.reports import classification_notes, classification_report
        from ..bridge.explanation.explained_points import with_features
        from ..bridge.files.atomic_write import write_texts
        from ..bridge.vector.labels import not_judged

        rows = {
            "Raster": f"{self.source.name}, {self.source.size_text}",
            "Training layer": f"{self.labels.name}, field {self.labels.field}",
            **self._extra_rows,
            **segment_rows(self.settings.segments),
            **finish_rows(self.settings.finish, self.source),
            **self.extras.rows,
            **extra,
        }
        if self.reference is not None:
            rows["Validation layer"] = self.reference.name
            sentence = f"{result.split.sentence} {not_judged(self.labels, self.reference, result.classes)}".rstrip()
            result = replace(result, split=replace(result.split, sentence=sentence))
        if self.samples.sentences or self.samples.weight_sentences:
            choices = replace(
                result.choices or ChoiceFacts(),
                class_table=self.samples.sentences,
                left_out_samples=self.samples.weight_sentences or None,
            )
            result = replace(result, choices=choices)
        if result.explanations:
            explained = with_features(result.explanations, self.labels.ids, self.source.grid)
            result = replace(result, explanations=explained)
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
            ClassifierFile.OUTPUT: str(self.classifier) if self.classifier else None,
            **{name: getattr(result.accuracy, name.lower(), None) for name in ACCURACY},
            "SECONDS": result.seconds,
            "DEVICE_USED": result.computation.device,
        }
