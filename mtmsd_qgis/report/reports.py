# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports: numbers of a result message -> an HTML page that stands alone, readable on screen and printed.

Enters: the values of a task's result, and facts that QGIS knows (names of raster and layers, versions). Leaves: HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..accuracy.assessment import features_note
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
from .html import NONE, cards, page, paragraph, percent_text, table
from .html import facts as facts_table


def classification_notes(values: Mapping[str, Any]) -> list[str]:
    """What a reader of the classification's figures has to know: how samples were held out, and what is missing.

    Args:
        values: Of the classify task's result.
    """
    split, judged = values["split"], values["accuracy"]
    notes = [split["sentence"]]
    if split["not_held_out"]:
        notes.append(
            "Nothing could be held out of: " + ", ".join(split["not_held_out"]) + ". Their accuracy is not "
            "known from this map."
        )
    purified = values["purification"]
    before_split = purified["raster"] == "classes" and not purified.get("after_split")
    if before_split and split["method"] in ("random", "spatial"):
        notes.append(
            "The features of this raster were chosen with training samples at extraction. If those were the same "
            "samples, the held-out ones had a part in that choice, and the figure is slightly too good. For a "
            "strict figure split the samples first, or extract without TRAINING."
        )
    if split["validation_outside_map"]:
        notes.append(f"{split['validation_outside_map']} reference samples lie on no mapped pixel.")
    if judged:
        notes += features_note(judged)
    return notes


def classification_report(
    values: Mapping[str, Any], facts: Mapping[str, str], pixel_area_m2: float | None = None
) -> str:
    """Accuracy with intervals, matrix, mapped areas, timestep weights, and how samples were held out.

    Args:
        values: Of the classify task's result.
        facts: Rows for the table of circumstances, e.g. {"Raster": "scene.tif"}.
        pixel_area_m2: Area of a pixel; None where the raster's CRS has no metres.
    """
    split, judged, classes = values["split"], values["accuracy"], values["classes"]
    first, *others = classification_notes(values)
    parts = [paragraph(first, "warn" if split["method"] == "random" else "note")]
    parts += [paragraph(note, "warn") for note in others]
    if judged:
        parts += [headline(judged), class_table(judged, classes, split["training_samples"])]
        parts += [matrix_table(judged, classes), calibration_table(judged)]
    parts.append(mapped_areas(values["mapped_pixels"], classes, pixel_area_m2))
    parts += _weights(values) + _pool(values.get("pool"))
    rows = {
        **facts,
        "Classifier": str(values["settings"]["classifier"]),
        "Features per timestep": str(values["features_per_timestep"]),
        **({"Purification": values["purification"]["note"]} if values["purification"]["note"] else {}),
        "Training samples": str(sum(split["training_samples"])),
        "Validation samples": str(sum(split["validation_samples"])),
        **_circumstances(values),
    }
    return page("Classification", [*parts, facts_table(rows)])


def assessment_report(values: Mapping[str, Any], facts: Mapping[str, str], pixel_area_m2: float | None = None) -> str:
    """Accuracy of any class map, with estimates for the area.

    Args:
        values: Of assessment.assess_map, with classes and notes.
        facts: Rows for the table of circumstances.
        pixel_area_m2: Area of a pixel; None where the raster's CRS has no metres.
    """
    judged, classes, sampling = values["accuracy"], values["classes"], values["sampling"]
    parts = [paragraph(sampling["sentence"], "warn" if sampling["method"] == "unknown" else "note")]
    parts += [paragraph(note, "warn") for note in values["notes"]]
    samples = [headline(judged), class_table(judged, classes), matrix_table(judged, classes)]
    area = [estimated_areas(values, classes, pixel_area_m2), strata_table(values["adjusted"])]
    if sampling["method"] == "stratified":  # the counts alone do not show the map's accuracy
        parts += [*area, "<h2>Samples as counted</h2>", *samples]
    else:
        parts += [*samples, *area]
    return page("Accuracy assessment", [*parts, facts_table(facts)])


def pretraining_report(values: Mapping[str, Any], facts: Mapping[str, str]) -> str:
    """Loss curve, denoised patches, settings, device, time.

    Args:
        values: Of the pretrain task's result.
        facts: Rows for the table of circumstances.
    """
    left_out = ", ".join(f"{band['number']} ({band['reason']})" for band in values["bands_left_out"])
    parts = [
        cards(
            [
                (f"{values['final_loss']:.3f}", "final loss (1 = nothing learnt)"),
                (f"{values['iterations']}", "iterations"),
                (f"{values['components']}", f"components, {100 * values['explained_share']:.2f} % of the variance"),
            ]
        ),
        "<h2>Loss</h2>",
        line_chart(values["loss_curve"], "iteration", "mean squared error of the noise"),
        "<h2>Denoised patches</h2>",
        "<p>First three components of patches of the scene: as they are, with noise added, and as the model restores "
        "them. Where the restored patch shows the fields again, the model knows the scene.</p>",
        _patches(values["denoised"]),
    ]
    settings = values["settings"]
    rows = {
        **facts,
        "Preset": str(settings["preset"]),
        "Network": f"base width {settings['base_width']}, patches of {settings['patch_size']} pixels",
        "Schedule": f"{settings['iterations']} iterations of {settings['batch_size']} patches, learning rate "
        f"{settings['learning_rate']:g}" + _ways_back(values.get("rollbacks", 0)),
        "Bands used": str(len(values["bands_used"])),
        "Bands left out": left_out or "none",
        **_circumstances(values),
    }
    return page("Diffusion pretraining", [*parts, facts_table(rows)])


