# SPDX-License-Identifier: GPL-2.0-or-later
"""A map against reference samples: all figures, and in words what they rest on and what they cannot say.

Enters: classes of the samples by reference and by map, pixels of each class or stratum. Leaves: an AccuracyResult;
accuracies in percent, None where undefined, and a note that says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np
from numpy.typing import NDArray

from ..jobs.accuracy_results import (
    AccuracyFigures,
    AccuracyResult,
    AreaFigures,
    SamplingFacts,
    Stratum,
    percent_number,
)
from ..jobs.map_choices import NOT_SURE, NOT_SURE_BESIDES
from .area_estimation import AreaEstimates, Estimate, StratifiedSample, estimate
from .metrics import evaluate, percent, percents

_Percents = tuple[Optional[float], ...]


@dataclass(frozen=True)
class Strata:
    """Strata other than the map's classes.

    Attributes:
        layer: Name of the raster they come from.
        names: (H,) of the strata.
        sizes: (H,) pixels.
        of_samples: (N,) stratum index of each sample.
    """

    layer: str
    names: Sequence[str]
    sizes: NDArray[np.int64]
    of_samples: NDArray[np.int64]


@dataclass(frozen=True)
class Compared:
    """Reference samples on mapped pixels, at least one.

    Attributes:
        reference: (N,) class index.
        mapped: (N,) class index.
        group: (N,) the feature (polygon or point) of the reference layer that a sample comes from.
        mapped_pixels: (K,) of each class on the whole map.
        names: (K,) of the classes.
        sampling: One of settings.SAMPLINGS.
        strata: None where the strata are the map's classes.
    """

    reference: NDArray[np.int64]
    mapped: NDArray[np.int64]
    group: NDArray[np.int64]
    mapped_pixels: NDArray[np.int64]
    names: Sequence[str]
    sampling: str = "unknown"
    strata: Strata | None = None


def assess_map(compared: Compared) -> AccuracyResult:
    """All figures and notes; classes and what was left out are the caller's to add."""
    classes, strata = len(compared.names), compared.strata
    accuracy = evaluate(compared.reference, compared.mapped, compared.group, classes)
    sample = StratifiedSample(
        strata=compared.mapped if strata is None else strata.of_samples,
        reference=compared.reference,
        mapped=compared.mapped,
        sizes=compared.mapped_pixels if strata is None else strata.sizes,
        classes=classes,
        strata_are_map=strata is None,
    )
    names = compared.names if strata is None else strata.names
    estimates = estimate(sample)
    adjusted = area_figures(estimates, names, sample.sizes)
    return AccuracyResult(
        accuracy=accuracy,
        adjusted=adjusted,
        sampling=SamplingFacts(compared.sampling, _sentence(compared)),
        mapped_pixels=tuple(compared.mapped_pixels.tolist()),
        notes=(
            *_of_classes(accuracy, compared),
            *features_note(accuracy),
            *_of_strata(estimates, names, sample, adjusted),
        ),
    )


def features_note(accuracy: AccuracyFigures) -> list[str]:
    """What samples that come in polygons mean for intervals; empty where every sample is a feature of its own."""
    samples, features = accuracy.samples, accuracy.features
    if features == samples or accuracy.oa_interval_by_feature is None:
        return []
    low, high = accuracy.oa_interval_by_feature
    width = (
        "There are too few of them to say how much wider."
        if low is None or high is None
        else f"Taking whole features as what was sampled, that of the overall accuracy is {percent_number(low)} "
        f"to {percent_number(high)} %."
    )
    return [
        f"The {samples} reference pixels come from {features} feature{'' if features == 1 else 's'}. Pixels of one "
        f"polygon are alike and no independent samples, so intervals and standard errors are too narrow. {width}"
    ]


def kappa_note(accuracy: AccuracyFigures) -> list[str]:
    """That kappa says nothing, where reference or map has a single class at all samples; else empty."""
    matrix = np.array(accuracy.matrix)
    if accuracy.kappa is None:
        return ["Kappa is undefined: reference and map have one and the same class at all samples."]
    single = [who for who, axis in (("reference", 1), ("map", 0)) if np.count_nonzero(matrix.sum(axis=axis)) == 1]
    if not single:
        return []
    return [f"Kappa is 0 because the {single[0]} has a single class at all samples; it says nothing of the map."]


def area_figures(estimates: AreaEstimates, names: Sequence[str], sizes: NDArray[np.int64]) -> AreaFigures:
    """The estimates for a report: accuracies in percent, areas in percent and in pixels, with errors and intervals.

    Args:
        estimates: Of a sample.
        names: (H,) of the strata.
        sizes: (H,) pixels of the strata.
    """
    pixels = int(sum(size for size, drawn in zip(sizes.tolist(), estimates.samples.tolist()) if drawn))
    area, area_error, area_interval = _percents_of(estimates.areas)
    users, users_error, users_interval = _percents_of(estimates.users)
    producers, producers_error, producers_interval = _percents_of(estimates.producers)
    return AreaFigures(
        strata=tuple(
            Stratum(name, int(size), int(drawn)) for name, size, drawn in zip(names, sizes, estimates.samples)
        ),
        pixels=pixels,
        oa=percent(float(estimates.oa.value)),
        oa_error=percent(float(estimates.oa.error)),
        oa_interval=percents([float(estimates.oa.low), float(estimates.oa.high)]),
        users=users,
        users_error=users_error,
        users_interval=users_interval,
        producers=producers,
        producers_error=producers_error,
        producers_interval=producers_interval,
        area=area,
        area_error=area_error,
        area_interval=area_interval,
        area_pixels=_scaled(area, pixels / 100),
        area_pixels_error=_scaled(area_error, pixels / 100),
        area_pixels_interval=tuple(_scaled(ends, pixels / 100) for ends in area_interval),
        cells=tuple(map(percents, estimates.cells)),
    )


