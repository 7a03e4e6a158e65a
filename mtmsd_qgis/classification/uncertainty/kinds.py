# SPDX-License-Identifier: GPL-2.0-or-later
"""What each kind of model in an ensemble predicts, beside what all of them predict together.

Enters: a Predictor and a window. Leaves: its probabilities, and those of discriminants and of kernel ridge regressions
apart, where it has both; feature sets are read once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...io.windows import Tile
from ..auto.ensemble import Ensemble
from ..auto.predictor import EnsemblePredictor
from ..predictor import Predictor, at_valid, in_window

Probabilities = NDArray[np.float32]


def members_by_kind(predictor: Predictor) -> list[list[int]]:
    """Members of an ensemble with the same kind of estimator; empty where there are fewer than two kinds."""
    if not isinstance(predictor, EnsemblePredictor):
        return []
    kinds: dict[str, list[int]] = {}
    for number, model in enumerate(predictor.ensemble.members):
        kinds.setdefault(type(model.spec.estimator).__name__, []).append(number)
    return list(kinds.values()) if len(kinds) > 1 else []


def probabilities_by_kind(
    predictor: Predictor, tile: Tile
) -> tuple[Probabilities, NDArray[np.bool_], Probabilities | None]:
    """Probabilities (K, h, w) and where they are valid, as Predictor.probabilities; and those of each kind.

    Returns:
        The third are (M, K, h, w); None where there are fewer than two kinds.
    """
    kinds = members_by_kind(predictor)
    if not kinds or not isinstance(predictor, EnsemblePredictor):
        return *predictor.probabilities(tile), None
    ensemble: Ensemble = predictor.ensemble
    features, valid = predictor.reader.read(tile, ensemble.feature_sets)
    pixels = {feature_set: at_valid(values, valid) for feature_set, values in features.items()}
    log_p = [model.log_probabilities(pixels) for model in ensemble.members]
    by_kind = [in_window(ensemble.combined([log_p[number] for number in kind]), valid) for kind in kinds]
    return in_window(ensemble.combined(log_p), valid), valid, np.stack(by_kind)
