# SPDX-License-Identifier: GPL-2.0-or-later
"""Accuracies and areas from a stratified random sample, with their standard errors.

Enters: stratum, reference class and map class of each sample, and how many pixels each stratum has. Leaves: shares of
the mapped area 0 to 1 with standard errors; NaN where the sample cannot support an estimate.

Sources: Stehman (2014), doi 10.1080/01431161.2014.930207, for strata of any kind; where the strata are the map's
classes this is what Olofsson et al. (2014), doi 10.1016/j.rse.2014.02.015, give in equations 1 to 11, but for the
finite population correction, which Stehman has and which is all but 1 for samples of a large map.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_FOR_ERROR = 2  # samples of a stratum: the variance of a single one is unknown

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class StratifiedSample:
    """A sample and the strata it was drawn from.

    Attributes:
        strata: (N,) stratum index of each sample, 0 to H - 1.
        reference: (N,) class index by the reference, 0 to K - 1.
        mapped: (N,) class index by the map.
        sizes: (H,) pixels of each stratum.
        classes: K.
        strata_are_map: Stratum h is map class h, so that H = K and no other class of the map is in it.
    """

    strata: NDArray[np.int64]
    reference: NDArray[np.int64]
    mapped: NDArray[np.int64]
    sizes: NDArray[np.int64]
    classes: int
    strata_are_map: bool = False


@dataclass(frozen=True)
class Estimate:
    """An estimate for each class (or a single one) and its standard error, both NaN where undefined."""

    value: Floats
    error: Floats


@dataclass(frozen=True)
class AreaEstimates:
    """What a stratified random sample tells of the map and of the area.

    Attributes:
        oa: () share of the area that is mapped right.
        users: (K,) of the area mapped as the class, the share that is.
        producers: (K,) of the area that is the class, the share mapped so.
        areas: (K,) share of the area that is the class.
        cells: (K, K) share of the area, rows reference, columns map.
        samples: (H,) of each stratum.
        unsampled: Strata with pixels but no sample: the estimates hold for the area without them.
        single: Strata with one sample of several pixels: errors that need their variance are NaN.
    """

    oa: Estimate
    users: Estimate
    producers: Estimate
    areas: Estimate
    cells: Floats
    samples: NDArray[np.int64]
    unsampled: tuple[int, ...]
    single: tuple[int, ...]


@dataclass(frozen=True)
class _Strata:
    """Pixels N, samples n and the factor of the variance of a total, N^2 (1 - n/N) / n, of each sampled stratum."""

    pixels: Floats
    samples: Floats
    factor: Floats

    def mean(self, counts: Floats) -> Floats:
        """Share of the samples, (H, ...) from counts of the same shape."""
        return counts / self.samples.reshape(-1, *[1] * (counts.ndim - 1))

    def total(self, means: Floats) -> Floats:
        """Estimated pixels, summed over strata."""
        return np.asarray(np.tensordot(self.pixels, means, axes=1))

    def error(self, variances: Floats) -> Floats:
        """Standard error of a total from the sample variances (H, ...) within strata; NaN where one is unknown."""
        known = np.where(self.factor.reshape(-1, *[1] * (variances.ndim - 1)) == 0, 0.0, variances)
        return np.asarray(np.sqrt(np.maximum(np.tensordot(self.factor, known, axes=1), 0.0)))


def estimate(sample: StratifiedSample) -> AreaEstimates:
    """Estimate accuracies and areas.

    Raises:
        ValueError: There is no sample.
    """
    if len(sample.strata) == 0:
        raise ValueError("estimates need at least one sample")
    drawn = np.bincount(sample.strata, minlength=len(sample.sizes)).astype(np.int64)
    sizes = np.maximum(sample.sizes, drawn)  # a stratum has at least the pixels that were drawn from it
    kept = drawn > 0
    strata = _strata(sizes[kept], drawn[kept])
    right = sample.reference == sample.mapped
    of_reference = _counts(sample, sample.reference, np.ones(len(right), dtype=bool))[kept]
    of_map = _counts(sample, sample.mapped, np.ones(len(right), dtype=bool))[kept]
    of_both = _counts(sample, sample.reference, right)[kept]
    structural = np.eye(sample.classes, dtype=bool)[kept] if sample.strata_are_map else None
    pixels = float(strata.pixels.sum())
    return AreaEstimates(
        oa=_share(strata, of_both.sum(axis=1), pixels),
        users=_ratio(strata, of_both, of_map, structural),
        producers=_ratio(strata, of_both, of_reference, None),
        areas=_share(strata, of_reference, pixels),
        cells=_cells(sample, sizes / np.maximum(drawn, 1) / pixels),
        samples=drawn,
        unsampled=tuple(np.flatnonzero((drawn == 0) & (sample.sizes > 0)).tolist()),
        single=tuple(np.flatnonzero((drawn > 0) & (drawn < LEAST_FOR_ERROR) & (sizes > drawn)).tolist()),
    )


def normal_interval(value: float, error: float, highest: float = 1.0) -> tuple[float, float]:
    """95 % interval of an estimate, value +- 1.96 standard errors, cut at 0 and at the highest possible value.

    Both ends are NaN where the error is unknown or 0: samples that all agree do not say how sure they are.
    """
    if math.isnan(value) or math.isnan(error) or error == 0:
        return math.nan, math.nan
    half = 1.959963984540054 * error  # two-sided 95 % quantile of the normal distribution
    return max(0.0, value - half), min(highest, value + half)


def _strata(sizes: NDArray[np.int64], drawn: NDArray[np.int64]) -> _Strata:
    pixels, samples = sizes.astype(float), drawn.astype(float)
    return _Strata(pixels, samples, pixels**2 * (1 - samples / pixels) / samples)


def _counts(sample: StratifiedSample, classes: NDArray[np.int64], where: NDArray[np.bool_]) -> Floats:
    """(H, K) samples of each stratum and class."""
    strata = len(sample.sizes)
    flat = np.bincount((sample.strata * sample.classes + classes)[where], minlength=strata * sample.classes)
    return flat.reshape(strata, sample.classes).astype(float)


def _cells(sample: StratifiedSample, weights: Floats) -> Floats:
    """(K, K) share of the area: each sample stands for the pixels of its stratum over the stratum's samples."""
    place = sample.reference * sample.classes + sample.mapped
    flat = np.bincount(place, weights=weights[sample.strata], minlength=sample.classes**2)
    return np.asarray(flat.reshape(sample.classes, sample.classes))


