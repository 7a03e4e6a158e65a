# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether segments decide a map and how large they are: asked of training samples, or as an earlier run has found.

Enters: the features of segments, and samples or what a classifier's file says. Leaves: segments, and why they are used
or not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from ...errors import SettingsError
from ...io.cube import Cube
from ...jobs.accuracy_results import percent_number
from ...jobs.choice_results import SegmentFacts
from ...jobs.map_choices import NO_LEARNT_SIZE
from ...progress import Progress
from ...sampling.sample_table import SampleTable
from .segmentation import FeaturesOfScenes, Segmentation, segment_scene
from .size_choice import MOST_ASTRAY, SIZES, choose_size, share_astray


@dataclass(frozen=True)
class CutScene:
    """Segments, and whether they may decide.

    Attributes:
        segments: Of the scene.
        fits: Whether they are pure enough.
        sentence: Why they are used or not.
        astray: Sizes that were tried, and the share of the training samples in segments of mostly another class.
    """

    segments: Segmentation
    fits: bool
    sentence: str
    astray: tuple[tuple[int, float], ...] = ()

    @property
    def mixes(self) -> bool:
        """Whether they decide, as their size was given, though they mix many samples."""
        return self.fits and any(share > MOST_ASTRAY for _, share in self.astray[-1:])


class SegmentRule(Protocol):
    """What decides on segments."""

    def cut(self, features: Cube | FeaturesOfScenes, asked: int, progress: Progress) -> CutScene:
        """Segments of a size, of one to be chosen where 0 is asked for, from their features."""


@dataclass(frozen=True)
class SampleRule:
    """Asks the training samples.

    Attributes:
        samples: Of the training.
    """

    samples: SampleTable

    def cut(self, features: Cube | FeaturesOfScenes, asked: int, progress: Progress) -> CutScene:
        """As given, else the largest size at which few enough samples mix."""
        if asked:
            given = _as_given(features, asked, progress)
            found = share_astray(given.segments, self.samples)
            many = f" {_in_words(found)}: smaller ones, or SUPERTOKENS 0, would keep the classes apart."
            sentence = given.sentence + (many if found > MOST_ASTRAY else "")
            return replace(given, sentence=sentence, astray=((asked, round(found, 6)),))
        choice = choose_size(features, self.samples, progress)
        segments, astray = choice.segments, choice.astray
        share = _in_words(astray[-1][1])
        sentence = (
            f"{_decide(segments)}, the largest of the sizes tried at which few enough samples mix: {share}."
            if choice.fits
            else f"Segments (SUPERTOKENS) do not decide the map: even of about {segments.pixels} pixels, {share}; at "
            f"most {100 * MOST_ASTRAY:.0f} % was expected. Each pixel has a class of its own."
        )
        return CutScene(segments, choice.fits, sentence, tuple((pixels, round(part, 6)) for pixels, part in astray))


@dataclass(frozen=True)
class LearntRule:
    """Does as the run that a classifier comes from.

    Attributes:
        learnt: What segments were there; None where none were asked for.
    """

    learnt: SegmentFacts | None

    def cut(self, features: Cube | FeaturesOfScenes, asked: int, progress: Progress) -> CutScene:
        """As given, else of the size that they had there.

        Raises:
            SettingsError: There were none.
        """
        if asked:
            return _as_given(features, asked, progress)
        if self.learnt is None:
            raise SettingsError(NO_LEARNT_SIZE)
        segments = segment_scene(features, self.learnt.pixels or SIZES[-1], progress)
        sentence = (
            f"{_decide(segments)}, the size of the map that the classifier was learnt with."
            if self.learnt.used
            else "Segments (SUPERTOKENS) do not decide the map, as they did not decide the one that the classifier was "
            f"learnt with. There: {self.learnt.sentence}"
        )
        return CutScene(segments, self.learnt.used, sentence)


def _as_given(features: Cube | FeaturesOfScenes, pixels: int, progress: Progress) -> CutScene:
    segments = segment_scene(features, pixels, progress)
    return CutScene(segments, fits=True, sentence=f"{_decide(segments)}, as given.")


def _in_words(astray: float) -> str:
    return f"{percent_number(100 * astray)} % of the training samples lie in segments of mostly another class"


def _decide(segments: Segmentation) -> str:
    return f"{segments.count} segments of about {segments.pixels} pixels (SUPERTOKENS) decide the map"
