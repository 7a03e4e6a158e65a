# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports: a result -> an HTML page that stands alone, readable on screen and printed.

Enters: a result, and facts that QGIS knows (names of raster and layers, versions). Leaves: HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from ..accuracy.assessment import features_note, kappa_note
from ..jobs.accuracy_results import AccuracyResult, whole_percent
from ..jobs.results import ContextSummary, DenoisedPatch, EnsembleSummary, MapResult, PretrainResult
from .accuracy_tables import (
    calibration_table,
    class_table,
    estimated_areas,
    headline,
    mapped_areas,
    matrix_table,
    strata_table,
)
from .charts import bar_chart, line_chart
from .choice_parts import choice_notes, choice_parts, legend_of, legend_pixels
from .explanation.explanation_tables import explanation_parts
from .exploration.cell_weights import alignment_parts, cell_weight_parts
from .exploration.short_gallery import short_gallery
from .extra_tables import extra_parts
from .feature_gain import feature_gain_parts
from .html import NONE, cards, page, paragraph, percent_text, table
from .html import facts as facts_table
from .timesteps.choice_table import timestep_choice_parts

_USES, _WEIGHS = "What the classifier uses: ", "How the classifier weighs "
_COEFFICIENTS = (
    _WEIGHS,
    "A share is that of a timestep in the sum of the squared coefficients of standardised features.",
)
_MEANINGS = {
    "auto": (
        _USES,
        "A share says how much the map's probabilities change when that input alone is shuffled among samples "
        "(permutation importance). Inputs that tell the same stand in for each other, so a timestep can count although "
        "no stage does.",
    ),
    "mtmsd": (
        _WEIGHS,
        "A share is the mean weight that the networks give the features of a timestep when they fuse all.",
    ),
    "transformer3d": (_USES, "A share is that of an input in the mean squared gradient of the networks' decision."),
    "linear": _COEFFICIENTS,
    "hyperfeatures": _COEFFICIENTS,
}
_SPECTRA = (
    " Spectra are the bands, noise-whitened or not, their means over boxes, and their means within fields, which the "
    "diffusion features outline where the raster has them."
)


def classification_notes(result: MapResult) -> list[str]:
    """What a reader of the classification's figures has to know: the samples' part, and what was chosen.

    Args:
        result: Of a map task.
    """
    return [*_sample_notes(result), *choice_notes(result.choices, result.accuracy)]


def _sample_notes(result: MapResult) -> list[str]:
    """How samples were held out, and what is missing."""
    split, accuracy = result.split, result.accuracy
    notes = [split.sentence]
    lacking = [entry.name for entry, n in zip(result.classes, split.validation_samples) if not n]
    if split.method == "layer" and lacking and accuracy:
        notes.append(f"The validation layer has no sample of: {_of_unknown_accuracy(lacking)}")
    if split.not_held_out and any(split.validation_samples):
        notes.append(f"Nothing could be held out of: {_of_unknown_accuracy(split.not_held_out)}")
    before_split = result.purification.raster == "classes" and not result.purification.after_split
    if before_split and split.method in ("random", "spatial", "scene"):
        notes.append(
            "The features of this raster were chosen with training samples at extraction. If those were the same "
            "samples, the held-out ones had a part in that choice, and the figure is slightly too good. For a "
            "strict figure split the samples first, or extract without TRAINING."
        )
    if split.validation_outside_map:
        notes.append(f"{split.validation_outside_map} reference samples lie on no mapped pixel.")
    if accuracy:
        notes += [*features_note(accuracy), *kappa_note(accuracy)]
    return notes


def _of_unknown_accuracy(classes: Sequence[str]) -> str:
    return (
        f"{', '.join(classes)}. {'Its' if len(classes) == 1 else 'Their'} accuracy is not known from this map; a "
        "user's accuracy or F1 of 0 says only that pixels of other classes were mapped so."
    )


def classification_report(result: MapResult, facts: Mapping[str, str], pixel_area_m2: float | None = None) -> str:
    """Accuracy with intervals, matrix, mapped areas, timestep weights, and how samples were held out.

    Args:
        result: Of a map task.
        facts: Rows for the table of circumstances, e.g. {"Raster": "scene.tif"}.
        pixel_area_m2: Area of a pixel; None where the raster's CRS has no metres.
    """
    parts, rows = classification_parts(result, facts, pixel_area_m2)
    return page("Classification", [*parts, facts_table(rows)])


