# SPDX-License-Identifier: GPL-2.0-or-later
"""What each component of the default classifier is worth: the classifier whole, and with one component left out.

Every draw and training of the benchmark is mapped with each variant. The table says the mean difference in overall
accuracy to the whole classifier, in points, with its standard error over trainings and draws: below zero, the component
helps. "Time" is what learning and mapping take, in parts of what the whole classifier takes.

    python benchmarks/accuracy/ablation.py --split groups random15 --seeds 10 --out build/ablation.json

The table stands beside the results, as Markdown. With --resume a run goes on where another one ended.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as in the worker; read when torch is loaded

from benchmarks.accuracy.command_line import Scenes, add_options, read_options, seeds_of  # noqa: E402
from benchmarks.accuracy.labelled_pixels import ReadOnce  # noqa: E402
from benchmarks.accuracy.methods import our_entry  # noqa: E402
from benchmarks.accuracy.page import markdown_table  # noqa: E402
from benchmarks.accuracy.replacement import Replacement, replaced  # noqa: E402
from benchmarks.accuracy.spread import Figure, spread  # noqa: E402
from benchmarks.accuracy.summary import SCENES, SPLIT_TITLES, cases  # noqa: E402
from benchmarks.features import Features  # noqa: E402
from benchmarks.results import Results, circumstances  # noqa: E402
from benchmarks.scenes import Scene  # noqa: E402
from benchmarks.splits import SPLITS  # noqa: E402
from mtmsd_qgis.classification.auto.ensemble import Purpose  # noqa: E402
from mtmsd_qgis.classification.auto.kernel_ridge import KernelRidge  # noqa: E402
from mtmsd_qgis.classification.auto.model_library import CONTEXTUAL, INTERPOLATION, OVERLAPPING, ModelSpec  # noqa: E402
from mtmsd_qgis.jobs.settings import ClassificationSettings  # noqa: E402
from mtmsd_qgis.runtime.memory import keep_freed_memory  # noqa: E402

WHOLE = "auto"
LEFT_OUT = "auto without "

Place = tuple[str, str, str]  # scene, preset, split


@dataclass(frozen=True)
class Variant:
    """The classifier without a component.

    Attributes:
        replacements: What takes the component out.
        by_group: Whether only splits matter that keep groups apart (True) or only the others (False); None: all.
    """

    replacements: tuple[Replacement, ...]
    by_group: bool | None = None

    def concerns(self, split: str) -> bool:
        """Whether the component has a part in maps of a split."""
        return self.by_group is None or self.by_group == SPLITS[split].by_group


_AUTO = "mtmsd_qgis.classification.auto"
_CANDIDATE = "mtmsd_qgis.classification.feature_value.candidate"


def _with_context(purpose: type[Purpose]) -> Callable[..., Purpose]:
    """Spatial context is always used."""
    return lambda interpolates, _, groupings, seed: purpose(interpolates, True, groupings, seed)


def _without_model(library: str, spec: ModelSpec) -> Replacement:
    return Replacement(f"{_AUTO}.ensemble", library, lambda specs: tuple(each for each in specs if each != spec))


def _with_usual_ridges(specs: Sequence[ModelSpec]) -> tuple[ModelSpec, ...]:
    return tuple(
        replace(spec, estimator=KernelRidge()) if isinstance(spec.estimator, KernelRidge) else spec for spec in specs
    )


VARIANTS = {
    **{spec.name: Variant((_without_model("INTERPOLATION", spec),), by_group=False) for spec in INTERPOLATION},
    **{f"{spec.name} (contextual)": Variant((_without_model("CONTEXTUAL", spec),)) for spec in CONTEXTUAL},
    **{
        f"{spec.name} (classes overlap)": Variant((_without_model("OVERLAPPING", spec),), by_group=True)
        for spec in OVERLAPPING
    },
    "top-half averaging": Variant(
        (Replacement(f"{_AUTO}.ensemble", "top_half", lambda _: _all_models),), by_group=False
    ),
    "calibration of each model": Variant((Replacement(f"{_AUTO}.cross_validation", "temperature", lambda _: _one),)),
    "balanced classes": Variant((Replacement(f"{_AUTO}.model_library", "ModelSpec.balanced", lambda _: _same),), True),
    "class prior": Variant((Replacement(f"{_AUTO}.ensemble", "log_prior", lambda _: _no_prior),), by_group=True),
    "context is asked for": Variant((Replacement(_CANDIDATE, "Purpose", _with_context),), by_group=True),
    "strong ridge where classes overlap": Variant(
        (Replacement(f"{_AUTO}.ensemble", "OVERLAPPING", _with_usual_ridges),), by_group=True
    ),
}


def _all_models(models: Sequence[Any], _: object) -> list[Any]:
    """In place of top_half."""
    return list(models)


def _one(*_: object) -> float:
    """In place of a temperature."""
    return 1.0


def _same(spec: ModelSpec) -> ModelSpec:
    """In place of a balanced specification."""
    return spec


def _no_prior(_: object, __: object, n_classes: int) -> NDArray[np.float64]:
    """In place of log_prior."""
    return np.zeros(n_classes)


def main() -> None:
    """Measure what the command line asks for; print and write the table."""
    keep_freed_memory()  # as the worker
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, ["groups", "random15"])
    parser.add_argument("--without", nargs="*", choices=list(VARIANTS), default=list(VARIANTS), help="default: each")
    options = read_options(parser)
    results = Results.open(options.out, resume=options.resume)
    results.about(circumstances([WHOLE]))
    scenes = Scenes(options)
    for scene, trained in scenes.ready(results, lambda name: all(results.has(**key) for key in _keys(name, options))):
        measure(scene, trained, options, results)
    if not results.document["runs"]:
        sys.exit("Nothing was measured.")
    results.write()
    text = table(results.document)
    options.out.with_suffix(".md").write_text(text + "\n", encoding="utf-8")
    print(text, *scenes.skipped, f"Written to {options.out} and {options.out.with_suffix('.md')}", sep="\n")
    if scenes.failed:
        sys.exit(1)


def measure(scene: Scene, trained: Sequence[Features], options: argparse.Namespace, results: Results) -> None:
    """Every split, seed, training and variant of a scene that the results lack."""
    pixels = ReadOnce(scene, trained, options)
    for key in _keys(scene.name, options):
        if results.has(**key):
            continue
        split, seed, method = str(key["split"]), int(key["seed"]), str(key["method"])
        draw = SPLITS[split].draw(scene.samples, seed)
        if len(draw.test) == 0:
            print(f"{scene.name} {split} seed {seed}: no pixel is left to test", flush=True)
            continue
        settings = ClassificationSettings(classifier=WHOLE, split=draw.generalise, seed=seed, device=options.device)
        training = int(key["model_seed"])
        changes = VARIANTS[method.removeprefix(LEFT_OUT)].replacements if method != WHOLE else ()
        with replaced([*changes, *pixels.instead_of_raster(WHOLE, training)]):
            entry = our_entry(scene, trained[training], settings, draw)
        results.add(key, entry)
        results.write()
        figure = entry.get("error") or f"OA {entry['oa']:.2f}"
        print(f"{scene.name} {split} seed {seed} training {key['model_seed']} {method}: {figure}", flush=True)


def differences(document: Mapping[str, Any]) -> dict[str, dict[Place, Figure]]:
    """Of each variant at each place: overall accuracy less that of the whole classifier, in points."""
    found: dict[str, dict[Place, Figure]] = {}
    for case in cases(document):
        whole = case.methods.get(WHOLE, {})
        for method, runs in case.methods.items():
            both = {run: runs[run]["oa"] - whole[run]["oa"] for run in runs if run in whole}
            if method != WHOLE and both:
                found.setdefault(method, {})[case.scene, case.preset, case.split] = spread(both)
    return found


def table(document: Mapping[str, Any]) -> str:
    """A row for each variant, the one that costs most first; a column for each place, and their mean."""
    found = differences(document)
    places = list(dict.fromkeys(place for figures in found.values() for place in figures))
    rows = [(_mean(list(figures.values())), method, figures) for method, figures in found.items()]
    rows.sort(key=lambda row: row[0][0])
    body = [
        [
            method.removeprefix(LEFT_OUT),
            *(_cell(figures.get(place)) for place in places),
            _points(*mean),
            f"{_time(method, document):.2f}",
        ]
        for mean, method, figures in rows
    ]
    return markdown_table(["left out", *map(_title, places), "mean", "time"], body)


def _time(method: str, document: Mapping[str, Any]) -> float:
    """Seconds of a variant divided by those of the whole classifier, on the runs that both have."""
    seconds = [0.0, 0.0]
    for case in cases(document):
        for number, name in enumerate((method, WHOLE)):
            both = case.methods.get(WHOLE, {}).keys() & case.methods.get(method, {}).keys()
            seconds[number] += sum(case.methods[name][run]["seconds"] for run in both)
    return seconds[0] / seconds[1]


def _mean(figures: Sequence[Figure]) -> tuple[float, float | None]:
    """Mean over scenes and splits, each counted once, and its standard error for other trainings and draws."""
    errors = [figure.standard_error for figure in figures]
    mean = sum(figure.mean for figure in figures) / len(figures)
    if any(error is None for error in errors):
        return mean, None
    return mean, sum(error**2 for error in errors if error is not None) ** 0.5 / len(figures)


def _title(place: Place) -> str:
    scene, preset, split = place
    return f"{SCENES.get(scene, scene)} ({preset}), {SPLIT_TITLES[split]}"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    return f"{_points(figure.mean, figure.standard_error)} ({figure.trainings} x {figure.draws})"


def _points(mean: float, error: float | None) -> str:
    return f"{mean:+.2f}".replace("-", "−") + ("" if error is None else f" ± {error:.2f}")


def _keys(scene: str, options: argparse.Namespace) -> list[dict[str, str | int]]:
    """Of all entries; trainings and variants last, so that a run that is broken off can be compared."""
    draws = [(split, seed) for split in options.split for seed in seeds_of(split, options)]
    return [
        {"scene": scene, "preset": options.preset, "split": split, "seed": seed, "model_seed": training, "method": name}
        for split, seed in draws
        for training in range(options.trainings)
        for name in [WHOLE, *(f"{LEFT_OUT}{name}" for name in options.without if VARIANTS[name].concerns(split))]
    ]


if __name__ == "__main__":
    main()
