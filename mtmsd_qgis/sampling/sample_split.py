# SPDX-License-Identifier: GPL-2.0-or-later
"""Samples of a job split into training and validation samples, as its settings say.

Enters: a SampleTable, the job with its reference samples or none, settings. Leaves: a SampleSplit, and what the report
says of it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplesError
from ..jobs.accuracy_results import whole_percent
from ..jobs.data_model import ClassEntry
from ..jobs.protocol import Job
from ..jobs.results import SplitFacts
from ..jobs.settings import ClassificationSettings
from .groups import block_ids, spatial_groups
from .sample_table import SampleTable, read_samples
from .splits import LEAST_TRAINING_SAMPLES, Split, apart, group_split, no_split, random_split, scene_split

log = logging.getLogger(__name__)

_BESIDE = 1.5  # pixels between the centres of two that touch, at most


@dataclass(frozen=True)
class SampleSplit:
    """Samples split into training and validation.

    Attributes:
        training: To learn from.
        validation: To evaluate the map with; may be empty.
        method: "layer", "none", "random", "spatial" or "scene".
        sentence: What the way of holding out does to the figure.
        not_held_out: Names of classes of which nothing could be held out.
    """

    training: SampleTable
    validation: SampleTable
    method: str
    sentence: str
    not_held_out: tuple[str, ...] = ()

    def facts(self, classes: int, outside_map: int) -> SplitFacts:
        """What the result says of the split.

        Args:
            classes: K.
            outside_map: Validation samples where the map has no class.
        """
        return SplitFacts(
            method=self.method,
            sentence=self.sentence,
            not_held_out=self.not_held_out,
            training_samples=tuple(self.training.count_by_class(classes).tolist()),
            validation_samples=tuple(self.validation.count_by_class(classes).tolist()),
            validation_outside_map=outside_map,
        )


def split_samples(
    job: Job,
    folder: Path,
    samples: SampleTable,
    settings: ClassificationSettings,
    scenes: NDArray[np.int64] | None = None,
) -> SampleSplit:
    """Split the samples as the settings say, or take the job's own reference samples.

    Args:
        job: With the classes, and reference samples or none.
        folder: The job folder.
        samples: All.
        settings: How to split.
        scenes: (N,) the raster that each sample lies in; None where there is one.

    Raises:
        SamplesError: The reference samples cannot be read, too few training samples are left, or scenes are to be
            held out and there is one.
    """
    if job.validation is not None:
        return with_reference(samples, read_samples(folder, job.validation), settings.buffer, job.classes)
    split = _hold_out(samples, settings, np.zeros(len(samples), dtype=np.int64) if scenes is None else scenes)
    training, validation = samples.subset(~split.held_out), samples.subset(split.held_out)
    sentence = split.sentence
    if settings.buffer and len(validation):
        training, told = _beyond_buffer(training, validation, settings.buffer, job.classes)
        sentence += told
    if split.method != "random":  # whose sentence says so
        sentence += _beside(training, validation)
    missing = tuple(job.classes[i].name for i in split.not_held_out) if split.method != "none" else ()
    if missing and len(validation):
        log.warning("Nothing could be held out of: %s.", ", ".join(missing))
    elif missing:
        log.warning("%s", split.sentence)
    return SampleSplit(training, validation, split.method, sentence, missing)


def _hold_out(samples: SampleTable, settings: ClassificationSettings, scenes: NDArray[np.int64]) -> Split:
    share, seed = settings.validation_share, settings.seed
    if settings.split == "random":
        return random_split(samples.class_index, share, seed, with_neighbours=settings.buffer < 1)
    if settings.split == "spatial":
        return group_split(samples.class_index, spatial_groups(samples, settings.block_size), share, seed)
    if settings.split == "scene":
        return scene_split(samples.class_index, scenes, share, seed)
    if settings.split == "block":
        blocks = block_ids(samples.rows, samples.cols, settings.block_size)
        return group_split(samples.class_index, blocks, share, seed)
    return no_split(len(samples))


def _beyond_buffer(
    training: SampleTable, held_out: SampleTable, buffer: float, classes: Sequence[ClassEntry]
) -> tuple[SampleTable, str]:
    """Training samples farther than the buffer from every held-out one, and a sentence on the others.

    Raises:
        SamplesError: A class would be left with too few.
    """
    far = apart(training.positions.astype(np.float64), held_out.positions.astype(np.float64), buffer)
    remaining = training.subset(far)
    counts = remaining.count_by_class(len(classes))
    short = [f"{entry.name} ({n})" for entry, n in zip(classes, counts) if n < LEAST_TRAINING_SAMPLES]
    if short:
        raise SamplesError(
            f"With a buffer of {buffer:g} pixels around the held-out samples, too few training samples are left of: "
            f"{', '.join(short)}. At least {LEAST_TRAINING_SAMPLES} of each class are needed: choose a smaller BUFFER, "
            "a smaller VALIDATION_SHARE, or a validation layer that lies farther away."
        )
    log.info("Buffer of %g pixels: %d of %d training samples are left out.", buffer, (~far).sum(), len(far))
    width = f"{buffer:g} pixel{'' if buffer == 1 else 's'}"
    return remaining, f" {(~far).sum()} training samples within {width} of them were left out (BUFFER)."


def with_reference(
    samples: SampleTable, reference: SampleTable, buffer: float, classes: Sequence[ClassEntry]
) -> SampleSplit:
    """Take reference samples, without those on training pixels; and the training samples beyond the buffer around them.

    Raises:
        SamplesError: The buffer leaves a class with too few training samples.
    """
    used = set(zip(samples.rows.tolist(), samples.cols.tolist()))
    pixels = zip(reference.rows.tolist(), reference.cols.tolist())
    fresh = np.array([pixel not in used for pixel in pixels], dtype=bool)
    sentence = "A layer of reference samples was used."
    shared = int((~fresh).sum())
    if shared:
        log.warning("%d reference samples lie on training pixels and are left out.", shared)
        sentence += f" {shared} of its samples lay on training pixels and were left out."
    if not fresh.any():
        sentence += " None is left, so no accuracy is given. Use samples on other pixels."
        log.warning("%s", sentence)
    validation = reference.subset(fresh)
    if buffer and len(validation):
        samples, told = _beyond_buffer(samples, validation, buffer, classes)
        sentence += told
    return SampleSplit(samples, validation, "layer", sentence + _beside(samples, validation))


def _beside(training: SampleTable, held_out: SampleTable) -> str:
    """A sentence on held-out pixels that touch training pixels, as of the same field; empty where there are none."""
    if not len(training) or not len(held_out):
        return ""
    far = apart(held_out.positions.astype(np.float64), training.positions.astype(np.float64), _BESIDE)
    if far.all():
        return ""
    told = whole_percent(1 - float(far.mean()))
    return (
        f" {told[0].upper()}{told[1:]} of the held-out pixels lie right beside a training pixel, where the figure is "
        "too high for places without samples; BUFFER=2 keeps them apart."
    )
