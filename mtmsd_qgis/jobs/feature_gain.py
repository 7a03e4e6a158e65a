# SPDX-License-Identifier: GPL-2.0-or-later
"""What the diffusion features add to a map: figures, and the sentence that log and reports have of them.

Enters: accuracies of one classifier with and without the features, at the same samples. Leaves: a FeatureGain.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST_ERRORS = 2.0  # standard errors that a difference must be away from 0 to be measurable, of however many clusters


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
        used: Whether the classifier uses the features; with extra rasters, where these have data.
        errors: Standard errors that the difference must be away from 0 to be measurable: more where clusters are few.
    """

    with_features: float
    without_features: float
    gain: float
    standard_error: float | None
    samples: int
    folds: str
    used: bool
    errors: float = LEAST_ERRORS

    @property
    def is_measurable(self) -> bool:
        """Whether the difference is larger than chance explains."""
        return self.standard_error is not None and abs(self.gain) > self.errors * self.standard_error

    @property
    def signed(self) -> str:
        """The difference with its sign, and ± its standard error where that is known; what rounds to 0 has no minus."""
        number = f"{self.gain:+.1f}".replace("-0.0", "+0.0").replace("-", "−")
        return number if self.standard_error is None else f"{number} ± {self.standard_error:.1f}"

    @property
    def sentence(self) -> str:
        """What the features add, and whether the classifier uses them."""
        use = "the classifier uses them" if self.used else "the classifier does not use them"
        if not self.is_measurable:
            return (
                "The held-out samples show no certain effect of the diffusion features "
                f"({self.signed} percentage points); {use}."
            )
        verb = "add" if self.gain > 0 else "cost"
        return f"The diffusion features {verb} {self.signed[1:]} percentage points of accuracy; {use}."
