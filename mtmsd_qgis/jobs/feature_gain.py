# SPDX-License-Identifier: GPL-2.0-or-later
"""What the diffusion features add to a map: figures, and the sentence that log and reports have of them.

Enters: accuracies of one classifier with and without the features, at the same samples. Leaves: a FeatureGain.
"""

from __future__ import annotations

from dataclasses import dataclass

_ERRORS = 2  # standard errors that a difference must be away from 0 to be measurable


@dataclass(frozen=True)
class FeatureGain:
    """What the diffusion features add to the default classifier, at training samples under cross-validation.

    Attributes:
        with_features: Accuracy of the classifier that has the features, in percent.
        without_features: Of the same classifier without them, at the same samples.
        gain: The difference, in percentage points.
        standard_error: Of the difference; what is held out together is a cluster. None of a single cluster.
        samples: That were held out.
        folds: What was held out: "samples", "groups" or "blocks".
        used: Whether the map uses the features; with extra rasters, where these have data.
    """

    with_features: float
    without_features: float
    gain: float
    standard_error: float | None
    samples: int
    folds: str
    used: bool

    @property
    def is_measurable(self) -> bool:
        """Whether the difference is larger than chance explains."""
        return self.standard_error is not None and abs(self.gain) > _ERRORS * self.standard_error

    @property
    def sentence(self) -> str:
        """What the features add, and whether the map uses them."""
        points = f"{abs(self.gain):.1f}"
        error = "" if self.standard_error is None else f" ± {self.standard_error:.1f}"
        use = "the map uses them" if self.used else "the map does not use them"
        if not self.is_measurable:
            sign = "−" if self.gain < 0 else "+"
            return f"The diffusion features add nothing measurable ({sign}{points}{error} percentage points); {use}."
        verb = "add" if self.gain > 0 else "cost"
        return f"The diffusion features {verb} {points}{error} percentage points of accuracy; {use}."
