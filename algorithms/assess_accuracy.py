# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:assessaccuracy: class map + reference layer -> report, JSON, CSV."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterLayer,
)

from ..mtmsd_qgis.errors import SettingsError
from ..mtmsd_qgis.jobs.accuracy_results import AccuracyResult
from ..mtmsd_qgis.jobs.settings import SAMPLINGS
from .base.algorithm import MtmsdAlgorithm
from .base.parameters import Overlaps, ParameterValues, read_label_layer

if TYPE_CHECKING:
    from .bridge.vector.map_comparison import ComparedMap

_FILES = ("REPORT", "OUTPUT_JSON", "OUTPUT_CSV")


class AssessAccuracy(MtmsdAlgorithm):
    """Holds a class map against reference samples."""

    MODULE = ""  # numpy is all it needs, and QGIS has that

    def name(self) -> str:
        """Fixed id."""
        return "assessaccuracy"

    def displayName(self) -> str:
        """Title."""
        return self.tr("Assess accuracy of a class map")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr(
            "accuracy,confusion matrix,error matrix,validation,kappa,user's,producer's,area,Olofsson,Stehman,stratified"
        ).split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Holds a class map of any program against reference samples: confusion matrix, overall and average "
            "accuracy, kappa, user's and producer's accuracy and F1 of every class, with 95 % intervals; and, from "
            "random samples, accuracies and areas corrected for the errors of the map, with standard errors (Olofsson "
            "et al. 2014, Stehman 2014). Report, JSON and CSV. It needs no torch."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        kinds = [QgsProcessing.SourceType.TypeVectorPoint, QgsProcessing.SourceType.TypeVectorPolygon]
        self.declare(
            QgsProcessingParameterRasterLayer("INPUT", self.tr("Class map")),
            self.tr("One band of class ids, whole numbers; of this plugin or any other program."),
        )
        self.declare(
            QgsProcessingParameterFeatureSource("REFERENCE", self.tr("Reference layer"), kinds),
            self.tr(
                "Points or polygons with their true class, in any CRS, that had no part in making the map. A polygon "
                "takes the pixels whose centre it covers."
            ),
        )
        self.declare(
            QgsProcessingParameterField("CLASS_FIELD", self.tr("Class field"), parentLayerParameterName="REFERENCE"),
            self.tr(
                "Ids of the map's classes, or their names as in its legend, attribute table or category names; "
                "capitals do not matter."
            ),
        )
        self.declare(
            QgsProcessingParameterEnum(
                "SAMPLING", self.tr("How samples were drawn"), list(SAMPLINGS), False, "unknown", usesStaticStrings=True
            ),
            self.tr(
                "stratified: at random in each class of the map, or in each stratum of STRATA. random: at random, or "
                "on a grid, over the whole map. unknown: neither, or not known; the report then says that its figures "
                "speak for the samples only."
            ),
        )
        self.declare(
            QgsProcessingParameterRasterLayer("STRATA", self.tr("Strata"), optional=True),
            self.tr(
                "A raster of whole numbers with the map's pixels, where samples were drawn by strata other than the "
                "map's classes, such as those of an earlier map. It says the stratum of each sample and how large "
                "each stratum is."
            ),
            advanced=True,
        )
        self.declare_groups(Overlaps())
        self._declare_outputs()

    def _declare_outputs(self) -> None:
        self.declare(
            QgsProcessingParameterFileDestination(
                "REPORT", self.tr("Report"), fileFilter=self.tr("HTML files (*.html)"), optional=True
            ),
            self.tr("All figures and what they rest on, for people; one file that needs no network."),
        )
        for name, title, kind in (
            ("OUTPUT_JSON", self.tr("Figures as JSON"), self.tr("JSON files (*.json)")),
            ("OUTPUT_CSV", self.tr("Figures as CSV"), self.tr("CSV files (*.csv)")),
        ):
            self.declare(
                QgsProcessingParameterFileDestination(
                    name, title, fileFilter=kind, optional=True, createByDefault=False
                ),
                self.tr("The content of the report, for programs.")
                if name == "OUTPUT_JSON"
                else self.tr("Overall figures, one row a class, and the matrix, for spreadsheets."),
            )
        for name, title in (
            ("OA", self.tr("Overall accuracy (%)")),
            ("AA", self.tr("Average accuracy (%)")),
            ("KAPPA", self.tr("Kappa (%)")),
            ("OA_BY_AREA", self.tr("Overall accuracy by area (%)")),
            ("SAMPLES", self.tr("Reference pixels")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, title))

    def check_settings(self, values: ParameterValues) -> None:
        """Strata say that the samples were drawn by strata."""
        if values.is_given("STRATA") and values.choice("SAMPLING") == "random":
            raise SettingsError(
                "STRATA is for samples that were drawn by strata; SAMPLING says 'random'. Choose 'stratified', or "
                "leave STRATA empty."
            )

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Look at the layers."""
        from .bridge.raster.class_map_reader import describe_class_map, refuse_other_grid
        from .bridge.vector.map_comparison import MapComparison

        self.check_settings(values)
        layer = values.raster("INPUT")
        class_map = describe_class_map(layer, "INPUT")
        strata_layer = values.raster("STRATA") if values.is_given("STRATA") else None
        strata = None
        if strata_layer is not None:
            strata = describe_class_map(strata_layer, "STRATA")
            refuse_other_grid(strata.source, class_map.source)
        labels = read_label_layer(values, "REFERENCE", class_map.source)
        self._comparison = MapComparison(class_map, labels, strata, values.choice("SAMPLING"))

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Compare, evaluate, write."""
        from ..mtmsd_qgis.accuracy.assessment import assess_map
        from .bridge.files.atomic_write import write_texts
        from .bridge.worker.worker_process import job_folder

        source = self._comparison.class_map.source
        feedback.pushInfo(f"Map: {source.name}, {source.size_text}.")
        with job_folder() as folder:
            compared = self._comparison.run(folder, values.transforms, feedback)
        assessed = assess_map(compared.samples)
        result = replace(
            assessed,
            notes=(*assessed.notes, *compared.notes),
            classes=tuple(compared.classes),
            left_out=dict(compared.left_out),
        )
        self._log(result, compared, feedback)
        paths = {name: self.outputs.file(values, name) for name in _FILES}
        texts = self._texts(result, compared)
        write_texts({path: texts[name] for name, path in paths.items() if path is not None})
        accuracy = result.accuracy
        return {
            **{name: str(path) if path else None for name, path in paths.items()},
            "OA": accuracy.oa,
            "AA": accuracy.aa,
            "KAPPA": accuracy.kappa,
            "SAMPLES": accuracy.samples,
            "OA_BY_AREA": result.adjusted.oa,
        }

    def _log(self, result: AccuracyResult, compared: ComparedMap, feedback: QgsProcessingFeedback) -> None:
        from ..mtmsd_qgis.report.html import counted, percent_text

        accuracy, labels = result.accuracy, self._comparison.labels
        for note in labels.notes:
            feedback.pushWarning(note)
        if compared.left_out:
            feedback.pushWarning(f"Left out of the layer {labels.name}: {compared.left_out.text}.")
        feedback.pushInfo(
            f"Reference layer: {labels.name}, {counted(accuracy.samples, 'reference pixel')} from "
            f"{counted(accuracy.features, 'feature')}."
        )
        feedback.pushInfo(result.sampling.sentence)
        for note in result.notes:
            feedback.pushWarning(note)
        low, high = map(percent_text, accuracy.oa_interval)
        feedback.pushInfo(
            f"Overall accuracy {percent_text(accuracy.oa)} % (95 % interval {low} to {high}), by area "
            f"{percent_text(result.adjusted.oa)} %."
        )

    def _texts(self, result: AccuracyResult, compared: ComparedMap) -> dict[str, str]:
        """The content of each output."""
        from ..mtmsd_qgis.report.export import accuracy_csv, accuracy_json
        from ..mtmsd_qgis.report.reports import assessment_report

        source, labels = self._comparison.class_map.source, self._comparison.labels
        strata = self._comparison.strata
        rows = {
            "Map": f"{source.name}, {source.size_text}",
            "Reference layer": f"{labels.name}, field {labels.field}",
            **({"Strata": strata.source.name} if strata else {}),
            "Sampling": result.sampling.method,
            "Left out": compared.left_out.text or "nothing",
        }
        facts, area = self.outputs.report_facts(rows), source.grid.pixel_area_m2
        return {
            "REPORT": assessment_report(result, facts, area),
            "OUTPUT_JSON": accuracy_json(result, facts, area),
            "OUTPUT_CSV": accuracy_csv(result, area),
        }
