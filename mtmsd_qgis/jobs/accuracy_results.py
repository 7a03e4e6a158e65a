# SPDX-License-Identifier: GPL-2.0-or-later
"""Results that say how accurate a map is: figures, calibration, area estimates; and how percentages read.

Enters: what accuracy/ has computed. Leaves: frozen dataclasses that cross the process line and that reports read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .json_dataclasses import INLINE, json_name

_NEARLY = 1e-6


def percent_number(value: float) -> str:
    """Percent with one decimal; up to four where it would read as 0.0 or 100.0 and is neither, as of a rare class."""
    texts = [f"{value:.{decimals}f}" for decimals in range(1, 5)]
    return next((text for text in texts if float(text) not in (0, 100)), texts[0])


def four_digits(value: float) -> str:
    """Four digits, and all before the point: no powers of ten for a number such as 12 345."""
    return f"{value:.4g}" if abs(value) < 9999.5 else f"{value:.0f}"


def whole_percent(share: float) -> str:
    """A share, 0 to 1, in whole percent with its sign; only 0 and 1 read as 0 and 100 %."""
    whole = round(100 * share)
    if whole in (0, 100) and share not in (0, 1):
        return "less than 1 %" if whole == 0 else "more than 99 %"
    return f"{whole} %"


def sampled_percent(share: float) -> str:
    """The same of a share of a sample, which says of nothing and of all only that it is nearly so."""
    return whole_percent(min(max(share, _NEARLY), 1 - _NEARLY))


@dataclass(frozen=True)
class CalibrationBin:
    """Reference samples of similar confidence: how many, their mean confidence, and the share that is right."""

    samples: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class CalibrationFigures:
    """Whether the confidence of a map can be trusted; errors and shares 0 to 1.

    Attributes:
        error: Expected calibration error.
        expected_error: Of a map with perfect calibration, at as few spatial groups; None where they are too few to say.
        expected_error_at_most: What that error stays under in 19 of 20 cases; None there too.
        groups: Spatial groups that the reference samples lie in.
        bins: That hold samples.
    """

    error: float = field(metadata=json_name("calibration_error"))
    expected_error: float | None = field(metadata=json_name("calibration_error_by_chance"))
    expected_error_at_most: float | None = field(metadata=json_name("calibration_error_by_chance_at_most"))
    groups: int = field(metadata=json_name("calibration_places"))
    bins: tuple[CalibrationBin, ...] = field(metadata=json_name("calibration"))


@dataclass(frozen=True)
class AccuracyFigures:
    """Accuracy of a map at reference samples; lists are in the order of the K classes.

    Attributes:
        samples: Reference pixels.
        matrix: (K, K) of them, rows reference, columns map.
        oa: Overall accuracy.
        oa_interval: Of samples that are independent.
        aa: Average accuracy: mean of the producer's accuracies.
        aa_interval: Of it.
        kappa: Agreement beyond chance.
        kappa_interval: Of it.
        users: (K,) user's accuracies.
        users_interval: (K,) of them.
        producers: (K,) producer's accuracies.
        producers_interval: (K,) of them.
        f1: (K,) harmonic means of the two.
        f1_interval: (K,) of them.
        features: Polygons or points of the reference layer that the samples come from.
        oa_interval_by_feature: Of the overall accuracy where whole features are what was sampled; None where each
            sample is a feature of its own.
        calibration: None where the map has no confidence.
    """

    samples: int
    matrix: tuple[tuple[int, ...], ...]
    oa: float | None
    oa_interval: tuple[float | None, ...]
    aa: float | None
    aa_interval: tuple[float | None, ...]
    kappa: float | None
    kappa_interval: tuple[float | None, ...]
    users: tuple[float | None, ...]
    users_interval: tuple[tuple[float | None, ...], ...]
    producers: tuple[float | None, ...]
    producers_interval: tuple[tuple[float | None, ...], ...]
    f1: tuple[float | None, ...]
    f1_interval: tuple[tuple[float | None, ...], ...]
    features: int
    oa_interval_by_feature: tuple[float | None, ...] | None
    calibration: CalibrationFigures | None = field(default=None, metadata=INLINE)


@dataclass(frozen=True)
class MapClass:
    """A class of an assessed map: its id, None where the reference alone has it, its name and its colour (#rrggbb)."""

    id: int | None
    name: str
    color: str = ""


@dataclass(frozen=True)
class SamplingFacts:
    """How reference samples were drawn: one of settings.SAMPLINGS, and what follows from it."""

    method: str
    sentence: str


@dataclass(frozen=True)
class Stratum:
    """A stratum: its name, its pixels, and the reference samples in it."""

    name: str
    pixels: int
    samples: int


@dataclass(frozen=True)
class AreaFigures:
    """Accuracies and areas estimated for the mapped area; lists are in the order of the K classes.

    Attributes:
        strata: That the samples were drawn from.
        pixels: Of all strata with samples.
        oa: Overall accuracy, of the area.
        oa_error: Its standard error, percent points; the same for the other errors.
        oa_interval: Of it.
        users: (K,) user's accuracies.
        users_error: (K,) of them.
        users_interval: (K,) of them.
        producers: (K,) producer's accuracies.
        producers_error: (K,) of them.
        producers_interval: (K,) of them.
        area: (K,) of the area, percent.
        area_error: (K,) of them.
        area_interval: (K,) of them.
        area_pixels: (K,) the same in pixels.
        area_pixels_error: (K,) of them.
        area_pixels_interval: (K,) of them.
        cells: (K, K) of the area, percent, rows reference, columns map.
    """

    strata: tuple[Stratum, ...]
    pixels: int
    oa: float | None
    oa_error: float | None
    oa_interval: tuple[float | None, ...]
    users: tuple[float | None, ...]
    users_error: tuple[float | None, ...]
    users_interval: tuple[tuple[float | None, ...], ...]
    producers: tuple[float | None, ...]
    producers_error: tuple[float | None, ...]
    producers_interval: tuple[tuple[float | None, ...], ...]
    area: tuple[float | None, ...]
    area_error: tuple[float | None, ...]
    area_interval: tuple[tuple[float | None, ...], ...]
    area_pixels: tuple[float | None, ...]
    area_pixels_error: tuple[float | None, ...]
    area_pixels_interval: tuple[tuple[float | None, ...], ...]
    cells: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class AccuracyResult:
    """A class map of any program, assessed with reference samples.

    Attributes:
        accuracy: Of the samples as counted.
        adjusted: Estimates for the area.
        sampling: How the samples were drawn.
        mapped_pixels: (K,) of each class on the whole map.
        notes: What the figures cannot say.
        classes: Of map and reference.
        left_out: Reason -> number of pixels or features that became no sample.
    """

    accuracy: AccuracyFigures
    adjusted: AreaFigures
    sampling: SamplingFacts
    mapped_pixels: tuple[int, ...]
    notes: tuple[str, ...] = ()
    classes: tuple[MapClass, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
