# SPDX-License-Identifier: GPL-2.0-or-later
"""A classifier on another scene: how far the scene differs, and whether the map may be believed.

Enters: what has been computed. Leaves: frozen dataclasses that cross the process line and that reports read.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_PIXELS = 2000  # of each scene that is compared
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the quantiles
TRUSTED, CAREFUL, NOT_TRUSTED = "trusted", "careful", "not trusted"  # verdicts


@dataclass(frozen=True)
class BandComparison:
    """A band of both scenes; quantiles are of physical values, at PROBABILITIES.

    Attributes:
        name: As the classifier names it.
        wavelength_nm: Of the classifier's band; None where unknown.
        offset_nm: Wavelength of the target's band minus that; None where either is unknown.
        shifted: Whether that is more than half the band's width.
        auc: How well the band alone tells the scenes apart: 0.5 not at all, 1 entirely.
        higher: Whether the target's values are higher; None where that is not known.
        source: (5,) quantiles of the scene that was learnt from.
        target: (5,) of the scene that is mapped, before it is adapted.
        gain: Of the adaptation, adapted = value * gain + offset; None where there is none.
        offset: The same.
    """

    name: str
    wavelength_nm: float | None
    offset_nm: float | None
    shifted: bool
    auc: float
    higher: bool | None
    source: tuple[float, ...]
    target: tuple[float, ...]
    gain: float | None = None
    offset: float | None = None


@dataclass(frozen=True)
class FeatureShift:
    """How well the diffusion features of one timestep and stage tell two scenes apart.

    Attributes:
        timestep: Noise level.
        stage: Of the decoder; None where the features have no names.
        auc: 0.5 not at all, 1 entirely.
    """

    timestep: int
    stage: int | None
    auc: float

    @property
    def title(self) -> str:
        """For a sentence."""
        return f"timestep {self.timestep}" + ("" if self.stage is None else f", stage {self.stage}")


@dataclass(frozen=True)
class ExtraComparison:
    """An extra raster of the scene that is mapped, beside the one that the classifier was learnt with.

    Attributes:
        name: Of its layer.
        difference: In which they differ, as a sentence; empty where they are alike.
    """

    name: str
    difference: str


@dataclass(frozen=True)
class TransferFacts:
    """How far a scene differs from the one that a classifier was learnt from.

    Attributes:
        sentence: That sums it up.
        matched_by: What told which bands belong together: "wavelength", "name" or "order".
        shift_auc: How well a cross-validated logistic regression tells the scenes apart by all bands, as they are
            mapped: 0.5 or less not at all, 1 entirely; None where a scene is too small.
        inside_share: Share of the scene inside the area of applicability, 0 to 1; None where it is not known.
        noise_inside_share: The same of white noise; where it is large, inside_share says little.
        bands: In the classifier's order.
        source_proportions: (K,) of the classes on the map that was learnt with it; empty where unknown.
        target_proportions: (K,) on this map.
        verdict: "trusted", "careful" or "not trusted"; empty where nothing is known of the source.
        source_inside_share: inside_share of the scene that was learnt from; None where it is not known.
        adapt: "none", or "scale" where the bands were brought to the source's median and spread.
        unadapted_auc: shift_auc without the adaptation; None where there is none.
        adapted_auc: shift_auc as it would be with ADAPT='scale', where that was not done; None where it was, or
            where it is not known.
        features: Of each timestep and stage that the map rests on, the largest AUC first; empty where it rests on none,
            or where the classifier's file keeps none.
        least_confidence: From which a pixel counts as sure, as three quarters of the held-out samples do; None where
            that is not known.
        extras: Extra rasters in use.
        share_without_extras: Of the mapped pixels, those at which one of these has no data, so that they are mapped
            without it.
    """

    sentence: str
    matched_by: str
    shift_auc: float | None
    inside_share: float | None
    noise_inside_share: float | None
    bands: tuple[BandComparison, ...]
    source_proportions: tuple[float, ...] = ()
    target_proportions: tuple[float, ...] = ()
    verdict: str = ""
    source_inside_share: float | None = None
    adapt: str = "none"
    unadapted_auc: float | None = None
    adapted_auc: float | None = None
    features: tuple[FeatureShift, ...] = ()
    least_confidence: float | None = None
    extras: tuple[ExtraComparison, ...] = ()
    share_without_extras: float = 0.0
