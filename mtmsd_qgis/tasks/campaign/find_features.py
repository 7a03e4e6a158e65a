# SPDX-License-Identifier: GPL-2.0-or-later
"""The step "statistics": which features the classifier sees, how they are normalised, scaled and quantised.

It looks at so many patches, tiles and windows as for one scene, spread over the campaign: what it costs does not grow
with the number of scenes. The samples are split here, before anything learns from them.

Enters: model, moments, samples of all scenes. Leaves: FoundFeatures in shared/.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...campaign.folder import read_scene, scene_folder
from ...campaign.scene_moments import SceneMoments
from ...campaign.steps import MOMENTS, STEPS, Unit, units_of
from ...classification.auto.feature_sets import BandPlan
from ...classification.auto.scene_scaling import FeatureScaling, SpectraScaling
from ...diffusion.batch_plan import memory_guard
from ...errors import SamplesError
from ...features.extractor import FeatureExtractor
from ...features.feature_recipe import FeatureRecipe
from ...features.lazy_raster import LazyFeatures
from ...features.selection import FeatureSelection, labelled_layout, select_features
from ...features.tile_cache import TileCache
from ...features.timestep_intervals.chosen_extractor import PatchSource, at_chosen_timesteps
from ...io.run_directory import RunDirectory
from ...io.windows import BLOCK, HALO, Tile, Window, clip, network_tile_at, network_tile_side
from ...jobs.protocol import Job
from ...jobs.timesteps.trained_timesteps import refuse_untrained
from ...progress import Progress, span
from ...sampling.sample_split import SampleSplit, split_samples, with_reference
from ...sampling.sample_table import SampleTable, check_classes, read_samples
from ...sampling.sample_weights import SampleWeights, read_sample_weights
from ..job_device import announce_device
from .campaign_run import CampaignRun, UnitWork
from .mosaic_features import FoundFeatures, MosaicFeatures, SplitWords

log = logging.getLogger(__name__)

_SCALING_WINDOWS = 24  # as for one scene
_CELLS = 2  # blocks in the side of such a window


def find_features(run: CampaignRun) -> UnitWork:
    """How the features are found."""

    def find(unit: Unit, progress: Progress) -> None:
        settings = run.campaign.classify
        device = announce_device(settings.device, settings.seed)
        split = split_of(run)
        with memory_guard(device, "Choose fewer TIMESTEPS, a smaller KEEP, or DEVICE 'cpu'."):
            found = MosaicFeatures.of_model(run)
            refuse_untrained(run.campaign.extract.timesteps, found.model.settings.last_timestep)
            extractor = FeatureExtractor(found.model.network.to(device.torch_device), run.campaign.extract)
            sampler = run.sampler(found.model.preprocessor, found.model.settings.patch_size)
            patches = sampler.for_statistics(run.campaign.extract.seed)
            extractor.learn_statistics(patches, span(progress, 0.0, 0.1), found.model.statistics)
            places = PatchSource(sampler, RunDirectory(run.folder), network_tile_side(*run.campaign.size))
            extractor, choice = at_chosen_timesteps(extractor, places, span(progress, 0.1, 0.2))
            chosen = _selection(found, extractor, split.training, span(progress, 0.2 if choice else 0.1, 0.8))
            count = len(found.positions) if run.campaign.extract.spectra else 0
            side = found.model.settings.patch_size
            layout = replace(chosen.layout, window=side, spectra=count, timestep_choice=choice)
            lazy = found.lazy(found.extraction(extractor), chosen.features, layout)
            plan = BandPlan.of(layout, lazy.bands)
            windows = _spread_windows(run, lazy, plan)
            scaling = FeatureScaling.fit(lazy, plan, windows, device.torch_device) if plan.features else None
            progress(0.9, "scaling of the features")
            spectra = SpectraScaling.fit(lazy, plan.base, windows, device.torch_device)
        FoundFeatures(
            layout,
            FeatureRecipe.of(extractor, chosen.features),
            spectra,
            scaling,
            split.training,
            _scenes_of(run, split.training),
            split.validation,
            SplitWords(split.method, split.sentence, split.not_held_out),
        ).save(run.folder / unit.file)

    return find


def split_of(run: CampaignRun) -> SampleSplit:
    """The samples of all scenes, split as the settings say, with rows and columns of the mosaic.

    Raises:
        SamplesError: There are none, or too few of a class.
    """
    samples, scenes = _all_samples(run, "samples")
    if not len(samples):
        raise SamplesError(
            "Training samples were expected in a scene of the campaign, found none. Prepare it with a training layer."
        )
    check_classes(samples.class_index, run.campaign.classes)
    reference, _ = _all_samples(run, "validation")
    classes, settings = run.campaign.classes, run.campaign.classify
    if len(reference):
        return with_reference(samples, reference, settings.buffer, classes)
    return split_samples(Job("campaign", classes=classes), run.folder, samples, settings, scenes)


def reference_samples(run: CampaignRun) -> SampleTable:
    """The reference samples of all scenes, with rows and columns of the mosaic; may be empty."""
    return _all_samples(run, "validation")[0]


def sample_weights(run: CampaignRun) -> SampleWeights | None:
    """The weights of the training layer's features, which the first scene has for all; None: samples count alike."""
    first = run.campaign.scenes[0]
    return read_sample_weights(scene_folder(run.folder, first), read_scene(run.folder, first).sample_weights)


