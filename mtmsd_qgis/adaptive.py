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
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .candidates import FOREST, NEAR_WIDTHS, PLAIN, POSITION, Candidate, candidates_for
from .classifier import Standardizer
from .folds import ALWAYS_TRAINING, group_folds, random_folds
from .forest import fit_forest
from .heads import RIDGES, SHRINKAGES, WIDTHS, Head, KernelHead, Setting, fit_discriminants, fit_kernels, kernel_scores
from .pooling import better_half, brier, choose_pool, choose_pool_beside, log_probabilities, temperature
from .progress import Progress, span

log = logging.getLogger(__name__)

_FOLDS = 4
_FEW_SAMPLES = 600  # with fewer, the folds are drawn several times
_REPEATS = 3
_TOO_FEW_TO_WEIGH = 200  # samples, at known fields (docs/decisions.md, 24)
_LARGEST_KERNEL = 4000  # samples that a kernel is fitted on; more are thinned out
_LARGEST_TRIAL = 1500  # samples in the cross-validation
_LARGEST_FOREST = 10_000
_MANY_PLACES = 20  # of each class; then their shares count half at places never seen (docs/decisions.md, 24)


@dataclass(frozen=True)
class Member:
    """A fitted candidate in the pool."""

    candidate: Candidate
    scaling: _Scaling
    head: Head
    temperature: float
    weight: float

    def log_probabilities(self, views: Mapping[str, Tensor]) -> Tensor:
        """(n, K) of views (n, F)."""
        x = self.scaling(_side_by_side(views, self.candidate.applied))
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
    """

    members: tuple[Member, ...]
    temperature: float
    prior: Tensor
    trials: tuple[dict[str, float | str], ...]
    accuracy: float
    folds: str

    @property
    def views(self) -> list[str]:
        """The views that prediction needs."""
        return sorted({view for member in self.members for view in member.candidate.applied})

    def predict(self, views: Mapping[str, Tensor]) -> Tensor:
        """Probabilities (n, K) of views (n, F)."""
        total = sum(member.weight * member.log_probabilities(views) for member in self.members)
        assert isinstance(total, Tensor)  # a pool has a member
        return torch.softmax(total * self.temperature + self.prior, dim=1)


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
) -> Pool:
    """Try the candidates, choose, calibrate and fit.

    Args:
        views: Of the training samples, (N, F) each; those of views_of(candidates_for(...)).
        classes: (N,) int64.
        groups: (N,) what a place never seen is: the polygon, or the block.
        blocks: (N,) blocks of the grid, for where no class has two groups.
        count: K.
        kind: "random", or anything else for places never seen.
        noise_whitening: (B, B) of the spectra.
        seed: Of the folds and bootstraps.
        progress: Told after each candidate.
    """
    candidates = [c for c in candidates_for(list(views), kind) if noise_whitening is not None or c.scaling != "noise"]
    target = classes.cpu().numpy()
    some = _thin(target, _LARGEST_TRIAL, seed)
    folds, what = _folds(target[some], groups[some], blocks[some], kind, seed)
    mine = {name: view[torch.from_numpy(some).to(view.device)] for name, view in views.items()}
    truth = np.concatenate([target[some][f != ALWAYS_TRAINING] for f in folds])
    together = {"samples": np.arange(len(some)), "blocks": blocks[some]}.get(what, groups[some])
    units = np.concatenate([together[f != ALWAYS_TRAINING] for f in folds])
    even = what != "samples"  # how often a class was sampled says little about places never seen
    tried: list[_Trial] = []
    known = classes[torch.from_numpy(some).to(classes.device)]
    every = [*candidates, FOREST] if even else candidates
    for number, candidate in enumerate(every):
        scores = [_held_out_scores(candidate, mine, known, f, count, noise_whitening, seed, even=even) for f in folds]
        tried.append(_best_setting(candidate, scores, truth))
        progress(0.85 * (number + 1) / len(every), f"trying models: {number + 1} of {len(every)}")
    found = [t.log_p for t in tried]
    if even:
        plain = [candidates.index(c) for c in PLAIN if c in candidates]
        weights = choose_pool_beside(found[:-1], plain, found[-1], truth, units, seed)
    elif len(some) < _TOO_FEW_TO_WEIGH:
        weights = better_half(found, truth)
    else:
        weights = choose_pool(found, truth, units, None, seed)
    pooled = np.tensordot(weights, np.stack(found), axes=1)
    joint = temperature(pooled, truth)
    members = []
    chosen = [i for i in np.argsort(-weights) if weights[i] > 0]
    part = span(progress, 0.85, 1.0)
    for done, i in enumerate(chosen):
        members.append(_fit(tried[i], float(weights[i]), views, classes, count, noise_whitening, seed, even=even))
        part((done + 1) / len(chosen), f"fitting models: {done + 1} of {len(chosen)}")
    prior = _prior(classes, groups, count) if even else torch.zeros(count, device=classes.device)
    accuracy = float(((pooled * joint + prior.cpu().numpy()).argmax(axis=1) == truth).mean())
    trials: tuple[dict[str, float | str], ...] = tuple(
        {"name": t.candidate.name, "weight": round(float(w), 4), "accuracy": round(t.accuracy, 4)}
        for t, w in zip(tried, weights)
    )
    return Pool(tuple(members), joint, prior, trials, accuracy, what)


def _prior(classes: Tensor, groups: NDArray[np.int64], count: int) -> Tensor:
    """(K,) logarithms of the classes' shares among the samples, shrunk towards even ones.

    What a class's share says of places never seen grows with the number of places that it was found at.
    """
    found = np.stack([classes.cpu().numpy(), groups])
    places = np.unique(found, axis=1).shape[1] / count
    shares = torch.bincount(classes, minlength=count).clamp(min=1) / len(classes)
    shrunk: Tensor = shares.log() * (places / (places + _MANY_PLACES))
    return shrunk


@dataclass(frozen=True)
class _Trial:
    """A candidate under cross-validation, with its best setting."""

    candidate: Candidate
    setting: Setting
    temperature: float
    log_p: NDArray[np.float64]
    accuracy: float


@dataclass(frozen=True)
class _Scaling:
    """Brings the columns of a candidate to one scale."""

    standardizer: Standardizer | None
    whitening: Tensor | None
    centre: Tensor | None
    length: float

    @classmethod
    def fit(cls, x: Tensor, scaling: str, noise_whitening: Tensor | None) -> _Scaling:
        if scaling == "columns":
            return cls(Standardizer.fit(x), None, None, 1.0)
        whitening = noise_whitening if scaling == "noise" else None
        white = x if whitening is None else x @ whitening
        centre = white.mean(dim=0)
        return cls(None, whitening, centre, max(1e-12, float((white - centre).std())))

    def __call__(self, x: Tensor) -> Tensor:
        if self.standardizer is not None:
            return self.standardizer(x)
        assert self.centre is not None  # the one or the other is there
        return ((x if self.whitening is None else x @ self.whitening) - self.centre) / self.length


def _held_out_scores(
    candidate: Candidate,
    views: Mapping[str, Tensor],
    classes: Tensor,
    fold: NDArray[np.int64],
    count: int,
    noise_whitening: Tensor | None,
    seed: int,
    *,
    even: bool,
) -> dict[Setting, NDArray[np.float64]]:
    """Scores (n, K) of the samples that some fold holds out, in sample order, for each setting."""
    x, applied = _side_by_side(views, candidate.views), _side_by_side(views, candidate.applied)
    found: dict[Setting, NDArray[np.float64]] = {}
    held = fold != ALWAYS_TRAINING
    for number in np.unique(fold[held]):
        out = torch.from_numpy(fold == number).to(x.device)
        scaling = _Scaling.fit(x[~out], candidate.scaling, noise_whitening)
        heads = _heads(candidate, scaling(x[~out]), classes[~out], count, None, seed, even=even)
        for setting, scores in _scores(heads, scaling(applied[out])).items():
            place = found.setdefault(setting, np.zeros((len(fold), count)))
            place[fold == number] = scores.double().cpu().numpy()
    return {setting: scores[held] for setting, scores in found.items()}


def _heads(
    candidate: Candidate, x: Tensor, classes: Tensor, count: int, setting: Setting | None, seed: int, *, even: bool
) -> Mapping[Setting, Head]:
    """Fitted heads of all settings, or of one."""
    if candidate.head == "forest":
        return {(): fit_forest(x, classes, count, seed, even=even)}
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


def _best_setting(
    candidate: Candidate, repeats: Sequence[Mapping[Setting, NDArray[np.float64]]], truth: NDArray[np.int64]
) -> _Trial:
    """The setting with the best Brier score over all repeats."""
    best: tuple[float, _Trial] | None = None
    for setting in repeats[0]:
        scores = np.concatenate([r[setting] for r in repeats])
        factor = temperature(scores, truth)
        log_p = log_probabilities(scores, factor)
        loss = brier(log_p, truth, np.ones(len(truth)))
        if best is None or loss < best[0]:
            accuracy = float((scores.argmax(axis=1) == truth).mean())
            best = loss, _Trial(candidate, setting, factor, log_p, accuracy)
    assert best is not None  # there is a setting
    return best[1]


def _fit(
    trial: _Trial,
    weight: float,
    views: Mapping[str, Tensor],
    classes: Tensor,
    count: int,
    noise_whitening: Tensor | None,
    seed: int,
    *,
    even: bool,
) -> Member:
    """A candidate on all samples, with the setting and temperature it was found to need."""
    candidate = trial.candidate
    x = _side_by_side(views, candidate.views)
    most = {"kernel": _LARGEST_KERNEL, "forest": _LARGEST_FOREST}.get(candidate.head)
    if most is not None:
        some = torch.from_numpy(_thin(classes.cpu().numpy(), most, seed)).to(x.device)
        x, classes = x[some], classes[some]
    scaling = _Scaling.fit(x, candidate.scaling, noise_whitening)
    head = next(iter(_heads(candidate, scaling(x), classes, count, trial.setting, seed, even=even).values()))
    return Member(candidate, scaling, head, trial.temperature, weight)


def _folds(
    classes: NDArray[np.int64], groups: NDArray[np.int64], blocks: NDArray[np.int64], kind: str, seed: int
) -> tuple[list[NDArray[np.int64]], str]:
    """Folds of the kind, drawn several times where samples are few, and what they hold out."""
    repeats = _REPEATS if len(classes) <= _FEW_SAMPLES else 1
    if kind != "random":
        for name, units in (("groups", groups), ("blocks", blocks)):
            drawn = [_learnable(group_folds(classes, units, _FOLDS, seed + r), classes) for r in range(repeats)]
            if all((f != ALWAYS_TRAINING).any() for f in drawn):
                return drawn, name
        log.warning("No class has samples in two places, so models are chosen as if for fields that have samples.")
    return [_learnable(random_folds(classes, _FOLDS, seed + r), classes) for r in range(repeats)], "samples"


def _learnable(fold: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Held-out samples of a class that the rest of the samples lack go back to training."""
    fold = fold.copy()
    for number in np.unique(fold[fold != ALWAYS_TRAINING]):
        out = fold == number
        lost = out & ~np.isin(classes, classes[~out])
        fold[lost] = ALWAYS_TRAINING
    return fold


def _thin(classes: NDArray[np.int64], limit: int, seed: int) -> NDArray[np.int64]:
    """Indices of at most about limit samples, each class by the same share but not below 20.

    Unlike thin_out of mapping.py, which evens classes out, this keeps how likely each class is.
    """
    if len(classes) <= limit:
        return np.arange(len(classes))
    rng = np.random.default_rng(seed)
    share = limit / len(classes)
    chosen = []
    for index in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == index))
        chosen.append(members[: max(20, round(share * len(members)))])
    return np.sort(np.concatenate(chosen))


def _side_by_side(views: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    return views[names[0]] if len(names) == 1 else torch.cat([views[name] for name in names], dim=1)
