# SPDX-License-Identifier: GPL-2.0-or-later
"""What the report of a map says of extra rasters: which joined the classifier, which did not, and why.

Enters: what became of them. Leaves: parts of a page, and a line of notes.
"""

from __future__ import annotations

from html import escape

from ..jobs.extras.extra_rasters import ExtraFacts
from .html import NONE, percent_text, table

LACK_AN_EXTRA = (
    "of the mapped pixels lack an extra that is used; they are mapped with those of the others that help there, or "
    "without any"
)


def cluster_extra_parts(facts: ExtraFacts) -> list[str]:
    """The same of a cluster map, for which nothing was asked of held-out samples."""
    rows = [
        [escape(finding.name), "yes" if finding.joined else "no", escape(finding.sentence)]
        for finding in facts.findings
    ]
    text = (
        "of the mapped pixels lack an extra that is used; they have the cluster that is nearest by their other columns"
    )
    share = percent_text(100 * facts.share_without)
    without = [f"<p>{share} % {text}.</p>"] if facts.share_without else []
    return ["<h2>Extra rasters</h2>", table(["Extra raster", "Used", "Why"], rows), *without]


def extra_parts(facts: ExtraFacts) -> list[str]:
    """A table with a row for each extra."""
    rows = [
        [
            escape(finding.name),
            "yes" if finding.joined else "no",
            NONE if finding.gain is None else f"{finding.gain:.4f}",
            NONE if finding.standard_error is None else f"{finding.standard_error:.4f}",
            NONE if finding.shifted_below is None else str(finding.shifted_below),
            escape(finding.sentence),
        ]
        for finding in facts.findings
    ]
    head = ["Extra raster", "Used", "Gain (log loss)", "Standard error", "Shifted copies that help less", "Why"]
    share = percent_text(100 * facts.share_without)
    without = [f"<p>{share} % {LACK_AN_EXTRA}.</p>"]
    return ["<h2>Extra rasters</h2>", table(head, rows), *(without if facts.share_without else [])]
