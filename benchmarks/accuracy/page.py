# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/accuracy.md and its plots, from the results of run.py alone.

    python benchmarks/accuracy/page.py results.json [--docs FOLDER]

Writes FOLDER/accuracy.md, a plot for each scene in FOLDER/accuracy, and a copy of the results beside them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.accuracy.spread import Figure  # noqa: E402
from benchmarks.accuracy.summary import (  # noqa: E402
    BASELINES,
    SCENES,
    SPLIT_TITLES,
    WITHOUT_FEATURES,
    Case,
    Gain,
    cases,
    method_title,
    verdicts,
)
from benchmarks.results import as_json, page_options  # noqa: E402

_HOW = """\
Our maps come from the same calls that the algorithms make, with their default settings. Pretraining and extraction see
no label at all. A classifier learns from the training pixels of a split and is scored at its test pixels, which lie in
no training table; nothing is chosen on them. All methods of a row had the same pixels; where the page names several
commits, ours may have been measured after the baselines.

The diffusion model of a scene is trained several times, with seeds 0, 1, ...; every draw of a split is mapped with each
training, and a figure of ours is the mean over trainings and draws. The baselines need no model. ± is the standard
deviation over the draws of the mean over trainings; a mean of 10 draws is known three times as well at best, as they
share pixels. "± of trainings" is the standard deviation over trainings of the mean over draws. "Training's part" is the
share of the variance of a single measured accuracy that is the training's own: accuracy = mean + effect of the training
+ effect of the draw + remainder (a training that does well on one draw and not on others), variances by the method of
moments (two-way, random effects), negative ones counted as 0. Of three trainings such a share is a rough figure.

- **random 10 % of each class, random 15, random 5 a class**: pixels drawn one by one; all others test. Neighbours of
  the test pixels were trained on, so this tells how well sampled fields are filled in, and nothing of others.
- **whole fields or polygons**: connected fields of one class (or polygons) in random order train until each class has
  30 % of its pixels there; of them at most 150 a class are used. All pixels of the other fields test. A class with one
  field has nothing left to test.
- **whole blocks**: the same with squares of 32 x 32 pixels.

Of a reference that covers the scene wall to wall (Zion, itself a map of other images) a random sample of 12 000 pixels,
the same in every run, stands for all: each class with its share, and of a rare class at least 50 pixels. Its fields are
those of the whole reference.

"What features add" is the accuracy of auto less that of auto on the spectra alone, with its standard error (for other
trainings and other draws of the scene). The same pixels trained and tested both; on the spectra alone, principal
components outline the fields, and no model learns from features. The report of a map says the same of held-out training
samples.

The baselines are scikit-learn's, each tuned on the training pixels by three-fold cross-validation of the split's own
kind (pixels, or whole groups): an RBF-SVM (C, gamma), a random forest of 500 trees (max_features) and a shrinkage
discriminant (shrinkage), all on the spectra, and an RBF-SVM (C, gamma, scaling) on 25 principal components with
their means over windows of 5, 13 and 25 pixels, which learns no features at all. "Best baseline" is the one of the four
with the highest mean OA in that row, known only after the test.

The calibration error is the difference between confidence and the share of test pixels that are right, averaged over
bins of confidence (0 is perfect). A draw tests few fields, so even perfect confidence shows an error: "expected under
perfect calibration" is that error for the same fields (cluster wild bootstrap: the sign of each field's excess of right
pixels over confidence is drawn at random). With the pixels of all draws together that part is small; what is left is
confidence that is too high or too low throughout.

The classifier auto reads feature sets at the labelled pixels once for all draws, and maps these pixels alone. A test
shows that the accuracy is that of the whole map, and `--whole-map` maps all pixels. The seconds of ours are for
selecting and fitting the models and for the labelled pixels (other classifiers: the whole map); those of the baselines
for tuning, fitting and the test pixels alone."""


