# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier: a pool of small models on views of the pixel, chosen by what the map shall be good at.

Enters: views of training samples, their classes and groups, and the kind of split. Leaves: a Pool that gives
calibrated probabilities, with the accuracy that each model had on held-out training samples.

Every candidate is a head on one or more views. Cross-validation of the same kind as the split (single samples for
"random", whole groups for places never seen) gives each candidate's scores on samples it has not learnt from. They
calibrate it, choose its setting, and decide its weight in the pool.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...progress import Progress, span
from ...sampling.folds import ALWAYS_TRAINING, group_folds, random_folds
from ...sampling.subsampling import subsample
from .cross_validation import Learning, Scaling, Trial, fit_candidate, side_by_side, smoothest, try_candidate
from .ensemble_selection import (
    better_half,
    choose_pool,
    even_kinds,
    same_say,
    seems_worse,
    temperature,
    unless_surely_worse,
)
from .kernel_ridge import Head
from .model_library import ALIKE, FOREST, PLAIN, Candidate, candidates_for, views_of

log = logging.getLogger(__name__)

_FOLDS = 4
_FEW_SAMPLES = 600  # with fewer, the folds are drawn several times
_REPEATS = 3
TOO_FEW_TO_WEIGH = 200  # samples, at known fields (docs/decisions.md, 24)
_LARGEST_TRIAL = 1500  # samples in the cross-validation
_DOUBT = 0.05  # share of places never seen that are like none that was sampled (docs/decisions.md, 28)
_MANY_PLACES = 20  # of each class; then their shares count half at places never seen (docs/decisions.md, 24)
_ALIKE = "Neighbours that look alike are of one class: every kind of model has the same say."
_SEVERAL = "Neighbours that look alike are of several classes: the map rests on plain models of spectra alone."


@dataclass(frozen=True)
class Member:
    """A fitted candidate in the pool."""

    candidate: Candidate
    scaling: Scaling
    head: Head
    temperature: float
    weight: float

    def log_probabilities(self, views: Mapping[str, Tensor]) -> Tensor:
        """(n, K) of views (n, F)."""
        x = self.scaling(side_by_side(views, self.candidate.applied))
        scores = self.head.scores(x)
        scores = (scores - scores.amax(dim=1, keepdim=True)).clamp(min=-1e4)
        return torch.log_softmax(scores * self.temperature, dim=1).clamp(min=-12.0)


@dataclass(frozen=True)
class Pool:
    """The members and their joint temperature.

    Attributes:
        members: Weights sum to 1.
        temperature: Of the weighted mean of their log probabilities.
        prior: (K,) added to it: 0, or a part of how likely a class is beforehand.
        trials: Name, weight and accuracy (0 to 1) under cross-validation of every candidate.
        accuracy: Of the pool under the same cross-validation, 0 to 1; the weights were chosen on it.
        folds: What was held out: "samples", "groups" or "blocks".
        doubt: Share of the probability that all classes have alike.
        several: Whether places never seen are mapped, and neighbours that look alike are of several classes.
    """

    members: tuple[Member, ...]
    temperature: float
    prior: Tensor
    trials: tuple[dict[str, float | str], ...]
    accuracy: float
    folds: str
    doubt: float = 0.0
    several: bool = False

    @property
    def views(self) -> list[str]:
        """The views that prediction needs."""
        return sorted({view for member in self.members for view in member.candidate.applied})

    def predict(self, views: Mapping[str, Tensor]) -> Tensor:
        """Probabilities (n, K) of views (n, F)."""
        total = sum(member.weight * member.log_probabilities(views) for member in self.members)
        assert isinstance(total, Tensor)  # a pool has a member
        sure = torch.softmax(total * self.temperature + self.prior, dim=1)
        return (1 - self.doubt) * sure + self.doubt / sure.shape[1]


@dataclass(frozen=True)
class _HeldOut:
    """What cross-validation holds out.

    Attributes:
        folds: Of each draw, (N,) the fold that holds a sample out, or ALWAYS_TRAINING.
        truth: (n,) classes of the samples that are held out, draw after draw.
        units: (n,) what stands or falls together.
        what: "samples", "groups" or "blocks".
    """

    folds: Sequence[NDArray[np.int64]]
    truth: NDArray[np.int64]
    units: NDArray[np.int64]
    what: str


