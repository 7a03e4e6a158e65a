# SPDX-License-Identifier: GPL-2.0-or-later
"""How much of features a linear function of the pixel's own spectrum explains.

Enters: spectra and features of pixels, and folds of blocks. Leaves: the share of the variance, R², that ridge
regression explains at pixels that are held out: 1 where the spectrum says it all, 0 where it says nothing.

Source: Hoerl & Kennard (1970), doi 10.1080/00401706.1970.10488634.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...sampling.groups import block_ids

_PENALTIES = (1e-9, 1e-6, 1e-4, 1e-2, 1e-1, 1.0, 1e2, 1e4)  # per pixel, of standardised spectra
_FOLDS = 5
_BLOCK = 32  # pixels, side of a block that is held out whole; halved where the scene has too few
_FEWEST_BLOCKS = 2 * _FOLDS
_CONSTANT = 1e-6  # share of the largest value below which a deviation is rounding


def block_folds(rows: NDArray[np.int64], cols: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Folds (N,) of whole blocks of pixels, dealt out at random."""
    side = _BLOCK
    blocks = block_ids(rows, cols, side)
    while blocks.max() + 1 < _FEWEST_BLOCKS and side > 1:
        side //= 2
        blocks = block_ids(rows, cols, side)
    count = int(blocks.max()) + 1
    return np.asarray((np.random.default_rng(seed).permutation(count) % _FOLDS)[blocks])


def spectral_share(
    spectra: NDArray[np.float32], features: NDArray[np.float32], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """R² of features, by sets of them.

    Args:
        spectra: (N, P).
        features: (N, T, C): T sets of C features.
        folds: (N,).

    Returns:
        (T,) mean over the set's features that vary, for the penalty that is best for the set; NaN where none varies.
    """
    design = np.concatenate([np.ones((len(spectra), 1)), _standardised(spectra)], axis=1)
    held_out = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    grams = [design[pixels].T @ design[pixels] for pixels in held_out]
    sets = (_standardised(features[:, t]) for t in range(features.shape[1]))  # one at a time lies in memory
    return np.array([_share_of(y, design, held_out, grams) for y in sets])


def _share_of(
    y: NDArray[np.float64],
    design: NDArray[np.float64],
    held_out: list[NDArray[np.intp]],
    grams: list[NDArray[np.float64]],
) -> float:
    """R² of standardised features (N, C), for the penalty that is best for all of them."""
    varies = np.abs(y).max(axis=0, initial=0.0) > 0
    if not varies.any():
        return float("nan")
    crosses = [design[pixels].T @ y[pixels] for pixels in held_out]
    gram, cross = sum(grams), sum(crosses)
    errors = np.zeros(len(_PENALTIES))
    for pixels, own_gram, own_cross in zip(held_out, grams, crosses):
        squares = np.square(y[pixels]).sum()
        for number, penalty in enumerate(_PENALTIES):
            weights = _ridge(gram - own_gram, cross - own_cross, penalty)
            errors[number] += squares - 2 * (weights * own_cross).sum() + (weights * (own_gram @ weights)).sum()
    return max(0.0, 1 - float(errors.min()) / (len(y) * int(varies.sum())))  # worse than the mean is nothing


def _ridge(gram: NDArray[np.float64], cross: NDArray[np.float64], penalty: float) -> NDArray[np.float64]:
    """Weights (1 + P, F); the constant is not punished."""
    shrunk = gram + penalty * gram[0, 0] * np.diag(np.r_[0.0, np.ones(len(gram) - 1)])
    shrunk[0, 0] = max(shrunk[0, 0], 1.0)  # a scene of one fold has nothing to learn from
    return np.asarray(np.linalg.lstsq(shrunk, cross, rcond=None)[0])


def _standardised(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Columns (N, F) of mean 0 and variance 1; constant ones are 0."""
    wide = np.asarray(values, dtype=np.float64)
    centred = wide - wide.mean(axis=0)
    deviation = centred.std(axis=0)
    varies = deviation > _CONSTANT * np.abs(wide).max(axis=0, initial=0.0)
    return np.asarray(np.where(varies, centred / np.where(varies, deviation, 1.0), 0.0))
