# SPDX-License-Identifier: GPL-2.0-or-later
"""The report on what features mean: pictures and figures of each timestep and stage, each with a sentence.

Enters: the worker's result. Leaves: HTML and JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Callable

from ...jobs.exploration.exploration import CellFacts, ExplorationResult
from ...jobs.json_dataclasses import to_json
from ..export import json_text
from ..html import cards, counted, page, paragraph, percent_text
from ..html import facts as facts_table
from .exploration_pictures import card_grid, gallery, scene_figure, similarity_pictures
from .exploration_sentences import (
    accuracy_sentence,
    draw_sentence,
    range_sentence,
    similarity_sentence,
    spectral_sentence,
    training_notes,
)
from .heat_map import HeatMap

FORMAT, VERSION = "mtmsd-exploration", 1
_PICTURES = ("picture", "scene_picture", "gallery")  # keys that the JSON leaves out


def exploration_report(result: ExplorationResult, facts: Mapping[str, str], pixel_m: float | None) -> str:
    """The report as a page.

    Args:
        result: Of the task.
        facts: Rows for the table of circumstances.
        pixel_m: Side of a pixel in metres; None where the raster's CRS has none.
    """
    inspection = result.inspection
    parts = [
        *(paragraph(note, "note") for note in training_notes(result)),
        cards(_headline(result)),
        "<h2>The scene</h2>",
        scene_figure(result),
        "<h2>What each timestep and stage shows</h2>",
        "<p>The first three principal components of the features as red, green and blue. All timesteps of a stage have "
        "the same axes and the same stretch, so that colours can be compared; brighter is what is brighter in the "
        "scene. Under each picture: the share of the variance that it shows. Grain without shapes is noise; stripes "
        "and seams are faults of the scene.</p>",
        *gallery(result),
        *_accuracies(result),
        "<h2>How much of it is in the spectrum already</h2>",
        f"<p><strong>{spectral_sentence(result.cells)}</strong></p>",
        _map(result, lambda cell: cell.spectral_share, (0.0, 1.0), "{:.2f}"),
        "<p>R² of ridge regression on the components of the pixel's own spectrum, at blocks of pixels that were held "
        "out. 1: the feature is a sum of bands. 0: nothing of it is one. What is missing is context where two noise "
        "draws agree, and drawn noise where they do not.</p>",
        "<h2>How far it looks</h2>",
        f"<p><strong>{range_sentence(result.cells, pixel_m)}</strong></p>",
        _ranges(result),
        "<p>Pixels from one place to another at which the correlation of a feature with itself falls to one half: mean "
        "over up to 16 channels and two directions. Things much smaller are blurred in that cell.</p>",
        "<h2>How much of it is drawn noise</h2>",
        f"<p><strong>{draw_sentence(result.cells)}</strong></p>",
        _map(result, lambda cell: cell.draw_correlation, (0.0, 1.0), "{:.2f}"),
        f"<p>Mean correlation of a channel with itself when the noise is drawn anew, on {inspection.tiles_drawn_twice} "
        "tiles. Below about 0.5 more than half of what is seen is luck.</p>",
        "<h2>Which timesteps say the same</h2>",
        f"<p><strong>{similarity_sentence(result)}</strong></p>",
        similarity_pictures(result),
        "<p>Linear CKA (centred kernel alignment) between all pairs of timesteps: 1, dark, where one is a turned and "
        "scaled copy of the other. Dark blocks are timesteps of which one will do.</p>",
        *_channels(result),
    ]
    computation = result.computation
    rows = {
        **facts,
        "Timesteps": ", ".join(map(str, result.timesteps)),
        "Stages": ", ".join(map(str, result.stages)),
        "Looked at": f"{inspection.tiles} of {inspection.scene_tiles} tiles, every {_ordinal(inspection.step)} pixel "
        f"of a line, {inspection.pixels} pixels",
        "Device": f"{computation.device}, {computation.device_reason}",
        "Seed": str(result.settings.seed),
        "Time": f"{result.seconds:.1f} s",
        "torch": computation.torch,
    }
    return page("What the diffusion features show", [*parts, facts_table(rows)])


def exploration_json(result: ExplorationResult, facts: Mapping[str, str], pixel_m: float | None) -> str:
    """The report as JSON, without the pictures; arguments as those of exploration_report."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "facts": dict(facts),
        **_without_pictures(to_json(result)),
        "pixel_m": pixel_m,
    }
    return json_text(document)


