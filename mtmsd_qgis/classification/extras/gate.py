# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether an extra earns its place: by held-out samples, and against copies of itself shifted over the scene.

Enters: the columns of an extra at the samples, and where the samples would lie if the extra were shifted. Leaves: a
Comparison, and a sentence.

A raster that changes slowly tells places apart. Where classes lie in places, it looks useful on the samples, and is of
no use where there are none. Copies shifted over the scene change as slowly and have nothing to do with the ground: what
helps no more than they do is a position. A plane across the scene is one too, and no shifted copy of it is a plane: so
what a plane explains is not asked any further.

A linear discriminant is asked, as few held-out polygons say little of an ensemble with many settings; its shrinkage is
that of the spectra, so that only the extra makes the difference. Log loss sees how probable the class is and not only
whether it is the first, and the mean of several partitions depends less on which polygons fall together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...features.extras.extra_reader import ExtraReader
from ...progress import Progress, span
from ...sampling.held_out import HeldOut, hold_out, in_other_folds
from ...sampling.sample_table import SampleTable
from ..auto.cross_validation import TrainingSet, cross_validate
from ..auto.discriminant import Discriminant
from ..auto.ensemble import Purpose
from ..auto.feature_sets import FeatureSet
from ..auto.model_library import ModelSpec
from ..feature_value.feature_gain import clustered_error

COPIES = 19  # shifted ones: the extra is better than all of them by chance once in twenty times
_PARTITIONS = 3
MOST_PLANE = 0.9  # share of an extra's variance that a plane explains, from which it is a position
_LEAST_SHIFT = 0.1  # of the scene's height or width


@dataclass(frozen=True)
class Comparison:
    """A discriminant with an extra and without it.

    Attributes:
        without: Mean log loss of held-out samples without the extra.
        within: With it.
        standard_error: Of the difference, over what is held out together; None of a single group.
        unit: What is held out: "samples", "groups" or "blocks".
        below: How many of the shifted copies help less; None where they were not asked.
    """

    without: float
    within: float
    standard_error: float | None
    unit: str
    below: int | None

    @property
    def gain(self) -> float:
        """The difference, positive where the extra helps."""
        return self.without - self.within

    @property
    def is_position(self) -> bool:
        """Whether shifted copies help as much."""
        return self.below is not None and self.below < COPIES

    @property
    def sentence(self) -> str:
        """Why the extra is used, or left out."""
        losses = f"log loss of a discriminant {self.within:.3f} instead of {self.without:.3f}"
        if self.is_position:
            return (
                f"Left out: {COPIES - (self.below or 0)} of {COPIES} copies of it, shifted over the scene, help the "
                "classes of held-out samples as much. It says where a pixel lies, or nothing, but not what is there."
            )
        if self.gain <= 0:
            return f"Left out: it does not improve the classes of held-out {self.unit} ({losses})."
        return (
            f"Used: with it, held-out {self.unit} are classified better ({losses}), and better than with any of "
            f"{COPIES} copies of it shifted over the scene."
        )

    @property
    def earns_its_place(self) -> bool:
        """Whether the extra is to be used."""
        return self.gain > 0 and not self.is_position


@dataclass(frozen=True, eq=False)
class Question:
    """What an extra is asked with.

    Attributes:
        training: (N,) samples with the spectra, and the columns of extras that joined before.
        table: (N,) where they lie.
        purpose: What the map is for, with the groups of these samples.
    """

    training: TrainingSet
    table: SampleTable
    purpose: Purpose

    def ask(self, reader: ExtraReader, progress: Progress, *, copies: int = COPIES) -> Comparison:
        """Compare the extra as it lies with none, and with copies of it.

        Args:
            reader: Of the columns of the candidate.
            progress: Told after each copy.
            copies: Shifted ones to compare with; 0: none.
        """
        first = hold_out(self.training.class_index, self.purpose.groupings, self.purpose.seed)
        drawn = first.drawn
        training, table = self.training.subset(drawn), self.table.subset(drawn)
        rows, cols = _shifted(table, (reader.components.height, reader.components.width), self.purpose.seed)
        rows, cols = rows[: 1 + copies], cols[: 1 + copies]
        columns, _ = reader.at_pixels(rows.reshape(-1), cols.reshape(-1), span(progress, 0.0, 0.5))
        by_copy = columns.view(1 + copies, len(drawn), -1)
        losses: list[NDArray[np.float64]] = []
        errors: list[float | None] = []
        for number, held_out in enumerate(self._partitions(first)):
            part = span(progress, 0.5 + 0.5 * number / _PARTITIONS, 0.5 + 0.5 * (number + 1) / _PARTITIONS)
            found = _losses(training, held_out, by_copy, part)
            losses.append(found.mean(axis=1))
            errors.append(clustered_error(found[0] - found[1], held_out.clusters))
        without, within, *others = np.mean(losses, axis=0)
        known = [error for error in errors if error is not None]
        return Comparison(
            float(without),
            float(within),
            float(np.mean(known)) if known else None,
            first.unit,
            int(np.sum(np.array(others) > within)) if copies else None,
        )

    def _partitions(self, first: HeldOut) -> Iterator[HeldOut]:
        """The samples that take part, parted into folds in several ways."""
        yield first
        groupings = {first.unit: self.purpose.groupings[first.unit]} if first.unit in self.purpose.groupings else {}
        for number in range(1, _PARTITIONS):
            yield in_other_folds(first.drawn, self.training.class_index, groupings, self.purpose.seed + number)


