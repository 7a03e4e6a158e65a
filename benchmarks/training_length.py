# SPDX-License-Identifier: GPL-2.0-or-later
"""How long to train: loss and accuracy against the iterations of pretraining.

Enters: known scenes. Leaves: for each scene and length of training the denoising loss at fixed patches, and the
accuracy of the default classifier with the features of that training and without any; a table on standard output.

A length is written N or N:T, a training of N iterations of its own schedule, on timesteps up to T. ~N is the preset's
own training as it stood after N of its iterations, with the rate still high: shorter trainings that cost nothing more,
and a lower bound of what one of N iterations reaches. Features are taken at the two timesteps that the default
classifier reads. Choices are made on draws from 20 on; draws below belong to the accuracy page.

    python -m benchmarks.training_length --scene indian_pines --split groups random15 --seeds 20,21,22 --out X.json
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as in the worker; read when torch is loaded

from benchmarks.accuracy.command_line import add_options, read_options, seeds_of  # noqa: E402
from benchmarks.accuracy.labelled_pixels import ReadOnce  # noqa: E402
from benchmarks.accuracy.methods import SPECTRA_ALONE, our_entry  # noqa: E402
from benchmarks.accuracy.page import markdown_table  # noqa: E402
from benchmarks.accuracy.replacement import Replacement, replaced  # noqa: E402
from benchmarks.accuracy.spread import spread  # noqa: E402
from benchmarks.accuracy.summary import SCENES, SPLIT_TITLES, Case, cases  # noqa: E402
from benchmarks.features import Features, Training, make_features, trained_model  # noqa: E402
from benchmarks.results import Results, circumstances  # noqa: E402
from benchmarks.scenes import Scene, prepare  # noqa: E402
from benchmarks.splits import SPLITS  # noqa: E402
from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader  # noqa: E402
from mtmsd_qgis.classification.feature_value.candidate import Candidate, cross_validated, feature_sets_for  # noqa: E402
from mtmsd_qgis.classification.feature_value.feature_importance import SourceShares  # noqa: E402
from mtmsd_qgis.classification.feature_value.with_and_without import ReadAtSamples  # noqa: E402
from mtmsd_qgis.classification.training_task import TrainingTask  # noqa: E402
from mtmsd_qgis.diffusion.model import describe, load_model, save_model  # noqa: E402
from mtmsd_qgis.diffusion.noise import q_sample  # noqa: E402
from mtmsd_qgis.diffusion.patch_sampler import PatchSampler  # noqa: E402
from mtmsd_qgis.diffusion.training_loop import _Training, masked_loss  # noqa: E402
from mtmsd_qgis.diffusion.training_state import TrainingState, new_training  # noqa: E402
from mtmsd_qgis.io.cube import Cube  # noqa: E402
from mtmsd_qgis.jobs.settings import ClassificationSettings  # noqa: E402
from mtmsd_qgis.progress import Progress, silent  # noqa: E402
from mtmsd_qgis.runtime.memory import keep_freed_memory  # noqa: E402
from mtmsd_qgis.tasks.scene_input import band_positions, standardised  # noqa: E402

READ = (100, 200)  # timesteps that the default classifier reads
JUDGED = (50, 100, 200, 300)  # timesteps of the loss
WITHOUT = "without features"
_SNAPSHOT = "~"
_LOOP = "mtmsd_qgis.diffusion.training_loop"
_BATCHES, _BATCH = 8, 16  # patches of the loss
_ELSEWHERE = 1_000_003  # seed of these patches and their noise: no training has it


def _map_alone(
    task: TrainingTask, reader: FeatureSetReader, read: ReadAtSamples, progress: Progress
) -> tuple[Candidate, None]:
    features, order = read(reader, task.training, feature_sets_for(reader, task.settings.split), progress)
    task = replace(task, training=task.training.subset(order))
    return cross_validated(reader, features, task, progress), None


_AUTO = "mtmsd_qgis.classification.auto.default_classifier"
NO_REPORT = (
    Replacement(_AUTO, "with_and_without", lambda _: _map_alone),
    Replacement(_AUTO, "source_shares", lambda _: lambda *_: SourceShares({}, {}, {})),
)
"""With which the default classifier makes the same map at half the time and explains nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for, and print the table."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, ["groups", "random15"])
    parser.add_argument("--lengths", nargs="+", default=["~150", "~300", "600", "1200"], help="N, N:T or ~N")
    options = read_options(parser, arguments)
    results = Results.open(options.out, resume=options.resume)
    results.about(circumstances(["auto"]))
    for name, source in options.sources.items():
        place = options.folder / name
        measure(prepare(name, source, place / "scene", options.qgis_python), place, options, results)
    print(table(results.document))
    return 0


