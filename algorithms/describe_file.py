# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:describefile: what a model, classifier or checkpoint file is; looks, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
)

from .base.algorithm import MtmsdAlgorithm
from .base.parameters import ParameterValues

if TYPE_CHECKING:
    from ..mtmsd_qgis.report.file_report import DescribedFile


class DescribeFile(MtmsdAlgorithm):
    """Reads the header of a file, without the worker."""

    MODULE = ""

    def name(self) -> str:
        """Fixed id."""
        return "describefile"

    def displayName(self) -> str:
        """Title."""
        return self.tr("Describe a model or classifier file")

    def group(self) -> str:
        """Heading in the toolbox."""
        return self.tr("Data and environment")

    def groupId(self) -> str:
        """Fixed id of the heading."""
        return "dataenvironment"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("model,classifier,checkpoint,metadata,bands,wavelengths,accuracy,fingerprint").split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Says what a diffusion model, a classifier or a checkpoint is: what it was made from and with, the bands "
            "it needs, and of a classifier its classes and their accuracy as it was measured. Only the file's header "
            "is read; nothing is changed, and torch is not needed."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        self.declare(
            QgsProcessingParameterFile(
                "INPUT",
                self.tr("File"),
                fileFilter=self.tr("MTMSD files (*.mtmsd *.mtmsdc *.checkpoint);;All files (*)"),
            ),
            self.tr("A diffusion model (.mtmsd), a classifier (.mtmsdc) or the checkpoint of an interrupted training."),
        )
        self.declare(
            QgsProcessingParameterFileDestination(
                "REPORT", self.tr("Report"), fileFilter=self.tr("HTML files (*.html)"), optional=True
            ),
            self.tr("What the file is, for people; the same as JSON lies beside it, for programs."),
        )
        for name, title in (
            ("KIND", self.tr("Kind of file")),
            ("FINGERPRINT", self.tr("Fingerprint (SHA-256)")),
        ):
            self.addOutput(QgsProcessingOutputString(name, title))
        for name, title in (
            ("VERSION", self.tr("Version of the file")),
            ("BANDS", self.tr("Bands")),
            ("CLASSES", self.tr("Classes")),
            ("OA", self.tr("Overall accuracy (%)")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, title))

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Read the header."""
        from ..mtmsd_qgis.report.file_report import DescribedFile

        path = values.file("INPUT")
        if path is None:
            raise QgsProcessingException(
                "INPUT should be a model, classifier or checkpoint; it is empty. Choose a file."
            )
        self._file = DescribedFile.read(path)

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Log and write what was read."""
        from .bridge.files.atomic_write import write_texts

        described = self._file
        for title, text in described.facts.items():
            feedback.pushInfo(f"{title}: {text}")
        if described.classes:
            feedback.pushInfo("Classes: " + ", ".join(f"{entry.name} ({entry.id})" for entry in described.classes))
        report = self.outputs.file(values, "REPORT")
        if report is not None:
            write_texts(self._texts(report))
        return {
            "REPORT": str(report) if report else None,
            "KIND": described.summary.kind,
            "VERSION": described.summary.version,
            "FINGERPRINT": described.summary.sha256,
            "BANDS": len(described.bands),
            "CLASSES": len(described.classes),
            "OA": described.overall_accuracy,
        }

    def _texts(self, report: Path) -> Mapping[Path, str]:
        """The content of the report and of the file beside it."""
        described: DescribedFile = self._file
        return {
            report: described.report(self.outputs.report_facts({})),
            self.outputs.beside(report, ".json"): described.document(),
        }
