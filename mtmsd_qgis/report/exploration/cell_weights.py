# SPDX-License-Identifier: GPL-2.0-or-later
"""Which timesteps and stages a map rests on, for its report.

Enters: the share of each cell, a timestep and a stage. Leaves: HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from .heat_map import HeatMap

_LEAST_SHOWN = 0.001

CellWeights = Mapping[str, Mapping[str, float]]


def cell_weight_parts(cells: CellWeights | None) -> list[str]:
    """The sentence and the table; nothing where the raster has no such cells."""
    if not cells:
        return []
    timesteps, stages = list(cells), list(next(iter(cells.values())))
    if not any(any(row.values()) for row in cells.values()):
        return [f"<p>{escape(cell_sentence(cells))}</p>"]
    values = [[cells[timestep][stage] for timestep in timesteps] for stage in stages]
    return [
        "<h2>What the classifier uses: timestep and stage together</h2>",
        f"<p><strong>{escape(cell_sentence(cells))}</strong></p>",
        HeatMap(stages, timesteps, values, 0.0, max(map(max, values)), _percent).html(),
        "<p>Percent of what the map's probabilities change by when the features of that cell are shuffled among "
        "samples. Small timesteps have little noise, small stages are coarse. What is missing from 100 % are spectra "
        "and other inputs.</p>",
    ]


def alignment_parts(weights: CellWeights | None) -> list[str]:
    """The weights that the classifier hyperfeatures gave; nothing of other classifiers."""
    if not weights:
        return []
    timesteps, stages = list(weights), list(next(iter(weights.values())))
    values = [[weights[timestep][stage] for timestep in timesteps] for stage in stages]
    even = 1 / (len(timesteps) * len(stages))
    return [
        "<h2>What the classifier was told to use: weights of timestep and stage</h2>",
        f"<p><strong>{escape(_heaviest(weights, even))}</strong></p>",
        HeatMap(stages, timesteps, values, 0.0, max(map(max, values)), _percent).html(),
        "<p>Percent of the weight, by how closely the features of the cell alone follow the classes of the training "
        "samples (centred kernel alignment). The weights were fixed before the classifier was fitted.</p>",
    ]


def _heaviest(weights: CellWeights, even: float) -> str:
    shares = {(timestep, stage): share for timestep, row in weights.items() for stage, share in row.items()}
    timestep, stage = max(shares, key=lambda cell: shares[cell])
    return (
        f"t = {timestep} at stage {stage} weighs most, with {_percent(shares[timestep, stage])} %; "
        f"were all cells alike, each would weigh {_percent(even)} %."
    )


def cell_sentence(cells: CellWeights) -> str:
    """Which cell counts most, and how much all of them do."""
    shares = {(timestep, stage): share for timestep, row in cells.items() for stage, share in row.items()}
    total = sum(shares.values())
    if total <= 0:
        return "Shuffling the diffusion features of any timestep and stage among samples changes nothing on this map."
    timestep, stage = max(shares, key=lambda cell: shares[cell])
    return (
        f"Of all cells, t = {timestep} at stage {stage} counts most, with {_percent(shares[timestep, stage])} %; all "
        f"cells together count {_percent(total)} %."
    )


def _percent(share: float) -> str:
    if 0 < share < _LEAST_SHOWN:
        return f"<{100 * _LEAST_SHOWN:g}"
    return f"{100 * share:.0f}" if share == 0 or share >= 0.01 else f"{100 * share:.1f}"
