# SPDX-License-Identifier: GPL-2.0-or-later
"""Results -> means over trainings and draws, gains over the best baseline, and which goals are reached.

Enters: the document that results.py describes. Leaves: one Case for each scene, preset and split.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from .spread import Figure, Run, spread

BASELINES = {
    "svm": "RBF-SVM on spectra",
    "forest": "random forest on spectra",
    "discriminant": "shrinkage discriminant on spectra",
    "box_svm": "RBF-SVM on PCA + box means",
}
WITHOUT_FEATURES = "auto_without_features"  # the classifier auto where it has the spectra of the raster alone
SCENES = {
    "indian_pines": "Indian Pines",
    "enmap_potsdam": "EnMAP Potsdam",
    "landsat7_chiapas": "Landsat 7 Chiapas",
    "neon_crowns": "NEON crowns (genus)",
    "maipo_crops": "Maipo crops",
    "zion_landsat8": "Zion land cover",
}
SPLIT_ORDER = ("random10", "random15", "random5", "groups", "blocks")
SPLIT_TITLES = {
    "random10": "random 10 % of each class",
    "random15": "random 15 a class",
    "random5": "random 5 a class",
    "groups": "whole fields or polygons",
    "blocks": "whole blocks",
}
_GOALS = Path(__file__).with_name("goals.json")

Runs = dict[Run, Mapping[str, Any]]


@dataclass(frozen=True)
class Gain:
    """Ours less the best baseline, overall accuracy in points, on the draws that all of them have."""

    figure: Figure
    baseline: str


@dataclass(frozen=True)
class Case:
    """A scene, preset and split.

    Attributes:
        scene: Name.
        preset: Name.
        split: Name.
        methods: Method -> its runs by training and seed, failed ones left out; ours first.
        failures: Method -> what the first failed run said.
    """

    scene: str
    preset: str
    split: str
    methods: Mapping[str, Runs]
    failures: Mapping[str, str]

    @property
    def ours(self) -> list[str]:
        """Our classifiers that have a result, the default first."""
        return [name for name in self.methods if name not in (*BASELINES, WITHOUT_FEATURES)]

    def figure(self, method: str, key: str) -> Figure | None:
        """One figure of a method over trainings and draws; None where it has none."""
        runs = self.methods.get(method, {})
        values = {place: run[key] for place, run in runs.items() if run.get(key) is not None}
        return spread(values) if values else None

    def calibration_of_all(self, method: str) -> float | None:
        """Calibration error of all draws together, 0 to 1, each pixel of each draw counted; None where some lack it.

        A draw tests few fields, and what is right in them by chance counts as an error of the confidence. Over many
        draws that part becomes small.
        """
        found = [run.get("calibration") for run in self.methods.get(method, {}).values()]
        if not found or any(bins is None for bins in found):
            return None
        gaps: dict[int, float] = {}
        pixels = 0
        for each in chain.from_iterable(found):
            place = min(9, int(each["confidence"] * 10))
            gaps[place] = gaps.get(place, 0.0) + each["samples"] * (each["confidence"] - each["accuracy"])
            pixels += each["samples"]
        return sum(abs(gap) for gap in gaps.values()) / pixels

    def gain(self, method: str) -> Gain | None:
        """Of one of ours over the best baseline; None without a baseline or a draw in common."""
        baselines = {name: _by_seed(runs) for name, runs in self.methods.items() if name in BASELINES}
        if not baselines or method not in self.methods:
            return None
        ours = self.methods[method]
        seeds = {seed for _, seed in ours}.intersection(*baselines.values())
        if not seeds:
            return None
        best = max(baselines, key=lambda name: sum(baselines[name][seed] for seed in seeds))
        gains = {
            (training, seed): run["oa"] - baselines[best][seed]
            for (training, seed), run in ours.items()
            if seed in seeds
        }
        return Gain(spread(gains), best)

    def added_by_features(self, method: str) -> Figure | None:
        """Of auto over itself without diffusion features, on the draws that both have; None for other classifiers."""
        without = _by_seed(self.methods.get(WITHOUT_FEATURES, {}))
        runs = self.methods.get(method, {}) if method == "auto" else {}
        added = {place: run["oa"] - without[place[1]] for place, run in runs.items() if place[1] in without}
        return spread(added) if added else None


def _by_seed(runs: Runs) -> dict[int, float]:
    """Overall accuracy of a method that no training has a part in."""
    return {seed: run["oa"] for (_, seed), run in runs.items()}


def method_title(method: str) -> str:
    """A method in words."""
    if method == WITHOUT_FEATURES:
        return "MTMSD, classifier auto on spectra alone"
    return BASELINES.get(method) or f"MTMSD, classifier {method}"


def cases(document: Mapping[str, Any]) -> list[Case]:
    """All cases, scenes in the order of the document, presets and splits in ours."""
    found: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for run in document["runs"]:
        found.setdefault((run["scene"], run["preset"], run["split"]), []).append(run)
    places = list(dict.fromkeys(key[:2] for key in found))
    ordered = sorted(found, key=lambda key: (places.index(key[:2]), SPLIT_ORDER.index(key[2])))
    return [_case(key, found[key], document["about"].get("classifiers", [])) for key in ordered]


def _case(key: tuple[str, str, str], runs: Sequence[Mapping[str, Any]], classifiers: Sequence[str]) -> Case:
    names = list(dict.fromkeys([*classifiers, *(run["method"] for run in runs)]))
    names.sort(key=lambda name: (name in BASELINES, name == WITHOUT_FEATURES, name != "auto"))
    methods: dict[str, Runs] = {}
    failures: dict[str, str] = {}
    for name in names:
        mine = [run for run in runs if run["method"] == name]
        good = {(run["model_seed"], run["seed"]): run for run in mine if "error" not in run}
        failed = [run for run in mine if "error" in run]
        if good:
            methods[name] = good
        if failed:
            failures[name] = f"{len(failed)} of {len(mine)} runs failed: {failed[0]['error']}"
    return Case(*key, methods, failures)


@dataclass(frozen=True)
class Verdict:
    """A goal and what was measured; reached is None where nothing was."""

    goal: str
    measured: str
    reached: bool | None


def verdicts(found: Sequence[Case], path: Path = _GOALS) -> list[Verdict]:
    """Every goal of the file, of the default classifier; a goal for any scene is measured by its worst case."""
    return [verdict for goal in json.loads(path.read_text("utf-8")) for verdict in _evaluate(goal, found)]


def _evaluate(goal: Mapping[str, Any], found: Sequence[Case]) -> list[Verdict]:
    applies = [
        case
        for case in found
        if goal["scene"] in (None, case.scene)
        and goal["preset"] in (None, case.preset)
        and (goal["splits"] is None or case.split in goal["splits"])
    ]
    if goal["scene"] is None:
        return [_worst(goal, applies)]
    return [_single(goal, split, [case for case in applies if case.split == split]) for split in goal["splits"]]


def _single(goal: Mapping[str, Any], split: str, applies: Sequence[Case]) -> Verdict:
    where = f"{SCENES.get(goal['scene'], goal['scene'])}, {SPLIT_TITLES[split]}, {goal['preset']}"
    text = f"{where}: {_wish(goal)}"
    measured = _measured(goal, applies[0]) if applies else None
    if measured is None:
        return Verdict(text, "not measured", None)
    return Verdict(text, number(goal, measured), _reaches(goal, measured))


def _worst(goal: Mapping[str, Any], applies: Sequence[Case]) -> Verdict:
    where = "Any scene, " + ("any split" if goal["splits"] is None else SPLIT_TITLES[goal["splits"][0]])
    text = f"{where}: {_wish(goal)}"
    values = [(value, case) for case in applies if (value := _measured(goal, case)) is not None]
    if not values:
        return Verdict(text, "not measured", None)
    choose = min if "at_least" in goal else max
    value, case = choose(values, key=lambda pair: pair[0])
    missed = sum(not _reaches(goal, each) for each, _ in values)
    where = f"{SCENES.get(case.scene, case.scene)}, {SPLIT_TITLES[case.split]}"
    expected = case.figure(case.ours[0], f"{goal['figure']}_by_chance")
    where += f"; {number(goal, expected.mean)} expected under perfect calibration" if expected else ""
    measured = f"worst {number(goal, value)} ({where})"
    return Verdict(text, f"{measured}; missed in {missed} of {len(values)}", missed == 0)


def _measured(goal: Mapping[str, Any], case: Case) -> float | None:
    if not case.ours:
        return None
    if goal["figure"] == "gain":
        gain = case.gain(case.ours[0])
        return gain.figure.mean if gain else None
    if goal["figure"] == "calibration_of_all":
        return case.calibration_of_all(case.ours[0])
    figure = case.figure(case.ours[0], goal["figure"])
    return figure.mean if figure else None


def _reaches(goal: Mapping[str, Any], value: float) -> bool:
    return bool(value >= goal["at_least"] if "at_least" in goal else value <= goal["at_most"])


def _wish(goal: Mapping[str, Any]) -> str:
    limit = goal.get("at_least", goal.get("at_most"))
    if goal["figure"] == "gain":
        if limit == 0:
            return "OA at least that of the best baseline"
        side = f"{limit:g} points above" if limit > 0 else f"{-limit:g} point under"
        return f"OA at least {side} the best baseline" if limit > 0 else f"OA never more than {side} the best baseline"
    of_which = "of all draws together" if goal["figure"] == "calibration_of_all" else "mean of the draws"
    return f"OA at least {limit:g}" if figure_is_oa(goal) else f"calibration error ({of_which}) at most {limit:.2f}"


def figure_is_oa(goal: Mapping[str, Any]) -> bool:
    """Whether the goal is an overall accuracy."""
    return bool(goal["figure"] == "oa")


def number(goal: Mapping[str, Any], value: float) -> str:
    """A measured value in the goal's unit."""
    if goal["figure"] == "gain":
        return f"{value:+.2f} points".replace("-", "−")
    return f"{value:.2f}" if figure_is_oa(goal) else f"{value:.3f}"
