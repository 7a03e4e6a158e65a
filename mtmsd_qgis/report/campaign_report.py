# SPDX-License-Identifier: GPL-2.0-or-later
"""Report of a campaign: that of one map over all scenes, and what each scene has of the classes.

Enters: a CampaignResult, and facts that QGIS knows. Leaves: HTML, and the same as CSV.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from html import escape

from ..jobs.results import CampaignResult, MappedScene
from .export import accuracy_csv
from .html import facts as facts_table
from .html import page, percent_text, table
from .reports import classification_parts

_COUNTED = (
    "Share of each class on each scene's map. The mapped areas above count a place once where scenes of one pixel grid "
    "lie on each other, for the earlier one; scenes of another grid, as of another UTM zone, count there once more."
)
_MOST_ROWS = 200  # of scenes in the report; the CSV has all


def campaign_report(result: CampaignResult, facts: Mapping[str, str], pixel_area_m2: float | None = None) -> str:
    """The report of all scenes together, with a table of the scenes.

    Args:
        result: Of the campaign.
        facts: Rows for the table of circumstances.
        pixel_area_m2: Area of a pixel; None where the CRS has no metres.
    """
    parts, rows = classification_parts(result, facts, pixel_area_m2)
    return page("Classification of a campaign", [*parts, _scene_table(result), facts_table(rows)])


def campaign_csv(result: CampaignResult, pixel_area_m2: float | None) -> str:
    """Accuracy and areas of all scenes together, then the pixels of each class by scene."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([[], ["scene", "raster", "pixels", *(entry.name for entry in result.classes)]])
    for scene in result.scenes:
        writer.writerow([scene.folder, scene.name, sum(scene.mapped_pixels), *scene.mapped_pixels])
    return accuracy_csv(result, pixel_area_m2) + text.getvalue()


def _scene_table(result: CampaignResult) -> str:
    head = ["Scene", "Pixels", *(f"{escape(entry.name)} (%)" for entry in result.classes)]
    shown = result.scenes[:_MOST_ROWS]
    more = len(result.scenes) - len(shown)
    note = f"<p>The first {len(shown)} of {len(result.scenes)} scenes; the CSV has all.</p>" if more else ""
    return f"<h2>Scenes</h2><p>{_COUNTED}</p>{note}" + table(head, map(_row, shown))


def _row(scene: MappedScene) -> Sequence[str]:
    total = sum(scene.mapped_pixels)
    shares = [percent_text(100 * count / max(1, total)) for count in scene.mapped_pixels]
    return [escape(scene.name or scene.folder), str(total), *shares]
