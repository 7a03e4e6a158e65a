# SPDX-License-Identifier: GPL-2.0-or-later
"""Extras join the default classifier one after the other, each where it improves what was there before.

Enters: the fitted classifier without extras, the extras of the job. Leaves: the ensemble with the extras that joined,
fitted on the samples at which they have data, others for pixels that lack some of them, and a finding on each extra.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...features.extras.column_recipe import ColumnRecipe
from ...features.extras.edge_shift import warn_of_shift
from ...features.extras.extra_reader import ExtraReader, SceneExtras
from ...io.cube import spread_windows
from ...jobs.data_model import ClassEntry
from ...jobs.extras.extra_rasters import CATEGORIES, TEXTURE, VALUES, ExtraFinding
from ...jobs.results import ContextSummary
from ...progress import Progress, span
from ..auto.cross_validation import TrainingSet
from ..auto.ensemble import Ensemble, Purpose, cross_validate_ensemble
from ..auto.feature_reader import FeatureSetReader
from ..auto.feature_sets import FeatureSet
from ..auto.model_library import available_models, feature_sets_of
from ..feature_value.candidate import Candidate
from .gate import COPIES, MOST_PLANE, Question, plane_sentence, plane_share
from .scene_components import SceneComponents

log = logging.getLogger(__name__)

_LEAST_SAMPLES = 2  # of each class, at which an extra has data
_LEAST_SHARE = 0.01  # of the scene, that lacks the same extras, for an ensemble of its own with the others
_WINDOWS, _SIDE = 36, 64  # in which such pixels are looked for
_ALWAYS = "Used, as EXTRA_USE 'always' says, whether it helps or not."


@dataclass(frozen=True)
class Extension:
    """The classifier with some of the extras that joined.

    Attributes:
        used: Their positions among these.
        reader: Of feature sets with them.
        samples: At which they have data, with all feature sets.
        ensemble: Fitted on them.
        context: Whether spatial context is used, asked anew with the extras; None where that was no question.
    """

    used: tuple[int, ...]
    reader: FeatureSetReader
    samples: TrainingSet
    ensemble: Ensemble
    context: ContextSummary | None


@dataclass(frozen=True)
class Joined:
    """What joined.

    Attributes:
        recipes: Of the extras.
        extras: Their reader.
        extensions: The classifier with all of them; then with some, for pixels that lack the others.
    """

    recipes: tuple[ColumnRecipe, ...]
    extras: ExtraReader
    extensions: tuple[Extension, ...]


@dataclass(frozen=True)
class _State:
    """What has joined so far.

    Attributes:
        recipes: Of the extras.
        known: (N,) samples at which all of them have data.
        known_of: (N,) samples at which each of them has data.
        features: Their columns at all samples.
    """

    recipes: tuple[ColumnRecipe, ...]
    known: NDArray[np.bool_]
    known_of: tuple[NDArray[np.bool_], ...]
    features: dict[FeatureSet, Tensor]


@dataclass(frozen=True)
class _Candidate:
    """An extra that asks to join: its name, and how its columns are made; None where it has no data."""

    name: str
    recipe: ColumnRecipe | None


class ExtraJoining:
    """Lets the extras of a job join the classifier."""

    def __init__(self, extras: SceneExtras, fit: Candidate, classes: Sequence[ClassEntry]) -> None:
        """Begin without any.

        Args:
            extras: Of the job.
            fit: The classifier without extras.
            classes: For messages.
        """
        reader = fit.reader
        self._extras, self._fit, self._classes = extras, fit, classes
        components = SceneComponents(reader.cube, reader.plan.base, reader.scaling)
        self._reader = ExtraReader(extras.raster, components)
        self._state = _State((), np.ones(len(fit.samples), dtype=bool), (), {})
        self.findings: list[ExtraFinding] = []

    def run(self, progress: Progress) -> Joined | None:
        """Ask for each extra; None where none has joined."""
        candidates = self._candidates()
        for number, candidate in enumerate(candidates):
            part = span(progress, 0.8 * number / len(candidates), 0.8 * (number + 1) / len(candidates))
            finding = self._judge(candidate, part)
            self.findings.append(finding)
            level = logging.INFO if finding.joined or finding.gain is not None else logging.WARNING
            log.log(level, "Extra raster %s: %s", finding.name, finding.sentence)
        recipes = self._state.recipes
        if not recipes:
            return None
        choices = [tuple(range(len(recipes))), *self._incomplete()]
        found = []
        for number, used in enumerate(choices):
            part = span(progress, 0.8 + 0.2 * number / len(choices), 0.8 + 0.2 * (number + 1) / len(choices))
            found.append(self._extension(used, part))
        extensions = tuple(each for each in found if each is not None)
        return Joined(recipes, self._reader.with_recipes(recipes), extensions)

    def _incomplete(self) -> list[tuple[int, ...]]:
        """Extras that have data where others that joined have none, the most first; in a fair part of the scene."""
        recipes, components = self._state.recipes, self._reader.components
        if len(recipes) < 2:
            return []
        known, filled = [], components.filled([0])
        for window in spread_windows(components, 0, _SIDE, _WINDOWS):
            valid = filled[window.slices]
            of_window = [self._reader.source_of(r.kind).read(window, list(r.positions))[:, valid] for r in recipes]
            known.append(np.stack([np.isfinite(values).all(axis=0) for values in of_window]))
        patterns, counts = np.unique(np.concatenate(known, axis=1), axis=1, return_counts=True)
        often = counts >= _LEAST_SHARE * counts.sum()
        found = [tuple(np.flatnonzero(pattern).tolist()) for pattern in patterns.T[often]]
        some = [used for used in found if 0 < len(used) < len(recipes)]
        return sorted(some, key=lambda used: (-len(used), used))

    def _extension(self, used: tuple[int, ...], progress: Progress) -> Extension | None:
        """The classifier with some of the extras that joined; None where these do not earn their place alone."""
        state = self._state
        recipes = tuple(state.recipes[i] for i in used)
        known = np.logical_and.reduce([state.known_of[i] for i in used])
        purpose, features = self._purpose_of(known), state.features
        if len(used) < len(state.recipes):
            if not self._earns(recipes, known, span(progress, 0.0, 0.3)):
                return None
            features = self._features(recipes, span(progress, 0.3, 0.5))
        samples = replace(self._fit.samples, features={**self._fit.samples.features, **features}).subset(known)
        validated = cross_validate_ensemble(samples, purpose, span(progress, 0.5, 0.9))
        ensemble = validated.fit(samples, purpose.seed, span(progress, 0.9, 1.0))
        return Extension(used, self._reader_of(recipes), samples, ensemble, validated.context)

    def _earns(self, recipes: Sequence[ColumnRecipe], known: NDArray[np.bool_], progress: Progress) -> bool:
        """Whether extras earn their place together, where the others have no data."""
        if self._extras.inputs.use == "always":
            return True
        fit = self._fit
        question = Question(fit.samples.subset(known), fit.table.subset(known), self._purpose_of(known))
        return question.ask(self._reader.with_recipes(recipes), progress).earns_its_place

    def _candidates(self) -> list[_Candidate]:
        inputs, absolute = self._extras.inputs, self._fit.purpose.interpolates
        first, found = 0, []
        for raster in inputs.rasters:
            source = self._reader.source_of(raster.kind)
            found.append(_Candidate(raster.name, ColumnRecipe.fit(source, raster, first, absolute)))
            if raster.kind != CATEGORIES:
                warn_of_shift(raster.name, self._reader.source_of(VALUES), first, self._reader.components)
            first += len(raster.bands)
        if inputs.texture:
            recipe = ColumnRecipe.fit(self._reader.components, None, 0, absolute)
            found.append(_Candidate(TEXTURE, recipe))
        return found

    def _judge(self, candidate: _Candidate, progress: Progress) -> ExtraFinding:
        """Whether a candidate joins; where it does, it is in the state from then on."""
        fit, state, recipe = self._fit, self._state, candidate.recipe
        if recipe is None:
            return ExtraFinding(candidate.name, False, "Left out: it has no data in the scene.")
        alone = self._reader.with_recipes([recipe])
        columns, own = alone.at_pixels(fit.table.rows, fit.table.cols, span(progress, 0.0, 0.1))
        known = own & state.known
        useless = self._useless(columns, known)
        if useless:
            return ExtraFinding(candidate.name, False, useless)
        always, share = self._extras.inputs.use == "always", plane_share(columns[known], fit.table.subset(known))
        if share >= MOST_PLANE and not always:
            return ExtraFinding(candidate.name, False, plane_sentence(share))
        question = Question(self._training(state).subset(known), fit.table.subset(known), self._purpose_of(known))
        answer = question.ask(alone, span(progress, 0.1, 0.7), copies=0 if always else COPIES)
        joins, sentence = (True, _ALWAYS) if always else (answer.earns_its_place, answer.sentence)
        if joins:
            recipes = (*state.recipes, recipe)
            features = self._features(recipes, span(progress, 0.7, 1.0))
            self._state = _State(recipes, known, (*state.known_of, own), features)
        return ExtraFinding(candidate.name, joins, sentence, answer.gain, answer.standard_error, answer.below)

    def _useless(self, columns: Tensor, known: NDArray[np.bool_]) -> str:
        """Why an extra cannot say anything; empty where it can."""
        counts = np.bincount(self._fit.samples.class_index[known], minlength=len(self._classes))
        wanted = np.bincount(self._fit.samples.class_index, minlength=len(self._classes))
        few = [entry.name for entry, n, m in zip(self._classes, counts, wanted) if n < min(_LEAST_SAMPLES, m)]
        if few:
            return (
                f"Left out: it has data at {int(known.sum())} of {len(known)} training samples, and each class needs "
                f"{_LEAST_SAMPLES} of them; too few in: {', '.join(few[:10])}."
            )
        found = columns[torch.from_numpy(known)]
        if bool((found == found[:1]).all()):
            return "Left out: it has the same value at all training samples."
        return ""

    def _features(self, recipes: Sequence[ColumnRecipe], progress: Progress) -> dict[FeatureSet, Tensor]:
        """Columns of some extras at all samples, in all the forms that models want."""
        fit = self._fit
        reader = self._reader_of(recipes)
        library = [spec for specs in fit.purpose.libraries.values() for spec in specs]
        sets = [s for s in feature_sets_of(available_models(library, reader.available)) if s.is_extra]
        values, order = reader.at_samples(fit.table, sets, progress)
        back = torch.from_numpy(np.argsort(order))
        return {s: v[back.to(v.device)] for s, v in values.items()}

    def _reader_of(self, recipes: Sequence[ColumnRecipe]) -> FeatureSetReader:
        return replace(self._fit.reader, extras=self._reader.with_recipes(recipes))

    def _training(self, state: _State) -> TrainingSet:
        samples = self._fit.samples
        return replace(samples, features={**samples.features, **state.features})

    def _purpose_of(self, known: NDArray[np.bool_]) -> Purpose:
        """What the map is for, with the groups of some samples."""
        purpose = self._fit.purpose
        return replace(purpose, groupings={unit: ids[known] for unit, ids in purpose.groupings.items()})