def fit_pool(
    views: Mapping[str, Tensor],
    classes: Tensor,
    groups: NDArray[np.int64],
    blocks: NDArray[np.int64],
    count: int,
    kind: str,
    noise_whitening: Tensor | None,
    seed: int,
    progress: Progress,
    around: Mapping[str, Tensor] | None = None,
    *,
    several: bool = False,
) -> Pool:
    """Try the candidates, choose, calibrate and fit.

    Args:
        views: Of the training samples, (N, F) each; those of views_of(candidates_for(...)), and for places never seen
            those of PLAIN.
        classes: (N,) int64.
        groups: (N,) what a place never seen is: the polygon, or the block.
        blocks: (N,) blocks of the grid, for where no class has two groups.
        count: K.
        kind: "random", or anything else for places never seen.
        noise_whitening: (B, B) of the spectra.
        seed: Of the folds and bootstraps.
        progress: Told after each candidate.
        around: Views of unlabelled pixels, (M, F) each; those of SCENE_KERNELS, for known fields with few samples.
        several: Whether neighbours that look alike are known to be of several classes; else that is found out.
    """
    possible = candidates_for(list(views), kind, with_scene=around is not None)
    candidates = [c for c in possible if noise_whitening is not None or c.scaling != "noise"]
    target = classes.cpu().numpy()
    some = subsample(target, _LARGEST_TRIAL, seed, balanced=False)
    held = _hold_out(target[some], groups[some], blocks[some], kind, seed)
    even = held.what != "samples"  # how often a class was sampled says little about places never seen
    places = blocks if held.what == "blocks" else groups
    learning = Learning(views, classes, places, count, noise_whitening, seed, even, around)
    trying = learning.part(torch.from_numpy(some).to(classes.device))
    alike = even and not several and _alike(trying)
    if even:
        log.info(_ALIKE if alike else _SEVERAL)
    if even and not alike:
        ridges = smoothest(trying, _single_folds(target[some], seed)[0])
        learning, trying = replace(learning, ridges=ridges), replace(trying, ridges=ridges)
    beside = [] if not even else [FOREST] if alike else [c for c in PLAIN if set(c.views) <= set(views)]
    tried = _try_all([*candidates, *beside], trying, held, span(progress, 0.0, 0.85))
    weights, joined = _weigh(tried, len(candidates), held, seed, few=len(some) < TOO_FEW_TO_WEIGH, alike=alike)
    pooled = np.tensordot(weights, np.stack([t.log_p for t in tried]), axes=1)
    joint = temperature(pooled, held.truth)
    if even and not joined:  # a class that loses one of two places is known far worse (docs/decisions.md, 28)
        joint *= 1 + 1 / _places_a_class(classes, places, count)
    members = []
    chosen = [i for i in np.argsort(-weights) if weights[i] > 0]
    part = span(progress, 0.85, 1.0)
    for done, i in enumerate(chosen):
        scaling, head = fit_candidate(tried[i], learning)
        members.append(Member(tried[i].candidate, scaling, head, tried[i].temperature, float(weights[i])))
        part((done + 1) / len(chosen), f"fitting models: {done + 1} of {len(chosen)}")
    prior = _prior(classes, groups, count) if even else torch.zeros(count, device=classes.device)
    accuracy = float(((pooled * joint + prior.cpu().numpy()).argmax(axis=1) == held.truth).mean())
    trials: tuple[dict[str, float | str], ...] = tuple(
        {"name": t.candidate.name, "weight": round(float(w), 4), "accuracy": round(t.accuracy, 4)}
        for t, w in zip(tried, weights)
    )
    return Pool(tuple(members), joint, prior, trials, accuracy, held.what, _DOUBT if even else 0.0, even and not alike)


def _try_all(every: Sequence[Candidate], trying: Learning, held: _HeldOut, progress: Progress) -> list[Trial]:
    tried = []
    for number, candidate in enumerate(every):
        tried.append(try_candidate(candidate, trying, held.folds, held.truth))
        progress((number + 1) / len(every), f"trying models: {number + 1} of {len(every)}")
    return tried


