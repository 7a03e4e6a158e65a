# SPDX-License-Identifier: GPL-2.0-or-later
"""Extras join the default classifier one after the other, each where it improves what was there before.

Enters: the fitted classifier without extras, the extras of the job. Leaves: the ensemble with the extras that joined,
fitted on the samples at which they have data, and a finding on each extra.
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
_ALWAYS = "Used, as EXTRA_USE 'always' says; whether it helps was not asked."


@dataclass(frozen=True)
class Joined:
    """The classifier with extras.

    Attributes:
        reader: Of feature sets with the extras that joined.
        samples: At which these have data, with all feature sets.
        ensemble: Fitted on them.
        recipes: Of the extras that joined.
        context: Whether spatial context is used, asked anew with the extras; None where that was no question.
    """

    reader: FeatureSetReader
    samples: TrainingSet
    ensemble: Ensemble
    recipes: tuple[ColumnRecipe, ...]
    context: ContextSummary | None


@dataclass(frozen=True)
class _State:
    """What has joined so far.

    Attributes:
        recipes: Of the extras.
        known: (N,) samples at which all of them have data.
        features: Their columns at all samples.
    """

    recipes: tuple[ColumnRecipe, ...]
    known: NDArray[np.bool_]
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
        self._state = _State((), np.ones(len(fit.samples), dtype=bool), {})
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
        state = self._state
        if not state.recipes:
            return None
        samples, purpose = self._training(state).subset(state.known), self._purpose_of(state.known)
        validated = cross_validate_ensemble(samples, purpose, span(progress, 0.8, 0.95))
        ensemble = validated.fit(samples, purpose.seed, span(progress, 0.95, 1.0))
        return Joined(self._reader_of(state.recipes), samples, ensemble, state.recipes, validated.context)

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
        columns, known = alone.at_pixels(fit.table.rows, fit.table.cols, span(progress, 0.0, 0.1))
        known &= state.known
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
            self._state = self._with(recipe, known, span(progress, 0.7, 1.0))
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

    def _with(self, recipe: ColumnRecipe, known: NDArray[np.bool_], progress: Progress) -> _State:
        """The state with one more extra, whose columns are read in all the forms that models want."""
        fit = self._fit
        recipes = (*self._state.recipes, recipe)
        reader = self._reader_of(recipes)
        library = [spec for specs in fit.purpose.libraries.values() for spec in specs]
        sets = [s for s in feature_sets_of(available_models(library, reader.available)) if s.is_extra]
        values, order = reader.at_samples(fit.table, sets, progress)
        back = torch.from_numpy(np.argsort(order))
        features = {s: v[back.to(v.device)] for s, v in values.items()}
        return replace(self._state, recipes=recipes, known=known, features=features)

    def _reader_of(self, recipes: Sequence[ColumnRecipe]) -> FeatureSetReader:
        return replace(self._fit.reader, extras=self._reader.with_recipes(recipes))

    def _training(self, state: _State) -> TrainingSet:
        samples = self._fit.samples
        return replace(samples, features={**samples.features, **state.features})

    def _purpose_of(self, known: NDArray[np.bool_]) -> Purpose:
        """What the map is for, with the groups of some samples."""
        purpose = self._fit.purpose
        return replace(purpose, groupings={unit: ids[known] for unit, ids in purpose.groupings.items()})
