# SPDX-License-Identifier: GPL-2.0-or-later
"""Which class each cluster of a map is, by the labelled pixels in it.

Enters: clusters and classes of labelled pixels. Leaves: a class for each cluster that has one, and how sure it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_PROBABILITY = 0.5  # from which on a cluster is named
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")  # a table may hold it as a real number
_SHOWN = 40  # letters of a wrong cell
_TIE = 1e-9  # between probabilities: two classes are alike
_PRIOR_PIXELS = 1.0  # that the overall shares of the classes count as


@dataclass(frozen=True)
class ClusterName:
    """What a cluster is.

    Attributes:
        cluster: Its id.
        samples: Labelled pixels in it.
        class_index: Its most probable class; None where it has no labelled pixel, two classes are equally probable,
            or none is probable enough.
        probability: Of the most probable class, 0 to 1.
    """

    cluster: int
    samples: int
    class_index: int | None
    probability: float

    @property
    def reason(self) -> str:
        """Why it has no name; empty where it has one."""
        if self.class_index is not None:
            return ""
        return "mixed" if self.samples else "no sample"


def name_clusters(
    ids: Sequence[int], clusters: NDArray[np.int64], classes: NDArray[np.int64], count: int
) -> list[ClusterName]:
    """Name every cluster by its labelled pixels, with the overall shares of the classes as a prior of one pixel.

    Args:
        ids: Of all clusters of the map.
        clusters: (N,) id of the cluster of each labelled pixel.
        classes: (N,) its class index.
        count: Number of classes.
    """
    overall = np.bincount(classes, minlength=count).astype(np.float64)
    prior = _PRIOR_PIXELS * overall / max(1.0, overall.sum())
    named = []
    for cluster in ids:
        found = np.bincount(classes[clusters == cluster], minlength=count)
        samples = int(found.sum())
        probability = (found + prior) / (samples + _PRIOR_PIXELS)
        best = int(probability.argmax()) if count else 0
        highest = float(probability[best]) if count else 0.0
        is_tie = int((probability >= highest - _TIE).sum()) > 1
        known = samples > 0 and highest >= LEAST_PROBABILITY and not is_tie
        named.append(ClusterName(int(cluster), samples, best if known else None, highest))
    return named


def read_name_table(cells: Sequence[object]) -> Mapping[int, str]:
    """Names by cluster from the cells of a table of two columns, row after row; empty rows do not count.

    Raises:
        ValueError: A cluster is no whole number, has no name, or stands there twice; the text says which.
    """
    if len(cells) % 2:
        raise ValueError(f"{len(cells)} cells, the last one without a name")
    names: dict[int, str] = {}
    for cluster, name in zip(cells[::2], cells[1::2]):
        number, text = (str("" if cell is None else cell).strip() for cell in (cluster, name))
        if not number and not text:
            continue
        if not _WHOLE_NUMBER.fullmatch(number) or not text:
            raise ValueError(f"the row '{number[:_SHOWN]}', '{text[:_SHOWN]}'")
        cluster_id = int(number.partition(".")[0])
        if cluster_id in names:
            raise ValueError(f"cluster {cluster_id} twice")
        names[cluster_id] = text
    return names
