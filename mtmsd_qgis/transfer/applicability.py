# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a classifier may be applied: the dissimilarity index of pixels to its training samples.

Enters: features of the training samples, a weight for each feature, and the folds that samples were held out by.
Leaves: for any pixel how far its features lie from the nearest training sample, and whether that is as near as held-out
samples lie from the others.

Source: Meyer & Pebesma (2021), doi 10.1111/2041-210X.13650: features are standardised and multiplied by their weights;
the index is the distance to the nearest training sample over the mean distance among training samples; its threshold is
the largest index under cross-validation that is no outlier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WHISKER = 1.5  # interquartile ranges above the third quartile; an index beyond is an outlier (Meyer & Pebesma)
_CHUNK_BYTES = 8 << 20  # of the distances between some pixels and all samples
_SMALLEST_SHARE = 1e-6  # of the largest absolute value; a feature that deviates less is constant
_NAMES = ("samples", "weights", "mean", "inverse", "mean_distance", "threshold")


@dataclass(frozen=True)
class AreaOfApplicability:
    """The dissimilarity index and its threshold.

    Attributes:
        samples: (N, F) float32 features of the training samples.
        weights: (F,) float64, 0 or more; a feature of weight 0 does not count.
        mean: (F,) float64 over the training samples.
        inverse: (F,) float64, 1 / standard deviation; 0 for a constant feature.
        mean_distance: Among the training samples, of the weighted standardised features.
        threshold: A pixel with a larger index lies outside.
    """

    samples: NDArray[np.float32]
    weights: NDArray[np.float64]
    mean: NDArray[np.float64]
    inverse: NDArray[np.float64]
    mean_distance: float
    threshold: float

    @classmethod
    def fit(
        cls,
        features: NDArray[np.float32],
        weights: NDArray[np.float64] | None,
        folds: NDArray[np.int64],
    ) -> AreaOfApplicability:
        """Learn mean distance and threshold.

        Time goes with N * N * F; some thousand samples take seconds.

        Args:
            features: (N, F) of the training samples, finite.
            weights: (F,) importance of each feature, those below 0 count as 0; all alike where None, or where no weight
                is above 0.
            folds: (N,) fold that holds each sample out; a negative one is never held out. Where nothing is held out
                from anything, each sample is its own fold.

        Raises:
            ValueError: Fewer than two samples, or arrays whose sizes do not fit.
        """
        count, columns = features.shape
        if count < 2 or not columns or folds.shape != (count,) or (weights is not None and len(weights) != columns):
            raise ValueError("two or more training samples, a weight for each feature and a fold for each sample")
        values = features.astype(np.float64)
        deviation = values.std(axis=0)
        varies = deviation > _SMALLEST_SHARE * np.abs(values).max(axis=0)
        importance = np.ones(columns) if weights is None else np.maximum(np.asarray(weights, dtype=np.float64), 0.0)
        unfitted = cls(
            samples=np.ascontiguousarray(features, dtype=np.float32),
            weights=importance if (importance * varies).any() else np.ones(columns),
            mean=values.mean(axis=0),
            inverse=np.where(varies, 1 / np.where(varies, deviation, 1.0), 0.0),
            mean_distance=1.0,
            threshold=0.0,
        )
        mean_distance, held_out = unfitted._among_samples(folds)
        if not len(held_out):
            mean_distance, held_out = unfitted._among_samples(np.arange(count))
        mean_distance = mean_distance or 1.0  # all samples are one point: then nothing but that point is inside
        return cls(
            samples=unfitted.samples,
            weights=unfitted.weights,
            mean=unfitted.mean,
            inverse=unfitted.inverse,
            mean_distance=mean_distance,
            threshold=upper_whisker(np.asarray(held_out / mean_distance, dtype=np.float32)),
        )

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """The dissimilarity index (n,) of pixels (n, F): 0 at a training sample, NaN where a feature has no value."""
        index = np.full(len(features), np.nan, dtype=np.float32)
        rows = np.flatnonzero(np.isfinite(features[:, self._used]).all(axis=1))
        step = _rows_at_once(len(self.samples))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            points = self._scaled(features[some])
            nearest = self._compared(points).argmin(axis=1)
            # From differences, so that a training sample has 0 and not the rounding of a product.
            index[some] = _lengths(points - self._points[nearest]) / self.mean_distance
        return index

    def inside(self, index: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which pixels lie in the area of applicability; one without an index does not."""
        return np.asarray(index <= np.float32(self.threshold))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What a file keeps: named arrays of float32 and float64."""
        arrays = {name: np.asarray(getattr(self, name), dtype=np.float64) for name in _NAMES}
        return {**arrays, "samples": self.samples}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> AreaOfApplicability:
        """From to_arrays(), or from a file that may be damaged.

        Raises:
            ValueError: An array is missing, or is not of the shape, type or range that it should be.
        """
        if not set(_NAMES) <= set(arrays):
            raise ValueError(f"{', '.join(sorted(set(_NAMES) - set(arrays)))} of the applicability missing")
        samples, weights, mean, inverse, distance, threshold = (arrays[name] for name in _NAMES)
        shapes = samples.ndim == 2 and len(samples) >= 2 and samples.shape[1] >= 1
        shapes = shapes and all(array.shape == samples.shape[1:] for array in (weights, mean, inverse))
        types = samples.dtype == np.float32 and all(arrays[name].dtype == np.float64 for name in _NAMES[1:])
        if not (shapes and types and distance.shape == threshold.shape == ()):
            raise ValueError("arrays of the applicability that fit together")
        if not all(np.isfinite(arrays[name]).all() for name in _NAMES) or distance <= 0 or (weights < 0).any():
            raise ValueError("numbers of the applicability that are finite")
        return cls(samples, weights, mean, inverse, float(distance), float(threshold))

    def _among_samples(self, folds: NDArray[np.int64]) -> tuple[float, NDArray[np.float64]]:
        """Mean distance among all pairs, and that of each held-out sample to the nearest one of another fold."""
        points, count = self._points, len(self._points)
        total, held_out = 0.0, []
        for some in _chunks(count):
            squared = self._squared_distances(points[some])
            squared[np.arange(len(squared)), np.arange(some.start, some.start + len(squared))] = 0.0
            total += float(np.sqrt(squared).sum())
            squared[folds[some, None] == folds[None, :]] = np.inf
            nearest = squared.argmin(axis=1)
            counts = (folds[some] >= 0) & np.isfinite(squared[np.arange(len(squared)), nearest])
            held_out.append(_lengths(points[some] - points[nearest])[counts])
        return total / (count * (count - 1)), np.concatenate(held_out)

    @cached_property
    def _used(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.weights * self.inverse > 0)

    @cached_property
    def _points(self) -> NDArray[np.float64]:
        """(N, used features) of the samples, scaled."""
        return self._scaled(self.samples)

    @cached_property
    def _product(self) -> NDArray[np.float64]:
        """(used features + 1, N): what points with a 1 behind them are multiplied by, for |s|^2 - 2 s x."""
        return np.concatenate([-2 * self._points.T, np.square(self._points).sum(axis=1)[None]])

    def _scaled(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        used = self._used
        return (features[:, used].astype(np.float64) - self.mean[used]) * (self.inverse * self.weights)[used]

    def _compared(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, N) |s - x|^2 - |x|^2 from scaled points x (n, used features) to all samples s."""
        return np.concatenate([points, np.ones((len(points), 1))], axis=1) @ self._product

    def _squared_distances(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, N), 0 or more."""
        squared = self._compared(points)
        squared += np.square(points).sum(axis=1)[:, None]
        return np.maximum(squared, 0.0, out=squared)


def upper_whisker(values: NDArray[np.float32]) -> float:
    """The largest value (n,) that lies at most 1.5 interquartile ranges above the third quartile."""
    first, third = np.quantile(values.astype(np.float64), (0.25, 0.75))
    return float(values[values <= third + _WHISKER * (third - first)].max())


def _lengths(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.square(differences).sum(axis=1)))


def _rows_at_once(samples: int) -> int:
    return max(1, _CHUNK_BYTES // (8 * samples))


def _chunks(samples: int) -> Iterator[slice]:
    step = _rows_at_once(samples)
    for start in range(0, samples, step):
        yield slice(start, min(start + step, samples))
