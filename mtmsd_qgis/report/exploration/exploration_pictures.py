# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of an exploration: the scene, the gallery, channels with their places, similarity of timesteps.

Enters: the worker's result. Leaves: HTML with SVG.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ...jobs.exploration.exploration import ChannelCard, ExplorationResult, InspectionFacts, Place, StageSimilarity
from ..html import NONE

_CELL = 10  # side of a cell of a table of similarity, in its own units
_MARGIN = 26  # for its labels
_DARK = (31, 95, 130)
_MOST_LABELS = 7
_SMALL, _FEW = 110, 5  # pixels of a picture, and pictures in a row, up to which its usual width is right


def scene_figure(result: ExplorationResult) -> str:
    """The scene as one sees it, and how much of it."""
    facts = result.inspection
    colours = "Natural colours" if facts.natural_colours else "Three components of the spectrum as colours"
    if facts.natural_colours is False:
        colours += ", as there are no wavelengths of red, green and blue"
    which = "" if facts.step == 1 else f", one for every {facts.step} × {facts.step} of the raster"
    return (
        f'<div class="pictures"><figure class="large">{_picture(result.scene_picture, facts)}</figure></div>'
        f"<p>{colours}. {facts.pixels} pixels{which}; all pictures show the same ones.</p>"
    )


def gallery(result: ExplorationResult) -> list[str]:
    """The pictures of each stage, by timestep, with a sentence."""
    many_pixels = max(result.inspection.picture_height, result.inspection.picture_width) > _SMALL
    size = " five" if many_pixels or len(result.timesteps) <= _FEW else ""
    parts = []
    for stage in result.stages:
        cells = [cell for cell in result.cells if cell.stage == stage]
        shown = [100 * cell.shown for cell in cells]
        least, most = min(shown), max(shown)
        pictures = "".join(
            f"<figure>{_picture(cell.picture, result.inspection)}<figcaption>t = {cell.timestep} &nbsp; "
            f"{100 * cell.shown:.0f} %</figcaption></figure>"
            for cell in cells
        )
        share = f"{least:.0f} %" if round(least) == round(most) else f"{least:.0f} to {most:.0f} %"
        parts.append(
            f"<h3>Stage {stage}</h3><p>The colours show {share} of the variance of its {cells[0].channels} channels."
            "</p>"
            f'<div class="pictures{size}">{pictures}</div>'
        )
    return parts


def similarity_pictures(result: ExplorationResult) -> str:
    """A square of shades for each stage."""
    squares = "".join(
        f"<figure>{_square(each, result.timesteps)}<figcaption>Stage {each.stage}: neighbours {_beside(each)}, first "
        f"and last {each.cka[0][-1]:.2f}</figcaption></figure>"
        for each in result.similarity
    )
    return f'<div class="pictures five">{squares}</div>'


def card_grid(result: ExplorationResult) -> str:
    """A card a channel: picture, places, number, sentence."""
    return f'<div class="pictures wide">{"".join(_card(card, result.inspection) for card in result.cards)}</div>'


def _card(card: ChannelCard, facts: InspectionFacts) -> str:
    marks = "".join(
        _mark(place, facts, ink) for places, ink in ((card.highest, "#fff"), (card.lowest, "#000")) for place in places
    )
    if card.resembles:
        named = ", ".join(_correlation(card, name) for name in card.resembles)
        sentence = f"It resembles {named}."
    else:
        strongest = max(card.correlations, key=lambda name: abs(card.correlations[name]), default=None)
        nearest = "" if strongest is None else f"; nearest is {_correlation(card, strongest)}"
        sentence = f"It resembles none of them{nearest}."
    return (
        f"<figure>{_picture(card.picture, facts, marks)}<figcaption><b>{escape(card.name)}</b>, t = {card.timestep}: "
        f"{100 * card.separation:.0f} % of its variance lies between {facts.class_source}. {escape(sentence)}"
        "</figcaption></figure>"
    )


def _correlation(card: ChannelCard, name: str) -> str:
    return f"{name} ({format(card.correlations[name], '+.2f').replace('-', '−')})"


def _picture(uri: str, facts: InspectionFacts, marks: str = "") -> str:
    """A picture in its own pixels, with marks in its coordinates."""
    height, width = facts.picture_height, facts.picture_width
    return (
        f'<svg class="picture" viewBox="0 0 {width} {height}" role="img"><image width="{width}" height="{height}" '
        f'href="{escape(uri)}"/>{marks}</svg>'
    )


def _mark(place: Place, facts: InspectionFacts, ink: str) -> str:
    size = max(facts.picture_height, facts.picture_width) / 100
    outline = "#000" if ink == "#fff" else "#fff"
    at = f'cx="{place.picture_col + 0.5:g}" cy="{place.picture_row + 0.5:g}" r="{2 * size:.2f}"'
    where = f"<title>row {place.row}, column {place.col}</title>"
    return f'<circle {at} fill="{ink}" stroke="{outline}" stroke-width="{0.7 * size:.2f}">{where}</circle>'


def _square(similarity: StageSimilarity, timesteps: Sequence[int]) -> str:
    count = len(timesteps)
    side = count * _CELL + _MARGIN
    cells = "".join(
        f'<rect x="{_MARGIN + col * _CELL}" y="{row * _CELL}" width="{_CELL}" height="{_CELL}" fill="{_shade(value)}">'
        f"<title>t = {timesteps[row]} and {timesteps[col]}: {value:.2f}</title></rect>"
        for row, line in enumerate(similarity.cka)
        for col, value in enumerate(line)
    )
    step = -(-count // _MOST_LABELS)
    labels = "".join(
        f'<text class="end" x="{_MARGIN - 3}" y="{(i + 0.8) * _CELL:g}">{timesteps[i]}</text>'
        f'<text class="middle" x="{_MARGIN + (i + 0.5) * _CELL:g}" y="{count * _CELL + 10}">{timesteps[i]}</text>'
        for i in range(0, count, step)
    )
    return f'<svg class="square" viewBox="0 0 {side + 4} {count * _CELL + 14}" role="img">{cells}{labels}</svg>'


def _shade(value: float) -> str:
    share = min(1.0, max(0.0, value))
    return "#" + "".join(f"{round(255 + share * (end - 255)):02x}" for end in _DARK)


def _beside(similarity: StageSimilarity) -> str:
    """Mean CKA of neighbouring timesteps."""
    values = [similarity.cka[i][i + 1] for i in range(len(similarity.cka) - 1)]
    return f"{sum(values) / len(values):.2f}" if values else NONE
