# SPDX-License-Identifier: GPL-2.0-or-later
"""A classifier on another scene: how far the scene differs, and whether the map may be believed.

Enters: what has been computed. Leaves: frozen dataclasses that cross the process line and that reports read.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BandComparison:
    """A band of both scenes; quantiles are of physical values, at 5, 25, 50, 75 and 95 %.

    Attributes:
        name: As the classifier names it.
        wavelength_nm: Of the classifier's band; None where unknown.
        offset_nm: Wavelength of the target's band minus that; None where either is unknown.
        shifted: Whether that is more than half the band's width.
        auc: How well the band alone tells the scenes apart: 0.5 not at all, 1 entirely.
        higher: Whether the target's values are higher; None where that is not known.
        source: (5,) quantiles of the scene that was learnt from.
        target: (5,) of the scene that is mapped, before it is adapted.
    """

    name: str
    wavelength_nm: float | None
    offset_nm: float | None
    shifted: bool
    auc: float
    higher: bool | None
    source: tuple[float, ...]
    target: tuple[float, ...]


@dataclass(frozen=True)
class TransferFacts:
    """How far a scene differs from the one that a classifier was learnt from.

    Attributes:
        sentence: That sums it up.
        matched_by: What told which bands belong together: "wavelength", "name" or "order".
        shift_auc: How well a cross-validated logistic regression tells the scenes apart by all bands, 0.5 to 1; None
            where a scene is too small.
        inside_share: Share of the scene inside the area of applicability, 0 to 1; None where it is not known.
        noise_inside_share: The same of white noise; where it is large, inside_share says little.
        bands: In the classifier's order.
        source_proportions: (K,) of the classes on the map that was learnt with it; empty where unknown.
        target_proportions: (K,) on this map.
    """

    sentence: str
    matched_by: str
    shift_auc: float | None
    inside_share: float | None
    noise_inside_share: float | None
    bands: tuple[BandComparison, ...]
    source_proportions: tuple[float, ...] = ()
    target_proportions: tuple[float, ...] = ()