def _losses(training: TrainingSet, held_out: HeldOut, by_copy: Tensor, progress: Progress) -> NDArray[np.float64]:
    """Log losses (1 + C, n) of held-out samples without an extra, then with each of its copies (C, N, F)."""
    spectra, others = training.features[FeatureSet.SPECTRA], training.features.get(FeatureSet.EXTRAS)
    held_out = held_out.weighted(training.weight)
    weight = np.ones(len(held_out.class_index)) if held_out.weight is None else held_out.weight / held_out.weight.mean()
    truth = np.arange(len(weight)), held_out.class_index
    discriminant = Discriminant(balanced=held_out.unit != "samples")

    def scored(beside: Tensor | None, estimator: Discriminant) -> tuple[NDArray[np.float64], Discriminant]:
        sets = (FeatureSet.SPECTRA,) if beside is None else (FeatureSet.SPECTRA, FeatureSet.EXTRAS)
        features = {FeatureSet.SPECTRA: spectra} | ({} if beside is None else {FeatureSet.EXTRAS: beside})
        spec = ModelSpec(estimator, sets, sets)
        model = cross_validate(spec, replace(training, features=features), held_out)
        best = model.spec.estimator
        if not isinstance(best, Discriminant):
            raise TypeError("a discriminant was expected")
        return -model.log_p[truth] * weight, best

    without, discriminant = scored(others, discriminant)
    found = [without]
    for copy in by_copy:
        beside = copy.to(spectra) if others is None else torch.cat([others, copy.to(spectra)], dim=1)
        found.append(scored(beside, discriminant)[0])
        progress((len(found) - 1) / len(by_copy), "comparing an extra raster with shifted copies")
    return np.stack(found)


def plane_share(columns: Tensor, table: SampleTable) -> float:
    """Share of the variance of columns (N, F) that a plane across the scene explains; of several the least.

    Adjusted for the plane's three coefficients, as some samples lie in a plane by chance.
    """
    spare = len(table) - 3
    varying = columns[:, columns.amax(dim=0) > columns.amin(dim=0)].double()
    if spare < 1 or not varying.shape[1]:
        return 0.0
    places = torch.from_numpy(np.stack([np.ones(len(table)), table.rows, table.cols], axis=1)).double()
    places[:, 1:] -= places[:, 1:].mean(dim=0)
    left = varying - places @ (torch.linalg.pinv(places) @ varying)
    unexplained = left.square().sum(dim=0) / spare / varying.var(dim=0)
    return float(1 - unexplained.max())


def plane_sentence(share: float) -> str:
    """Why an extra is left out that a plane explains."""
    return (
        f"Left out: a plane across the scene explains {100 * share:.1f} % of its variance. It says where a pixel lies, "
        "but not what is there."
    )


def _shifted(table: SampleTable, size: tuple[int, int], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns (1 + COPIES, N) of the samples in the raster as it lies, and in its shifted copies."""
    rng = np.random.default_rng([seed, 24])
    shifts = [(0.0, 0.0)]
    while len(shifts) <= COPIES:
        down, right = rng.random(2)
        if max(min(down, 1 - down), min(right, 1 - right)) >= _LEAST_SHIFT:
            shifts.append((float(down), float(right)))
    moved = np.rint(np.array(shifts) * size).astype(np.int64)
    return (table.rows + moved[:, :1]) % size[0], (table.cols + moved[:, 1:]) % size[1]
