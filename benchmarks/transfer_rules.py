# SPDX-License-Identifier: GPL-2.0-or-later
"""How much accuracy a classifier loses on shifted scenes, beside what is said of them without labels (decision 33).

A support vector machine learns the bands of labelled pixels and maps other labelled pixels of the same scene, after the
scene was made brighter, hazier or noisier, and those of its other half. Enters: the known scenes. Leaves: a line for
each pair of scenes, and the losses by verdict, on standard output. Takes minutes:

    MTMSD_VENVS=.venv .venv/benchmark/bin/python benchmarks/transfer_rules.py [SCENE...]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.scenes import Scene, SceneMissing, known_scenes, prepare  # noqa: E402 - the path comes first
from mtmsd_qgis.io.cube import Cube, create_cube  # noqa: E402
from mtmsd_qgis.io.windows import whole  # noqa: E402
from mtmsd_qgis.jobs.data_model import Band  # noqa: E402
from mtmsd_qgis.jobs.transfer_results import CAREFUL, NOT_TRUSTED, TRUSTED, TransferFacts  # noqa: E402
from mtmsd_qgis.sampling.folds import group_folds  # noqa: E402
from mtmsd_qgis.sampling.sample_table import SampleTable  # noqa: E402
from mtmsd_qgis.sampling.subsampling import subsample  # noqa: E402
from mtmsd_qgis.transfer.band_matching import compare_bands  # noqa: E402
from mtmsd_qgis.transfer.scene_applicability import RasterWithDifferences, SceneApplicability  # noqa: E402
from mtmsd_qgis.transfer.scene_summary import SceneSummary  # noqa: E402
from mtmsd_qgis.transfer.transfer_summary import Inside, SceneComparison, Scenes  # noqa: E402

Values = NDArray[np.float32]
Classify = Callable[[Values], NDArray[np.int64]]  # pixels (n, B) -> class indices (n,)
_MOST_TRAINING, _FOLDS = 1500, 4


@dataclass(frozen=True)
class Learnt:
    """A classifier and what is known of its source.

    Attributes:
        folder: For rasters.
        source: (B, H, W), NaN outside the part that it was learnt from.
        training: The samples.
        applicability: By its bands.
        classify: The classifier.
        cross_validated: Share that is right, 0 to 1.
    """

    folder: Path
    source: Values
    training: SampleTable
    applicability: SceneApplicability
    classify: Classify
    cross_validated: float

    @classmethod
    def of(cls, folder: Path, source: Values, samples: SampleTable) -> Learnt:
        """Learn from samples that have data."""
        samples = samples.subset(np.flatnonzero(np.isfinite(at(source, samples)).all(axis=1)))
        samples = samples.subset(subsample(samples.class_index, _MOST_TRAINING, 0, balanced=True))
        folds = group_folds(samples.class_index, samples.group, _FOLDS, 0)
        pixels, classes = at(source, samples), samples.class_index
        tested = [fold for fold in range(_FOLDS) if (folds == fold).any()]
        right = [
            fitted(pixels[folds != f], classes[folds != f])(pixels[folds == f]) == classes[folds == f] for f in tested
        ]
        area = SceneApplicability.fit(RasterWithDifferences(raster(folder, source)), samples.positions, folds)
        return cls(folder, source, samples, area, fitted(pixels, classes), float(np.concatenate(right).mean()))

    def facts(self, target: Values) -> tuple[TransferFacts, NDArray[np.bool_]]:
        """What is said of a target without its labels, and which of its pixels (H, W) lie inside."""
        summaries = [SceneSummary.of_raster(raster(self.folder, values)) for values in (self.source, target)]
        shares, inside = [], np.zeros(target.shape[1:], dtype=bool)
        for values in (self.source, target):
            cube = RasterWithDifferences(raster(self.folder, values))
            index = self.applicability.index(cube, whole(cube.height, cube.width))
            inside = self.applicability.area.inside(index)
            shares.append(float(inside[np.isfinite(index)].mean()))
        bands = raster(self.folder, target).description.bands
        scenes = Scenes(bands, compare_bands(bands, bands), *summaries)
        noise = self.applicability.noise_inside_share()
        return SceneComparison.of(scenes, "none").facts(Inside(shares[1], shares[0], noise)), inside


def fitted(pixels: Values, classes: NDArray[np.int64]) -> Classify:
    """A support vector machine on standardised bands."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return make_pipeline(StandardScaler(), SVC(C=100)).fit(pixels, classes).predict


def at(values: Values, samples: SampleTable) -> Values:
    """Pixels (N, B) of the samples."""
    return np.ascontiguousarray(values[:, samples.rows, samples.cols].T)


def raster(folder: Path, values: Values) -> Cube:
    """Values as a raster on the disk."""
    bands = [Band(f"b{i + 1}", number=i + 1) for i in range(len(values))]
    cube = create_cube(folder, "values", (values.shape[1], values.shape[2]), "float32", bands)
    cube.write(whole(*values.shape[1:]), values)
    cube.flush()
    return cube


