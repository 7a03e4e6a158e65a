# SPDX-License-Identifier: GPL-2.0-or-later
"""Candidates under cross-validation: what they say of samples that they have not learnt from.

Enters: views of training samples with their classes, folds, a Candidate. Leaves: a Trial with the setting that did best
and its calibrated log probabilities of the held-out samples; and, of a trial, a head fitted on all samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...sampling.folds import ALWAYS_TRAINING
from ...sampling.subsampling import subsample
from ..standardizer import Standardizer
from .bagged_discriminant import fit_axes_forest, fit_committee, fit_smooth_kernel, fit_smooth_kernels
from .ensemble_selection import brier, log_probabilities, temperature
from .extra_trees import fit_forest
from .kernel_ridge import (
    RIDGES,
    SHRINKAGES,
    WIDTHS,
    Head,
    KernelHead,
    Setting,
    fit_discriminants,
    fit_kernels,
    kernel_scores,
)
from .manifold_kernel import SceneKernel, bend_kernels, held_out_scores
from .model_library import NEAR_WIDTHS, POSITION, SMOOTH, Candidate

_SMOOTHEST = 3  # ridges of the smooth kernel
_AS_GOOD = 0.05  # of the Brier score (docs/decisions.md, 26)
# Samples that a head is fitted on; more are thinned out.
_LARGEST = {"kernel": 4000, "smooth kernel": 4000, "forest": 10_000, "axes forest": 10_000}


@dataclass(frozen=True)
class Learning:
    """What candidates learn from.

    Attributes:
        views: Of the samples, (N, F) each.
        classes: (N,) int64.
        groups: (N,) what stands or falls together at places never seen.
        count: K.
        noise_whitening: (B, B) of the spectra.
        seed: Of what is drawn.
        even: Whether all classes are equally likely beforehand; else as often as among the samples.
        around: Views of unlabelled pixels, (M, F) each, where there are candidates that learn from them.
        ridges: Of the smooth kernel, averaged; none: each of SMOOTH_RIDGES by itself.
    """

    views: Mapping[str, Tensor]
    classes: Tensor
    groups: NDArray[np.int64]
    count: int
    noise_whitening: Tensor | None
    seed: int
    even: bool
    around: Mapping[str, Tensor] | None = None
    ridges: tuple[float, ...] = ()

    def part(self, some: Tensor) -> Learning:
        """The same of some samples."""
        views = {name: view[some] for name, view in self.views.items()}
        return replace(self, views=views, classes=self.classes[some], groups=self.groups[some.cpu().numpy()])


@dataclass(frozen=True)
class Trial:
    """A candidate under cross-validation, with its best setting.

    Attributes:
        candidate: Which.
        setting: Of its head.
        temperature: That calibrates its scores.
        log_p: (n, K) calibrated log probabilities of the held-out samples, draw after draw of the folds.
        accuracy: Right on them, 0 to 1.
    """

    candidate: Candidate
    setting: Setting
    temperature: float
    log_p: NDArray[np.float64]
    accuracy: float


@dataclass(frozen=True)
class Scaling:
    """Brings the columns of a candidate to one scale."""

    standardizer: Standardizer | None
    whitening: Tensor | None
    centre: Tensor | None
    length: float

    @classmethod
    def fit(cls, x: Tensor, scaling: str, noise_whitening: Tensor | None) -> Scaling:
        """Learn from (N, F) what the candidate's word for scaling asks for."""
        if scaling == "columns":
            return cls(Standardizer.fit(x), None, None, 1.0)
        whitening = noise_whitening if scaling == "noise" else None
        white = x if whitening is None else x @ whitening
        centre = white.mean(dim=0)
        return cls(None, whitening, centre, max(1e-12, float((white - centre).std())))

    def __call__(self, x: Tensor) -> Tensor:
        """Scale (n, F)."""
        if self.standardizer is not None:
            return self.standardizer(x)
        assert self.centre is not None  # the one or the other is there
        return ((x if self.whitening is None else x @ self.whitening) - self.centre) / self.length


def try_candidate(
    candidate: Candidate, learning: Learning, folds: Sequence[NDArray[np.int64]], truth: NDArray[np.int64]
) -> Trial:
    """A candidate's setting with the best Brier score over all draws of the folds.

    Args:
        candidate: To be tried.
        learning: From what.
        folds: Of each draw, (N,) the fold that holds a sample out, or ALWAYS_TRAINING.
        truth: (n,) classes of the samples that are held out, draw after draw.
    """
    bent = _bent_kernels(candidate, learning)[1] if candidate.head == "scene kernel" else None
    draws = [_held_out_scores(candidate, learning, fold, bent) for fold in folds]
    best: tuple[float, Trial] | None = None
    for setting in draws[0]:
        scores = np.concatenate([draw[setting] for draw in draws])
        factor, log_p, loss = _calibrated(scores, truth)
        if best is None or loss < best[0]:
            accuracy = float((scores.argmax(axis=1) == truth).mean())
            best = loss, Trial(candidate, setting, factor, log_p, accuracy)
    assert best is not None  # there is a setting
    return best[1]


def _calibrated(scores: NDArray[np.float64], truth: NDArray[np.int64]) -> tuple[float, NDArray[np.float64], float]:
    """Temperature of scores (n, K), log probabilities with it, and their Brier score."""
    factor = temperature(scores, truth)
    log_p = log_probabilities(scores, factor)
    return factor, log_p, brier(log_p, truth, np.ones(len(truth)))