def _without_pictures(document: dict[str, object]) -> dict[str, object]:
    """The same without keys of pictures, in the lists of it too."""
    kept: dict[str, object] = {}
    for key, value in document.items():
        if key not in _PICTURES:
            is_list = isinstance(value, list)
            kept[key] = [_without_pictures(v) if isinstance(v, dict) else v for v in value] if is_list else value  # type: ignore[attr-defined]
    return kept


def _headline(result: ExplorationResult) -> list[tuple[str, str]]:
    cells = f"cells: {counted(len(result.timesteps), 'timestep')} of {counted(len(result.stages), 'stage')}"
    figures = [(str(len(result.cells)), cells)]
    judged = [cell for cell in result.cells if cell.accuracy is not None]
    if judged and result.training is not None:
        best = max(judged, key=lambda cell: cell.accuracy or 0.0)
        figures.append(
            (f"{percent_text(best.accuracy)} %", f"right by the best cell: t = {best.timestep}, stage {best.stage}")
        )
        figures.append((f"{percent_text(result.training.spectral_accuracy)} %", "right by the spectrum alone"))
    noisy = sum(1 for cell in result.cells if cell.draw_correlation is not None and cell.draw_correlation < 0.5)
    figures.append((str(noisy), "cells that are drawn noise for the most part"))
    return figures


def _accuracies(result: ExplorationResult) -> list[str]:
    if result.training is None:
        return []
    training = result.training
    known = [cell.accuracy for cell in result.cells if cell.accuracy is not None]
    return [
        "<h2>What it knows of the classes</h2>",
        f"<p><strong>{accuracy_sentence(result)}</strong></p>",
        _map(result, lambda cell: cell.accuracy, (min(known), max(known)), "{:.0f}"),
        f"<p>Percent right at {training.samples} training samples of {training.classes_text} when whole "
        f"{training.unit} are held out ({training.groups}), by a plain discriminant on the features of this cell "
        "alone, at the pixel. The best of so many cells looks a little better than it is.</p>",
    ]


def _ranges(result: ExplorationResult) -> str:
    largest = max((cell.range_pixels or 0.0 for cell in result.cells), default=1.0)
    beyond = {(cell.timestep, cell.stage) for cell in result.cells if cell.range_is_larger}
    heat = _heat(result, lambda cell: cell.range_pixels, (0.0, largest), "{:.1f}")
    note = (
        "<p>"
        + "; ".join(f"t = {timestep}, stage {stage}" for timestep, stage in sorted(beyond))
        + ": at least so far; tiles are too small to say more.</p>"
        if beyond
        else ""
    )
    return heat.html() + note


def _map(
    result: ExplorationResult,
    value: Callable[[CellFacts], float | None],
    ends: tuple[float, float],
    text: str,
) -> str:
    return _heat(result, value, ends, text).html()


def _heat(
    result: ExplorationResult,
    value: Callable[[CellFacts], float | None],
    ends: tuple[float, float],
    text: str,
) -> HeatMap:
    by_stage: Sequence[Sequence[CellFacts]] = [
        [cell for cell in result.cells if cell.stage == stage] for stage in result.stages
    ]
    return HeatMap(
        [str(stage) for stage in result.stages],
        [str(timestep) for timestep in result.timesteps],
        [[value(cell) for cell in row] for row in by_stage],
        *ends,
        text.format,
    )


def _channels(result: ExplorationResult) -> list[str]:
    if not result.cards:
        return []
    what = "the training samples' classes" if result.inspection.class_source == "classes" else "clusters of the spectra"
    known = ", ".join(result.inspection.quantities)
    return [
        "<h2>The channels that tell most</h2>",
        f"<p>The {len(result.cards)} channels that purification ranks first by {what}, each at the timestep at which "
        "its values separate them best. White dots: where it is highest, black: where it is lowest. A channel "
        f"resembles a quantity where their correlation is 0.6 or more, regardless of the sign; compared with: {known}. "
        "Resembling is not being.</p>",
        card_grid(result),
    ]


def _ordinal(step: int) -> str:
    return {1: "single", 2: "second"}.get(step, f"{step}th")
