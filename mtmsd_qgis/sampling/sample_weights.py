# SPDX-License-Identifier: GPL-2.0-or-later
"""How much each sample counts where classes are learnt, as the analyst says of the feature that it comes from.

Enters: a file of the job folder, float64 (G,): the weight of each group of a SampleTable. Leaves: SampleWeights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplesError
from .sample_table import SampleTable


@dataclass(frozen=True, eq=False)
class SampleWeights:
    """Weights of features, in any unit.

    Attributes:
        by_group: (G,) float64, positive; the position is the group of a sample.
    """

    by_group: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check the weights.

        Raises:
            ValueError: They are no vector of positive numbers.
        """
        weights = self.by_group
        if weights.ndim != 1 or weights.dtype != np.float64 or not (np.isfinite(weights) & (weights > 0)).all():
            raise ValueError(
                f"a float64 vector of positive numbers was expected, found {weights.dtype} {weights.shape}"
            )

    def of(self, samples: SampleTable) -> NDArray[np.float64] | None:
        """(N,) float64 weights of samples, whose mean is 1; None where all are alike, as without weights.

        Raises:
            SamplesError: A sample comes from a feature that has no weight.
        """
        if samples.group.max(initial=-1) >= len(self.by_group):
            raise SamplesError(
                f"A weight was expected for each feature of the training layer; there are {len(self.by_group)}, and "
                f"a sample comes from feature {samples.group.max() + 1}."
            )
        weights = self.by_group[samples.group]
        if not len(weights) or weights.min() == weights.max():
            return None
        share = weights / weights.max()
        return np.asarray(share / share.mean())


def effective_samples(weights: NDArray[np.float64]) -> float:
    """As how many samples of one weight the weighted ones (N,) count.

    Source: Kish (1965), ISBN 978-0-471-48900-5, section 11.7: the variance of a weighted mean is that of so many.
    """
    share = weights / weights.max()
    return float(share.sum() ** 2 / np.square(share).sum())


def read_sample_weights(folder: Path, name: str | None) -> SampleWeights | None:
    """The weights in a file of the job folder; None where the job names none.

    Raises:
        SamplesError: The file is no such table.
    """
    if name is None:
        return None
    try:
        return SampleWeights(np.load(folder / name, allow_pickle=False))
    except (OSError, ValueError, EOFError, AttributeError) as error:
        raise SamplesError(
            f"{name} should be a table of the weights of samples; it cannot be read ({error})."
        ) from None
