# SPDX-License-Identifier: GPL-2.0-or-later
"""How well a cluster map agrees with reference classes that it has never seen.

Enters: the cluster and the class of reference pixels. Leaves: ClusterScores. All figures are of the reference pixels
alone, and none of them changes where ids are permuted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ...jobs.clusters.cluster_map import ClusterScores

_MARGIN = float(np.finfo(np.float64).eps)  # mutual information below it is rounding


def contingency(clusters: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(K, C) counts of pixels by cluster and class, without empty rows and columns.

    Args:
        clusters: (N,) of the pixels.
        classes: (N,) of the same pixels.
    """
    found, row = np.unique(clusters, return_inverse=True)
    known, col = np.unique(classes, return_inverse=True)
    return np.bincount(row * len(known) + col, minlength=len(found) * len(known)).reshape(len(found), len(known))


def cluster_scores(clusters: NDArray[np.int64], classes: NDArray[np.int64]) -> ClusterScores:
    """Scores of clusters against classes.

    Source: Hubert & Arabie (1985), doi 10.1007/BF01908075, for the adjusted Rand index; Rosenberg & Hirschberg (2007)
    for homogeneity and completeness, whose harmonic mean is the normalised mutual information with the arithmetic mean
    of the entropies; Kuhn (1955), doi 10.1002/nav.3800020109, for the one-to-one matching.

    Args:
        clusters: (N,) of the reference pixels, N from 1.
        classes: (N,) of the same pixels.
    """
    table = contingency(clusters, classes)
    rows, cols = linear_sum_assignment(table, maximize=True)
    total = int(table.sum())
    mutual = _mutual_information(table)
    of_classes, of_clusters = _entropy(table.sum(axis=0)), _entropy(table.sum(axis=1))
    mean = (of_classes + of_clusters) / 2
    alone = table.shape == (1, 1)
    return ClusterScores(
        pixels=total,
        clusters=len(table),
        classes=table.shape[1],
        matched_oa=100 * float(table[rows, cols].sum()) / total,
        purity=100 * float(table.max(axis=1).sum()) / total,
        ari=adjusted_rand_index(table),
        nmi=1.0 if alone else (min(1.0, mutual / mean) if mutual > _MARGIN else 0.0),
        homogeneity=min(1.0, mutual / of_classes) if of_classes else 1.0,
        completeness=min(1.0, mutual / of_clusters) if of_clusters else 1.0,
    )


def adjusted_rand_index(table: NDArray[np.int64]) -> float:
    """Of a contingency table (K, C): 1 for the same parting, 0 expected by chance.

    Source: Hubert & Arabie (1985), doi 10.1007/BF01908075.
    """
    total, squares = int(table.sum()), int((table.astype(object) ** 2).sum())
    by_row, by_col = (int((table.sum(axis=axis).astype(object) ** 2).sum()) for axis in (1, 0))
    together, only_rows, only_cols = squares - total, by_row - squares, by_col - squares
    apart = total * total - by_row - by_col + squares
    if only_rows == 0 and only_cols == 0:
        return 1.0
    norm = (together + only_rows) * (only_rows + apart) + (together + only_cols) * (only_cols + apart)
    return 2 * (together * apart - only_rows * only_cols) / norm


def _entropy(counts: NDArray[np.int64]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum()) if len(shares) > 1 else 0.0


def _mutual_information(table: NDArray[np.int64]) -> float:
    rows, cols = np.nonzero(table)
    total, filled = table.sum(), table[rows, cols]
    expected = np.log(table.sum(axis=1)[rows]) + np.log(table.sum(axis=0)[cols]) - np.log(total)
    return max(0.0, float((filled / total * (np.log(filled) - expected)).sum()))