def main() -> None:
    """Write the page."""
    document, docs = page_options(__doc__)
    from benchmarks.accuracy.plots import draw_scene

    pictures = docs / "accuracy"
    pictures.mkdir(parents=True, exist_ok=True)
    for (scene, preset), found in by_scene(cases(document)).items():
        draw_scene(found, scene_title(scene, preset), pictures / picture_name(scene, preset))
    (pictures / "results.json").write_text(as_json(document), encoding="utf-8")
    (docs / "accuracy.md").write_text(page(document), encoding="utf-8")
    print(f"Written: {docs / 'accuracy.md'}")


def page(document: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    found = cases(document)
    parts = [
        "# Accuracy, measured",
        "Made by `make benchmark`; do not edit. Every run is in [results.json](accuracy/results.json).",
        _circumstances(document["about"]),
        "## In short",
        _overview(found),
        _balance(found),
        "## Goals",
        _goals(found),
        "## How it was measured",
        _HOW,
    ]
    for (scene, preset), mine in by_scene(found).items():
        parts += _scene_part(scene, preset, mine, document["scenes"].get(f"{scene}/{preset}", {}))
    return "\n\n".join(parts) + "\n"


def table_as_text(document: Mapping[str, Any]) -> str:
    """All figures as a table for the terminal."""
    start = f"{'scene':<18} {'preset':<8} {'split':<9} {'method':<14}"
    lines = [f"{start} {'OA':>13} {'AA':>13} {'kappa':>13} {'s':>7}  of trainings: ± OA, part of variance"]
    for case in cases(document):
        for method in case.methods:
            figures = " ".join(f"{plain(case.figure(method, key)):>13}" for key in ("oa", "aa", "kappa"))
            seconds = case.figure(method, "seconds")
            gain = case.gain(method) if method in case.ours else None
            behind = f"  {_points(gain)} to {gain.baseline}" if gain else ""
            trainings = " ".join(f"{part:>6}" for part in of_trainings(case.figure(method, "oa")))
            start = f"{case.scene:<18} {case.preset:<8} {case.split:<9} {method:<14}"
            lines.append(f"{start} {figures} {seconds.mean if seconds else 0:7.1f} {trainings}{behind}")
        lines += [f"{case.scene:<18} {case.split:<9} {name}: {text}" for name, text in case.failures.items()]
    return "\n".join(lines)


def by_scene(found: Sequence[Case]) -> dict[tuple[str, str], list[Case]]:
    """Cases by scene and preset, in their order."""
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in found:
        groups.setdefault((case.scene, case.preset), []).append(case)
    return groups


def scene_title(scene: str, preset: str) -> str:
    """For example "Indian Pines, preset quick"."""
    return f"{SCENES.get(scene, scene)}, preset {preset}"


def picture_name(scene: str, preset: str) -> str:
    """File of a scene's plot."""
    return f"{scene}-{preset}.svg"


def plain(figure: Figure | None, digits: int = 2) -> str:
    """Mean ± deviation; a dash where there is none."""
    if figure is None:
        return "–"
    deviation = "" if figure.deviation is None else f" ± {figure.deviation:.{digits}f}"
    return f"{figure.mean:.{digits}f}{deviation}"


def of_trainings(figure: Figure | None) -> list[str]:
    """Deviation over trainings and the training's part of the variance; dashes of a single training."""
    if figure is None or figure.deviation_of_trainings is None:
        return ["–", "–"]
    part = "–" if figure.components is None else f"{100 * figure.components.shares[0]:.0f} %"
    return [f"{figure.deviation_of_trainings:.2f}", part]


def counts(figure: Figure) -> str:
    """Trainings and draws, for example "3 x 20"."""
    return f"{figure.trainings} x {figure.draws}"


def _points(gain: Gain) -> str:
    return _signed(gain.figure.mean, gain.figure.deviation)


def _signed(points: float, error: float | None) -> str:
    return f"{points:+.2f}".replace("-", "−") + ("" if error is None else f" ± {error:.2f}")


def _circumstances(about: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
    commits = ", ".join(str(commit) for commit in about.get("commits", []) if commit) or "unknown"
    measured = f"Measured {about.get('day', '')} on {about.get('cores', '?')} cores, commit {commits}; {versions}."
    return "\n\n".join([measured, about["note"]] if about.get("note") else [measured])


def _overview(found: Sequence[Case]) -> str:
    rows = []
    for case in found:
        where = f"{SCENES.get(case.scene, case.scene)} ({case.preset}) | {SPLIT_TITLES[case.split]}"
        for method in case.ours:
            accuracy, gain = case.figure(method, "oa"), case.gain(method)
            mine = [where, method, plain(accuracy), *of_trainings(accuracy), *_of_features(case, method)]
            if gain is None:
                rows.append([*mine, "–", "–", "–"])
                continue
            best = f"{plain(case.figure(gain.baseline, 'oa'))}, {BASELINES[gain.baseline]}"
            verdict = f"**{_points(gain)}, {'win' if gain.figure.mean >= 0 else 'loss'}**"
            rows.append([*mine, best, verdict, counts(gain.figure)])
        rows += [[where, method, "**failed**", *["–"] * 7] for method in case.failures if method not in case.methods]
    head = [
        "scene (preset) | split",
        "classifier",
        "OA (%)",
        *_OF_TRAININGS,
        "on spectra alone (%)",
        "what features add",
    ]
    return markdown_table([*head, "best baseline", "gain (points)", _COUNTS], rows)


def _of_features(case: Case, method: str) -> list[str]:
    """Accuracy on spectra alone, and what the features add in points ± standard error; dashes where not measured."""
    added = case.added_by_features(method)
    if added is None:
        return ["–", "–"]
    return [plain(case.figure(WITHOUT_FEATURES, "oa")), _signed(added.mean, added.standard_error)]


def _balance(found: Sequence[Case]) -> str:
    ours = next((case.ours[0] for case in found if case.ours), "")
    gains = [gain.figure.mean for case in found if case.ours and (gain := case.gain(case.ours[0]))]
    if not gains:
        return "There is nothing to compare yet."
    lost = sum(value < 0 for value in gains)
    level = f"at least level with the best baseline in {len(gains) - lost} of {len(gains)} rows"
    return f"The classifier {ours} is {level}, **behind it in {lost}**.{_part_of_trainings(found)}{_features(found)}"


def _part_of_trainings(found: Sequence[Case]) -> str:
    """How much of the spread is the training's, over all rows; nothing without several trainings."""
    figures = [case.figure(case.ours[0], "oa") for case in found if case.ours]
    shares = [figure.components.shares for figure in figures if figure and figure.components]
    if not shares:
        return ""
    training, draw, remainder = (100 * sum(parts) / len(shares) for parts in zip(*shares))
    return (
        f" Of the variance of one measured OA, the training of the diffusion model accounts for {training:.0f} %, the "
        f"draw of the split for {draw:.0f} %, both together for the remaining {remainder:.0f} % (means over the rows)."
    )


def _features(found: Sequence[Case]) -> str:
    """What features add by kind of split, each scene counted once; nothing where that was not measured."""
    means: dict[str, list[float]] = {}
    for case in found:
        added = case.added_by_features("auto")
        if added is not None:
            means.setdefault(SPLIT_TITLES[case.split], []).append(added.mean)
    if not means:
        return ""
    parts = [
        f"{title} {_signed(sum(values) / len(values), None)} (least {_signed(min(values), None)})"
        for title, values in means.items()
    ]
    return f" What the diffusion features add to auto, points, mean of the scenes: {'; '.join(parts)}."


def _goals(found: Sequence[Case]) -> str:
    words = {True: "reached", False: "**not reached**", None: "–"}
    rows = [[verdict.goal, verdict.measured, words[verdict.reached]] for verdict in verdicts(found)]
    return markdown_table(["goal", "measured", ""], rows)


def _scene_part(scene: str, preset: str, found: Sequence[Case], facts: Mapping[str, Any]) -> list[str]:
    title = scene_title(scene, preset)
    parts = [f"## {title}", f"![Overall accuracy by split and method](accuracy/{picture_name(scene, preset)})"]
    if facts:
        labelled = facts["labelled"]
        took = " and ".join(f"{step} {facts[key]:.0f} s" for step, key in _STEPS.items() if facts.get(key) is not None)
        parts.insert(
            1,
            f"{facts['width']} x {facts['height']} pixels, {facts['bands']} usable bands; {sum(labelled)} labelled "
            f"pixels{_drawn_from(facts)} of {len(labelled)} classes in {facts['groups']} fields or polygons. "
            f"Once for all splits, a training: {took}, on {facts['device']}.",
        )
    for case in found:
        parts += [f"### {title}: {SPLIT_TITLES[case.split]}", _sentence(case), _method_table(case)]
        parts += [f"**{method_title(name)}: {text}**" for name, text in case.failures.items()]
    return parts


_OF_TRAININGS = ["± of trainings", "training's part"]
_COUNTS = "trainings x draws"
_STEPS = {"pretraining": "pretrain_seconds", "extraction": "extract_seconds"}


def _drawn_from(facts: Mapping[str, Any]) -> str:
    """Of how many labelled pixels a sample was drawn; nothing where all count."""
    everything = facts.get("reference_pixels", 0)
    return f" (drawn from {everything})" if everything > sum(facts["labelled"]) else ""


def _sentence(case: Case) -> str:
    sentences = []
    for method in case.ours:
        gain = case.gain(method)
        if gain:
            word = "**above**" if gain.figure.mean >= 0 else "**behind**"
            best = f"the best baseline, {BASELINES[gain.baseline]}"
            sentences.append(f"{method_title(method)}: **{_points(gain)} points**, {word} {best}.")
    runs = [run for runs in case.methods.values() for run in runs.values()]
    training, test = (sum(run[key] for run in runs) / len(runs) for key in ("training", "test"))
    tested = sorted({run["classes_tested"] for run in runs})
    classes = f"{tested[0]}" if len(tested) == 1 else f"{tested[0]} to {tested[-1]}"
    sentences.append(f"On average {training:.0f} pixels trained and {test:.0f} tested, of {classes} classes.")
    return " ".join(sentences)


def _method_table(case: Case) -> str:
    rows = []
    for method in case.methods:
        seconds, calibration = case.figure(method, "seconds"), case.figure(method, "calibration_error")
        title = f"**{method_title(method)}**" if method in case.ours else method_title(method)
        accuracy = case.figure(method, "oa")
        figures = [plain(case.figure(method, key)) for key in ("oa", "aa", "kappa")]
        took = f"{seconds.mean:.1f}" if seconds else "–"
        together = case.calibration_of_all(method)
        expected = case.figure(method, "calibration_error_by_chance")
        errors = [
            plain(calibration, 3),
            f"{expected.mean:.3f}" if expected else "–",
            "–" if together is None else f"{together:.3f}",
        ]
        rows.append([title, *figures, *of_trainings(accuracy), *errors, took, counts(accuracy) if accuracy else "–"])
    of_confidence = ["calibration error", "expected under perfect calibration", "of all draws together"]
    head = ["method", "OA (%)", "AA (%)", "kappa (%)", *_OF_TRAININGS, *of_confidence, "seconds", _COUNTS]
    return markdown_table(head, rows)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with a line for each row; a cell of the head may hold a bar, for two columns."""
    head_line = f"| {' | '.join(head)} |"
    lines = [head_line, "|" + "---|" * (head_line.count("|") - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


if __name__ == "__main__":
    main()
