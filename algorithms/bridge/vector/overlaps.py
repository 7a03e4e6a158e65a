# SPDX-License-Identifier: GPL-2.0-or-later
"""Pixels with labels of different classes: polygons that overlap are refused, or settled as the user chose.

Enters: a table of labelled pixels, several entries a pixel. Leaves: one entry a pixel.

"refuse": polygons of different classes that overlap are an error, which names them. Where samples merely meet in a
pixel (points, polygons smaller than it, outlines through its centre), the pixel is mixed; it is left out and named.
"later": the feature that was added later wins. "drop": all such pixels are left out and named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qgis.core import QgsGeometry, QgsProcessingException

from ....mtmsd_qgis.jobs.data_model import ClassEntry
from ....mtmsd_qgis.sampling.class_values import Key
from ..feedback import ProgressRange
from .exclusion_counts import ExclusionCounts
from .labels import LabelLayer

if TYPE_CHECKING:
    from ....mtmsd_qgis.sampling.sample_table import SampleTable

MIXED = "pixels with labels of different classes"
REPEATED = "in pixels that other features of their class label already"
_MOST_PAIRS = 5  # of polygons, named in the refusal
_MOST_LOOKS = 1000  # pairs whose outlines are compared


def one_label_a_pixel(
    table: SampleTable,
    labels: LabelLayer,
    classes: Mapping[Key, ClassEntry],
    left_out: ExclusionCounts,
    progress: ProgressRange,
) -> SampleTable:
    """The table sorted by row and column with one entry a pixel.

    Args:
        table: A group is the number of a shape of the labels.
        labels: The layer, which says what to do with overlaps.
        classes: In the order of the class indices.
        left_out: Takes the pixels that are left out.
        progress: Told from time to time.

    Raises:
        QgsProcessingException: Polygons of different classes overlap, and that is to be refused; or cancelled.
    """
    import numpy as np

    if not len(table):
        return table
    table = table.subset(np.lexsort((table.group, table.cols, table.rows)))
    same_pixel = (np.diff(table.rows) == 0) & (np.diff(table.cols) == 0)
    first = np.flatnonzero(np.concatenate([[True], ~same_pixel]))
    class_index, group = table.class_index, table.group
    mixed = np.minimum.reduceat(class_index, first) != np.maximum.reduceat(class_index, first)
    counted = np.union1d(group[first], group[np.repeat(mixed, np.diff(np.append(first, len(table))))])
    repeated = np.setdiff1d(group, counted)
    if len(repeated):
        left_out.note(REPEATED, (labels.ids[number] for number in repeated))
    if not mixed.any():
        return table.subset(first)
    meetings = np.flatnonzero(same_pixel & (np.diff(class_index) != 0))
    pairs, pixels = np.unique(np.stack([group[meetings], group[meetings + 1]], 1), axis=0, return_counts=True)
    if labels.overlaps == "refuse" and not labels.points:
        _refuse_overlaps(pairs.tolist(), pixels.tolist(), labels, classes, progress)
    if labels.overlaps == "later":
        last = np.append(first[1:], len(table)) - 1
        progress.feedback.pushInfo(
            f"{mixed.sum()} pixels have labels of different classes in the layer {labels.name}; "
            "the later feature wins (OVERLAPS)."
        )
        return table.subset(np.where(mixed, last, first))
    left_out.note(MIXED, (labels.ids[number] for number in np.unique(pairs)), int(mixed.sum()))
    return table.subset(first[~mixed])


def _refuse_overlaps(
    pairs: Sequence[Sequence[int]],
    pixels: Sequence[int],
    labels: LabelLayer,
    classes: Mapping[Key, ClassEntry],
    progress: ProgressRange,
) -> None:
    """Name the polygons of different classes that overlap, those with the most pixels first."""
    found = []
    for looks, (count, (one, other)) in enumerate(sorted(zip(pixels, pairs), key=lambda pair: -pair[0])):
        if looks == _MOST_LOOKS:
            break
        progress.advance(0)
        if share_ground(labels.shapes[one][0], labels.shapes[other][0]):
            found.append((one, other, count))
    if not found:
        return

    def named(group: int) -> str:
        return f"feature {labels.ids[group]} ('{classes[labels.shapes[group][1]].name}')"

    sentences = [
        f"{named(one)} and {named(other)} in {count} pixel{'s' if count > 1 else ''}"
        for one, other, count in found[:_MOST_PAIRS]
    ]
    more = f", and {len(found) - _MOST_PAIRS} pairs more" if len(found) > _MOST_PAIRS else ""
    raise QgsProcessingException(
        f"Polygons of different classes that do not overlap were expected in the layer {labels.name}; found "
        f"{', '.join(sentences)}{more}. Correct the polygons, or set OVERLAPS to 'later', so that the later feature "
        "wins, or to 'drop', so that pixels of several classes are left out."
    )


def share_ground(one: QgsGeometry, other: QgsGeometry) -> bool:
    """Whether two shapes share ground, not only an outline; points where they lie in one place."""
    return one.intersects(other) and not one.touches(other)
