# SPDX-License-Identifier: GPL-2.0-or-later
"""The step "gather": the classifier's feature sets at the training samples of a scene.

Enters: a scene with samples, and what "statistics" has found. Leaves: an array a feature set in shared/, with the
numbers of the samples in the table of all; and those that are smoothed without features, for a classifier without.
"""

from __future__ import annotations

import numpy as np
import torch

from ...campaign import folder as names
from ...campaign.folder import written_aside
from ...campaign.scene_moments import KIND
from ...campaign.steps import Unit
from ...classification.auto.default_classifier import samples_that_fit
from ...classification.auto.feature_reader import FeatureSetReader
from ...classification.auto.feature_sets import MARGIN, FeatureSet
from ...classification.feature_value.candidate import feature_sets_for, guided_sets_for
from ...classification.feature_value.with_and_without import AtSamples
from ...classification.training_task import TrainingTask
from ...diffusion.batch_plan import memory_guard
from ...diffusion.device import Device
from ...io.array_file import write_file
from ...io.windows import Tile, Window, clip, expand
from ...progress import Progress, span
from ...sampling.sample_table import SampleTable
from ..job_device import announce_device
from .campaign_run import CampaignRun, UnitWork
from .find_features import sample_weights
from .mosaic_features import FoundFeatures, MosaicFeatures

_CELL = 32  # pixels, side of the windows that features are read by
SPECTRA_ALONE = "spectra_alone."  # before the names of feature sets that are made without diffusion features
ORDER = "order"  # of the array with the numbers of the samples


def gather(run: CampaignRun) -> UnitWork:
    """How the features of a scene's samples are gathered."""
    device = announce_device(run.campaign.classify.device, run.campaign.classify.seed)
    found, task, reader = learning_task(run, device)
    kept = np.isin(_keys(found.training), _keys(samples_that_fit(task, reader)))
    split = task.settings.split
    reads = {"": (reader, feature_sets_for(reader, split))}
    if found.layout.spectra and reader.plan.features:
        plain = reader.without_features()
        reads[SPECTRA_ALONE] = plain, guided_sets_for(plain, split)

    def gather_scene(unit: Unit, progress: Progress) -> None:
        numbers = np.flatnonzero(kept & (found.scene == unit.scene))
        samples, arrays = found.training.subset(numbers), {}
        for number, (prefix, (of, wanted)) in enumerate(reads.items()):
            part = span(progress, 0.8 * number, 0.8 + 0.2 * number)
            with memory_guard(device, "Extract fewer features (KEEP, TIMESTEPS)."):
                columns, order = _at_samples(of, samples, wanted, part)
            arrays.update({prefix + each.name: values.cpu().numpy() for each, values in columns.items()})
        with written_aside(run.folder / unit.file) as aside:
            write_file(aside, KIND, {}, {**arrays, ORDER: numbers[order]})

    return gather_scene


def learning_task(run: CampaignRun, device: Device) -> tuple[FoundFeatures, TrainingTask, FeatureSetReader]:
    """What was found, what is to be learnt, and what reads feature sets."""
    found = FoundFeatures.load(run.shared(names.FEATURES), device.torch_device)
    lazy = MosaicFeatures.of_model(run).by_recipe(found.recipe, found.layout, device.torch_device)
    settings, classes = run.campaign.classify, run.campaign.classes
    weights = sample_weights(run)
    task = TrainingTask(lazy, found.layout, found.training, classes, settings, device.torch_device, weights=weights)
    return found, task, found.reader(lazy, device.torch_device)


def _keys(samples: SampleTable) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """One number for each place; the samples of a table have different places."""
    return (samples.rows << 32) + samples.cols


def _at_samples(
    reader: FeatureSetReader, samples: SampleTable, wanted: list[FeatureSet], progress: Progress
) -> AtSamples:
    """Feature sets (N', F) at the samples on valid pixels and their indices (N',), cell by cell of the mosaic.

    As FeatureSetReader.at_samples, which would list all cells of the mosaic.
    """
    size = reader.cube.height, reader.cube.width
    columns: dict[FeatureSet, list[torch.Tensor]] = {
        each: [torch.zeros(0, reader.columns(each), device=reader.device)] for each in wanted
    }
    order = [np.zeros(0, dtype=np.int64)]
    cells, of_cell = np.unique(
        np.stack([samples.rows // _CELL, samples.cols // _CELL], axis=1), axis=0, return_inverse=True
    )
    for number, (row, col) in enumerate(cells.tolist()):
        core = clip(Window(row * _CELL, col * _CELL, _CELL, _CELL), *size)
        values, valid = reader.read(Tile(core, expand(core, MARGIN, MARGIN)), wanted)
        inside = np.flatnonzero(of_cell.reshape(-1) == number)
        rows, cols = samples.rows[inside] - core.row, samples.cols[inside] - core.col
        usable = valid[rows, cols]
        for each, value in values.items():
            columns[each].append(value[:, rows[usable], cols[usable]].T)
        order.append(inside[usable])
        progress((number + 1) / len(cells), f"reading features of the samples: {number + 1} of {len(cells)}")
    return {each: torch.cat(parts) for each, parts in columns.items()}, np.concatenate(order)
