# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether an extra earns its place: by held-out samples, and against copies of itself shifted over the scene.

Enters: probabilities of held-out samples with and without the extra; its columns at the samples, and where the samples
would lie if the extra were shifted. Leaves: figures, and a sentence.

A raster that changes slowly tells places apart. Where classes lie in places, it looks useful on the samples, and is of
no use where there are none. Copies shifted over the scene change as slowly and have nothing to do with the ground: what
helps no more than they do is a position.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...features.extras.extra_reader import ExtraReader
from ...progress import Progress, span
from ...sampling.sample_table import SampleTable
from ..auto.calibration import brier
from ..auto.cross_validation import cross_validate
from ..auto.discriminant import Discriminant
from ..auto.ensemble import CrossValidatedEnsemble
from ..auto.feature_sets import FeatureSet
from ..auto.model_library import ModelSpec
from ..feature_value.feature_gain import clustered_error
from .trial import Trial

COPIES = 19  # shifted ones: the extra is better than all of them by chance once in twenty times
LEAST_GAIN = 1.5  # standard errors
_LEAST_SHIFT = 0.1  # of the scene's height or width


@dataclass(frozen=True)
class Gain:
    """By how much the Brier score of held-out samples falls.

    Attributes:
        before: Brier score without the extra.
        after: With it.
        standard_error: Of the difference.
    """

    before: float
    after: float
    standard_error: float

    @classmethod
    def of(cls, before: CrossValidatedEnsemble, after: CrossValidatedEnsemble) -> Gain:
        """From ensembles that were cross-validated on the same samples and folds."""
        without, within = (1 + brier(each.log_p, each.held_out.class_index) for each in (before, after))
        error = clustered_error(without - within, after.held_out.clusters)
        return cls(float(without.mean()), float(within.mean()), np.inf if error is None else error)

    @property
    def value(self) -> float:
        """The difference, positive where the extra helps."""
        return self.before - self.after

    @property
    def is_enough(self) -> bool:
        """Whether it is more than chance."""
        return self.value > LEAST_GAIN * self.standard_error


def shifted_below(reader: ExtraReader, table: SampleTable, trial: Trial, seed: int, progress: Progress) -> int:
    """How many of the shifted copies help a discriminant less than the extra as it lies.

    Args:
        reader: Of the columns of the candidate.
        table: (N,) samples of the trial's subset, which has the spectra, and the columns of extras that joined before.
        trial: Of the samples.
        seed: Of the shifts.
        progress: Told after each copy.
    """
    spec = ModelSpec(
        Discriminant(balanced=trial.held_out.unit != "samples"),
        (FeatureSet.SPECTRA, FeatureSet.EXTRAS),
        (FeatureSet.SPECTRA, FeatureSet.EXTRAS),
    )
    training, before = trial.subset, trial.subset.features
    spectra, others = before[FeatureSet.SPECTRA], before.get(FeatureSet.EXTRAS)

    def score(columns: Tensor) -> float:
        beside = columns.to(spectra) if others is None else torch.cat([others, columns.to(spectra)], dim=1)
        features = {FeatureSet.SPECTRA: spectra, FeatureSet.EXTRAS: beside}
        model = cross_validate(spec, replace(training, features=features), trial.held_out)
        return float(brier(model.log_p, trial.held_out.class_index).mean())

    rows, cols = _shifted(table, (reader.components.height, reader.components.width), seed)
    columns, _ = reader.at_pixels(rows.reshape(-1), cols.reshape(-1), span(progress, 0.0, 0.5))
    scores = []
    for copy in columns.view(COPIES + 1, len(table), -1):
        scores.append(score(copy))
        progress(0.5 + 0.5 * len(scores) / (COPIES + 1), "comparing an extra raster with shifted copies")
    return sum(shifted > scores[0] for shifted in scores[1:])


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


def joined_sentence(gain: Gain, unit: str) -> str:
    """Why an extra is used."""
    return (
        f"Used: with it, held-out {unit} are classified better (Brier score {gain.after:.3f} instead of "
        f"{gain.before:.3f}, a gain of {_errors(gain)} standard errors), and better than with any of {COPIES} copies "
        "of it shifted over the scene."
    )


def no_gain_sentence(gain: Gain, unit: str) -> str:
    """Why an extra that is no mere position is left out."""
    return (
        f"Left out: it does not improve the classes of held-out {unit} by more than chance (Brier score "
        f"{gain.after:.3f} instead of {gain.before:.3f}; {_errors(gain)} standard errors, {LEAST_GAIN} are asked for)."
    )


def position_sentence(below: int) -> str:
    """Why an extra is left out that helps no more than its shifted copies."""
    return (
        f"Left out: {COPIES - below} of {COPIES} copies of it, shifted over the scene, help the classes of held-out "
        "samples as much. It says where a pixel lies, or nothing, but not what is there."
    )


def _errors(gain: Gain) -> str:
    ratio = gain.value / gain.standard_error if gain.standard_error > 0 else np.inf
    return "many" if not np.isfinite(ratio) else f"{ratio:.1f}"