def _percents_of(of_classes: Estimate) -> tuple[_Percents, _Percents, tuple[_Percents, ...]]:
    """Values, standard errors and intervals of the classes."""
    intervals = tuple(map(percents, zip(of_classes.low, of_classes.high)))
    return percents(of_classes.value), percents(of_classes.error), intervals


def _scaled(values: _Percents, factor: float) -> _Percents:
    return tuple(None if value is None else value * factor for value in values)


def _sentence(compared: Compared) -> str:
    """How the samples were drawn, and what follows."""
    if compared.strata is not None:
        return (
            f"The reference samples were drawn at random in each stratum of {compared.strata.layer}. Accuracies and "
            "areas by area weigh each stratum by its size."
        )
    if compared.sampling == "stratified":
        return (
            "The reference samples were drawn at random in each class of the map. Accuracies and areas by area weigh "
            "each class by its size on the map; the counts of samples alone do not show the map's accuracy."
        )
    if compared.sampling == "random":
        return (
            "The reference samples were drawn at random, or on a grid, over the whole map. Estimates by area use the "
            "classes of the map as strata after the fact, which makes them more precise."
        )
    return (
        "It was not said how the reference samples were drawn (SAMPLING). The figures describe these samples. They "
        "speak for the whole map, and the estimates by area hold, only if the samples were drawn at random: over the "
        "map, or in each of its classes. Samples placed by hand in typical spots give figures that are too good."
    )


def _of_classes(accuracy: AccuracyFigures, compared: Compared) -> list[str]:
    matrix = np.array(accuracy.matrix)
    in_reference, in_map = matrix.sum(axis=1), matrix.sum(axis=0)
    unmapped = [k for k in range(len(matrix)) if in_reference[k] and not compared.mapped_pixels[k]]
    unseen = [k for k in range(len(matrix)) if not in_reference[k] and compared.mapped_pixels[k]]
    unsure = [k for k in unseen if compared.names[k] in (NOT_SURE, NOT_SURE_BESIDES)]
    unseen = [k for k in unseen if k not in unsure]
    unmet = [k for k in range(len(matrix)) if compared.mapped_pixels[k] and not in_map[k]]
    notes = []
    if unmapped:
        counts = ", ".join(f"{compared.names[k]} ({in_reference[k]})" for k in unmapped)
        notes.append(
            f"On the map there is no pixel of these classes; their reference samples count as wrong: {counts}. Where "
            "only the spelling differs, make the names of map and reference the same."
        )
    notes += [
        f"{in_map[k]} reference samples lie on pixels that are '{compared.names[k]}' (LEAST_CONFIDENCE) and count as "
        "wrong; the report of a classification leaves them out. Estimates by area share these pixels out among the "
        "classes, as the samples on them say."
        for k in unsure
        if in_map[k]
    ]
    if unseen:
        notes.append(
            f"No reference sample is of: {_named(unseen, compared.names)}. How much of these classes the map misses is "
            "not known; an estimated area of 0 says only that no sample was found."
        )
    if unmet and compared.strata is not None:  # else that stratum has no sample, which _of_strata says
        notes.append(
            f"No reference sample lies on pixels mapped as: {_named(unmet, compared.names)}. Their user's accuracy is "
            "not known."
        )
    return notes + kappa_note(accuracy)


def _of_strata(
    estimates: AreaEstimates, names: Sequence[str], sample: StratifiedSample, adjusted: AreaFigures
) -> list[str]:
    notes = []
    if estimates.unsampled:
        lost = 100 * sample.sizes[list(estimates.unsampled)].sum() / max(1, sample.sizes.sum())
        place = (
            f"on pixels mapped as: {_named(estimates.unsampled, names)}. Their user's accuracy is not known, nor is by "
            "area their producer's, and the"
            if sample.strata_are_map
            else f"in the strata: {_named(estimates.unsampled, names)}. The"
        )
        notes.append(
            f"No reference sample lies {place} estimates by area hold for the rest of the map, without these "
            f"{percent_number(lost)} % of its pixels; an estimated share is one of that rest."
        )
    if estimates.single:
        notes.append(
            f"One reference sample alone lies in {'the map class' if sample.strata_are_map else 'the stratum'}: "
            f"{_named(estimates.single, names)}. Standard errors that need its scatter "
            "cannot be given; two samples are the least."
        )
    if 0 in (*adjusted.users_error, *adjusted.producers_error, *adjusted.area_error, adjusted.oa_error):
        notes.append(
            "A standard error of 0 means that all samples concerned agree. It does not mean that the estimate is "
            "certain: the interval says how far it may be off."
        )
    return notes


def _named(indices: Sequence[int], names: Sequence[str]) -> str:
    shown = ", ".join(names[k] for k in indices[:20])
    return shown + (f" and {len(indices) - 20} more" if len(indices) > 20 else "")