def smoothest(learning: Learning, fold: NDArray[np.int64]) -> tuple[float, ...]:
    """The three largest ridges with which the smooth kernel tells samples apart about as well as with any.

    How fine the differences between the classes are is seen where the samples lie, so this is asked with folds of
    single samples, where all of them answer. The smoother a model, the less it rests on what only these places have.

    Args:
        learning: From what.
        fold: (N,) the fold that holds a sample out, or ALWAYS_TRAINING.
    """
    scores = _held_out_scores(SMOOTH, replace(learning, ridges=()), fold, None)
    truth = learning.classes.cpu().numpy()[fold != ALWAYS_TRAINING]
    losses = {setting: _calibrated(of_ridge, truth)[2] for setting, of_ridge in scores.items()}
    good = [ridge for (ridge,), loss in losses.items() if loss <= min(losses.values()) + _AS_GOOD]
    return tuple(good[-_SMOOTHEST:])


def fit_candidate(trial: Trial, learning: Learning) -> tuple[Scaling, Head]:
    """A candidate on all samples, or as many as its head can take, with the setting that it was found to need."""
    candidate, classes, groups = trial.candidate, learning.classes, learning.groups
    if candidate.head == "scene kernel":
        width, ridge = trial.setting
        scaling, kernels = _bent_kernels(candidate, learning, (width,))
        return scaling, kernels[width].head(classes, learning.count, ridge)
    x = side_by_side(learning.views, candidate.views)
    if candidate.head in _LARGEST:
        few = subsample(classes.cpu().numpy(), _LARGEST[candidate.head], learning.seed, balanced=False)
        some = torch.from_numpy(few).to(x.device)
        x, classes, groups = x[some], classes[some], groups[few]
    scaling = Scaling.fit(x, candidate.scaling, learning.noise_whitening)
    return scaling, next(iter(_heads(candidate, scaling(x), classes, groups, learning, trial.setting).values()))


def _held_out_scores(
    candidate: Candidate, learning: Learning, fold: NDArray[np.int64], bent: Mapping[float, SceneKernel] | None
) -> dict[Setting, NDArray[np.float64]]:
    """Scores (n, K) of the samples that some fold holds out, in sample order, for each setting.

    A bent kernel has seen where the held-out samples lie, as it has of any other pixel, and nothing of their classes.
    """
    x, applied = side_by_side(learning.views, candidate.views), side_by_side(learning.views, candidate.applied)
    found: dict[Setting, NDArray[np.float64]] = {}
    held = fold != ALWAYS_TRAINING
    for number in np.unique(fold[held]):
        out = torch.from_numpy(fold == number).to(x.device)
        if bent is None:
            scaling = Scaling.fit(x[~out], candidate.scaling, learning.noise_whitening)
            groups = learning.groups[fold != number]
            heads = _heads(candidate, scaling(x[~out]), learning.classes[~out], groups, learning, None)
            of_each = _scores(heads, scaling(applied[out]))
        else:
            of_each = held_out_scores(bent, learning.classes, learning.count, out)
        for setting, scores in of_each.items():
            place = found.setdefault(setting, np.zeros((len(fold), learning.count)))
            place[fold == number] = scores.double().cpu().numpy()
    return {setting: scores[held] for setting, scores in found.items()}


def _bent_kernels(
    candidate: Candidate, learning: Learning, widths: Sequence[float] = WIDTHS
) -> tuple[Scaling, dict[float, SceneKernel]]:
    assert learning.around is not None  # or there is no such candidate
    x, around = (side_by_side(views, candidate.views) for views in (learning.views, learning.around))
    scaling = Scaling.fit(x, candidate.scaling, learning.noise_whitening)
    return scaling, bend_kernels(scaling(x), scaling(around), widths)


def _heads(
    candidate: Candidate,
    x: Tensor,
    classes: Tensor,
    groups: NDArray[np.int64],
    learning: Learning,
    setting: Setting | None,
) -> Mapping[Setting, Head]:
    """Heads of all settings, or of one, fitted on scaled features (N, F) of some samples."""
    count, even = learning.count, learning.even
    if candidate.head == "forest":
        return {(): fit_forest(x, classes, count, learning.seed, even=even)}
    if candidate.head == "axes forest":
        return {(): fit_axes_forest(x, classes, count, learning.seed)}
    if candidate.head == "committee":
        return {(): fit_committee(x, classes, groups, count, learning.seed)}
    if candidate.head == "smooth kernel" and not learning.ridges:
        return {(ridge,): head for ridge, head in fit_smooth_kernels(x, classes, count).items()}
    if candidate.head == "smooth kernel":
        return {(): fit_smooth_kernel(x, classes, count, learning.ridges)}
    if candidate.head == "discriminant":
        return fit_discriminants(x, classes, count, setting or SHRINKAGES, even=even)
    if setting:
        return fit_kernels(x, classes, count, setting[:1], setting[1:], even=even)
    return fit_kernels(x, classes, count, NEAR_WIDTHS if candidate == POSITION else WIDTHS, RIDGES, even=even)


def _scores(heads: Mapping[Setting, Head], x: Tensor) -> dict[Setting, Tensor]:
    kernels = [head for head in heads.values() if isinstance(head, KernelHead)]
    if kernels:
        return dict(zip(heads, kernel_scores(kernels, x)))
    return {setting: head.scores(x) for setting, head in heads.items()}


def side_by_side(views: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    """(N, F) columns of several views."""
    return views[names[0]] if len(names) == 1 else torch.cat([views[name] for name in names], dim=1)
