# SPDX-License-Identifier: GPL-2.0-or-later
"""What the log says of the default classifier.

Enters: a fitted ensemble, and why its models were taken. Leaves: lines of the log.
"""

from __future__ import annotations

import logging

from ..jobs.feature_gain import FeatureGain
from ..jobs.results import ContextSummary
from .auto.ensemble import Ensemble

log = logging.getLogger(__name__)


def log_ensemble(ensemble: Ensemble, context: ContextSummary | None, gain: FeatureGain | None) -> None:
    """Say what is used, what it was chosen by, and how accurate it is on held-out samples.

    Args:
        ensemble: Fitted.
        context: Whether spatial context is used; None where that was no question.
        gain: What the diffusion features add; None where that is not known.
    """
    if gain is not None:
        log.info(gain.sentence)
    if context is not None:
        _log_context(context)
    for score in sorted(ensemble.scores, key=lambda score: -score.weight):
        if score.weight:
            log.info("%2.0f %% %s (accuracy %.3f)", 100 * score.weight, score.name, score.accuracy)
    log.info("Cross-validation on samples, held out by %s: accuracy %.3f.", ensemble.held_out, ensemble.accuracy)


def _log_context(context: ContextSummary) -> None:
    used = "is used" if context.reliable else "is not used, only spectra"
    log.info("Spatial context %s: held-out samples, %s.", used, context.scores)