def measure(scene: Scene, place: Path, options: argparse.Namespace, results: Results) -> None:
    """Losses and accuracies of a scene that the results lack."""
    variants = list(_trainings(scene, place, options))
    losses = results.document.setdefault("losses", {})
    for variant in variants:
        losses.setdefault(f"{scene.name} {variant.name} {variant.training}", loss_of(variant.model, scene))
    compare(scene, variants, options, results)


@dataclass(frozen=True)
class Variant:
    """Features that are compared.

    Attributes:
        name: What differs.
        training: Number of the training of the diffusion model.
        features: Of the whole scene.
        model: Where they come from.
    """

    name: str
    training: int
    features: Features
    model: Path


def compare(scene: Scene, variants: Sequence[Variant], options: argparse.Namespace, results: Results) -> None:
    """Accuracies of the default classifier with each variant and without features that the results lack."""
    for variant in variants:
        results.scene(scene.name, options.preset, scene.facts(), variant.features.facts)
    results.write()
    pixels = ReadOnce(scene, [variant.features for variant in variants], options)
    for split in options.split:
        for seed in seeds_of(split, options):
            draw = SPLITS[split].draw(scene.samples, seed)
            settings = ClassificationSettings("auto", split=draw.generalise, seed=seed, device=options.device)
            runs = [(WITHOUT, 0, 0), *((each.name, each.training, i) for i, each in enumerate(variants))]
            for method, training, index in runs:
                key = {"scene": scene.name, "preset": options.preset, "split": split, "seed": seed}
                key |= {"model_seed": training, "method": method}
                if results.has(**key):
                    continue
                changes = [*pixels.instead_of_raster("auto", index), *NO_REPORT]
                if method == WITHOUT:
                    changes.append(SPECTRA_ALONE)
                with replaced(changes):
                    entry = our_entry(scene, variants[index].features, settings, draw)
                results.add(key, entry)
                results.write()
                print(key, f"OA {entry.get('oa', float('nan')):.2f}, {entry['seconds']:.1f} s", flush=True)


def _trainings(scene: Scene, place: Path, options: argparse.Namespace) -> Iterator[Variant]:
    """Each length and training."""
    for training in range(options.trainings):
        wanted = Training(options.preset, options.device, training)
        for length, model in models_of(options.lengths, scene, wanted, place / options.preset).items():
            with replaced([settings_with("extraction_settings", timesteps=READ)]):
                features = make_features(scene, replace(wanted, model=model), place / options.preset)
            yield Variant(length, training, features, model)


def models_of(lengths: Sequence[str], scene: Scene, training: Training, folder: Path) -> dict[str, Path]:
    """The model file of each length, trained now or by an earlier run."""
    stops = [int(length[1:]) for length in lengths if length.startswith(_SNAPSHOT)]
    files = {f"{_SNAPSHOT}{stop}": folder / "snapshots" / f"{training.seed}-{stop}.mtmsd" for stop in stops}
    if not all(file.is_file() for file in files.values()):
        _train_with_snapshots(scene, training, folder, stops)
    for length in lengths:
        if length not in files:
            iterations, _, last = length.partition(":")
            changes = {"iterations": int(iterations), "train_up_to": int(last) if last else None}
            with replaced([settings_with("pretrain_settings", **changes)]):
                files[length] = trained_model(scene, training, folder)
    return files


def settings_with(name: str, **changes: object) -> Replacement:
    """The benchmark's presets with some settings changed."""
    return Replacement("benchmarks.features", name, lambda make: lambda *a, **k: replace(make(*a, **k), **changes))


