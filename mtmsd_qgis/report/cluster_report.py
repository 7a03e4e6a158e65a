# SPDX-License-Identifier: GPL-2.0-or-later
"""The report on a cluster map: why so many clusters, what they look like, how alike they are, how much they cover.

Enters: the worker's result. Leaves: HTML and JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from ..jobs.accuracy_results import whole_percent
from ..jobs.clusters.cluster_map import STABLE, ClusterResult, ClusterScores
from ..jobs.json_dataclasses import to_json
from .accuracy_tables import mapped_areas
from .cluster_charts import spectra_chart, stability_chart, tree_chart
from .export import json_text
from .extra_tables import cluster_extra_parts
from .html import cards, page, paragraph, percent_text, swatch, table
from .html import facts as facts_table

FORMAT, VERSION = "mtmsd-clusters", 1


def cluster_report(result: ClusterResult, facts: Mapping[str, str], pixel_area_m2: float | None) -> str:
    """The report as a page.

    Args:
        result: Of the task.
        facts: Rows for the table of circumstances.
        pixel_area_m2: Area of a pixel; None where the raster's CRS has no metres.
    """
    unsure = result.agreement is None or result.choice in ("blurred", "unstable")
    share = "not known" if result.agreement is None else whole_percent(result.agreement)
    parts = [
        paragraph(result.sentence, "warn" if unsure else "note"),
        cards(
            [
                (str(len(result.classes)), "clusters on the map"),
                (share, "of the pixels in the same cluster, by two halves of the scene"),
            ]
        ),
    ]
    if result.scores is not None:
        parts += _scores(result.scores)
    parts += _stability(result)
    parts += [
        "<h2>Mean spectra</h2>",
        "<p>Each cluster in its colour on the map. Lines are not drawn across gaps between bands.</p>",
        spectra_chart(result),
        "<h2>Which clusters are alike</h2>",
        "<p>Clusters that are joined farther to the left differ less. A map of fewer clusters joins them in this order."
        "</p>",
        tree_chart(result.classes, result.tree),
        mapped_areas(result.mapped_pixels, result.classes, pixel_area_m2),
        *_levels(result),
        *(cluster_extra_parts(result.extras) if result.extras else []),
    ]
    rows = {
        **facts,
        "Clusters asked for": str(result.settings.clusters or "to be proposed"),
        "Device": f"{result.computation.device}, {result.computation.device_reason}",
        "Time": f"{result.seconds:.1f} s",
        "torch": result.computation.torch,
    }
    return page("Cluster map", [*parts, facts_table(rows)])


def cluster_json(result: ClusterResult, facts: Mapping[str, str], pixel_area_m2: float | None) -> str:
    """The report as JSON; arguments as those of cluster_report."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "facts": dict(facts),
        **to_json(result),
        "pixel_area_m2": pixel_area_m2,
    }
    return json_text(document)


def _stability(result: ClusterResult) -> list[str]:
    if not result.stability:
        return []
    return [
        "<h2>How many clusters</h2>",
        "<p>The scene is halved ten times by windows, and parted by the clusters of each half. The line is the "
        "adjusted Rand index of the two partings, with its standard error; a dot is the Jaccard index by which the two "
        f"clusters that are new are found in both. The largest number with both at {STABLE:g} or more, less a standard "
        "error of the line, is proposed. "
        "Where there is none, it is the largest on which the halves agree as well as on any. The broken line marks the "
        "number on the map.</p>",
        stability_chart(result.stability, len(result.classes), STABLE),
    ]


def _scores(scores: ClusterScores) -> list[str]:
    rows = [
        ("Overall accuracy, one cluster a class", f"{percent_text(scores.matched_oa)} %"),
        ("Adjusted Rand index", f"{scores.ari:.3f}"),
        ("Normalised mutual information", f"{scores.nmi:.3f}"),
        ("Homogeneity", f"{scores.homogeneity:.3f}"),
        ("Completeness", f"{scores.completeness:.3f}"),
        ("Purity", f"{percent_text(scores.purity)} %"),
    ]
    return [
        "<h2>Agreement with the reference layer</h2>",
        f"<p>At {scores.pixels} reference pixels of {scores.classes} classes, which had no part in the map. Each "
        "class is matched with one cluster at most; pixels of all other clusters count as wrong. Purity takes each "
        "cluster as its most frequent class: it is optimistic, and grows with the number of clusters.</p>",
        table(["Score", "Value"], [(escape(name), value) for name, value in rows]),
    ]


def _levels(result: ClusterResult) -> list[str]:
    if not result.levels:
        return []
    parts = ["<h2>Nested maps</h2>", "<p>3.1 and 3.2 are the parts of what is 3 on the next coarser map.</p>"]
    for level in result.levels:
        shown = " &nbsp; ".join(swatch(entry.name.split(" ", 1)[1], entry.color) for entry in level.classes)
        parts.append(f"<p><b>{len(level.classes)} clusters:</b> {shown}</p>")
    return parts
