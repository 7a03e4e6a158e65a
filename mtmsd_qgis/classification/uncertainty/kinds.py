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
from ..extras.extras_predictor import ExtrasPredictor
from ..predictor import Predictor, at_valid, in_window

Probabilities = NDArray[np.float32]


def has_several_kinds(predictor: Predictor) -> bool:
    """Whether models of several kinds decide each pixel: with extras, in all ensembles."""
    if isinstance(predictor, ExtrasPredictor):
        return all(has_several_kinds(each) for each in (predictor.plain, *predictor.extended))
    return isinstance(predictor, EnsemblePredictor) and len(_members_by_kind(predictor.ensemble)) > 1


def probabilities_by_kind(
    predictor: Predictor, tile: Tile
) -> tuple[Probabilities, NDArray[np.bool_], Probabilities | None]:
    """Probabilities (K, h, w) and where they are valid, as Predictor.probabilities; and those of each kind.

    Returns:
        The third are (M, K, h, w); None where there are fewer than two kinds.
    """
    if isinstance(predictor, EnsemblePredictor) and has_several_kinds(predictor):
        together, valid = _all_and_each(predictor, tile)
    elif isinstance(predictor, ExtrasPredictor) and has_several_kinds(predictor):
        together, valid = predictor.decided(tile, lambda ensemble: _all_and_each(ensemble, tile))
    else:
        return *predictor.probabilities(tile), None
    return together[0], valid, together[1:]


def _members_by_kind(ensemble: Ensemble) -> list[list[int]]:
    """Numbers of the members with the same kind of estimator, by its name."""
    kinds: dict[str, list[int]] = {}
    for number, model in enumerate(ensemble.members):
        kinds.setdefault(type(model.spec.estimator).__name__, []).append(number)
    return [kinds[name] for name in sorted(kinds)]


def _all_and_each(predictor: EnsemblePredictor, tile: Tile) -> tuple[Probabilities, NDArray[np.bool_]]:
    """Probabilities (1 + M, K, h, w) of all members together, and of each kind; and where they are valid."""
    ensemble = predictor.ensemble
    features, valid = predictor.reader.read(tile, ensemble.feature_sets)
    pixels = {feature_set: at_valid(values, valid) for feature_set, values in features.items()}
    log_p = [model.log_probabilities(pixels) for model in ensemble.members]
    chosen = [log_p, *([log_p[number] for number in kind] for kind in _members_by_kind(ensemble))]
    return np.stack([in_window(ensemble.combined(each), valid) for each in chosen]), valid