def _train_with_snapshots(scene: Scene, training: Training, folder: Path, stops: Sequence[int]) -> None:
    """Train by the preset, and write the model as it stood after some numbers of iterations."""
    kept: dict[int, dict[str, torch.Tensor]] = {}

    def keeping(step: Callable[..., float]) -> Callable[..., float]:
        def stepped(loop: _Training, *batch: object) -> float:
            loss = step(loop, *batch)
            if loop.state.iteration + 1 in stops:
                kept[loop.state.iteration + 1] = {name: each.clone() for name, each in loop.state.average.items()}
            return loss

        return stepped

    with TemporaryDirectory() as place, replaced([Replacement(_LOOP, "_Training.step", keeping)]):
        model = trained_model(scene, training, folder)
        if not kept:  # it was there already: once more, beside it
            model = trained_model(scene, training, Path(place))
        for stop, average in kept.items():
            write_snapshot(model, average, folder / "snapshots" / f"{training.seed}-{stop}.mtmsd")


def write_snapshot(model: Path, average: Mapping[str, torch.Tensor], file: Path) -> None:
    """A model file with other weights; without statistics of the scene, which extraction then collects."""
    whole = load_model(model)
    state: TrainingState = new_training(whole.preprocessor.components, whole.settings, torch.device("cpu"))
    state.average = dict(average)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_model(file, state, describe(whole.settings, whole.preprocessor, whole.source_band_count), whole.preprocessor)


def loss_of(file: Path, scene: Scene) -> dict[str, float]:
    """Denoising loss at each judged timestep, on the same patches and noise for every model of a scene."""
    model, cube = load_model(file), Cube(scene.folder, scene.cube)
    with TemporaryDirectory() as place:
        positions = band_positions(cube, model.preprocessor)
        components, valid = standardised(cube, positions, model.preprocessor, Path(place), silent)
        sampler = PatchSampler(components, valid, model.settings.patch_size)
        drawn = [sampler.draw(_ELSEWHERE, number, _BATCH) for number in range(_BATCHES)]
    found: dict[str, float] = {}
    for timestep in JUDGED:
        losses = []
        for number, (patches, mask) in enumerate(drawn):
            x0, valid_pixels = torch.from_numpy(patches), torch.from_numpy(mask)
            noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(_ELSEWHERE + number))
            t = torch.full((len(x0),), timestep)
            with torch.inference_mode():
                predicted = model.network(q_sample(x0, noise, t), t)
            losses.append(float(masked_loss(predicted, noise, valid_pixels)))
        found[str(timestep)] = float(np.mean(losses))
    return found


def table(document: Mapping[str, Any]) -> str:
    """A row for each scene, split and length: loss, accuracy, and accuracy less that without features."""
    body = []
    for case in cases(document):
        for length in case.methods:
            if length == WITHOUT:
                continue
            losses = [value for key, value in document["losses"].items() if key.split()[:2] == [case.scene, length]]
            loss = [f"{np.mean([each[str(t)] for each in losses]):.3f}" for t in JUDGED]
            body.append([*case_titles(case), length, *loss, *gain_over_spectra(case, length)])
    head = ["scene", "split", "iterations", *(f"loss at {t}" for t in JUDGED), *GAIN]
    return markdown_table(head, body)


GAIN = ("OA (%)", "gain over spectra (points)", "trainings x draws")


def case_titles(case: Case) -> list[str]:
    """Scene and split in words."""
    return [SCENES.get(case.scene, case.scene), SPLIT_TITLES[case.split]]


def gain_over_spectra(case: Case, name: str) -> list[str]:
    """The cells of GAIN of a variant."""
    plain = {seed: run["oa"] for (_, seed), run in case.methods.get(WITHOUT, {}).items()}
    runs = case.methods[name]
    gain = spread({run: runs[run]["oa"] - plain[run[1]] for run in runs if run[1] in plain})
    error = "" if gain.standard_error is None else f" ± {gain.standard_error:.2f}"
    oa = float(np.mean([run["oa"] for run in runs.values()]))
    return [f"{oa:.2f}", f"{gain.mean:+.2f}{error}", f"{gain.trainings} x {gain.draws}"]


if __name__ == "__main__":
    sys.exit(main())