def _ways_back(count: int) -> str:
    return f", halved {count} times as the training diverged and went back" if count else ""


def _circumstances(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Device": f"{values['device']}, {values['device_reason']}",
        "Time": f"{values['seconds']:.1f} s",
        "Seed": str(values["settings"]["seed"]),
        "torch": str(values["torch"]),
    }


def _weights(values: Mapping[str, Any]) -> list[str]:
    """Charts of the timesteps and stages that the map rests on, where there is more than one."""
    if len(values["timesteps"]) > 1 and list(values.get("timestep_weights") or {}) == ["spectra"]:
        return [
            "<h2>What the map rests on</h2>",
            "<p>The spectra alone: no model that looks at diffusion features has a part in this map. With these "
            "samples, none was surely better at places that have no samples.</p>",
        ]
    parts = []
    for key, title, axis in (
        ("timestep_weights", "What the map rests on: timesteps", "timestep (small = little noise)"),
        ("stage_weights", "What the map rests on: stages", "stage of the decoder (small = coarse)"),
    ):
        shares = values.get(key) or {}
        if len(shares) > 1:
            parts += [f"<h2>{title}</h2>", bar_chart(list(shares), list(shares.values()), axis, "share")]
    if parts and "spectra" in (values.get("timestep_weights") or {}):
        parts.append(
            "<p>A share says how much the map's probabilities change when that input is shuffled among samples. "
            "Spectra are the bands themselves, their means over boxes, and their means along a field, where the "
            "diffusion features say which neighbours belong to it.</p>"
        )
    return parts


def _pool(pool: Mapping[str, Any] | None) -> list[str]:
    """What the default classifier tried, and what it chose."""
    if not pool:
        return []
    aim = "more pixels of the same fields" if pool["for"] == "random" else "places that have no samples"
    tried = sorted(pool["trials"], key=lambda trial: (-trial["weight"], -trial["accuracy"]))
    rows = [
        [
            escape(trial["name"]),
            percent_text(100 * trial["accuracy"]),
            percent_text(100 * trial["weight"]) if trial["weight"] else NONE,
        ]
        for trial in tried
    ]
    return [
        "<h2>How the models were chosen</h2>",
        f"<p>For {aim}: each model was tried on training samples that it had not learnt from, held out by "
        f"{escape(pool['trial_folds'])}. The pool of those with a weight was "
        f"right on {percent_text(100 * pool['trial_accuracy'])} % of them. No held-out validation sample had a part in "
        "this choice.</p>",
        table(["Model", "Right (%)", "Weight (%)"], rows),
        *_agreement(pool),
        *_scene_shares(pool),
    ]


def _agreement(pool: Mapping[str, Any]) -> list[str]:
    """Whether neighbours decided together, where that was a question."""
    if pool["for"] == "random" or "agreement" not in pool:
        return []
    found = pool["agreement"]
    if found is None:
        text = (
            "Each pixel decided alone: even among neighbours that look very much alike, training samples of several "
            "classes lie side by side."
        )
    else:
        text = (
            "Neighbours that look alike decided together: what the models say of a pixel was averaged over its "
            f"surroundings, along likeness. Of the weight of such neighbours, {100 * found['mixed']:.1f} % joined "
            "training samples of different classes. What looks alike is said by diffusion features, where the raster "
            "has them, without labels."
        )
    return ["<h2>Neighbours</h2>", f"<p>{text}</p>"]


def _scene_shares(pool: Mapping[str, Any]) -> list[str]:
    """How common the scene says each class is, where it was asked."""
    if not pool.get("shares"):
        return []
    rows = [[escape(entry["name"]), f"{100 * entry['share']:.1f}"] for entry in pool["shares"]]
    return [
        "<h2>How common the classes are</h2>",
        "<p>Where neighbours that look alike are of several classes, many pixels could be one class or another, and "
        "the map gives them to the commoner one. How common a class is was asked of the scene, without labels, as "
        "layers of samples often hold about as much of each class. These are the models' first guesses, not the "
        "shares of the map.</p>",
        table(["Class", "Share of the scene (%)"], rows),
    ]


def _patches(samples: Sequence[Mapping[str, Any]]) -> str:
    timesteps = sorted({s["timestep"] for s in samples})
    head = "<th>Patch</th>" + "".join(f"<th>noise at t&nbsp;=&nbsp;{t}</th><th>restored</th>" for t in timesteps)
    rows = []
    for number in sorted({s["patch"] for s in samples}):
        mine = [s for s in samples if s["patch"] == number]
        images = _image(mine[0]["clean"]) + "".join(_image(s["noised"]) + _image(s["denoised"]) for s in mine)
        rows.append(f"<tr>{images}</tr>")
    return f'<div class="scroll"><table class="patches"><thead><tr>{head}</tr></thead>{"".join(rows)}</table></div>'


def _image(uri: str) -> str:
    return f'<td><img src="{escape(uri)}" alt=""></td>'
