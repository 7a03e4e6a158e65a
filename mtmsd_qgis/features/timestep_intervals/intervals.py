# SPDX-License-Identifier: GPL-2.0-or-later
"""Neighbouring timesteps that say the same, as intervals, and the timestep that stands for each.

Enters: how alike the features of all pairs of timesteps are. Leaves: the fewest intervals whose timesteps are like the
one that stands for them.

Source: contiguous intervals of timesteps, Zhang et al. (2024), arXiv 2312.09181; by features instead of gradients or
denoisers. The partition is the optimal one, by dynamic programming: Fisher (1958), doi 10.1080/01621459.1958.10501479,
with medoids in the place of means.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...jobs.timesteps.timestep_choice import TimestepChoice

LEAST_SIMILARITY = 0.95  # mean similarity of all timesteps to the one that stands for them
_DIGITS = 6  # of a similarity that is told


def choose_timesteps(similarity: NDArray[np.float64], candidates: Sequence[int]) -> TimestepChoice:
    """The fewest timesteps that are LEAST_SIMILARITY like those of their intervals, on the mean over all.

    Args:
        similarity: (T, T) of the candidates, symmetric, 1 on the diagonal.
        candidates: (T,) ascending.
    """
    count = len(candidates)
    gain, medoid = _intervals(similarity)
    for wanted in range(1, count + 1):
        ends = _best_ends(gain, wanted)
        starts = [0, *ends[:-1]]
        sums = [float(gain[start, end]) for start, end in zip(starts, ends)]
        if sum(sums) >= LEAST_SIMILARITY * count or wanted == count:
            break
    return TimestepChoice(
        candidates=tuple(candidates),
        kept=tuple(candidates[medoid[start, end]] for start, end in zip(starts, ends)),
        intervals=tuple((candidates[start], candidates[end - 1]) for start, end in zip(starts, ends)),
        similarities=tuple(round(total / (end - start), _DIGITS) for total, start, end in zip(sums, starts, ends)),
        similarity=round(sum(sums) / count, _DIGITS),
    )


def _intervals(similarity: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Of each interval [start, end): the sum of similarities to its medoid, and which that is; the lowest of equals."""
    count = len(similarity)
    gain, medoid = np.full((count, count + 1), -np.inf), np.zeros((count, count + 1), dtype=np.intp)
    for start in range(count):
        for end in range(start + 1, count + 1):
            sums = similarity[start:end, start:end].sum(axis=0)
            best = int(sums.argmax())
            gain[start, end], medoid[start, end] = sums[best], start + best
    return gain, medoid


def _best_ends(gain: NDArray[np.float64], intervals: int) -> list[int]:
    """Ends of the intervals of the partition whose gains sum to the most."""
    count = len(gain)
    best = np.full((intervals + 1, count + 1), -np.inf)
    best[0, 0] = 0
    start_of = np.zeros((intervals + 1, count + 1), dtype=np.intp)
    for k in range(1, intervals + 1):
        for end in range(k, count + 1):
            totals = best[k - 1, :end] + gain[:end, end]
            start_of[k, end] = int(totals.argmax())
            best[k, end] = totals[start_of[k, end]]
    ends = [count]
    for k in range(intervals, 1, -1):
        ends.insert(0, int(start_of[k, ends[0]]))
    return ends
