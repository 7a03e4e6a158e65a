# SPDX-License-Identifier: GPL-2.0-or-later
"""What the figures of an exploration say, in a sentence each.

Enters: cells with their figures. Leaves: plain text, safe in HTML.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...jobs.exploration.exploration import CellFacts, ExplorationResult
from ..html import percent_text

LEAST_AGREEMENT = 0.5  # of two noise draws: below, most of a cell is drawn noise


def accuracy_sentence(result: ExplorationResult) -> str:
    """Which cell knows most of the classes, beside the spectrum."""
    training = result.training
    judged = [cell for cell in result.cells if cell.accuracy is not None]
    if training is None or not judged:
        return ""
    best = max(judged, key=lambda cell: cell.accuracy or 0.0)
    return (
        f"Best is {_name(best)}: {_with_error(best.accuracy, best.accuracy_error)} % right; the spectrum alone "
        f"{_with_error(training.spectral_accuracy, training.spectral_error)} %, always the most frequent class "
        f"{percent_text(training.most_frequent)} %."
    )


def spectral_sentence(cells: Sequence[CellFacts]) -> str:
    """Which cell is most in the spectrum, and which one least without being noise."""
    known = [cell for cell in cells if cell.spectral_share is not None]
    if not known:
        return "No cell varies over the scene."
    most = max(known, key=_share)
    sound = [cell for cell in known if (cell.draw_correlation or 0.0) >= LEAST_AGREEMENT]
    text = f"{_capital(_name(most))} repeats the spectrum most (R² {_share(most):.2f})"
    least = min(sound, key=_share, default=most)
    if least is most:
        return f"{text}."
    return f"{text}; of those that are not noise, {_name(least)} has most that is not in it (R² {_share(least):.2f})."


def range_sentence(cells: Sequence[CellFacts], pixel_m: float | None) -> str:
    """Which cell looks farthest, and which one least far, noise apart."""
    known = [cell for cell in cells if cell.range_pixels is not None]
    known = [cell for cell in known if (cell.draw_correlation or 0.0) >= LEAST_AGREEMENT] or known
    if not known:
        return "No cell varies over the scene."
    far, near = max(known, key=_range), min(known, key=_range)
    if far.range_pixels == near.range_pixels:
        return f"All cells look equally far, {_distance(far, pixel_m)}."
    return (
        f"Noise apart, {_name(far)} looks farthest, {_distance(far, pixel_m)}, and {_name(near)} least far, "
        f"{_distance(near, pixel_m)}."
    )


def draw_sentence(cells: Sequence[CellFacts]) -> str:
    """Up to which timestep features can be relied on."""
    known = [cell for cell in cells if cell.draw_correlation is not None]
    noisy = [cell for cell in known if (cell.draw_correlation or 0.0) < LEAST_AGREEMENT]
    if not known:
        return "No cell varies over the scene."
    if not noisy:
        lowest = min(known, key=lambda cell: cell.draw_correlation or 0.0)
        return f"No cell is drawn noise for the most part; the lowest correlation is {lowest.draw_correlation:.2f}."
    first = min(cell.timestep for cell in noisy)
    return (
        f"{len(noisy)} of {len(known)} cells {'is' if len(noisy) == 1 else 'are'} drawn noise for the most part, the "
        f"first at t = {first}: do not use {'it' if len(noisy) == 1 else 'them'} alone."
    )


def similarity_sentence(result: ExplorationResult) -> str:
    """How few timesteps would do."""
    if len(result.timesteps) == 1:
        return "There is one timestep, so there is nothing to compare."
    most = max(result.similarity, key=lambda each: len(each.kept))
    if len(most.kept) == len(result.timesteps):
        return f"In stage {most.stage} each timestep says something of its own: none stands for another."
    stand = "stands" if len(most.kept) == 1 else "stand"
    return (
        f"In stage {most.stage}, {len(most.kept)} of {len(result.timesteps)} timesteps {stand} for all "
        f"({', '.join(map(str, most.kept))}), and no stage needs more: the others have a mean CKA of 0.95 with them."
    )


def training_notes(result: ExplorationResult) -> list[str]:
    """What was looked at, where that is not the whole scene, and what stands in for classes."""
    inspection, notes = result.inspection, []
    if inspection.tiles < inspection.scene_tiles:
        notes.append(
            f"{inspection.tiles} of the scene's {inspection.scene_tiles} tiles were looked at. The pictures show them "
            "side by side, in scene order, not where they lie."
        )
    if inspection.class_source == "clusters":
        notes.append(
            "There is no training layer, so the report does not say what the features know of classes; clusters of "
            "the spectra chose the channels."
        )
    elif result.training is None:
        notes.append(
            "Fewer than two classes have samples in two polygons or blocks, so nothing can be held out: no accuracies."
        )
    return notes


def _share(cell: CellFacts) -> float:
    return cell.spectral_share or 0.0


def _range(cell: CellFacts) -> float:
    return cell.range_pixels or 0.0


def _name(cell: CellFacts) -> str:
    return f"stage {cell.stage} at t = {cell.timestep}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _distance(cell: CellFacts, pixel_m: float | None) -> str:
    least = "at least " if cell.range_is_larger else ""
    metres = "" if pixel_m is None else f" ({_range(cell) * pixel_m:.0f} m)"
    return f"{least}{_range(cell):.1f} pixels{metres}"


def _with_error(value: float | None, error: float | None) -> str:
    return percent_text(value or 0.0) + ("" if error is None else f" ± {percent_text(error)}")