def classification_parts(
    result: MapResult, facts: Mapping[str, str], pixel_area_m2: float | None
) -> tuple[list[str], dict[str, str]]:
    """The parts of the report, and the rows of the table of circumstances; arguments as of classification_report."""
    split, accuracy, classes = result.split, result.accuracy, result.classes
    first, *others = _sample_notes(result)
    parts = [paragraph(first, "warn" if split.method == "random" else "note")]
    parts += [paragraph(note, "warn") for note in others]
    if accuracy:
        parts += [headline(accuracy), class_table(accuracy, classes, split.training_samples)]
        parts.append(matrix_table(accuracy, classes))
        parts += [calibration_table(accuracy.calibration)] if accuracy.calibration else []
    choices, pixels = result.choices, result.mapped_pixels
    parts.append(mapped_areas(legend_pixels(pixels, choices), legend_of(classes, choices), pixel_area_m2))
    parts += choice_parts(choices, accuracy, classes, pixels)
    parts += feature_gain_parts(result.ensemble.feature_gain) if result.ensemble else []
    parts += timestep_choice_parts(result.timestep_choice)
    parts += _weights(result) + alignment_parts(result.alignment_weights)
    parts += cell_weight_parts(result.cell_weights, result.settings.classifier)
    parts += ensemble_parts(result.ensemble) if result.ensemble else []
    parts += extra_parts(result.extras) if result.extras else []
    parts += explanation_parts(result.explanations, result.classes)
    rows = {
        **facts,
        "Classifier": result.settings.classifier,
        "Features per timestep": str(result.features_per_timestep),
        **({"Purification": result.purification.note} if result.purification.note else {}),
        "Training samples": str(sum(split.training_samples)),
        "Validation samples": str(sum(split.validation_samples)),
        **_circumstances(result),
    }
    return parts, rows


def assessment_report(result: AccuracyResult, facts: Mapping[str, str], pixel_area_m2: float | None = None) -> str:
    """Accuracy of any class map, with estimates for the area.

    Args:
        result: Of assessment.assess_map, with classes.
        facts: Rows for the table of circumstances.
        pixel_area_m2: Area of a pixel; None where the raster's CRS has no metres.
    """
    accuracy, classes, sampling = result.accuracy, result.classes, result.sampling
    parts = [paragraph(sampling.sentence, "warn" if sampling.method == "unknown" else "note")]
    parts += [paragraph(note, "warn") for note in result.notes]
    samples = [headline(accuracy), class_table(accuracy, classes), matrix_table(accuracy, classes)]
    area = [estimated_areas(result, pixel_area_m2), strata_table(result.adjusted)]
    if sampling.method == "stratified":  # the counts alone do not show the map's accuracy
        parts += [*area, "<h2>Samples as counted</h2>", *samples]
    else:
        parts += [*samples, *area]
    return page("Accuracy assessment", [*parts, facts_table(facts)])


def pretraining_report(result: PretrainResult, facts: Mapping[str, str]) -> str:
    """Loss curve and loss by timestep, denoised patches, a few pictures of features, settings, device, time.

    Args:
        result: Of the training.
        facts: Rows for the table of circumstances.
    """
    left_out = ", ".join(f"{band.number} ({band.reason})" for band in result.bands_left_out)
    parts = [
        cards(
            [
                (f"{result.final_loss:.3f}", "final loss (1 = nothing learnt)"),
                (f"{result.iterations}", "iterations"),
                (f"{result.components}", f"components, {100 * result.explained_share:.2f} % of the variance"),
            ]
        ),
        "<h2>Loss</h2>",
        line_chart(result.loss_curve, "iteration", "mean squared error of the noise"),
        *_loss_by_timestep(result),
        "<h2>Denoised patches</h2>",
        "<p>First three components of patches of the scene: as they are, with noise added, and as the model restores "
        "them. Where the restored patch shows the fields again, the model knows the scene.</p>",
        _patches(result.denoised),
        *short_gallery(result.gallery),
    ]
    settings = result.settings
    rows = {
        **facts,
        "Preset": settings.preset,
        "Network": f"base width {settings.base_width}, patches of {settings.patch_size} pixels",
        "Schedule": f"{settings.iterations} iterations of {settings.batch_size} patches, learning rate "
        f"{settings.learning_rate:g}" + _ways_back(result.rollbacks),
        **({} if settings.train_up_to is None else {"Trained timesteps": f"0 to {settings.train_up_to}"}),
        "Band scaling": settings.band_scaling,
        "Bands used": str(len(result.bands_used)),
        "Bands left out": left_out or "none",
        **_circumstances(result),
    }
    if result.gone_on_after:
        rows["Time"] = (
            f"{result.seconds:.1f} s after iteration {result.gone_on_after}, where an earlier run had stopped"
        )
    return page("Diffusion pretraining", [*parts, facts_table(rows)])


def _loss_by_timestep(result: PretrainResult) -> list[str]:
    """The loss of the last tenth of the iterations in each interval of timesteps, where it is known."""
    if not result.loss_by_timestep:
        return []
    head = ["Timestep", *(f"{first} to {last}" for first, last, _ in result.loss_by_timestep)]
    return [
        table(head, [["Loss", *(f"{loss:.3f}" for *_, loss in result.loss_by_timestep)]]),
        "<p>The loss by interval of timestep, over the last tenth of the iterations. Small timesteps are the hard "
        "ones: little noise is hard to tell from what varies in the scene itself, so the loss is near 1 there and "
        "falls slowly. Features are taken at single timesteps, by default at every 50th.</p>",
    ]


