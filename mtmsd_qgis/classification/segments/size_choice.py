# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a map is decided by segments, and how large they are: asked of all training samples.

Enters: the raster of features, and the training samples. Leaves: a segmentation, and the sentence that says why.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...io.cube import Cube
from ...progress import Progress, span
from ...sampling.sample_table import SampleTable
from .segmentation import FeaturesOfScenes, Segmentation, segment_scene

SIZES = (400, 200, 100, 50)  # pixels, tried in this order
MOST_ASTRAY = 0.02  # of the samples may lie in segments most of whose samples are of another class


@dataclass(frozen=True)
class SizeChoice:
    """Segments of a chosen size.

    Attributes:
        segments: Of the chosen size; of the smallest that was tried where none would do.
        astray: Share of the samples in segments of mostly another class, by each size that was tried.
    """

    segments: Segmentation
    astray: tuple[tuple[int, float], ...]

    @property
    def fits(self) -> bool:
        """Whether few enough samples lie in segments of mostly another class."""
        return self.astray[-1][1] <= MOST_ASTRAY


def choose_size(features: Cube | FeaturesOfScenes, samples: SampleTable, progress: Progress) -> SizeChoice:
    """Cut the scene into segments, from large ones to small ones, until they are pure enough.

    Args:
        features: As SegmentFeatures writes them.
        samples: Of the training.
        progress: Told after each strip.
    """
    astray: list[tuple[int, float]] = []
    for done, pixels in enumerate(SIZES):
        part = span(progress, done / len(SIZES), (done + 1) / len(SIZES))
        segments = segment_scene(features, pixels, part)
        astray.append((pixels, share_astray(segments, samples)))
        if astray[-1][1] <= MOST_ASTRAY:
            break
    return SizeChoice(segments, tuple(astray))


def share_astray(segments: Segmentation, samples: SampleTable) -> float:
    """Share of the samples on segments that lie in one of whose samples more are of another class, 0 to 1."""
    found = segments.at(samples.rows, samples.cols)
    inside = found > 0
    if not inside.any():
        return 0.0
    _, segment = np.unique(found[inside], return_inverse=True)
    counts = np.zeros((int(segment.max()) + 1, int(samples.class_index.max()) + 1), dtype=np.int64)
    np.add.at(counts, (segment.ravel(), samples.class_index[inside]), 1)
    return 1 - float(counts.max(axis=1).sum() / counts.sum())
