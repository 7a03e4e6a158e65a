# SPDX-License-Identifier: GPL-2.0-or-later
"""Accuracies and areas from a stratified random sample, with their standard errors.

Enters: stratum, reference class and map class of each sample, and how many pixels each stratum has. Leaves: shares of
the mapped area 0 to 1 with standard errors; NaN where the sample cannot support an estimate.

Sources: Stehman (2014), doi 10.1080/01431161.2014.930207, for strata of any kind; where the strata are the map's
classes this is what Olofsson et al. (2014), doi 10.1016/j.rse.2014.02.015, give in equations 1 to 11, but for the
finite population correction, which Stehman has and which is all but 1 for samples of a large map.

The intervals are not the papers' +- 1.96 standard errors. On a population like the example of Olofsson et al. those
hold the area of a rare class in 72 of 100 samples, because most samples meet none of its omissions and then take them
for impossible. Here each stratum has a Wilson interval, and their squared distances to the estimate add up (Zou and
Donner 2008, doi 10.1002/sim.3095): 95 to 96 of 100.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .confidence_intervals import ratio_interval, wilson_bounds

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
    """An estimate for each class (or a single one), NaN where undefined.

    Attributes:
        value: The estimate.
        error: Its standard error.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    value: Floats
    error: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class AreaEstimates:
    """What a stratified random sample tells of the map and of the area.

    Attributes:
        oa: () share of the area that is mapped right.
        users: (K,) of the area mapped as the class, the share that is.
        producers: (K,) of the area that is the class, the share mapped so; NaN where that is 0 or 1 by construction.
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
    """Of each sampled stratum.

    Attributes:
        pixels: N.
        samples: n.
        factor: Of the variance of a total, N^2 (1 - n/N) / n.
        trials: Samples of an endless stratum that would tell as much, n / (1 - n/N).
    """

    pixels: Floats
    samples: Floats
    factor: Floats
    trials: Floats

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

    def limits(self, means: Floats, possible: NDArray[np.bool_] | bool = True) -> tuple[Floats, Floats]:
        """95 % interval of a total from shares (H, ...), of strata where it is possible at all."""
        low, high = wilson_bounds(means, self.trials.reshape(-1, *[1] * (means.ndim - 1)))
        squares = self.pixels**2
        below = np.tensordot(squares, np.where(possible, means - low, 0.0) ** 2, axes=1)
        above = np.tensordot(squares, np.where(possible, high - means, 0.0) ** 2, axes=1)
        total = self.total(means)
        return np.asarray(np.maximum(total - np.sqrt(below), 0.0)), np.asarray(total + np.sqrt(above))


@dataclass(frozen=True)
class _Possible:
    """(H, K) in which strata samples of a class can be right, and wrong: not everywhere where strata are the map."""

    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]


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
    every = np.ones_like(of_both, dtype=bool)
    own = np.eye(sample.classes, dtype=bool)[kept] if sample.strata_are_map else every
    pixels = float(strata.pixels.sum())
    producers = _ratio(
        strata, of_both, of_reference - of_both, _Possible(own, ~own if sample.strata_are_map else every)
    )
    return AreaEstimates(
        oa=_share(strata, of_both.sum(axis=1), pixels),
        users=_ratio(strata, of_both, of_map - of_both, _Possible(own, own)),
        producers=_without(producers, _one_sided(sample, drawn)) if sample.strata_are_map else producers,
        areas=_share(strata, of_reference, pixels),
        cells=_cells(sample, sizes / np.maximum(drawn, 1) / pixels),
        samples=drawn,
        unsampled=tuple(np.flatnonzero((drawn == 0) & (sample.sizes > 0)).tolist()),
        single=tuple(np.flatnonzero((drawn > 0) & (drawn < LEAST_FOR_ERROR) & (sizes > drawn)).tolist()),
    )


def _one_sided(sample: StratifiedSample, drawn: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(K,) classes whose right pixels, or all of whose wrong ones, lie in map classes without samples.

    Among the samples such a class is never, or always, mapped right, whatever the map is like.
    """
    unsampled, sampled = (drawn == 0) & (sample.sizes > 0), drawn > 0
    others_sampled, others_unsampled = sampled.sum() - sampled, unsampled.sum() - unsampled
    return np.asarray(unsampled | ((others_sampled == 0) & (others_unsampled > 0)))


def _without(estimates: Estimate, unknown: NDArray[np.bool_]) -> Estimate:
    """The same, NaN where it is not known."""
    parts = (estimates.value, estimates.error, estimates.low, estimates.high)
    return Estimate(*(np.where(unknown, np.nan, part) for part in parts))


def _strata(sizes: NDArray[np.int64], drawn: NDArray[np.int64]) -> _Strata:
    pixels, samples = sizes.astype(float), drawn.astype(float)
    rest = 1 - samples / pixels
    with np.errstate(divide="ignore"):
        return _Strata(pixels, samples, pixels**2 * rest / samples, samples / rest)


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
    low, high = strata.limits(mean)
    return Estimate(strata.total(mean) / pixels, error / pixels, low / pixels, np.minimum(high / pixels, 1.0))


def _ratio(strata: _Strata, right: Floats, wrong: Floats, possible: _Possible) -> Estimate:
    """Share of a class's area. Source: Stehman (2014), equations 26 to 28.

    Args:
        strata: The sampled strata.
        right: (H, K) samples of the class, as mapped or as by the reference, that are right.
        wrong: (H, K) those that are not.
        possible: Where there can be any.
    """
    y, z = strata.mean(right), strata.mean(wrong)
    x = y + z
    total = strata.total(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total > 0, strata.total(y) / total, np.nan)
        # y is 1 only where x is, so the mean of their product is y.
        own, other, joint = _covariance(strata, y, y, y), _covariance(strata, x, x, x), _covariance(strata, y, y, x)
        variances = np.where(possible.right | possible.wrong, own + share**2 * other - 2 * share * joint, 0.0)
        error = np.where(total > 0, strata.error(variances) / total, np.nan)
    limits = ratio_interval(
        (strata.total(y), *strata.limits(y, possible.right)),
        (strata.total(z), *strata.limits(z, possible.wrong)),
        _correlation(strata, right, wrong, possible),
    )
    low, high = (np.where(total > 0, end, np.nan) for end in limits)
    return Estimate(share, error, low, high)


def _correlation(strata: _Strata, right: Floats, wrong: Floats, possible: _Possible) -> Floats:
    """(K,) correlation of the two totals: a sample of a stratum is right, wrong or of another class.

    One more sample of either kind is thought of, so that kinds not met among few samples are not taken for impossible.
    """
    n = strata.samples[:, None] + 2
    y = np.where(possible.right, (right + 1) / n, 0.0)
    z = np.where(possible.wrong, (wrong + 1) / n, 0.0)
    joint, own, other = (strata.factor @ part for part in (-y * z, y * (1 - y), z * (1 - z)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num(joint / np.sqrt(own * other)))
