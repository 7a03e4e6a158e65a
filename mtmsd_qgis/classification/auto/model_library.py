# SPDX-License-Identifier: GPL-2.0-or-later
"""The models that the default classifier tries: which head on which views, applied to which.

Enters: the views that a raster has, and what the map shall be good at. Leaves: Candidates, to be tried in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NEAR_WIDTHS = (1.0, 10.0, 30.0)  # of a kernel on positions: fields are small against the scene


@dataclass(frozen=True)
class Candidate:
    """A head on views.

    Attributes:
        name: For log and report.
        views: What it learns from; their columns side by side.
        applied: What it is applied to, of the same columns: the same views, or smoothed ones.
        head: "discriminant", "kernel", "scene kernel" (which unlabelled pixels have a part in), "committee" (of
            discriminants of half of the places), "smooth kernel", "forest" or "axes forest" (on the scores of a
            discriminant).
        scaling: How columns are brought to one scale: "columns" gives each the same variance among the samples,
            "none" leaves them as they are over the scene (means of boxes keep the small variance that averaging
            leaves of noise), "noise" divides spectra by the scene's noise.
    """

    name: str
    views: tuple[str, ...]
    applied: tuple[str, ...]
    head: str = "discriminant"
    scaling: str = "columns"

    @property
    def kind(self) -> str:
        """What has the same say as other kinds at places never seen: "discriminant", "kernel" or "forest"."""
        return _KINDS.get(self.head, self.head)


_KINDS = {
    "committee": "discriminant",
    "smooth kernel": "kernel",
    "scene kernel": "kernel",
    "axes forest": "forest",
}
_SCALING_WORDS = {"columns": "", "none": " as they are", "noise": " by noise"}


def _candidate(views: str, applied: str = "", *, head: str = "discriminant", scaling: str = "columns") -> Candidate:
    wanted = tuple(views.split("+"))
    used = tuple(applied.split("+")) if applied else wanted
    words = " + ".join(wanted) + _SCALING_WORDS[scaling]
    words += f", applied to {' + '.join(used)}" if applied else ""
    return Candidate(f"{head} on {words}", wanted, used, head, scaling)


CANDIDATES = (
    _candidate("spectra"),
    _candidate("spectra", "spectra smoothed"),
    _candidate("spectra", "spectra smoothed thrice"),
    _candidate("spectra+logarithms"),
    _candidate("spectra+logarithms", "spectra smoothed+logarithms smoothed"),
    _candidate("spectra", "spectra smoothed", scaling="noise"),
    _candidate("spectra+fine"),
    _candidate("spectra+fine", "spectra smoothed thrice+fine smoothed thrice"),
    _candidate("fine"),
    _candidate("boxes"),
    _candidate("boxes", scaling="none"),
    _candidate("wide"),
    _candidate("boxes+wide"),
    _candidate("spectra", head="kernel"),
    _candidate("spectra", "spectra smoothed", head="kernel"),
    _candidate("spectra", "spectra smoothed thrice", head="kernel"),
    _candidate("spectra smoothed thrice", head="kernel"),
    _candidate("spectra", head="kernel", scaling="noise"),
    _candidate("spectra", "spectra smoothed thrice", head="kernel", scaling="noise"),
    _candidate("boxes", head="kernel"),
    _candidate("boxes", head="kernel", scaling="none"),
    _candidate("wide", head="kernel"),
    _candidate("boxes+wide", head="kernel"),
)
ALIKE = (  # that tell whether neighbours that look alike are of one class (docs/decisions.md, 24)
    _candidate("spectra", head="kernel"),
    _candidate("spectra", "spectra smoothed", head="kernel"),
)
FOREST = _candidate("spectra", head="forest")  # at places never seen, where they are (docs/decisions.md, 27)
SMOOTH = _candidate("spectra", head="smooth kernel")
PLAIN = (  # and where they are not (docs/decisions.md, 26 and 29)
    _candidate("spectra", head="committee"),
    SMOOTH,
    _candidate("fractions", head="smooth kernel"),
    FOREST,
    _candidate("spectra", head="axes forest"),
)
POSITION = _candidate("position", head="kernel")  # only where the map shall be good at fields that have samples


SCENE_KERNELS = tuple(
    _candidate(views, head="scene kernel") for views in ("boxes", "wide", "boxes+wide", "spectra smoothed thrice")
)  # instead of the kernels on the same views, where samples are few and unlabelled pixels at hand


def candidates_for(names: Sequence[str], kind: str, *, with_scene: bool = False) -> list[Candidate]:
    """The candidates for a pool that a raster's views and the kind of generalisation allow.

    Args:
        names: Views of the raster.
        kind: "random", or anything else for places never seen.
        with_scene: Whether unlabelled pixels are at hand.
    """
    every: tuple[Candidate, ...] = (*CANDIDATES, POSITION) if kind == "random" else CANDIDATES
    if with_scene:
        bent = {(c.views, c.views, "columns"): c for c in SCENE_KERNELS}
        every = tuple(bent.get((c.views, c.applied, c.scaling), c) if c.head == "kernel" else c for c in every)
    return [c for c in every if {*c.views, *c.applied} <= set(names)]


def views_of(candidates: Sequence[Candidate]) -> list[str]:
    """The views that candidates learn from or are applied to, each once."""
    return sorted({view for c in candidates for view in (*c.views, *c.applied)})
