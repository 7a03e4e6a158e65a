# SPDX-License-Identifier: GPL-2.0-or-later
"""Labelled samples of a job: read, check, and part into training and validation.

Enters: tables in the job folder, int64 (N, 4): row, column, class index, group id. Leaves: such tables, checked, and
what the report says of the split.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplesError
from ..jobs.data_model import ClassEntry
from ..jobs.protocol import Job
from ..jobs.settings import ClassificationSettings
from .folds import sample_blocks
from .splits import LEAST_TRAINING_SAMPLES, Split, apart, no_split, random_split, sample_groups, spatial_split

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parted:
    """Samples parted into training and validation.

    Attributes:
        training: (N, 4) table.
        validation: (M, 4) table, M may be 0.
        method: "layer", "none", "random" or "spatial".
        sentence: What the way of holding out does to the figure.
        not_held_out: Names of classes of which nothing could be held out.
    """

    training: NDArray[np.int64]
    validation: NDArray[np.int64]
    method: str
    sentence: str
    not_held_out: tuple[str, ...] = ()

    def facts(self, classes: int) -> dict[str, Any]:
        """What the result message says of the split, JSON-ready; counts by class index."""
        return {
            "method": self.method,
            "sentence": self.sentence,
            "not_held_out": list(self.not_held_out),
            "training_samples": np.bincount(self.training[:, 2], minlength=classes).tolist(),
            "validation_samples": np.bincount(self.validation[:, 2], minlength=classes).tolist(),
        }


def read_samples(folder: Path, name: str | None) -> NDArray[np.int64]:
    """A table of samples.

    Raises:
        SamplesError: The job names none, or the file is no such table.
    """
    if name is None:
        raise SamplesError("Training samples were expected, the job names none. Choose a training layer.")
    try:
        samples = np.load(folder / name, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SamplesError(f"{name} should be a table of samples; it cannot be read ({error}).") from None
    if samples.ndim != 2 or samples.shape[1] != 4 or samples.dtype != np.int64 or samples.min(initial=0) < 0:
        raise SamplesError(
            f"{name} should be an int64 table of 4 columns of numbers from 0, found {samples.dtype} {samples.shape}."
        )
    return np.asarray(samples)


def check_classes(class_index: NDArray[np.int64], classes: tuple[ClassEntry, ...]) -> None:
    """Make sure that there is something to learn.

    Args:
        class_index: (N,) of the samples.
        classes: All classes.

    Raises:
        SamplesError: Fewer than two classes, or a class with fewer than two samples.
    """
    if len(classes) < 2:
        raise SamplesError(
            f"Samples of at least 2 classes were expected, found {len(classes)}. Add samples of another class, or "
            "choose another CLASS_FIELD."
        )
    counts = np.bincount(class_index, minlength=len(classes))
    few = [f"{entry.name} ({counts[i]})" for i, entry in enumerate(classes) if counts[i] < LEAST_TRAINING_SAMPLES]
    if few:
        raise SamplesError(
            f"Every class needs at least {LEAST_TRAINING_SAMPLES} training samples on valid pixels; too few in: "
            f"{', '.join(few)}. Add samples or remove the class."
        )


def part_samples(job: Job, folder: Path, samples: NDArray[np.int64], settings: ClassificationSettings) -> Parted:
    """Part the samples as the settings say, or take the job's own reference samples.

    Raises:
        SamplesError: The reference samples cannot be read.
    """
    if job.validation is not None:
        return _with_reference(samples, read_samples(folder, job.validation))
    rows, cols, classes, groups = samples.T
    split: Split
    if settings.split == "random":
        split = random_split(classes, settings.validation_share, settings.seed)
    elif settings.split in ("spatial", "block"):
        if settings.split == "block":
            places = sample_blocks(rows, cols, settings.block_size)
        else:
            places = sample_groups(groups, rows, cols, settings.block_size)
        split = spatial_split(classes, places, settings.validation_share, settings.seed)
    else:
        split = no_split(len(samples))
    training = samples[~split.held_out]
    if settings.buffer and split.held_out.any():
        training = _with_distance(training, samples[split.held_out], settings.buffer, job.classes)
    missing = tuple(job.classes[i].name for i in split.not_held_out) if split.method != "none" else ()
    if missing:
        log.warning("Nothing could be held out of: %s.", ", ".join(missing))
    return Parted(training, samples[split.held_out], split.method, split.sentence, missing)


def _with_distance(
    training: NDArray[np.int64], held_out: NDArray[np.int64], buffer: float, classes: tuple[ClassEntry, ...]
) -> NDArray[np.int64]:
    """Training samples farther than the buffer from every held-out one.

    Raises:
        SamplesError: A class would be left with too few.
    """
    far = apart(training[:, :2].astype(np.float64), held_out[:, :2].astype(np.float64), buffer)
    counts = np.bincount(training[far, 2], minlength=len(classes))
    short = [f"{entry.name} ({counts[i]})" for i, entry in enumerate(classes) if counts[i] < LEAST_TRAINING_SAMPLES]
    if short:
        raise SamplesError(
            f"With a buffer of {buffer:g} pixels around the held-out samples, too few training samples are left of: "
            f"{', '.join(short)}. At least {LEAST_TRAINING_SAMPLES} of each class are needed: choose a smaller BUFFER "
            "or a smaller VALIDATION_SHARE."
        )
    log.info("Buffer of %g pixels: %d of %d training samples are left out.", buffer, (~far).sum(), len(far))
    return training[far]


def _with_reference(samples: NDArray[np.int64], reference: NDArray[np.int64]) -> Parted:
    """Take reference samples, without those on training pixels."""
    used = set(zip(samples[:, 0].tolist(), samples[:, 1].tolist()))
    fresh = np.array([(row, col) not in used for row, col in reference[:, :2].tolist()], dtype=bool)
    sentence = "An independent layer of reference samples was used."
    shared = int((~fresh).sum())
    if shared:
        log.warning("%d reference samples lie on training pixels and are left out.", shared)
        sentence += f" {shared} of its samples lay on training pixels and were left out."
    return Parted(samples, reference[fresh], "layer", sentence)
