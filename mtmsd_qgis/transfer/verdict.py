# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the map of another scene may be believed, in one sentence; the rules are those of decision 33.

Enters: facts on a target scene. Leaves: the same with a verdict and its sentence, which says the most telling reason
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..jobs.accuracy_results import sampled_percent, whole_percent
from ..jobs.transfer_results import CAREFUL, NOT_TRUSTED, TRUSTED, TransferFacts

LEAST_INSIDE = 0.5  # of the source's share; with less inside, the map is not trusted
MOSTLY_INSIDE = 0.9  # of the source's share; from here on it is trusted
TOLD_APART = 0.9  # AUC from which the map is not trusted
HARDLY_TOLD_APART = 0.75  # AUC below which it is trusted
MOST_MOVED = 0.5  # of the map's area that has changed class between the proportions of both maps
MOST_WITHOUT = 0.5  # share of the pixels that lack an extra raster, from which the map is another one
MOST_NOISE = 0.1  # share of white noise inside, up to which the area of applicability means something
_NAMED = 3  # bands in the sentence
_GAIN = 0.1  # in AUC, that makes the adaptation worth a try
_SMALL = 0.01  # share; of one below "only" is not said
_SOURCE_INSIDE = 1.0  # where it is not known

_LEVELS = (TRUSTED, CAREFUL, NOT_TRUSTED)
_BEGINNINGS = {
    TRUSTED: "Nothing found speaks against this map, though only reference samples of this scene can confirm it",
    CAREFUL: "Take this map with care",
    NOT_TRUSTED: "Do not believe this map before reference samples of this scene confirm it",
}


@dataclass(frozen=True)
class _Reason:
    """A verdict, and the words for it."""

    verdict: str
    words: str


def judged(facts: TransferFacts, classes: Sequence[str] = ()) -> TransferFacts:
    """The facts with verdict and sentence.

    Args:
        facts: Of a target scene.
        classes: (K,) names of the classes.
    """
    if facts.shift_auc is None and facts.inside_share is None:
        return replace(
            facts,
            verdict="",
            sentence="Whether this map may be believed is not known: the classifier's file says nothing of the scene "
            "that it was fitted on.",
        )
    reasons = [
        _inside(facts),
        _told_apart(facts),
        _shifted(facts),
        _classes(facts, classes),
        _noise(facts),
        _adapted(facts),
        _extras(facts),
        _without_extras(facts),
    ]
    found = sorted((reason for reason in reasons if reason is not None), key=lambda each: -_LEVELS.index(each.verdict))
    verdict = found[0].verdict
    # What speaks for the map is left out where something speaks against it.
    words = [reason.words for reason in found if verdict == TRUSTED or reason.verdict != TRUSTED]
    return replace(facts, verdict=verdict, sentence=f"{_BEGINNINGS[verdict]}: {_listed(words)}{_advice(facts)}.")


def _inside(facts: TransferFacts) -> _Reason | None:
    if facts.inside_share is None:
        return None
    share = facts.inside_share / max(1e-9, facts.source_inside_share or _SOURCE_INSIDE)
    verdict = NOT_TRUSTED if share < LEAST_INSIDE else CAREFUL if share < MOSTLY_INSIDE else TRUSTED
    only = "only " if verdict != TRUSTED and facts.inside_share >= _SMALL else ""
    beside = "" if facts.source_inside_share is None else f" (there {sampled_percent(facts.source_inside_share)})"
    return _Reason(
        verdict, f"{only}{sampled_percent(facts.inside_share)} of the scene resembles the training samples{beside}"
    )


def _told_apart(facts: TransferFacts) -> _Reason | None:
    if facts.shift_auc is None:
        return None
    value = f"AUC {facts.shift_auc:.2f}; 0.5 or less is not at all, 1 is always"
    if facts.shift_auc < HARDLY_TOLD_APART:
        return _Reason(TRUSTED, f"its pixels can hardly be told from those of the other scene ({value})")
    verdict = NOT_TRUSTED if facts.shift_auc >= TOLD_APART else CAREFUL
    return _Reason(verdict, f"its pixels can be told from those of the other scene ({value}{_by_bands(facts)})")


def _by_bands(facts: TransferFacts) -> str:
    """The bands that shift most, where single bands do."""
    shifting = sorted((band for band in facts.bands if band.auc >= HARDLY_TOLD_APART), key=lambda band: -band.auc)
    return f"; most of all by {', '.join(band.name for band in shifting[:_NAMED])}" if shifting else ""


def _shifted(facts: TransferFacts) -> _Reason | None:
    shifted = [band.name for band in facts.bands if band.shifted]
    if not shifted:
        return None
    more = f" and {len(shifted) - _NAMED} more" if len(shifted) > _NAMED else ""
    return _Reason(
        CAREFUL, f"wavelengths are off by more than half a band's width ({', '.join(shifted[:_NAMED])}{more})"
    )


def _classes(facts: TransferFacts, classes: Sequence[str]) -> _Reason | None:
    pairs = list(zip(facts.source_proportions, facts.target_proportions))
    if not pairs or sum(facts.target_proportions) <= 0 or sum(facts.source_proportions) <= 0:
        return None
    if sum(abs(there - here) for there, here in pairs) / 2 < MOST_MOVED:
        return None
    most = max(range(len(pairs)), key=lambda k: abs(pairs[k][0] - pairs[k][1]))
    name = classes[most] if most < len(classes) else f"class {most + 1}"
    there, here = (whole_percent(share) for share in pairs[most])
    return _Reason(CAREFUL, f"the classes have other proportions ({name} {here}, there {there})")


def _noise(facts: TransferFacts) -> _Reason | None:
    if facts.noise_inside_share is None or facts.noise_inside_share <= MOST_NOISE:
        return None
    return _Reason(
        CAREFUL,
        "the training samples are too few or too far apart to say what resembles them (so would "
        f"{sampled_percent(facts.noise_inside_share)} of white noise)",
    )


def _extras(facts: TransferFacts) -> _Reason | None:
    unlike = [extra.name for extra in facts.extras if extra.difference]
    if not unlike:
        return None
    return _Reason(NOT_TRUSTED, f"extra rasters differ from those that it was learnt with ({', '.join(unlike)})")


def _without_extras(facts: TransferFacts) -> _Reason | None:
    if facts.share_without_extras < MOST_WITHOUT:
        return None
    return _Reason(CAREFUL, f"{whole_percent(facts.share_without_extras)} of its pixels lack an extra raster")


def _adapted(facts: TransferFacts) -> _Reason | None:
    """Adapted scenes are alike by construction, whatever their land cover."""
    if facts.adapt == "none":
        return None
    before = "" if facts.unadapted_auc is None else f" (before, the AUC was {facts.unadapted_auc:.2f})"
    return _Reason(CAREFUL, f"its bands were made like those of the other scene, which need not hold the same{before}")


def _advice(facts: TransferFacts) -> str:
    if facts.shift_auc is None or facts.adapted_auc is None or facts.shift_auc < TOLD_APART:
        return ""
    if facts.adapted_auc > facts.shift_auc - _GAIN:
        return ""
    return f"; with ADAPT='scale' the AUC would be {facts.adapted_auc:.2f}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + ", and " + words[-1]
