# SPDX-License-Identifier: GPL-2.0-or-later
"""From a feature raster and training samples to something that predicts a map: one recipe a classifier.

Enters: a Cube with its layout, a table of training samples, settings. Leaves: a Learnt: a mapper, and what the report
says of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..features.purification import PAPER_SHARE
from ..features.tile_lookup import tiles_with_pixels
from ..io.cube import Raster
from ..io.windows import Tile
from ..jobs.data_model import ClassEntry, FeatureLayout
from ..jobs.results import ClassShare, EnsembleSummary, ModelSummary, SmoothingSummary
from ..jobs.settings import ClassificationSettings
from ..progress import Progress, span
from ..sampling.groups import block_ids, spatial_groups
from ..sampling.sample_table import SampleTable, check_classes
from ..sampling.subsampling import subsample
from .auto.class_priors import expecting, scene_shares
from .auto.ensemble import TOO_FEW_TO_WEIGH, Pool, fit_pool
from .auto.feature_importance import influences
from .auto.feature_sets import GUIDE, Source, ViewReader
from .auto.model_library import PLAIN, SCENE_KERNELS, candidates_for, views_of
from .auto.unlabelled_pixels import SceneDraw
from .context.probability_filter import Agreement, KnownNeighbours
from .estimator import LabelledFeatures
from .fusion.ensemble import FusionEnsemble
from .fusion.reader import FeatureReader, FusionMapper, gather, purify_samples, sample_limit
from .logistic_regression import LogisticRegression
from .predictor import Learnt
from .transformer.patch_classifier import FeatureProjection, PatchClassifier
from .transformer.patch_reader import PatchMapper, PatchReader

log = logging.getLogger(__name__)

_INFLUENCE_SAMPLES = 500
_VIEW_BYTES = 2 << 30  # of the views of the training samples
_SCENE_PIXELS = 3000  # unlabelled ones that few samples are learnt with (docs/decisions.md, 25)


@dataclass(frozen=True)
class Task:
    """What is to be learnt.

    Attributes:
        cube: Features, spectra, or plain bands.
        layout: What its bands are.
        training: Samples.
        classes: In the order of the class indices.
        settings: Of the classification.
        device: To learn on.
    """

    cube: Raster
    layout: FeatureLayout
    training: SampleTable
    classes: tuple[ClassEntry, ...]
    settings: ClassificationSettings
    device: torch.device


def learn(task: Task, progress: Progress) -> Learnt:
    """Fit the classifier that the settings name."""
    recipes: Mapping[str, Callable[[Task, Progress], Learnt]] = {
        "auto": _learn_pool,
        "mtmsd": _learn_fusion,
        "linear": _learn_fusion,
        "transformer3d": _learn_patches,
    }
    return recipes[task.settings.classifier](task, progress)


@dataclass(frozen=True)
class PoolMapper:
    """Predicts from the views that a pool rests on.

    Attributes:
        reader: Of the views.
        pool: Fitted.
        classes: K.
        agreement: How neighbours agree on a class; None: each pixel decides alone.
    """

    reader: ViewReader
    pool: Pool
    classes: int
    agreement: Agreement | None = None

    @property
    def device(self) -> torch.device:
        """Where views lie."""
        return self.reader.device

    @property
    def _wanted(self) -> list[str]:
        return self.pool.views if self.agreement is None else [*self.pool.views, GUIDE]

    @property
    def bands(self) -> list[int]:
        """Bands that prediction reads."""
        return self.reader.bands_of(self._wanted)

    def windows(self) -> list[Tile]:
        """Windows whose cores cover the raster once."""
        return self.reader.windows(self._wanted)

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, 0 where invalid, and where it is valid (h, w)."""
        views, valid = self.reader.read(tile, self.pool.views)
        return self._predicted(views, valid), valid

    def opinions(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities and guide (K + G, h, w) of a window's core, and where it is valid (h, w)."""
        views, valid = self.reader.read(tile, [*self.pool.views, GUIDE])
        return np.concatenate([self._predicted(views, valid), views[GUIDE].cpu().numpy()]), valid

    def _predicted(self, views: Mapping[str, Tensor], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        found = np.zeros((self.classes, *valid.shape), dtype=np.float32)
        if valid.any():
            here = torch.from_numpy(valid).to(self.reader.device)
            used = {name: views[name][:, here].T for name in self.pool.views}
            found[:, valid] = self.pool.predict(used).cpu().numpy().T
        return found


def _learn_pool(task: Task, progress: Progress) -> Learnt:
    """The default: views, candidates, cross-validation of the split's kind, a pool."""
    settings, training = task.settings, task.training
    kind = "spatial" if settings.may_filter_probabilities else "random"
    reader = ViewReader(task.cube, task.layout, task.device)
    beside = [] if kind == "random" else [GUIDE, *views_of(PLAIN)]
    wanted = sorted({*views_of(candidates_for(reader.names, kind)), *beside})
    columns = sum(len(reader.sources(name)) for name in wanted)
    training = _fitting(training, int(_VIEW_BYTES // (4 * columns)), settings.seed)
    too_few = kind == "random" and len(training) < TOO_FEW_TO_WEIGH
    near_and_far = np.concatenate([training.positions, [(window.row, window.col) for window in reader.survey]])
    kept = [view for view in views_of(SCENE_KERNELS) if view in wanted]
    drawn = SceneDraw(kept, near_and_far, _SCENE_PIXELS, settings.seed) if too_few else None
    views, order = _gather_views(reader, training, wanted, span(progress, 0.0, 0.2), drawn)
    training = training.subset(order)
    rows, cols, classes = training.rows, training.cols, training.class_index
    check_classes(classes, task.classes)
    guide = views.pop(GUIDE, None)
    blocks = block_ids(rows, cols, settings.block_size)
    places = blocks if settings.split == "block" else spatial_groups(training, settings.block_size)
    target = torch.from_numpy(classes).to(task.device)
    trying = span(progress, 0.2, 0.95)
    around = None if drawn is None else drawn.views()
    whitening = reader.noise_whitening
    seed, count = settings.seed, len(task.classes)
    neighbours = None if guide is None else KnownNeighbours(guide, rows, cols, classes, seed)
    several = neighbours is not None and neighbours.of_several_classes
    pool = fit_pool(views, target, places, blocks, count, kind, whitening, seed, trying, around, several=several)
    for trial in sorted(pool.trials, key=lambda t: -float(t["weight"])):
        if trial["weight"]:
            log.info("%2.0f %% %s (accuracy %.3f)", 100 * float(trial["weight"]), trial["name"], trial["accuracy"])
    log.info("Cross-validation on training samples, held out by %s: accuracy %.3f.", pool.folds, pool.accuracy)
    models = tuple(ModelSummary(str(t["name"]), float(t["weight"]), float(t["accuracy"])) for t in pool.trials)
    summary = EnsembleSummary(models, pool.accuracy, pool.folds, kind)
    if pool.several:
        common = scene_shares(reader, pool, seed, span(progress, 0.95, 1.0))
        named = [(entry.name, float(share)) for entry, share in zip(task.classes, common)]
        summary = replace(summary, class_shares=tuple(ClassShare(name, round(share, 4)) for name, share in named))
        said = ", ".join(f"{name} {100 * share:.0f} %" for name, share in named)
        log.info("How common each class is, asked of the scene: %s.", said)
        pool = expecting(pool, common)
    some = np.random.default_rng(seed).permutation(len(classes))[:_INFLUENCE_SAMPLES]
    few = {name: view[torch.from_numpy(some).to(task.device)] for name, view in views.items()}
    shares = [
        influences(pool, few, {name: [say(s) for s in reader.sources(name)] for name in pool.views}, seed)
        for say in (_timestep_of, _stage_of)
    ]
    agreement = None
    if neighbours is not None and pool.folds != "samples":
        agreement = neighbours.agreement(several=pool.several)
    if agreement is not None:
        smoothing = SmoothingSummary(agreement.likeness, agreement.mixed, agreement.guides)
        summary = replace(summary, smoothing=smoothing)
    mapper = PoolMapper(reader, pool, count, agreement)
    return Learnt(mapper, _in_order(shares[0]), _in_order(shares[1]), task.layout.features, summary)


def _learn_fusion(task: Task, progress: Progress) -> Learnt:
    """The paper's way: purification and selective fusion of the timesteps, or its plain linear sibling."""
    layout, settings = task.layout, task.settings
    reader = FeatureReader(task.cube, layout, task.device)
    training = _fitting(task.training, sample_limit(layout), settings.seed)
    samples, order = gather(reader, training, span(progress, 0.0, 0.1))
    check_classes(training.class_index[order], task.classes)
    purified = purify_samples(samples, _features_to_keep(settings, layout))
    local, around = purified(samples.local, samples.around)
    reduced = LabelledFeatures(local, around, samples.classes)
    linear = settings.classifier == "linear"
    count = len(task.classes)
    classifier = LogisticRegression(count, settings.seed) if linear else FusionEnsemble(settings, count)
    fitted = classifier.fit(reduced, span(progress, 0.1, 1.0))
    weights = fitted.timestep_weights(reduced)
    shares = {str(t): float(w) for t, w in zip(layout.timesteps, weights)}
    mapper = FusionMapper(reader, fitted, purified, len(task.classes))
    return Learnt(mapper, shares, {}, int(local.shape[2]))


def _learn_patches(task: Task, progress: Progress) -> Learnt:
    """3-D convolution and transformer on patches of the features."""
    layout, settings = task.layout, task.settings
    reader = PatchReader(task.cube, layout, task.device)
    training = _fitting(task.training, int(_VIEW_BYTES // (4 * layout.diffusion_bands)), settings.seed)
    values, order = reader.pixels(training, span(progress, 0.0, 0.1))
    training = training.subset(order)
    check_classes(training.class_index, task.classes)
    projection = FeatureProjection.fit(values)
    patches = reader.patches(projection, training, span(progress, 0.1, 0.2))
    target = torch.from_numpy(training.class_index).to(task.device)
    fitted = PatchClassifier(settings, len(task.classes)).fit(patches, target, span(progress, 0.2, 1.0))
    weights = projection.band_weights(fitted.sensitivity(patches[:_INFLUENCE_SAMPLES]))
    by_band = weights.view(len(layout.timesteps), layout.features)
    timesteps = {str(t): float(w) for t, w in zip(layout.timesteps, by_band.sum(dim=1))}
    stages: dict[str, float] = {}
    for name, share in zip(layout.names, by_band.sum(dim=0).tolist()):
        stage = name.split(" ")[0].removeprefix("s")
        stages[stage] = stages.get(stage, 0.0) + share
    mapper = PatchMapper(reader, projection, fitted, len(task.classes))
    return Learnt(mapper, timesteps, _in_order(stages), layout.features)


def _fitting(training: SampleTable, limit: int, seed: int) -> SampleTable:
    """At most so many samples as fit into memory."""
    chosen = subsample(training.class_index, limit, seed, balanced=True)
    if len(chosen) < len(training):
        log.warning("%d of %d training samples are used, to fit into memory.", len(chosen), len(training))
    return training.subset(chosen)


def _gather_views(
    reader: ViewReader, training: SampleTable, wanted: list[str], progress: Progress, drawn: SceneDraw | None
) -> tuple[dict[str, Tensor], NDArray[np.int64]]:
    """Views (N', F) at the samples on valid pixels, and the indices of those samples, in window order.

    Pixels of the scene are drawn on the way.
    """
    rows, cols = (training.positions if drawn is None else np.concatenate([training.positions, drawn.corners])).T
    parts: dict[str, list[Tensor]] = {name: [] for name in wanted}
    found: list[NDArray[np.int64]] = []
    for tile, here in tiles_with_pixels(reader.windows(wanted, for_samples=True), rows, cols, progress):
        views, valid = reader.read(tile, wanted)
        if drawn is not None:
            drawn.add(views, valid, tile.core)
        mine = here[here < len(training)]
        r, c = rows[mine] - tile.core.row, cols[mine] - tile.core.col
        usable = valid[r, c]
        for name, view in views.items():
            parts[name].append(view[:, r[usable], c[usable]].T)
        found.append(mine[usable])
    return {name: torch.cat(part) for name, part in parts.items()}, np.concatenate(found)


def _features_to_keep(settings: ClassificationSettings, layout: FeatureLayout) -> int:
    """The setting; without one, 60 % of an unpurified diffusion raster and all of any other."""
    if settings.keep is not None:
        return settings.keep
    unpurified = layout.purification == "none" and len(layout.timesteps) > 1
    return round(PAPER_SHARE * layout.features) if unpurified else 0


def _timestep_of(source: Source) -> str:
    return str(source.timestep) if source.timestep is not None else source.kind


def _stage_of(source: Source) -> str:
    return str(source.stage) if source.stage is not None else source.kind


def _in_order(shares: Mapping[str, float]) -> dict[str, float]:
    """Words first, then numbers, ascending."""
    return dict(sorted(shares.items(), key=lambda item: (item[0].isdigit(), item[0].zfill(9))))
