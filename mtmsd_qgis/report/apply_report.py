# SPDX-License-Identifier: GPL-2.0-or-later
"""The report on a map that a classifier from a file has made: first whether it may be believed, then what is on it.

Enters: the worker's result and what the classifier's file says. Leaves: HTML and JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

from ..jobs.classifier_description import ClassifierDescription
from ..jobs.json_dataclasses import to_json
from ..jobs.results import ApplyResult
from ..jobs.transfer_results import BandComparison, TransferFacts
from .accuracy_tables import headline, mapped_areas
from .html import NONE, cards, page, paragraph, percent_text, swatch, table
from .html import facts as facts_table

FORMAT, VERSION = "mtmsd-transfer", 1
_SHOWN_BANDS = 30  # those that differ most; all are in the JSON
_FEW = 0.9  # AUC from which scenes differ much, share inside below which much lies outside


def apply_report(
    result: ApplyResult, classifier: ClassifierDescription, facts: Mapping[str, str], pixel_area_m2: float | None
) -> str:
    """The report as a page.

    Args:
        result: Of the task.
        classifier: What its file says.
        facts: Rows for the table of circumstances.
        pixel_area_m2: Area of a pixel; None where the raster's CRS has no metres.
    """
    transfer = result.transfer
    doubtful = (transfer.shift_auc or 0.0) >= _FEW or (
        transfer.inside_share is not None and transfer.inside_share < _FEW
    )
    parts = [paragraph(transfer.sentence, "warn" if doubtful else "note"), _figures(transfer)]
    parts += [_bands(transfer)] if transfer.bands else []
    parts += [_proportions(result)] if transfer.source_proportions else []
    parts.append(mapped_areas(result.mapped_pixels, result.classes, pixel_area_m2))
    if classifier.accuracy is not None:
        parts += [
            "<h2>Accuracy in the scene that was learnt from</h2>",
            f"<p>{escape(classifier.split.sentence)} It is not the accuracy of this map.</p>",
            headline(classifier.accuracy),
        ]
    rows = {
        **facts,
        "Bands matched by": transfer.matched_by,
        "Adapted": result.settings.adapt,
        "Device": f"{result.computation.device}, {result.computation.device_reason}",
        "Time": f"{result.seconds:.1f} s",
        "torch": result.computation.torch,
    }
    return page("Classifier applied", [*parts, facts_table(rows)])


def apply_json(
    result: ApplyResult, classifier: ClassifierDescription, facts: Mapping[str, str], pixel_area_m2: float | None
) -> str:
    """The report as JSON; arguments as those of apply_report."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "facts": dict(facts),
        **to_json(result),
        "source": to_json(classifier.source),
        "source_accuracy": None if classifier.accuracy is None else to_json(classifier.accuracy),
        "pixel_area_m2": pixel_area_m2,
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _figures(transfer: TransferFacts) -> str:
    inside, auc = transfer.inside_share, transfer.shift_auc
    noise = transfer.noise_inside_share
    beside = "" if noise is None else f"; of white noise {percent_text(100 * noise)}"
    return cards(
        [
            (
                NONE if inside is None else percent_text(100 * inside),
                f"% of the scene inside the area of applicability{beside}",
            ),
            (NONE if auc is None else f"{auc:.2f}", "AUC of telling the scenes apart: 0.5 not at all, 1 entirely"),
        ]
    )


def _bands(transfer: TransferFacts) -> str:
    chosen = sorted(transfer.bands, key=lambda band: -band.auc)[:_SHOWN_BANDS]
    head = ["Band", "AUC", "Target is", "Off (nm)", "There: 5 %", "50 %", "95 %", "Here: 5 %", "50 %", "95 %"]
    more = "" if len(chosen) == len(transfer.bands) else f" Shown: {len(chosen)} of {len(transfer.bands)} bands."
    return (
        "<h2>Bands, those that differ most first</h2><p>AUC: how well the band alone tells the scenes apart. Quantiles "
        f"of the scene that was learnt from (there) and of this one (here), before it is adapted.{more}</p>"
        + table(head, [_band_row(band) for band in chosen])
    )


def _band_row(band: BandComparison) -> list[str]:
    name = band.name if band.wavelength_nm is None else f"{band.name} ({band.wavelength_nm:g} nm)"
    offset = NONE if band.offset_nm is None else f"{band.offset_nm:+.1f}{' !' if band.shifted else ''}"
    side = NONE if band.higher is None else "higher" if band.higher else "lower"
    shown = [f"{quantiles[i]:.4g}" for quantiles in (band.source, band.target) for i in (0, 2, 4)]
    return [escape(name), f"{band.auc:.2f}", side, offset, *shown]


def _proportions(result: ApplyResult) -> str:
    transfer = result.transfer
    rows = [
        [swatch(entry.name, entry.color), percent_text(100 * there), percent_text(100 * here)]
        for entry, there, here in zip(result.classes, transfer.source_proportions, transfer.target_proportions)
    ]
    return "<h2>Proportions of the classes</h2>" + table(["Class", "There (%)", "Here (%)"], rows)
