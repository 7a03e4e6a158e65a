# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports: numbers of a result message -> an HTML page that stands alone, readable on screen and printed.

Enters: the values of a task's result, and facts that QGIS knows (names of raster and layers, versions). Leaves: HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .pictures import bar_chart, line_chart

_STYLE = """
body{font:15px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:#1c2429;background:#fff;max-width:72rem;
margin:2rem auto;padding:0 1.5rem}
h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem;border-bottom:1px solid #d5dce0}
p.note{background:#f2f6f8;border-left:4px solid #3b7ea1;padding:.6rem .9rem;margin:1rem 0}
p.warn{background:#fdf5e6;border-left:4px solid #c98a12;padding:.6rem .9rem;margin:1rem 0}
.figures{display:flex;gap:1rem;flex-wrap:wrap;margin:1rem 0}
.figure{border:1px solid #d5dce0;border-radius:6px;padding:.7rem 1.1rem;min-width:9rem}
.figure b{display:block;font-size:1.7rem;font-weight:600}.figure span{color:#5b6a73;font-size:.85rem}
table{border-collapse:collapse;font-size:.88rem}td,th{padding:.25rem .55rem;text-align:right}
th{font-weight:600;color:#33424b}th.name,td.name{text-align:left;white-space:nowrap}
tbody tr:nth-child(even){background:#f7f9fa}table.matrix td,table.matrix th{text-align:center;padding:.25rem .3rem}
table.matrix td{min-width:1.7rem}table.matrix .name{text-align:left;padding-right:.6rem}
table.matrix tbody tr:nth-child(even){background:none}td.total,th.total{color:#5b6a73;border-left:1px solid #d5dce0}
.scroll{overflow-x:auto}.swatch{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.45em;
border:1px solid #0003;vertical-align:-.05em}
svg.chart{width:100%;height:auto}.chart text{font-size:12px;fill:#5b6a73}.chart .label,.chart .tick{text-anchor:middle}
.chart .end{text-anchor:end}.chart .grid{stroke:#e3e8eb}.chart .line{fill:none;stroke:#3b7ea1;stroke-width:2}
.chart .bar{fill:#3b7ea1}
.patches td,.patches th{text-align:center;background:none;padding:.25rem .35rem}
.patches img{width:96px;height:96px;image-rendering:pixelated}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}table,svg,.figures{break-inside:avoid}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


def classification_report(
    values: Mapping[str, Any], facts: Mapping[str, str], pixel_area_m2: float | None = None
) -> str:
    """Accuracy with intervals, matrix, mapped areas, timestep weights, and how samples were held out.

    Args:
        values: Of the classify task's result.
        facts: Rows for the table of circumstances, e.g. {"Raster": "scene.tif"}.
        pixel_area_m2: Area of a pixel; None where the raster's CRS has no metres.
    """
    split, judged = values["split"], values["accuracy"]
    parts = [_paragraph(split["sentence"], "warn" if split["method"] == "random" else "note")]
    if split["not_held_out"]:
        parts.append(
            _paragraph(
                "Nothing could be held out of: " + ", ".join(split["not_held_out"]) + ". Their accuracy is not "
                "known from this map.",
                "warn",
            )
        )
    if values["purification"]["raster"] == "classes" and split["method"] in ("random", "spatial"):
        parts.append(
            _paragraph(
                "The features of this raster were chosen with training samples at extraction. If those were the same "
                "samples, the held-out ones had a part in that choice, and the figure is slightly too good. For a "
                "strict figure split the samples first, or extract without TRAINING.",
                "warn",
            )
        )
    if split["validation_outside_map"]:
        parts.append(_paragraph(f"{split['validation_outside_map']} reference samples lie on no mapped pixel.", "warn"))
    if judged:
        parts += [_headline(judged), _class_table(judged, values["classes"], split), _matrix(judged, values["classes"])]
        parts += _calibration(judged)
    parts.append(_areas(values["mapped_pixels"], values["classes"], pixel_area_m2))
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
    return _page("Classification", [*parts, _facts(rows)])


def pretraining_report(values: Mapping[str, Any], facts: Mapping[str, str]) -> str:
    """Loss curve, denoised patches, settings, device, time.

    Args:
        values: Of the pretrain task's result.
        facts: Rows for the table of circumstances.
    """
    left_out = ", ".join(f"{band['number']} ({band['reason']})" for band in values["bands_left_out"])
    parts = [
        _figures(
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
        f"{settings['learning_rate']:g}",
        "Bands used": str(len(values["bands_used"])),
        "Bands left out": left_out or "none",
        **_circumstances(values),
    }
    return _page("Diffusion pretraining", [*parts, _facts(rows)])


def _circumstances(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Device": f"{values['device']}, {values['device_reason']}",
        "Time": f"{values['seconds']:.1f} s",
        "Seed": str(values["settings"]["seed"]),
        "torch": str(values["torch"]),
    }


def _headline(judged: Mapping[str, Any]) -> str:
    low, high = judged["oa_interval"]
    return _figures(
        [
            (_percent(judged["oa"]), f"overall accuracy, 95 % interval {_percent(low)} to {_percent(high)}"),
            (_percent(judged["aa"]), "average accuracy"),
            (_percent(judged["kappa"]), "kappa x 100"),
            (f"{judged['calibration_error']:.2f}", "calibration error: how far confidence and accuracy lie apart"),
            (str(judged["samples"]), "reference pixels"),
        ]
    ) + (
        "<p>Intervals treat the reference pixels as independent samples; pixels of one polygon are not, so true "
        "intervals are wider.</p>"
    )


def _weights(values: Mapping[str, Any]) -> list[str]:
    """Charts of the timesteps and stages that the map rests on, where there is more than one."""
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
    rows = "".join(
        f'<tr><td class="name">{escape(trial["name"])}</td><td>{_percent(100 * trial["accuracy"])}</td>'
        f"<td>{_percent(100 * trial['weight']) if trial['weight'] else '–'}</td></tr>"
        for trial in tried
    )
    return [
        "<h2>How the models were chosen</h2>",
        f"<p>For {aim}: each model was tried on training samples that it had not learnt from, held out by "
        f"{escape(pool['trial_folds'])}. The pool of those with a weight was "
        f"right on {_percent(100 * pool['trial_accuracy'])} % of them. No held-out validation sample had a part in "
        "this choice.</p>",
        '<table><thead><tr><th class="name">Model</th><th>Right (%)</th><th>Weight (%)</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>",
    ]


def _calibration(judged: Mapping[str, Any]) -> list[str]:
    """Confidence against accuracy on the reference samples."""
    rows = "".join(
        f"<tr><td>{entry['confidence']:.2f}</td><td>{entry['accuracy']:.2f}</td><td>{entry['samples']}</td></tr>"
        for entry in judged["calibration"]
    )
    return [
        "<h2>Calibration</h2><p>Of the reference pixels that the map is that sure of, the share that is right. "
        f"The mean distance of the two is {judged['calibration_error']:.3f}.</p>"
        "<table><thead><tr><th>Mean confidence</th><th>Share right</th><th>Pixels</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    ]


def _class_table(judged: Mapping[str, Any], classes: Sequence[Mapping[str, Any]], split: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><td class="name">{_swatch(entry)}</td><td>{split["training_samples"][i]}</td>'
        f"<td>{sum(judged['matrix'][i])}</td>"
        f"<td>{_with_interval(judged['producers'][i], judged['producers_interval'][i])}</td>"
        f"<td>{_with_interval(judged['users'][i], judged['users_interval'][i])}</td>"
        f"<td>{_percent(judged['f1'][i])}</td></tr>"
        for i, entry in enumerate(classes)
    )
    return (
        '<h2>Classes</h2><div class="scroll"><table><thead><tr><th class="name">Class</th><th>Training</th>'
        "<th>Reference</th><th>Producer's accuracy (95 %)</th><th>User's accuracy (95 %)</th><th>F1</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _areas(pixels: Sequence[int], classes: Sequence[Mapping[str, Any]], pixel_area_m2: float | None) -> str:
    """Pixels, share and area of each class as mapped, errors of the map included."""
    total = max(1, sum(pixels))
    hectares = None if pixel_area_m2 is None else pixel_area_m2 / 10_000
    rows = "".join(
        f'<tr><td class="name">{_swatch(entry)}</td><td>{count}</td><td>{100 * count / total:.1f}</td>'
        + ("" if hectares is None else f"<td>{count * hectares:,.1f}</td>")
        + "</tr>"
        for entry, count in zip(classes, pixels)
    )
    head = "<th>Pixels</th><th>Share (%)</th>" + ("" if hectares is None else "<th>Area (ha)</th>")
    return (
        "<h2>Mapped areas</h2><p>As counted on the map; errors of the map are not corrected for.</p>"
        f'<table><thead><tr><th class="name">Class</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _matrix(judged: Mapping[str, Any], classes: Sequence[Mapping[str, Any]]) -> str:
    matrix = judged["matrix"]
    head = "".join(f'<th title="{escape(str(entry["name"]))}">{entry["id"]}</th>' for entry in classes)
    body = []
    for i, entry in enumerate(classes):
        total = sum(matrix[i])
        cells = "".join(_cell(count, total, right=i == j) for j, count in enumerate(matrix[i]))
        body.append(f'<tr><td class="name">{_swatch(entry)} ({entry["id"]})</td>{cells}<td class="total">{total}</td>')
    sums = "".join(f"<td>{sum(row[j] for row in matrix)}</td>" for j in range(len(classes)))
    return (
        "<h2>Confusion matrix</h2><p>Rows: reference. Columns: map, by class id.</p>"
        f'<div class="scroll"><table class="matrix"><thead><tr><th class="name">Reference \\ Map</th>{head}'
        f'<th class="total">Sum</th></tr></thead><tbody>{"</tr>".join(body)}</tr><tr><td class="name total">Sum</td>'
        f'{sums}<td class="total">{judged["samples"]}</td></tr></tbody></table></div>'
    )


def _cell(count: int, total: int, *, right: bool) -> str:
    if not count:
        return '<td style="color:#b5bfc5">0</td>'
    strength = 0.12 + 0.55 * count / max(1, total)
    colour = f"rgba(46,139,87,{strength:.2f})" if right else f"rgba(200,70,40,{strength:.2f})"
    return f'<td style="background:{colour}">{count}</td>'


def _patches(samples: Sequence[Mapping[str, Any]]) -> str:
    timesteps = sorted({s["timestep"] for s in samples})
    head = "<th>Patch</th>" + "".join(f"<th>noise at t = {t}</th><th>restored</th>" for t in timesteps)
    rows = []
    for number in sorted({s["patch"] for s in samples}):
        mine = [s for s in samples if s["patch"] == number]
        images = _image(mine[0]["clean"]) + "".join(_image(s["noised"]) + _image(s["denoised"]) for s in mine)
        rows.append(f"<tr>{images}</tr>")
    return f'<div class="scroll"><table class="patches"><thead><tr>{head}</tr></thead>{"".join(rows)}</table></div>'


def _image(uri: str) -> str:
    return f'<td><img src="{escape(uri)}" alt=""></td>'


def _figures(figures: Sequence[tuple[str, str]]) -> str:
    cards = "".join(f'<div class="figure"><b>{escape(n)}</b><span>{escape(what)}</span></div>' for n, what in figures)
    return f'<div class="figures">{cards}</div>'


def _facts(rows: Mapping[str, str]) -> str:
    body = "".join(
        f'<tr><td class="name">{escape(key)}</td><td class="name" style="white-space:normal">{escape(value)}</td></tr>'
        for key, value in rows.items()
    )
    return f"<h2>Circumstances</h2><table><tbody>{body}</tbody></table>"


def _swatch(entry: Mapping[str, Any]) -> str:
    colour = escape(str(entry.get("color") or "#ffffff"))
    return f'<span class="swatch" style="background:{colour}"></span>{escape(str(entry["name"]))}'


def _with_interval(value: float | None, interval: Sequence[float | None]) -> str:
    if value is None:
        return "–"
    return f"{_percent(value)} ({_percent(interval[0])}–{_percent(interval[1])})"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _paragraph(text: str, kind: str) -> str:
    return f'<p class="{kind}">{escape(text)}</p>'


def _page(title: str, parts: Sequence[str]) -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1>{''.join(parts)}</body></html>\n"
    )
