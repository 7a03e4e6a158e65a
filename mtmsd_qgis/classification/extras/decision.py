# SPDX-License-Identifier: GPL-2.0-or-later
"""What decides the classes of the map: the default classifier, or the same with the extras that joined it."""

from __future__ import annotations

from dataclasses import dataclass

from ...jobs.extras.extra_rasters import ExtraFinding
from ...jobs.results import ContextSummary
from ...progress import Progress, span
from ..auto.cross_validation import TrainingSet
from ..auto.ensemble import Ensemble
from ..auto.feature_reader import FeatureSetReader
from ..auto.predictor import EnsemblePredictor, EnsembleRule
from ..feature_value.candidate import Candidate
from ..predictor import DecisionRule, Predictor
from ..training_task import TrainingTask
from .extras_predictor import ExtrasPredictor
from .extras_rule import ExtendedEnsemble, ExtrasRule
from .joining import ExtraJoining


@dataclass(frozen=True)
class Decision:
    """What was fitted.

    Attributes:
        predictor: Of the map.
        rule: The same apart from the raster.
        ensemble: That decides where everything is known.
        reader: Of its feature sets.
        samples: It was fitted on.
        context: Whether spatial context is used; None where that was no question.
        findings: On extras; None where none was asked for.
    """

    predictor: Predictor
    rule: DecisionRule
    ensemble: Ensemble
    reader: FeatureSetReader
    samples: TrainingSet
    context: ContextSummary | None
    findings: tuple[ExtraFinding, ...] | None = None


def decide(task: TrainingTask, fit: Candidate, progress: Progress) -> Decision:
    """Fit the cross-validated ensemble, and ask for the extras of the task."""
    end = 1.0 if task.extras is None else 0.2
    ensemble = fit.validated.fit(fit.samples, fit.purpose.seed, span(progress, 0.0, end))
    plain = EnsemblePredictor(fit.reader, ensemble)
    rule = EnsembleRule.of(plain)
    if task.extras is None:
        return Decision(plain, rule, ensemble, fit.reader, fit.samples, fit.validated.context)
    joining = ExtraJoining(task.extras, fit, task.classes)
    joined = joining.run(span(progress, end, 1.0))
    findings = tuple(joining.findings)
    if joined is None:
        return Decision(plain, rule, ensemble, fit.reader, fit.samples, fit.validated.context, findings)
    extended = tuple(EnsemblePredictor(each.reader, each.ensemble) for each in joined.extensions)
    stored = tuple(ExtendedEnsemble(each.ensemble, each.used) for each in joined.extensions)
    first = joined.extensions[0]
    return Decision(
        ExtrasPredictor(plain, extended, joined.extras),
        ExtrasRule.of(rule, stored, joined.recipes),
        first.ensemble,
        first.reader,
        first.samples,
        first.context,
        findings,
    )