def _weigh(
    tried: Sequence[Trial], candidates: int, held: _HeldOut, seed: int, *, few: bool, alike: bool
) -> tuple[NDArray[np.float64], bool]:
    """Weight of each model, and whether held-out samples have chosen some of them.

    At places never seen nothing but a pool that is surely better is chosen. Where neighbours are of one class, all
    models count, and the forest, which is the last; else the plain models, which stand behind the candidates.
    """
    found, kinds = [t.log_p for t in tried], [t.candidate.kind for t in tried]
    truth, units = held.truth, held.units
    if held.what == "samples":
        return better_half(found, truth) if few else choose_pool(found, truth, units, None, seed), True
    if alike:
        alone = even_kinds(found[:-1], kinds[:-1], found[-1], truth, units)
    else:
        alone = np.append(np.zeros(candidates), same_say(found[candidates:], kinds[candidates:], truth))
    return unless_surely_worse(alone, found, candidates, truth, units, seed)


def _alike(learning: Learning) -> bool:
    """Whether neighbours that look alike are of one class, so that smoothing helps; else it seems to mix the classes.

    That is a question of size and shape, so it may be asked where the samples lie, of all of them, and not of the few
    groups that can be held out.
    """
    if not set(views_of(ALIKE)) <= set(learning.views):
        return False
    classes = learning.classes.cpu().numpy()
    folds = _single_folds(classes, learning.seed)
    truth, each = _of_held_out(classes, folds), _of_held_out(np.arange(len(classes)), folds)
    alone, smoothed = (try_candidate(c, learning, folds, truth).log_p for c in ALIKE)
    return not seems_worse(smoothed, alone, truth, each)


def _prior(classes: Tensor, groups: NDArray[np.int64], count: int) -> Tensor:
    """(K,) logarithms of the classes' shares among the samples, shrunk towards even ones.

    What a class's share says of places never seen grows with the number of places that it was found at.
    """
    places = _places_a_class(classes, groups, count)
    shares = torch.bincount(classes, minlength=count).clamp(min=1) / len(classes)
    shrunk: Tensor = shares.log() * (places / (places + _MANY_PLACES))
    return shrunk


def _hold_out(
    classes: NDArray[np.int64], groups: NDArray[np.int64], blocks: NDArray[np.int64], kind: str, seed: int
) -> _HeldOut:
    folds, what = _folds(classes, groups, blocks, kind, seed)
    units = {"samples": np.arange(len(classes)), "blocks": blocks}.get(what, groups)
    return _HeldOut(folds, _of_held_out(classes, folds), _of_held_out(units, folds), what)


def _places_a_class(classes: Tensor, groups: NDArray[np.int64], count: int) -> float:
    return float(np.unique(np.stack([classes.cpu().numpy(), groups]), axis=1).shape[1]) / count


def _folds(
    classes: NDArray[np.int64], groups: NDArray[np.int64], blocks: NDArray[np.int64], kind: str, seed: int
) -> tuple[list[NDArray[np.int64]], str]:
    """Folds of the kind, drawn several times where samples are few, and what they hold out."""
    if kind != "random":
        for name, units in (("groups", groups), ("blocks", blocks)):
            drawn = [_learnable(group_folds(classes, units, _FOLDS, s), classes) for s in _seeds(classes, seed)]
            if all((f != ALWAYS_TRAINING).any() for f in drawn):
                return drawn, name
        log.warning("No class has samples in two places, so models are chosen as if for fields that have samples.")
    return _single_folds(classes, seed), "samples"


def _single_folds(classes: NDArray[np.int64], seed: int) -> list[NDArray[np.int64]]:
    """Folds of single samples, drawn several times where samples are few."""
    return [_learnable(random_folds(classes, _FOLDS, s), classes) for s in _seeds(classes, seed)]


def _seeds(classes: NDArray[np.int64], seed: int) -> range:
    return range(seed, seed + (_REPEATS if len(classes) <= _FEW_SAMPLES else 1))


def _learnable(fold: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Held-out samples of a class that the rest of the samples lack go back to training."""
    fold = fold.copy()
    for number in np.unique(fold[fold != ALWAYS_TRAINING]):
        out = fold == number
        lost = out & ~np.isin(classes, classes[~out])
        fold[lost] = ALWAYS_TRAINING
    return fold


def _of_held_out(of_each: NDArray[np.int64], folds: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """What is known of each sample, for those that are held out, draw after draw of the folds."""
    return np.concatenate([of_each[fold != ALWAYS_TRAINING] for fold in folds])