def _all_samples(run: CampaignRun, which: str) -> tuple[SampleTable, NDArray[np.int64]]:
    """The tables that the scenes' jobs name so, as one, and the number of the scene of each sample."""
    tables, numbers = [np.zeros((0, 4), dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for number, scene in enumerate(run.campaign.scenes):
        name = getattr(read_scene(run.folder, scene), which)
        if name is not None:
            table = read_samples(scene_folder(run.folder, scene), name).to_array()
            tables.append(table + np.array([scene.row, scene.col, 0, 0]))
            numbers.append(np.full(len(table), number, dtype=np.int64))
    return SampleTable.from_array(np.concatenate(tables)), np.concatenate(numbers)


def _scenes_of(run: CampaignRun, samples: SampleTable) -> NDArray[np.int64]:
    """(N,) number of the first scene that each sample lies in."""
    scene = np.full(len(samples), -1, dtype=np.int64)
    for number, place in enumerate(run.mosaic.places):
        inside = (samples.rows >= place.row) & (samples.rows < place.stop_row)
        inside &= (samples.cols >= place.col) & (samples.cols < place.stop_col)
        scene[inside & (scene < 0)] = number
    return scene


def _selection(
    found: MosaicFeatures, extractor: FeatureExtractor, training: SampleTable, progress: Progress
) -> FeatureSelection:
    """The features selected by the training samples on valid pixels."""
    tiles, valid = _tiles_with_samples(found, training)
    samples = training.subset(valid)
    layout = labelled_layout(samples, found.run.campaign.classes)
    no_cache = TileCache(found.run.folder, extractor.device, limit_bytes=0)
    return select_features(found.extraction(extractor, tiles), samples, layout, no_cache, progress)


def _tiles_with_samples(found: MosaicFeatures, samples: SampleTable) -> tuple[list[Tile], NDArray[np.bool_]]:
    """The tiles of the mosaic that hold samples on valid pixels, in row-major order, and which samples (N,) do so."""
    size = found.run.campaign.size
    side = network_tile_side(*size)
    step = side - 2 * HALO
    mask = found.extraction(FeatureExtractor(found.model.network, found.run.campaign.extract)).valid
    valid, tiles = np.zeros(len(samples), dtype=bool), []
    cells = np.stack([samples.rows // step, samples.cols // step], axis=1)
    order, of_cell = np.unique(cells, axis=0, return_inverse=True)
    for number, (row, col) in enumerate(order.tolist()):
        tile = network_tile_at(size, side, HALO, row * step, col * step)
        inside = np.flatnonzero(of_cell.reshape(-1) == number)
        has_data = mask[tile.core.slices]
        valid[inside] = has_data[samples.rows[inside] - tile.core.row, samples.cols[inside] - tile.core.col]
        if valid[inside].any():
            tiles.append(tile)
    return tiles, valid


def _spread_windows(run: CampaignRun, lazy: LazyFeatures, plan: BandPlan) -> list[Window]:
    """Windows with data, spread evenly over those of the campaign."""
    side = _CELLS * BLOCK
    windows = []
    for unit, place in zip(units_of(run.campaign, STEPS[MOMENTS]), run.mosaic.places):
        blocks = SceneMoments.load(run.folder / unit.file).blocks
        rows, cols = np.nonzero(blocks)
        cells = np.unique(np.stack([rows // _CELLS, cols // _CELLS], axis=1), axis=0)
        for row, col in cells.tolist():
            inside = clip(Window(row * side, col * side, side, side), place.height, place.width)
            windows.append(Window(inside.row + place.row, inside.col + place.col, inside.height, inside.width))
    chosen = np.unique(np.linspace(0, len(windows) - 1, min(_SCALING_WINDOWS, len(windows))).round().astype(int))
    lazy.expect([*plan.base, *plan.features, *plan.guide])
    return [windows[i] for i in chosen]