def _ways_back(count: int) -> str:
    return f", halved {count} times as the training diverged and went back" if count else ""


def _circumstances(result: PretrainResult | MapResult) -> dict[str, str]:
    computation = result.computation
    return {
        "Device": f"{computation.device}, {computation.device_reason}",
        **({"Time": f"{result.seconds:.1f} s"} if result.seconds else {}),  # a campaign is many runs, of many machines
        "Seed": str(result.settings.seed),
        "torch": computation.torch,
    }


def _weights(result: MapResult) -> list[str]:
    """Charts of the timesteps and stages that the classifier uses, where there is more than one."""
    if len(result.timesteps) > 1 and list(result.timestep_weights) == ["spectra"]:
        gain = result.ensemble.feature_gain if result.ensemble else None
        text = (
            "No model that learns from diffusion features has a weight; they outline the fields within which spectra "
            "are averaged."
            if gain is not None and gain.used
            else "This map uses spectra only: no model with diffusion features has a weight."
        )
        return ["<h2>What the classifier uses</h2>", f"<p>{text}</p>"]
    if result.alignment_weights:  # they are the same, by stage too
        return []
    title, meaning = _MEANINGS[result.settings.classifier]
    charts = [
        (result.timestep_weights, "timesteps", "timestep (small = little noise)"),
        (result.stage_weights, "stages", "stage of the decoder (small = coarse)"),
    ]
    if not any(label.isdecimal() for label in result.timestep_weights):  # plain bands, and extra rasters
        charts = [(result.timestep_weights, "inputs", "input")]
    parts = []
    for shares, kind, axis in charts:
        if len(shares) > 1:
            parts += [f"<h2>{title}{kind}</h2>", *_shares(shares, axis)]
    if parts:
        spectra = _SPECTRA if "spectra" in result.timestep_weights else ""
        parts.append(f"<p>{meaning}{spectra}</p>")
    return parts


def _shares(shares: Mapping[str, float], axis: str) -> list[str]:
    """A bar for each share; those that round to nothing are named, and a single one that does not is no chart."""
    shown = {name: share for name, share in shares.items() if round(100 * share) > 0}
    small = ", ".join(name for name in shares if name not in shown)
    rest = f"Less than 0.5 % each: {escape(small)}." if small else ""
    if len(shown) > 1:
        chart = bar_chart(list(shown), list(shown.values()), axis, "share")
        return [chart, *([f"<p>{rest}</p>"] if rest else [])]
    largest = "".join(f"{escape(name.capitalize())}: {whole_percent(share)}. " for name, share in shown.items())
    return [f"<p>{largest}{rest}</p>"]


def ensemble_parts(ensemble: EnsembleSummary) -> list[str]:
    """Which models the default classifier compared, and which ones it uses."""
    aim = "more pixels of the same fields" if ensemble.split == "random" else "fields without samples"
    ordered = sorted(ensemble.models, key=lambda model: (-model.weight, -model.accuracy))
    rows = [
        [
            escape(model.name),
            percent_text(100 * model.accuracy),
            percent_text(100 * model.weight) if model.weight else NONE,
        ]
        for model in ordered
    ]
    return [
        "<h2>How the models were chosen</h2>",
        f"<p>For {aim}: each model was cross-validated on the training samples, held out by {escape(ensemble.folds)}. "
        f"The ensemble of those with a weight was right on {percent_text(100 * ensemble.accuracy)} % of them. "
        "Validation samples had no part in this choice.</p>",
        table(["Model", "Accuracy (%)", "Weight (%)"], rows),
        *_context(ensemble.context),
    ]


def _context(context: ContextSummary | None) -> list[str]:
    """Whether spatial context is used, where that was a question."""
    if context is None:
        return []
    asked = f" Held-out training samples: {context.scores}." if context.scores else ""
    if context.reliable:
        text = (
            f"Spatial context is used.{asked} Spectra are averaged within fields, which the diffusion features outline "
            "where the raster has them, without labels."
        )
    else:
        text = (
            f"The probabilities of a pixel rest on its own values alone: spatial context would not have helped.{asked}"
        )
    return ["<h2>Spatial context</h2>", f"<p>{text}</p>"]


def _patches(patches: Sequence[DenoisedPatch]) -> str:
    timesteps = sorted({patch.timestep for patch in patches})
    head = "<th>Patch</th>" + "".join(f"<th>noise at t&nbsp;=&nbsp;{t}</th><th>restored</th>" for t in timesteps)
    rows = []
    for number in sorted({patch.patch for patch in patches}):
        of_patch = [patch for patch in patches if patch.patch == number]
        images = "".join(_image(patch.noised) + _image(patch.denoised) for patch in of_patch)
        rows.append(f"<tr>{_image(of_patch[0].clean)}{images}</tr>")
    return f'<div class="scroll"><table class="patches"><thead><tr>{head}</tr></thead>{"".join(rows)}</table></div>'


def _image(uri: str) -> str:
    return f'<td><img src="{escape(uri)}" alt=""></td>'