def shifted(values: Values) -> Iterator[tuple[str, Values]]:
    """The scene as it is, and shifted in different ways and degrees."""
    rng = np.random.default_rng(0)
    deviation = np.nanstd(values, axis=(1, 2), keepdims=True)
    yield "as it is", values
    for gain in (1.02, 1.05, 1.1, 1.2, 1.4):
        yield f"gain {gain}", (values * gain).astype(np.float32)
    for share in (0.25, 0.5, 1):
        yield f"offset {share} SD", (values + share * deviation).astype(np.float32)
    yield "haze", (values + np.linspace(1, 0, len(values))[:, None, None] * deviation).astype(np.float32)
    for share in (0.1, 0.3, 1):
        yield f"noise {share} SD", (values + share * deviation * rng.normal(size=values.shape)).astype(np.float32)


def right_of(learnt: Learnt, target: Values, samples: SampleTable, inside: NDArray[np.bool_]) -> tuple[float, ...]:
    """Percent right on all samples, on those inside and on those outside."""
    samples = samples.subset(np.flatnonzero(np.isfinite(at(target, samples)).all(axis=1)))
    right = learnt.classify(at(target, samples)) == samples.class_index
    within = inside[samples.rows, samples.cols]
    return tuple(
        100 * float(part.mean()) if len(part) else float("nan") for part in (right, right[within], right[~within])
    )


def report(name: str, learnt: Learnt, facts: TransferFacts, right: tuple[float, ...]) -> None:
    """One line."""
    print(
        f"{name:34s} AUC {facts.shift_auc:.2f}, adapted {facts.adapted_auc:.2f}, inside {100 * facts.inside_share:.0f} "
        f"({100 * facts.source_inside_share:.0f}), noise {100 * facts.noise_inside_share:.0f}, cross-validated "
        f"{100 * learnt.cross_validated:.1f}, right {right[0]:.1f}, inside {right[1]:.1f}, outside {right[2]:.1f}: "
        f"{facts.verdict}",
        flush=True,
    )


def losses_of(scene: Scene, folder: Path) -> list[tuple[float, float, str, float]]:
    """AUC, share inside, verdict and points lost of each shifted scene; prints them, and the halves."""
    cube = Cube(scene.folder, scene.cube)
    values = cube.read(whole(cube.height, cube.width))
    values[:, ~np.isfinite(values).all(axis=0)] = np.nan
    learnt = Learnt.of(folder, values, scene.samples)
    used = set(zip(learnt.training.rows.tolist(), learnt.training.cols.tolist()))
    pairs = zip(scene.samples.rows.tolist(), scene.samples.cols.tolist())
    others = np.array([pair not in used for pair in pairs])
    # Where nearly all samples are for training, as in a scene of few polygons, they are mapped themselves.
    tested = scene.samples.subset(np.flatnonzero(others)) if others.sum() > len(used) / 2 else scene.samples
    found, unshifted = [], 0.0
    for how, target in shifted(values):
        facts, inside = learnt.facts(target)
        right = right_of(learnt, target, tested, inside)
        report(f"{scene.name}, {how}", learnt, facts, right)
        if how == "as it is":
            unshifted = right[0]
        else:
            share = facts.inside_share / facts.source_inside_share
            found.append((facts.shift_auc, share, facts.verdict, unshifted - right[0]))
    for how, columns in (("left > right", slice(0, cube.width // 2)), ("right > left", slice(cube.width // 2, None))):
        source, target = np.full_like(values, np.nan), values.copy()
        source[:, :, columns], target[:, :, columns] = values[:, :, columns], np.nan
        half = Learnt.of(folder, source, scene.samples)
        facts, inside = half.facts(target)
        report(f"{scene.name}, {how}", half, facts, right_of(half, target, scene.samples, inside))
    return found


def tell(title: str, lost: list[float]) -> None:
    """Number, median, least and most."""
    if lost:
        print(f"{title:24s} {len(lost):3d} scenes, lost {np.median(lost):.1f} ({min(lost):.1f} to {max(lost):.1f})")


def main() -> None:
    """All scenes, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", nargs="*", help="names; all where none is given")
    names = parser.parse_args().scene or list(known_scenes())
    qgis = Path(os.environ.get("MTMSD_VENVS", ROOT / ".venv")) / "qgis/bin/python"
    found: list[tuple[float, float, str, float]] = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                scene = prepare(name, known_scenes()[name], Path(folder) / "scene", qgis.absolute())
            except SceneMissing as missing:
                print(f"{name}: {missing}")
                continue
            found += losses_of(scene, Path(folder))
    for low, high in ((0, 0.75), (0.75, 0.9), (0.9, 0.95), (0.95, 0.99), (0.99, 1.01)):
        tell(f"AUC {low} to {min(high, 1)}", [lost for auc, _, _, lost in found if low <= auc < high])
    for low, high in ((0.9, 9), (0.5, 0.9), (0, 0.5)):
        tell(f"inside {low} to {min(high, 1)}", [lost for _, share, _, lost in found if low <= share < high])
    for verdict in (TRUSTED, CAREFUL, NOT_TRUSTED):
        tell(verdict, [lost for _, _, said, lost in found if said == verdict])


if __name__ == "__main__":
    main()
