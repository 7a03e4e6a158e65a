# SPDX-License-Identifier: GPL-2.0-or-later
"""A classifier of one half of a scene on the other, in many draws.

Enters: scenes with labels all over. Leaves: a line a draw and a table of means, on standard output.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.scenes import Scene, known_scenes, prepare
from mtmsd_qgis.io.cube import Cube, valid_pixels
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.sampling.sample_table import SampleTable
from mtmsd_qgis.sampling.subsampling import subsample

from .learner import MOST_TRAINING, Learner, Mask, ids_of, masked, percent, with_its_classes

_TILE = 32  # pixels, side of the tiles of the EnMAP scene
_LEAST = 20  # samples of a class in the source, so that some can be held out


def left_half(scene: Scene, draw: int) -> Mask:  # noqa: ARG001 - the same in each draw
    """(H, W): the columns of the left half."""
    return np.broadcast_to(np.arange(scene.cube.width) < scene.cube.width // 2, whole_shape(scene)).copy()


def random_tiles(scene: Scene, draw: int) -> Mask:
    """(H, W): nine of the 18 tiles that the scene is made of."""
    rows, cols = np.indices(whole_shape(scene)) // _TILE
    tiles = rows * (cols.max() + 1) + cols
    filled = np.unique(tiles[valid_pixels(Cube(scene.folder, scene.cube))])
    return np.isin(tiles, np.random.default_rng(draw).permutation(filled)[: len(filled) // 2])


def whole_shape(scene: Scene) -> tuple[int, int]:
    """(H, W)."""
    return scene.cube.height, scene.cube.width


# Of a scene whose reference covers it wall to wall, blocks are held out instead of fields, as the guide says.
HALVES: dict[str, tuple[Callable[[Scene, int], Mask], str]] = {
    "indian_pines": (left_half, "spatial"),
    "enmap_potsdam": (random_tiles, "spatial"),
    "zion_landsat8": (left_half, "block"),
}


@dataclass(frozen=True)
class Half:
    """What one half of a scene teaches, and the other half tests.

    Attributes:
        source: The scene with the classes of that half alone.
        training: Samples in it.
        tested: Samples of these classes in the other half.
        others: Samples there of classes that the source lacks: wrong on any map.
    """

    source: Scene
    training: SampleTable
    tested: SampleTable
    others: SampleTable

    @classmethod
    def of(cls, scene: Scene, within: Mask, draw: int) -> Half:
        """The half inside a mask (H, W), with other training samples in each draw."""
        here = within[scene.samples.rows, scene.samples.cols]
        counts = scene.samples.subset(here).count_by_class(len(scene.classes))
        learnable = np.isin(scene.samples.class_index, np.flatnonzero(counts >= _LEAST))
        source, samples = with_its_classes(scene, scene.samples.subset(learnable))
        training, tested = samples.subset(here[learnable]), samples.subset(~here[learnable])
        training = training.subset(subsample(training.class_index, MOST_TRAINING, draw, balanced=False))
        cube = masked(scene, within, "source")
        return cls(replace(source, cube=cube), training, tested, scene.samples.subset(~here & ~learnable))


def halves(options: argparse.Namespace, folder: Path) -> None:
    """A classifier of one half on the other; each draw holds out other fields of the source."""
    for name in options.scene or HALVES:
        scene = prepare(name, known_scenes()[name], folder / name, options.qgis)
        rows = []
        for draw in range(options.draws):
            rows.append(of_draw(scene, *HALVES[name], draw))
            print(f"{name}, draw {draw}: {', '.join(f'{k} {v:.2f}' for k, v in rows[-1].items())}", flush=True)
        table = {key: np.array([row[key] for row in rows]) for key in rows[0]}
        gain = table["right inside"] - table["right outside"]
        surer = table["right inside and sure"] - table["right elsewhere"]
        print(f"{name}, mean and deviation of {len(rows)} draws:")
        print(", ".join(f"{key} {np.nanmean(found):.2f} ± {np.nanstd(found):.2f}" for key, found in table.items()))
        print(
            f"inside - outside {np.nanmean(gain):.1f} ± {np.nanstd(gain):.1f}, at least 10 in {(gain >= 10).sum()} "
            f"draws; sure - elsewhere {np.nanmean(surer):.1f} ± {np.nanstd(surer):.1f}, at least 10 in "
            f"{(surer >= 10).sum()}; held out - inside {np.nanmean(table['held out'] - table['right inside']):.1f}",
            flush=True,
        )


def of_draw(scene: Scene, half: Callable[[Scene, int], Mask], split: str, draw: int) -> dict[str, float]:
    """Figures of one draw, in percent but for the AUC."""
    within = half(scene, draw)
    parts = Half.of(scene, within, draw)
    learner = Learner(parts.source)
    learnt = learner.learn(parts.training, ClassificationSettings(split=split, seed=draw))
    applied = learner.apply(scene.folder, masked(scene, ~within, "target"))
    tested, others = parts.tested, parts.others
    right = applied.classes[tested.rows, tested.cols] == ids_of(parts.source, tested)
    inside, sure = (mask[tested.rows, tested.cols] for mask in (applied.inside, applied.sure))
    every = np.concatenate([right, np.zeros(len(others), dtype=bool)])
    every_inside = np.concatenate([inside, applied.inside[others.rows, others.cols]])
    facts, nan = applied.facts, float("nan")
    return {
        "AUC": nan if facts.shift_auc is None else facts.shift_auc,
        "inside of source": 100 * (facts.source_inside_share or 0),
        "inside of target": 100 * (facts.inside_share or 0),
        "held out": nan if learnt.accuracy is None or learnt.accuracy.oa is None else learnt.accuracy.oa,
        "right": percent(right),
        "right inside": percent(right[inside]),
        "right outside": percent(right[~inside]),
        "labelled outside": percent(~inside),
        "right inside and sure": percent(right[sure]),
        "right elsewhere": percent(right[~sure]),
        "labelled inside and sure": percent(sure),
        "right inside, all classes": percent(every[every_inside]),
        "right outside, all classes": percent(every[~every_inside]),
        "labelled outside, all classes": percent(~every_inside),
    }
