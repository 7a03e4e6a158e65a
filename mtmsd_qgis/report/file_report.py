# SPDX-License-Identifier: GPL-2.0-or-later
"""What a model, checkpoint or classifier file is, as a page and for programs; read without torch.

Enters: a path. Leaves: figures, HTML, JSON. Nothing is changed, and no array is read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from ..io.array_file import KIND_CHECKPOINT, KIND_CLASSIFIER, KIND_MODEL, FileSummary, read_summary
from ..io.classifier_file import described
from ..io.model_file import read_bands, read_model_header
from ..jobs.classifier_description import FEATURES, SCENE, ClassifierDescription
from ..jobs.data_model import Band, ClassEntry
from ..jobs.json_dataclasses import is_number
from ..jobs.settings import TRAINING_TIMESTEPS
from .accuracy_tables import class_table, headline, matrix_table
from .charts import line_chart
from .feature_gain import source_scene_parts
from .html import NONE, page, paragraph, swatch, table
from .html import facts as facts_table
from .reports import ensemble_parts

FORMAT, VERSION = "mtmsd-file", 1
_INPUTS = {
    SCENE: "a raster of bands; its features are computed with the diffusion model",
    FEATURES: "a feature raster",
}


@dataclass(frozen=True)
class DescribedFile:
    """A file and what it says of itself.

    Attributes:
        path: Of the file.
        summary: What it says before its arrays.
        bands: That it needs, in order.
        classifier: None for models and checkpoints.
    """

    path: Path
    summary: FileSummary
    bands: tuple[Band, ...]
    classifier: ClassifierDescription | None

    @classmethod
    def read(cls, path: Path) -> DescribedFile:
        """Look into a file.

        Raises:
            FileFormatError: It is no model, checkpoint or classifier, or it is incomplete.
        """
        summary = read_summary(path, KIND_MODEL, KIND_CLASSIFIER, KIND_CHECKPOINT)
        if summary.kind == KIND_CLASSIFIER:
            classifier = described(summary, path)
            return cls(path, summary, classifier.bands, classifier)
        return cls(path, summary, read_bands(read_model_header(path, summary.kind)["bands"]), None)

    @property
    def classes(self) -> tuple[ClassEntry, ...]:
        """Of a classifier; none of others."""
        return self.classifier.classes if self.classifier else ()

    @property
    def overall_accuracy(self) -> float | None:
        """Of a classifier at its held-out samples, percent; None where it is not known."""
        return self.classifier.accuracy.oa if self.classifier and self.classifier.accuracy else None

    @property
    def facts(self) -> dict[str, str]:
        """The circumstances, a row each."""
        summary = self.summary
        rows = {
            "File": self.path.name,
            "Kind": summary.kind,
            "Version": str(summary.version),
            "Size": f"{summary.size_bytes / 1e6:.1f} MB, {len(summary.shapes)} arrays",
            "Fingerprint (SHA-256 of the arrays)": summary.sha256,
        }
        if self.classifier:
            return {**rows, **_classifier_facts(self.classifier), "Bands": _bands_text(self.bands)}
        return {**rows, **_model_facts(summary.description), "Bands": _bands_text(self.bands)}

    def document(self) -> str:
        """The file's description as JSON."""
        summary = self.summary
        content = {
            "format": FORMAT,
            "version": VERSION,
            "file": self.path.name,
            "kind": summary.kind,
            "file_version": summary.version,
            "sha256": summary.sha256,
            "size_bytes": summary.size_bytes,
            "description": dict(summary.description),
            "arrays": {name: {"type": shape[0], "shape": list(shape[1:])} for name, shape in summary.shapes.items()},
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    def report(self, extra: Mapping[str, str]) -> str:
        """The file's description as a page.

        Args:
            extra: Further rows for the table of circumstances.
        """
        title = {KIND_MODEL: "Diffusion model", KIND_CHECKPOINT: "Checkpoint"}.get(self.summary.kind, "Classifier")
        parts = _classifier_parts(self.classifier) if self.classifier else _model_parts(self.summary.description)
        return page(title, [*parts, _band_table(self.bands), facts_table({**self.facts, **extra})])


def _classifier_facts(classifier: ClassifierDescription) -> dict[str, str]:
    source, layout = classifier.source, classifier.layout
    rows = {
        "Classifier": classifier.settings.classifier,
        "Applied to": _INPUTS.get(classifier.input, "a raster of bands"),
        "Learnt from": f"{source.name or 'a raster'}, {source.width} x {source.height} pixels",
        "Training samples": str(sum(classifier.split.training_samples)),
        "Split": classifier.split.method,
        "Seed": str(classifier.settings.seed),
        "torch": classifier.torch,
    }
    if classifier.input != "bands":
        rows["Features"] = f"{len(layout.timesteps)} timesteps of {layout.features} features, {layout.spectra} spectra"
        if layout.timestep_choice is not None:
            rows["Timesteps"] = layout.timestep_choice.sentence
    if classifier.extras:
        rows["Extra rasters, in this order"] = "; ".join(
            f"{raster.name} ({raster.kind}: {', '.join(raster.bands[:10])})" for raster in classifier.extras
        )
    model = classifier.diffusion_model
    if model:
        where = "in this file" if model.included else "in a file of its own"
        rows["Diffusion model"] = f"{model.sha256 or 'unknown'}, {where}"
    return rows


def _classifier_parts(classifier: ClassifierDescription) -> list[str]:
    split, accuracy = classifier.split, classifier.accuracy
    parts = [paragraph(split.sentence, "warn" if split.method == "random" else "note")]
    if accuracy:
        parts += [headline(accuracy), class_table(accuracy, classifier.classes, split.training_samples)]
        parts.append(matrix_table(accuracy, classifier.classes))
    else:
        rows = [
            [swatch(entry.name, entry.color), str(entry.id), str(count)]
            for entry, count in zip(classifier.classes, split.training_samples)
        ]
        parts += ["<h2>Classes</h2>", table(["Class", "Id", "Training"], rows)]
    models = ensemble_parts(classifier.ensemble) if classifier.ensemble else []
    return [*parts, *source_scene_parts(classifier), *models]


def _model_facts(description: Mapping[str, Any]) -> dict[str, str]:
    settings = description.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    rows = {
        "Preset": description["preset"],
        "Network": f"base width {settings.get('base_width', NONE)}, patches of {settings.get('patch_size', NONE)} "
        "pixels",
        "Components": str(description.get("components", NONE)),
        "Iterations": str(description.get("iterations", description.get("iteration", NONE))),
        "Iterations planned": str(settings.get("iterations", NONE)),
        "Trained timesteps": f"0 to {settings.get('train_up_to') or TRAINING_TIMESTEPS - 1}",
        "Seed": str(settings.get("seed", NONE)),
        "torch": str(description.get("torch", NONE)),
    }
    statistics = description.get("statistics")
    if isinstance(statistics, dict):
        rows["Statistics of its scene at timesteps"] = ", ".join(map(str, statistics.get("timesteps", [])))
    return rows


def _model_parts(description: Mapping[str, Any]) -> list[str]:
    curve: Any = description.get("loss_curve")
    points = [(float(i), float(loss)) for i, loss in curve] if _is_curve(curve) else []
    if len(points) <= 1:
        return []
    return ["<h2>Loss</h2>", line_chart(points, "iteration", "mean squared error of the noise")]


def _is_curve(values: object) -> bool:
    """Whether it is a list of pairs of numbers that can be drawn."""
    return isinstance(values, list) and all(
        isinstance(point, list) and len(point) == len(("iteration", "loss")) and all(map(_can_be_drawn, point))
        for point in values
    )


def _can_be_drawn(value: object) -> bool:
    return is_number(value) and math.isfinite(value) and value >= 0  # type: ignore[arg-type, operator]


def _bands_text(bands: Sequence[Band]) -> str:
    known = [band.wavelength_nm for band in bands if band.wavelength_nm is not None]
    span = f", {min(known):.0f} to {max(known):.0f} nm" if known else ", without wavelengths"
    return f"{len(bands)}{span}"


def _band_table(bands: Sequence[Band]) -> str:
    rows = [
        [
            str(band.number or position),
            escape(band.name) or NONE,
            NONE if band.wavelength_nm is None else f"{band.wavelength_nm:.1f}",
            NONE if band.fwhm_nm is None else f"{band.fwhm_nm:.1f}",
        ]
        for position, band in enumerate(bands, 1)
    ]
    return "<h2>Bands</h2>" + table(["Number", "Name", "Wavelength (nm)", "Width (nm)"], rows)
