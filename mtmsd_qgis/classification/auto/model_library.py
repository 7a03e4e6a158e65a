# SPDX-License-Identifier: GPL-2.0-or-later
"""The models of the default classifier: which estimator learns from which feature sets.

Enters: the feature sets that a raster has, and what the map is for. Leaves: specifications of models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Union

from .discriminant import Discriminant, LinearScores
from .feature_sets import FeatureSet, Quantity
from .kernel_ridge import KernelRidge, KernelScores

Estimator = Union[Discriminant, KernelRidge]
Scorer = Union[LinearScores, KernelScores]
"""What a fitted estimator is."""

_STRONG_RIDGE = 10.0  # where classes overlap: few held-out polygons would choose one that is too small


@dataclass(frozen=True)
class ModelSpec:
    """An estimator on feature sets.

    Attributes:
        estimator: With the settings that cross-validation chooses from.
        fit_on: What it learns from; columns side by side.
        predict_on: What it predicts from, with the same columns: the same feature sets, or smoothed ones.
    """

    estimator: Estimator
    fit_on: tuple[FeatureSet, ...]
    predict_on: tuple[FeatureSet, ...]

    @property
    def name(self) -> str:
        """For log and report."""
        estimator = "LDA" if isinstance(self.estimator, Discriminant) else "Kernel ridge"
        learnt, applied = (" + ".join(s.title for s in sets) for sets in (self.fit_on, self.predict_on))
        return f"{estimator} on {learnt}" + (f", applied to {applied}" if applied != learnt else "")

    @property
    def is_standardised(self) -> bool:
        """Whether its columns are brought to variance 1 among the samples; whitened spectra keep their scale."""
        return all(feature_set.quantity is not Quantity.WHITENED_SPECTRA for feature_set in self.fit_on)

    def balanced(self) -> ModelSpec:
        """The same, for which all classes are equally likely beforehand."""
        return replace(self, estimator=replace(self.estimator, balanced=True))

    def within(self, available: Sequence[FeatureSet]) -> ModelSpec | None:
        """The same with the feature sets that a raster has; None where nothing is left."""
        fit_on, predict_on = (tuple(s for s in sets if s in available) for sets in (self.fit_on, self.predict_on))
        return replace(self, fit_on=fit_on, predict_on=predict_on) if fit_on else None

    def with_extras(self) -> ModelSpec:
        """The same with extra rasters beside its last feature set."""
        fit_on, predict_on = ((*sets, sets[-1].extras) for sets in (self.fit_on, self.predict_on))
        return replace(self, fit_on=fit_on, predict_on=predict_on)


def _spec(estimator: Estimator, *fit_on: FeatureSet, predict_on: FeatureSet | None = None) -> ModelSpec:
    return ModelSpec(estimator, fit_on, (predict_on,) if predict_on else fit_on)


# Decision 32 says how these were chosen, docs/ablations.md what each is worth.
INTERPOLATION = (
    _spec(KernelRidge(), FeatureSet.COMPONENT_MEANS, FeatureSet.FEATURE_MEANS),
    _spec(Discriminant(), FeatureSet.COMPONENT_MEANS, FeatureSet.FEATURE_MEANS),
    _spec(KernelRidge(), FeatureSet.SPECTRA),
    _spec(Discriminant(), FeatureSet.SPECTRA),
)
CONTEXTUAL = (
    _spec(KernelRidge(), FeatureSet.WHITENED_SPECTRA),
    _spec(KernelRidge(), FeatureSet.SPECTRA, predict_on=FeatureSet.SMOOTHED_SPECTRA),
    _spec(KernelRidge(), FeatureSet.STRONGLY_SMOOTHED_SPECTRA),
    _spec(Discriminant(), FeatureSet.WHITENED_SPECTRA, predict_on=FeatureSet.SMOOTHED_WHITENED_SPECTRA),
    _spec(Discriminant(), FeatureSet.FEATURE_MEANS),
)
OVERLAPPING = (
    _spec(KernelRidge(ridges=(_STRONG_RIDGE,)), FeatureSet.SPECTRA),
    _spec(Discriminant(), FeatureSet.SPECTRA),
)


def available_models(library: Sequence[ModelSpec], available: Sequence[FeatureSet]) -> list[ModelSpec]:
    """The models of a library that a raster allows, each once, with extra rasters where there are any."""
    within = dict.fromkeys(spec for spec in (spec.within(available) for spec in library) if spec is not None)
    return [spec.with_extras() if FeatureSet.EXTRAS in available else spec for spec in within]


def feature_sets_of(specs: Sequence[ModelSpec], *, for_prediction: bool = False) -> list[FeatureSet]:
    """The feature sets that models predict from and, unless asked for prediction alone, learn from; in their order."""
    wanted = {s for spec in specs for s in (*spec.predict_on, *(() if for_prediction else spec.fit_on))}
    return [feature_set for feature_set in FeatureSet if feature_set in wanted]
