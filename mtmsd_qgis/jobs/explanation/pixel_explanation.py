# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a pixel has its class: the parts of its log odds.

Enters: numbers from a task. Leaves: frozen dataclasses that cross the process line, and one sentence.

The log odds of a pixel are the logarithm of the probability of its class over that of the runner-up. They are a sum:

    log odds = start + prior + cut + sum over training polygons of their parts

A part above 0 speaks for the class, one below 0 for the runner-up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..json_dataclasses import OMITTED_IF_NONE

OPTION = "explain"  # of a job: a list of PointToExplain
MOST_POINTS = 100
SHOWN_GROUPS = 5  # polygons for the class, and as many against it


@dataclass(frozen=True)
class PointToExplain:
    """A pixel, from 0, and how the user calls it."""

    row: int
    col: int
    name: str


@dataclass(frozen=True)
class GroupPart:
    """What a training polygon, or point, adds to the log odds.

    Attributes:
        feature: Number of the polygon in the training layer, from 0.
        class_id: Of its samples.
        samples: Its samples that were learnt from.
        row: Of the one of them that says most, from 0; beyond the raster where it lies in a further one.
        col: See row.
        part: Of the log odds.
        x: Map coordinates of that pixel; None where they are not known.
        y: See x.
    """

    feature: int
    class_id: int
    samples: int
    row: int
    col: int
    part: float
    x: float | None = field(default=None, metadata=OMITTED_IF_NONE)
    y: float | None = field(default=None, metadata=OMITTED_IF_NONE)


@dataclass(frozen=True)
class ModelPart:
    """A model of the ensemble and its share of the log odds; the shares and the prior sum to them."""

    name: str
    part: float


@dataclass(frozen=True)
class PixelExplanation:
    """Why a pixel has its class.

    Attributes:
        point: Which pixel.
        class_id: Most probable class, before the map is sieved.
        runner_up_id: Second most probable class.
        confidence: Probability of the class.
        log_odds: Of the class against the runner-up.
        start: What the models say without any sample nearby.
        prior: How much more probable the class is beforehand.
        cut: What is cut off, as no model may veto a class: the floor under the logarithms of probabilities.
        supporting: Polygons that speak most for the class, the most important first.
        opposing: Those that speak most against it.
        others: Sum of the parts of all other polygons.
        groups: Number of polygons.
        models: Shares of the models.
    """

    point: PointToExplain
    class_id: int
    runner_up_id: int
    confidence: float
    log_odds: float
    start: float
    prior: float
    cut: float
    supporting: tuple[GroupPart, ...]
    opposing: tuple[GroupPart, ...]
    others: float
    groups: int
    models: tuple[ModelPart, ...]