def _covariance(strata: _Strata, both: Floats, first: Floats, second: Floats) -> Floats:
    """Sample covariance within strata of two yes-or-no variables, from the means of them and of their product."""
    n = strata.samples.reshape(-1, *[1] * (both.ndim - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n < LEAST_FOR_ERROR, np.nan, n / (n - 1) * (both - first * second))


def _share(strata: _Strata, counts: Floats, pixels: float) -> Estimate:
    """Share of the area. Source: Stehman (2014), equations 2, 3 and 25."""
    mean = strata.mean(counts)
    error = strata.error(_covariance(strata, mean, mean, mean))
    return Estimate(strata.total(mean) / pixels, error / pixels)


def _ratio(strata: _Strata, part: Floats, whole: Floats, structural: NDArray[np.bool_] | None) -> Estimate:
    """Share of a class's area. Source: Stehman (2014), equations 26 to 28.

    Args:
        strata: The sampled strata.
        part: (H, K) samples of the class, as mapped or as by the reference, that are right.
        whole: (H, K) all samples of the class.
        structural: (H, K) False where the class cannot be in the stratum, so that its variance there is 0.
    """
    y, x = strata.mean(part), strata.mean(whole)
    total = strata.total(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total > 0, strata.total(y) / total, np.nan)
        # y is 1 only where x is, so the mean of their product is y.
        own, other, joint = _covariance(strata, y, y, y), _covariance(strata, x, x, x), _covariance(strata, y, y, x)
        variances = own + share**2 * other - 2 * share * joint
        if structural is not None:
            variances = np.where(structural, variances, 0.0)
        return Estimate(share, np.where(total > 0, strata.error(variances) / total, np.nan))
