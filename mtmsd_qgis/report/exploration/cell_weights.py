# SPDX-License-Identifier: GPL-2.0-or-later
"""Which timesteps and stages a map rests on, for its report.

Enters: the share of each cell, a timestep and a stage. Leaves: HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from ..html import told_of
from .heat_map import HeatMap

_LEAST_SHOWN = 0.001
_BY_SHUFFLING = (
    "Percent of what the classifier's probabilities change by when the features of that cell alone are shuffled among "
    "samples. Cells that tell the same stand in for each other: all of a timestep can count more than its cells do. "
    "What is missing from 100 % are spectra and other inputs."
)
_BY_GRADIENT = "Percent of the mean squared gradient of the networks' decision, by the cell that it leads to."

CellWeights = Mapping[str, Mapping[str, float]]


def cell_weight_parts(cells: CellWeights | None, classifier: str, scene: str = "") -> list[str]:
    """The sentence and the table; nothing where the raster has no such cells.

    Args:
        cells: Shares.
        classifier: Whose they are: those of "transformer3d" are of a gradient, for others features were shuffled.
        scene: That they were measured in, where it is not the one that the report is on.
    """
    if not cells:
        return []
    sentence = escape(told_of(scene, cell_sentence(cells)))
    timesteps, stages = list(cells), list(next(iter(cells.values())))
    if not any(any(row.values()) for row in cells.values()):
        return [f"<p>{sentence}</p>"]
    values = [[cells[timestep][stage] for timestep in timesteps] for stage in stages]
    meaning = _BY_GRADIENT if classifier == "transformer3d" else _BY_SHUFFLING
    return [
        f"<h2>What the classifier uses{f' in {scene}' if scene else ''}: timestep and stage together</h2>",
        f"<p><strong>{sentence}</strong></p>",
        HeatMap(stages, timesteps, values, 0.0, max(map(max, values)), _percent).html(),
        f"<p>{meaning} Small timesteps have little noise, small stages are coarse.</p>",
    ]


def alignment_parts(weights: CellWeights | None) -> list[str]:
    """The weights that the classifier hyperfeatures gave, in parts of an even weight; nothing of other classifiers."""
    if not weights:
        return []
    timesteps, stages = list(weights), list(next(iter(weights.values())))
    cells = len(timesteps) * len(stages)
    values = [[cells * weights[timestep][stage] for timestep in timesteps] for stage in stages]
    return [
        "<h2>How the classifier weighs timesteps and stages</h2>",
        f"<p><strong>{escape(_heaviest(weights, cells))}</strong></p>",
        HeatMap(stages, timesteps, values, 0.0, max(map(max, values)), "{:.1f}".format).html(),
        "<p>Weight of each timestep and stage; were all alike, each would be 1.0. It is given before the classifier is "
        "fitted, by how closely the features of the cell alone follow the classes of the training samples (centred "
        "kernel alignment). Small timesteps have little noise, small stages are coarse.</p>",
    ]


def _heaviest(weights: CellWeights, cells: int) -> str:
    """Which cell weighs most, and which least."""
    ratios = {(timestep, stage): cells * share for timestep, row in weights.items() for stage, share in row.items()}
    (high_t, high_s), (low_t, low_s) = max(ratios, key=ratios.__getitem__), min(ratios, key=ratios.__getitem__)
    return (
        f"t = {high_t} at stage {high_s} weighs most, {ratios[high_t, high_s]:.1f} times an even weight, "
        f"t = {low_t} at stage {low_s} least, {ratios[low_t, low_s]:.1f} times."
    )


def cell_sentence(cells: CellWeights) -> str:
    """Which cell counts most, and what the shares of all of them add up to."""
    shares = {(timestep, stage): share for timestep, row in cells.items() for stage, share in row.items()}
    total = sum(shares.values())
    if total <= 0:
        return "Shuffling the features of any one timestep and stage among samples changes nothing."
    timestep, stage = max(shares, key=lambda cell: shares[cell])
    return (
        f"Of all cells, t = {timestep} at stage {stage} counts most, with {_percent(shares[timestep, stage])} %; the "
        f"shares of all cells add up to {_percent(total)} %."
    )


def _percent(share: float) -> str:
    if 0 < share < _LEAST_SHOWN:
        return f"<{100 * _LEAST_SHOWN:g}"
    return f"{100 * share:.0f}" if share == 0 or share >= 0.1 else f"{100 * share:.1f}"
