# SPDX-License-Identifier: GPL-2.0-or-later
"""What a diffusion model has learnt, in a few pictures of its features, for the report of its training.

Enters: pictures with their figures. Leaves: HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ...jobs.results import GalleryPicture
from .exploration_sentences import LEAST_AGREEMENT


def short_gallery(pictures: Sequence[GalleryPicture]) -> list[str]:
    """A row of pictures for each stage, and a sentence; nothing where there are none."""
    if not pictures:
        return []
    parts = [
        "<h2>What the features show</h2>",
        f"<p><strong>{gallery_sentence(pictures)}</strong></p>",
        "<p>Features of a few timesteps and stages in the middle of the scene: their first three principal components "
        "as red, green and blue. All timesteps of a stage have the same colours, and brighter is what is brighter in "
        "the scene. Small stages are coarse, small timesteps have little noise. Grain without shapes is noise. "
        "<em>Explore diffusion features</em> measures all timesteps and stages.</p>",
    ]
    for stage in sorted({picture.stage for picture in pictures}):
        figures = "".join(_figure(picture) for picture in pictures if picture.stage == stage)
        parts.append(f'<h3>Stage {stage}</h3><div class="pictures five">{figures}</div>')
    return parts


def gallery_sentence(pictures: Sequence[GalleryPicture]) -> str:
    """Which picture can be relied on most, and which one least."""
    known = [picture for picture in pictures if picture.draw_correlation is not None]
    if not known:
        return "The features do not vary over the middle of the scene."
    most, least = (choose(known, key=_agreement) for choose in (max, min))
    text = (
        f"Stage {most.stage} at t = {most.timestep} depends least on the noise that is drawn (two draws correlate by "
        f"{_agreement(most):.2f}), stage {least.stage} at t = {least.timestep} most ({_agreement(least):.2f})"
    )
    noisy = sum(_agreement(picture) < LEAST_AGREEMENT for picture in known)
    if not noisy:
        return f"{text}: what is seen is the scene."
    return f"{text}; {noisy} of {len(known)} pictures {'is' if noisy == 1 else 'are'} noise for the most part."


def _figure(picture: GalleryPicture) -> str:
    drawn = "" if picture.draw_correlation is None else f"; draws correlate by {picture.draw_correlation:.2f}"
    return (
        f'<figure><img class="picture" src="{escape(picture.picture)}" alt=""><figcaption>t = {picture.timestep}: '
        f"shows {100 * picture.shown:.0f} % of the variance{drawn}</figcaption></figure>"
    )


def _agreement(picture: GalleryPicture) -> float:
    return picture.draw_correlation or 0.0
