# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:applyclassifier: raster + classifier file -> class map, and whether it may be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..mtmsd_qgis.jobs.classifier_description import SCENE
from ..mtmsd_qgis.jobs.protocol import Job
from ..mtmsd_qgis.jobs.results import ApplyResult
from ..mtmsd_qgis.jobs.settings import ADAPTATIONS, ApplySettings, to_json
from .base.algorithm import MtmsdAlgorithm
from .base.choices.finish_parameters import FinishParameters, finish_rows
from .base.choices.segment_parameters import (
    SegmentFiles,
    SegmentOutputs,
    SegmentParameters,
    segment_bands,
    segment_rows,
)
from .base.classification_parameters import UncertaintyOutput
from .base.extraction_parameters import ResumeFolderParameter
from .base.parameters import Device, ParameterValues, WorkerOutputs
from .base.pretraining_parameters import BandsAndMask
from .base.rasters.extra_rasters import ExtraRasters
from .base.rasters.map_files import MAPS, MapFiles, share_bands, wanted_rasters
from .base.rasters.raster_files import RasterStorage

if TYPE_CHECKING:
    from .bridge.feedback import ProgressRange
    from .bridge.raster.source import RasterSource

APPLICABILITY = "APPLICABILITY"


class ApplyClassifier(MtmsdAlgorithm):
    """Maps another scene with a classifier that was learnt before."""

    def name(self) -> str:
        """Fixed id."""
        return "applyclassifier"

    def displayName(self) -> str:
        """Title."""
        return self.tr("Apply classifier")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr(
            "hyperspectral,classification,land cover,transfer,other scene,other date,area of applicability,torch"
        ).split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Maps a raster with a classifier that 'Classify' or 'Map a scene in one step' has written: another scene, "
            "another date, the next tile. Nothing is learnt. The report says first whether the map may be believed: "
            "how far the scene differs from the one that was learnt from, by which bands, and which share of it "
            "resembles the training samples. A cancelled or killed run goes on where it was."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        self.declare(
            QgsProcessingParameterRasterLayer("INPUT", self.tr("Raster")),
            self.tr(
                "A scene with the bands of the one that was learnt from, found by wavelength, name or order; or a "
                "feature raster, for a classifier that was learnt from one."
            ),
        )
        self.declare(
            QgsProcessingParameterFile(
                "CLASSIFIER",
                self.tr("Classifier"),
                fileFilter=self.tr("MTMSD classifier (*.mtmsdc);;All files (*)"),
            ),
            self.tr("The file OUTPUT_CLASSIFIER of 'Classify' or 'Map a scene in one step'."),
        )
        self.declare(
            QgsProcessingParameterFile(
                "MODEL",
                self.tr("Diffusion model"),
                optional=True,
                fileFilter=self.tr("MTMSD model (*.mtmsd);;All files (*)"),
            ),
            self.tr("The one that the classifier was learnt with; only where its file does not hold it."),
        )
        self.declare(
            QgsProcessingParameterEnum(
                "ADAPT", self.tr("Adapt the bands"), list(ADAPTATIONS), False, ADAPTATIONS[0], usesStaticStrings=True
            ),
            self.tr(
                "none: the values are taken as they are. scale: each band is brought to the median and the spread of "
                "the scene that was learnt from; for scenes of another light or another unit, with about the same land "
                "cover."
            ),
        )
        self.declare_groups(ExtraRasters(applies=True))
        BandsAndMask().declare_mask(self)
        self.declare_groups(SegmentParameters(applies=True), FinishParameters())
        self.declare_groups(ResumeFolderParameter(), Device(), RasterStorage())
        self._declare_outputs()

    def _declare_outputs(self) -> None:
        for name, title, text, optional in (
            ("OUTPUT", self.tr("Class map"), self.tr("GeoTIFF of class ids, 0 where there is no data."), False),
            (
                "CONFIDENCE",
                self.tr("Confidence"),
                self.tr("Probability of the class on the map, 0 to 1; -1 where there is no data."),
                True,
            ),
            (
                "PROBABILITIES",
                self.tr("Probabilities"),
                self.tr("One band a class, 0 to 1; -1 where there is no data."),
                True,
            ),
            (
                APPLICABILITY,
                self.tr("Area of applicability"),
                self.tr(
                    "Band 1: 1 where the pixel resembles the training samples, else 0. Band 2: the dissimilarity index "
                    "(Meyer & Pebesma 2021). Band 3, where samples were held out: 1 inside and at least as sure as "
                    "three quarters of them. -1 where there is no data."
                ),
                True,
            ),
        ):
            self.declare(
                QgsProcessingParameterRasterDestination(name, title, optional=optional, createByDefault=not optional),
                text,
            )
        self.declare_groups(UncertaintyOutput(), SegmentOutputs())
        self.declare(
            QgsProcessingParameterFileDestination(
                "REPORT", self.tr("Report"), fileFilter=self.tr("HTML files (*.html)"), optional=True
            ),
            self.tr("Whether the map may be believed, and why; the same as JSON goes beside it."),
        )
        for name, title in (
            ("INSIDE_SHARE", self.tr("Share inside the area of applicability")),
            ("SHIFT_AUC", self.tr("How well the scenes can be told apart (AUC)")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, title))
        WorkerOutputs().declare(self)

    def check_settings(self, values: ParameterValues) -> None:
        """Make the settings once, for their own checks."""
        self._settings(values, None)

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Look at raster, classifier, model and mask."""
        from ..mtmsd_qgis.io.classifier_file import read_classifier_description
        from ..mtmsd_qgis.jobs.extras.extra_rasters import check_number, learnt_order
        from .bridge.raster.source import describe_raster

        self._source = describe_raster(values.raster("INPUT"))
        path = values.file("CLASSIFIER")
        if path is None:
            raise QgsProcessingException("CLASSIFIER should be a classifier file (.mtmsdc); it is empty. Choose one.")
        self._classifier_file, self._classifier = path, read_classifier_description(path)
        self._model = values.file("MODEL")
        self._refuse_model(feedback)
        SegmentParameters.check_learnt(self._settings(values, None).segments, self._classifier.segments)
        self._extras = ExtraRasters(applies=True).read(values)
        check_number(self._classifier.extras or (), len(self._extras.sources))
        names = [extra.name for extra in self._extras.sources]
        self._extras = self._extras.in_order(learnt_order(self._classifier.extras or (), names))
        if names != [extra.name for extra in self._extras.sources]:
            order = ", ".join(extra.name for extra in self._extras.sources)
            feedback.pushInfo(f"Extra rasters are taken in the order of those that were learnt with, by name: {order}.")
        self._mask = BandsAndMask().read_mask(values)

    def _refuse_model(self, feedback: QgsProcessingFeedback) -> None:
        """Say at once where the model is missing, another one, or of no use.

        Raises:
            QgsProcessingException: It is missing or another one.
            FileFormatError: It is no model.
        """
        from ..mtmsd_qgis.io.array_file import KIND_MODEL, read_summary

        used, is_scene = self._classifier.diffusion_model, self._source.layout is None
        if self._classifier.input != SCENE or not is_scene or used is None:
            if self._model is not None:
                read_summary(self._model, KIND_MODEL)
                feedback.pushWarning("MODEL is not used: this map is made without a diffusion model.")
            self._model = None
            return
        if self._model is None and not used.included:
            raise QgsProcessingException(
                "The classifier needs the diffusion model that its features come from, and its file does not hold it. "
                "Choose the model with MODEL, or save the classifier with INCLUDE_MODEL."
            )
        if self._model is not None and read_summary(self._model, KIND_MODEL).sha256 != used.sha256:
            raise QgsProcessingException(
                f"MODEL should be the diffusion model that the classifier was learnt with (fingerprint "
                f"{used.sha256[:12]}); {self._model} is another one. Choose the right one."
            )

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Export the raster, let the worker map it, write maps and report."""
        from ..mtmsd_qgis.report.apply_report import expected_accuracy
        from .bridge.feedback import ProgressRange
        from .bridge.raster.disk_space import SceneNeed, check_space, mapping_need
        from .bridge.raster.scene_export import SceneExport, announce
        from .bridge.worker.worker_process import job_folder, read_result, run_worker

        source, settings = self._source, self._settings(values, self._source)
        paths = {name: self.outputs.raster(values, name) for name in (*MAPS, APPLICABILITY)}
        maps = MapFiles(self.outputs, source, paths)
        segments = SegmentFiles.of(self.outputs, values, source)
        report = self.outputs.file(values, "REPORT")
        resume = ResumeFolderParameter().read(values, paths["OUTPUT"])
        announce(source, feedback, *self._first_lines(settings))
        numbers = self._bands()
        classes = len(self._classifier.classes)
        shares = share_bands(paths, classes, settings.finish) + segment_bands(settings.segments, classes)
        need = mapping_need(SceneNeed(source, numbers, self._components()), shares, paths["OUTPUT"])
        need = need.with_temporary(self._extras.bytes_on(source.grid))
        check_space(need.with_format(self.outputs.format("OUTPUT")), feedback, resume.folder)
        with job_folder() as folder, resume.kept(feedback):
            reading = ProgressRange(feedback, 0, 5, "Reading the raster")
            scene = SceneExport(source, folder, values.transforms).bands(numbers, self._mask, reading)
            model = {"model": str(self._model.absolute())} if self._model else {}
            job = Job(
                task="applyclassifier",
                settings=to_json(settings),
                scene=scene,
                layout=source.layout,
                extras=self._extras.export(
                    source.grid, folder, values.transforms, reading, self._classifier.extras or ()
                ),
                inputs={"classifier": str(self._classifier_file.absolute()), **model, **resume.inputs},
                outputs=resume.outputs,
                options={
                    **wanted_rasters(paths),
                    "applicability": paths[APPLICABILITY] is not None,
                    "source_band_count": len(source.bands),
                    **segments.options,
                },
            )
            result = read_result(ApplyResult, run_worker(job, folder, self.MODULE, ProgressRange(feedback, 5, 95)))
            writing = ProgressRange(feedback, 95, 100, "Writing the maps")
            maps.write(result, result.classes, Path(result.folder), writing)
            self._write_applicability(maps, result, writing)
            written = segments.write(values, result, Path(result.folder), writing)
            self._write_report(report, result, resume.rows)
        transfer = result.transfer
        feedback.pushInfo(f"{transfer.sentence} {expected_accuracy(self._classifier)}")
        return {
            **{name: str(path) if path else None for name, path in paths.items()},
            **written,
            "REPORT": str(report) if report else None,
            "INSIDE_SHARE": transfer.inside_share,
            "SHIFT_AUC": transfer.shift_auc,
            "SECONDS": result.seconds,
            "DEVICE_USED": result.computation.device,
        }

    def _settings(self, values: ParameterValues, source: RasterSource | None) -> ApplySettings:
        return ApplySettings(
            adapt=values.choice("ADAPT"),
            device=values.text("DEVICE"),
            finish=FinishParameters().read(values, source),
            segments=SegmentParameters(applies=True).read(values),
        )

    def _first_lines(self, settings: ApplySettings) -> tuple[str, ...]:
        """What is applied, for the log."""
        from ..mtmsd_qgis.report.html import percent_text

        classifier = self._classifier
        accuracy = classifier.accuracy
        known = accuracy is not None and accuracy.oa is not None
        measured = f", overall accuracy there {percent_text(accuracy.oa)} %" if known else ""
        return (
            f"Classifier: {self._classifier_file.name}, {classifier.settings.classifier}, {len(classifier.classes)} "
            f"classes, learnt from {classifier.source.name or 'a raster'}{measured}.",
            f"Adapted: {settings.adapt}.",
        )

    def _bands(self) -> Sequence[int]:
        """Numbers of the bands that the worker needs, from 1, in the classifier's order; all where only it can tell."""
        from ..mtmsd_qgis.transfer.band_matching import compare_bands

        target, classifier = self._source.visible, self._classifier
        everything = tuple(band.number for band in target)
        if self._source.layout is not None:
            return everything
        count = len(self._source.bands)
        match = compare_bands(classifier.bands, target, classifier.source_band_count, count)
        if match is None or match.missing:
            return everything  # the worker says which are missing
        return tuple(dict.fromkeys(everything[index] for index in match.indices if index is not None))

    def _components(self) -> int:
        """Principal components that are kept on the disk beside the bands."""
        from ..mtmsd_qgis.io.array_file import KIND_CLASSIFIER, KIND_MODEL, first_side, read_shapes

        if self._classifier.input != SCENE or self._source.layout is not None:
            return 0
        if self._model is not None:
            return first_side(read_shapes(self._model, KIND_MODEL), "preprocessor.axes")
        return first_side(read_shapes(self._classifier_file, KIND_CLASSIFIER), "model.preprocessor.axes")

    def _write_applicability(self, maps: MapFiles, result: ApplyResult, progress: ProgressRange) -> None:
        from .bridge.layers.styling import applicability_style
        from .bridge.raster.geotiff import write_floats

        path = maps.paths[APPLICABILITY]
        if path is None or result.applicability is None:
            return
        raw = maps.raw(result.applicability, APPLICABILITY, Path(result.folder))
        write_floats(raw, path, [band.name for band in result.applicability.bands], progress)
        self.outputs.style(APPLICABILITY, applicability_style)
        maps.name_layer(APPLICABILITY)

    def _write_report(self, report: Path | None, result: ApplyResult, rows: Mapping[str, str]) -> None:
        """The report, where one is wanted, and its content as JSON in a file of the same stem.

        Args:
            report: Its file.
            result: Of the worker.
            rows: Further circumstances.
        """
        if report is None:
            return
        from ..mtmsd_qgis.report.apply_report import apply_json, apply_report
        from .bridge.files.atomic_write import write_texts

        source, classifier = self._source, self._classifier
        facts = self.outputs.report_facts(
            {
                "Raster": f"{source.name}, {source.size_text}",
                "Classifier": f"{self._classifier_file.name}, {classifier.settings.classifier}",
                "Learnt from": classifier.source.name or "a raster",
                **segment_rows(result.settings.segments, applies=True),
                **finish_rows(result.settings.finish, source),
                **rows,
            }
        )
        area = source.grid.pixel_area_m2
        write_texts(
            {
                report: apply_report(result, classifier, facts, area),
                self.outputs.beside(report, ".json"): apply_json(result, classifier, facts, area),
            }
        )
