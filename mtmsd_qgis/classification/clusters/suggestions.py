# SPDX-License-Identifier: GPL-2.0-or-later
"""Places to look at, to name the clusters of a map: typical pixels of each.

Enters: drawn pixels and a cut. Leaves: some places of each cluster, those of the largest cluster first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...jobs.clusters.cluster_map import SuggestedPlace
from .cluster_cut import ClusterCut
from .pixel_view import PixelDraw

PLACES = 3  # of each cluster
_NEAREST = 8  # pixels that two places of a cluster are apart, where it is that large
_SUREST = 0.5  # share of a cluster's pixels, the surest, that places are taken from


def suggested_places(draw: PixelDraw, cut: ClusterCut) -> tuple[SuggestedPlace, ...]:
    """The pixels nearest to the middle of each cluster among its surest, at some distance from each other.

    Args:
        draw: Pixels of the scene.
        cut: Of their clusters.
    """
    own, confidence = cut.find_each(draw.values, draw.known)  # as on the map
    cluster = cut.labels[own]
    points = (draw.values @ cut.model.metric).double().numpy()
    sizes = np.bincount(cluster, minlength=cut.clusters)
    places: list[SuggestedPlace] = []
    for number in np.argsort(-sizes, kind="stable"):
        members = np.flatnonzero(cluster == number)
        if not len(members):
            continue
        surest = members[confidence[members] >= np.quantile(confidence[members], 1 - _SUREST)]
        middle = np.median(points[members], axis=0)
        order = surest[np.argsort(((points[surest] - middle) ** 2).sum(axis=1), kind="stable")]
        for rank, pixel in enumerate(_apart(draw, order), 1):
            places.append(
                SuggestedPlace(
                    int(draw.rows[pixel]), int(draw.cols[pixel]), int(number) + 1, rank, float(confidence[pixel])
                )
            )
    return tuple(places)


def _apart(draw: PixelDraw, order: NDArray[np.int64]) -> list[int]:
    """The first pixels of an order that lie apart; where there are too few, the first that are left."""
    chosen: list[int] = []
    for least in (_NEAREST, 0):
        for pixel in order.tolist():
            if len(chosen) == PLACES:
                return chosen
            apart = all(
                max(abs(draw.rows[pixel] - draw.rows[c]), abs(draw.cols[pixel] - draw.cols[c])) > least for c in chosen
            )
            if apart and pixel not in chosen:
                chosen.append(pixel)
    return chosen
