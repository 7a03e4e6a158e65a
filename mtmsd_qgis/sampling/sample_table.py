# SPDX-License-Identifier: GPL-2.0-or-later
"""Labelled sample pixels: one table with named columns, read from a job and checked.

Enters: a file of the job folder, int64 (N, 4): row, column, class index, group. Leaves: a SampleTable.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplesError
from ..jobs.data_model import ClassEntry
from .splits import LEAST_TRAINING_SAMPLES


@dataclass(frozen=True, eq=False)
class SampleTable:
    """Sample pixels with their classes.

    Attributes:
        rows: (N,) int64 rows of the pixels, from 0.
        cols: (N,) int64 columns, from 0.
        class_index: (N,) int64 indices into the classes of the job, from 0.
        group: (N,) int64 ids of the polygon or point feature that each sample comes from, from 0. Where samples are
            split spatially, those of one group stay together.
    """

    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    class_index: NDArray[np.int64]
    group: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check the columns.

        Raises:
            ValueError: A column is no int64 vector of numbers from 0, or they differ in length.
        """
        for field in fields(self):
            column = getattr(self, field.name)
            if column.ndim != 1 or column.dtype != np.int64 or column.min(initial=0) < 0:
                raise ValueError(
                    f"the column {field.name} should be an int64 vector of numbers from 0, found {column.dtype} "
                    f"{column.shape}"
                )
            if len(column) != len(self.rows):
                raise ValueError(
                    f"all columns should have the same length, found {len(self.rows)} rows and {len(column)} of "
                    f"{field.name}"
                )

    @classmethod
    def from_array(cls, array: NDArray[np.int64]) -> SampleTable:
        """From (N, 4): row, column, class index, group.

        Raises:
            ValueError: The array is of another shape or type, or has numbers below 0.
        """
        if array.ndim != 2 or array.shape[1] != 4 or array.dtype != np.int64 or array.min(initial=0) < 0:
            raise ValueError(
                f"an int64 table of 4 columns of numbers from 0 was expected, found {array.dtype} {array.shape}"
            )
        return cls(*np.ascontiguousarray(array.T))

    def to_array(self) -> NDArray[np.int64]:
        """(N, 4): row, column, class index, group."""
        return np.stack([self.rows, self.cols, self.class_index, self.group], axis=1)

    def __len__(self) -> int:
        """N."""
        return len(self.rows)

    @property
    def positions(self) -> NDArray[np.int64]:
        """(N, 2) rows and columns."""
        return np.stack([self.rows, self.cols], axis=1)

    def subset(self, chosen: NDArray[np.int64] | NDArray[np.bool_] | slice) -> SampleTable:
        """The samples at indices, in their order, or where a mask (N,) is true."""
        return SampleTable(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def with_classes(self, class_index: NDArray[np.int64]) -> SampleTable:
        """The same samples with other class indices (N,)."""
        return replace(self, class_index=class_index)

    def with_groups(self, group: NDArray[np.int64]) -> SampleTable:
        """The same samples with other groups (N,)."""
        return replace(self, group=group)

    def count_by_class(self, classes: int) -> NDArray[np.int64]:
        """(K,) number of samples of each class.

        Args:
            classes: K.
        """
        return np.bincount(self.class_index, minlength=classes)


NO_SAMPLES = SampleTable.from_array(np.empty((0, 4), dtype=np.int64))


def read_samples(folder: Path, name: str | None) -> SampleTable:
    """The samples in a file of the job folder.

    Raises:
        SamplesError: The job names none, or the file is no such table.
    """
    if name is None:
        raise SamplesError("Training samples were expected, the job names none. Choose a training layer.")
    try:
        array = np.load(folder / name, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SamplesError(f"{name} should be a table of samples; it cannot be read ({error}).") from None
    try:
        return SampleTable.from_array(array)
    except ValueError as error:
        raise SamplesError(f"{name} should be a table of samples: {error}.") from None


def write_samples(samples: SampleTable, folder: Path, name: str) -> None:
    """Write the samples into a file of the job folder, int64 (N, 4)."""
    np.save(folder / name, samples.to_array(), allow_pickle=False)


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
