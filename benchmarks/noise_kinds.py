# SPDX-License-Identifier: GPL-2.0-or-later
"""Which noise the features are taken with: drawn, averaged over draws, none, or inverted.

Enters: known scenes and models of them. Leaves: for each kind of noise the accuracy of the default classifier with the
features of a training, and that without any; a table on standard output.

- drawn: as the product has it; *again* is another draw.
- 4 draws: the features are the mean of four.
- none: the clean components, scaled as those with noise are: x_t = sqrt(a_bar_t) x0.
- inverted: x_t is reached from x0 by the network's own predictions, in steps of 50 (DDIM inversion: Song, Meng & Ermon
  2021, arXiv 2010.02502, eq. 13 the other way round). Each tile walks for itself.

Choices are made on draws from 20 on; draws below belong to the accuracy page.

    python -m benchmarks.noise_kinds --scene indian_pines --split groups random15 --seeds 20,21,22 --out X.json
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as in the worker; read when torch is loaded

from benchmarks.accuracy.command_line import add_options, read_options  # noqa: E402
from benchmarks.accuracy.page import markdown_table  # noqa: E402
from benchmarks.accuracy.replacement import Replacement, replaced  # noqa: E402
from benchmarks.accuracy.summary import cases  # noqa: E402
from benchmarks.features import Training, make_features  # noqa: E402
from benchmarks.results import Results, circumstances  # noqa: E402
from benchmarks.scenes import Scene, prepare  # noqa: E402
from benchmarks.training_length import (  # noqa: E402
    GAIN,
    READ,
    WITHOUT,
    Variant,
    case_titles,
    compare,
    gain_over_spectra,
    models_of,
    settings_with,
)
from mtmsd_qgis.diffusion.noise import alpha_bar, q_sample  # noqa: E402
from mtmsd_qgis.features.extractor import FeatureExtractor  # noqa: E402
from mtmsd_qgis.runtime.memory import keep_freed_memory  # noqa: E402

_EXTRACTOR = "mtmsd_qgis.features.extractor"
_STEP = 50  # timesteps between two states of an inversion

Outputs = Callable[..., "list[Tensor]"]
NormAt = Callable[[Sequence[int]], Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for, and print the table."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, ["groups", "random15"])
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--length", default="600", help="of the trainings, as in benchmarks.training_length")
    options = read_options(parser, arguments)
    results = Results.open(options.out, resume=options.resume)
    results.about(circumstances(["auto"]))
    for name, source in options.sources.items():
        place = options.folder / name
        scene = prepare(name, source, place / "scene", options.qgis_python)
        compare(scene, list(_variants(scene, place, options)), options, results)
    print(table(results.document))
    return 0


def _variants(scene: Scene, place: Path, options: argparse.Namespace) -> Iterator[Variant]:
    """Features of each kind of noise and training."""
    for training in range(options.trainings):
        wanted = Training(options.preset, options.device, training)
        model = models_of([options.length], scene, wanted, place / options.preset)[options.length]
        for kind in options.kinds:
            folder = place / options.preset / f"noise {kind}"
            with replaced(KINDS[kind]):
                yield Variant(kind, training, make_features(scene, replace(wanted, model=model), folder), model)


def _without_noise(field: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda *where: torch.zeros_like(field(*where))


def _inverting(outputs: Outputs) -> Outputs:
    """The extractor's outputs at inverted states in place of noised ones."""

    def inverted(
        extractor: FeatureExtractor, x0: Tensor, _: Tensor, timesteps: Sequence[int], norm_at: NormAt
    ) -> list[Tensor]:
        found = []
        for timestep in timesteps:
            noise = noise_of(inversion(extractor.network, x0, timestep), x0, timestep)
            found.append(outputs(extractor, x0, noise, (timestep,), norm_at))
        # of each stage (tiles * timesteps, ...), tile by tile
        return [torch.stack(of_stage, dim=1).flatten(0, 1) for of_stage in zip(*found)]

    return inverted


def inversion(network: Callable[[Tensor, Tensor], Tensor], x0: Tensor, timestep: int, step: int = _STEP) -> Tensor:
    """The state at a timestep that the network's own predictions lead to from the clean one.

    No timestep is that of a clean state, so there the network is asked at 0, the cleanest it was trained on. The noise
    it then finds is not that of the state: best predictions of white data end 0.06 % longer at 950 than with none.

    Args:
        network: Predicts the noise of (B, C, H, W) at timesteps (B,).
        x0: (B, C, H, W) clean components.
        timestep: Where the walk ends; the last step may be shorter.
        step: Timesteps between two states.
    """
    state, here, clean = x0, 0, 1.0
    while here < timestep:
        after = min(here + step, timestep)
        noise = network(state, torch.full((len(x0),), here))
        left = float(alpha_bar()[after])
        predicted = (state - (1 - clean) ** 0.5 * noise) / clean**0.5
        state = left**0.5 * predicted + (1 - left) ** 0.5 * noise
        here, clean = after, left
    return state


def noise_of(state: Tensor, x0: Tensor, timestep: int) -> Tensor:
    """The noise with which x0 becomes a state at a timestep."""
    signal = q_sample(x0, torch.zeros_like(x0), torch.tensor([timestep]))
    return (state - signal) / float(1 - alpha_bar()[timestep]) ** 0.5


def _own_statistics(*changes: Replacement) -> list[Replacement]:
    """With statistics of the scene collected anew: those in the model file are of drawn noise."""
    never = Replacement(
        "mtmsd_qgis.diffusion.scene_statistics", "StoredStatistics.hold_for", lambda _: lambda *_: False
    )
    return [settings_with("extraction_settings", timesteps=READ), never, *changes]


KINDS: Mapping[str, list[Replacement]] = {
    "drawn": _own_statistics(),
    "again": _own_statistics(settings_with("extraction_settings", seed=1)),
    "4 draws": _own_statistics(settings_with("extraction_settings", noise_draws=4)),
    "none": _own_statistics(Replacement(_EXTRACTOR, "noise_field", _without_noise)),
    "inverted": _own_statistics(Replacement(_EXTRACTOR, "FeatureExtractor._outputs", _inverting)),
}


def table(document: Mapping[str, Any]) -> str:
    """A row for each scene, split and kind of noise."""
    body = [
        [*case_titles(case), kind, *gain_over_spectra(case, kind)]
        for case in cases(document)
        for kind in case.methods
        if kind != WITHOUT
    ]
    return markdown_table(["scene", "split", "noise", *GAIN], body)


if __name__ == "__main__":
    sys.exit(main())
