# SPDX-License-Identifier: GPL-2.0-or-later
"""The report on a map that a classifier from a file has made: first whether it may be believed, then what is on it.

Enters: the worker's result and what the classifier's file says. Leaves: HTML and JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from ..jobs.classifier_description import ClassifierDescription
from ..jobs.json_dataclasses import to_json
from ..jobs.results import ApplyResult
from .accuracy_tables import headline, mapped_areas
from .choice_parts import choice_notes, choice_parts, legend_of, legend_pixels
from .export import json_text
from .feature_gain import source_scene_parts
from .html import facts as facts_table
from .html import page, percent_text
from .transfer_tables import transfer_parts

FORMAT, VERSION = "mtmsd-transfer", 1


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
    verdict, *figures = transfer_parts(transfer, result.classes)
    parts = [
        verdict,
        f"<p>{escape(expected_accuracy(classifier))}</p>",
        *figures,
        mapped_areas(
            legend_pixels(result.mapped_pixels, result.choices),
            legend_of(result.classes, result.choices),
            pixel_area_m2,
        ),
        *choice_parts(result.choices, None, result.classes, result.mapped_pixels),
    ]
    if classifier.accuracy is not None:
        parts += [
            "<h2>Accuracy in the scene that was learnt from</h2>",
            f"<p>{escape(classifier.split.sentence)} It is not the accuracy of this map.</p>",
            headline(classifier.accuracy),
        ]
    parts += source_scene_parts(classifier)
    rows = {
        **facts,
        "Bands matched by": transfer.matched_by,
        "Adapted": result.settings.adapt,
        "Device": f"{result.computation.device}, {result.computation.device_reason}",
        "Time": f"{result.seconds:.1f} s",
        "torch": result.computation.torch,
    }
    return page("Classifier applied", [*parts, facts_table(rows)])


def expected_accuracy(classifier: ClassifierDescription) -> str:
    """How right the classifier was where it was learnt: a map that nothing speaks against is hardly more right."""
    accuracy = classifier.accuracy
    if accuracy is None or accuracy.oa is None:
        return "How accurate the classifier is in the scene that it was learnt from is not known."
    return (
        "In the scene that it was learnt from, the classifier has an overall accuracy of "
        f"{percent_text(accuracy.oa)} %. Expect no more here."
    )


def apply_json(
    result: ApplyResult, classifier: ClassifierDescription, facts: Mapping[str, str], pixel_area_m2: float | None
) -> str:
    """The report as JSON; arguments as those of apply_report."""
    gain = classifier.ensemble.feature_gain if classifier.ensemble else None
    document = {
        "format": FORMAT,
        "version": VERSION,
        "facts": dict(facts),
        **to_json(result),
        **({"notes": choice_notes(result.choices)} if result.choices else {}),
        "source": to_json(classifier.source),
        "source_accuracy": None if classifier.accuracy is None else to_json(classifier.accuracy),
        "source_feature_gain": None if gain is None else to_json(gain),
        "source_cell_weights": classifier.cell_weights,
        "pixel_area_m2": pixel_area_m2,
    }
    return json_text(document)
