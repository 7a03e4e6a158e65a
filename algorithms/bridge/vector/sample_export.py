# SPDX-License-Identifier: GPL-2.0-or-later
"""Label layers -> sample files in the job folder, with a word in the log for all that was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsProcessingFeedback

from ....mtmsd_qgis.jobs.data_model import ClassEntry, CubeFile
from ..feedback import ProgressRange
from ..raster.source import RasterSource
from .labels import Key, LabelLayer, make_classes, names_of, skipped_sentence
from .rasterization import (
    SamplePixels,
    left_out_sentence,
    rasterize_labels,
    save_samples,
    settle_classes,
    without_nodata,
)


@dataclass(frozen=True)
class Training:
    """Training samples in the job folder.

    Attributes:
        file: Name of the sample file.
        by_key: The classes by the field's value, in the order of the class indices.
    """

    file: str
    by_key: Mapping[Key, ClassEntry]

    @property
    def classes(self) -> tuple[ClassEntry, ...]:
        """The classes in the order of the class indices."""
        return tuple(self.by_key.values())


def export_training(
    labels: LabelLayer, source: RasterSource, scene: CubeFile, folder: Path, progress: ProgressRange
) -> Training:
    """Place the training samples and write them into the job folder.

    Raises:
        QgsProcessingException: No sample, a single class, a class with one sample, or cancelled.
    """
    feedback = progress.feedback
    every = make_classes(labels)
    placed = _place(labels, every, source, scene, folder, progress)
    samples, kept, dropped = settle_classes(placed, every, labels.name)
    _log(labels, samples, feedback)
    if dropped:
        feedback.pushWarning(f"Classes without a sample on the raster, left out: {names_of(dropped, every)}.")
    feedback.pushInfo(f"Training layer: {labels.name}, {len(samples.table)} sample pixels of {len(kept)} classes.")
    return Training(save_samples(samples, folder, "samples"), kept)


def export_reference(
    labels: LabelLayer, training: Training, source: RasterSource, scene: CubeFile, folder: Path, progress: ProgressRange
) -> str:
    """Place the reference samples and write them into the job folder; returns the file's name."""
    samples = _place(labels, training.by_key, source, scene, folder, progress)
    _log(labels, samples, progress.feedback)
    progress.feedback.pushInfo(f"Validation layer: {labels.name}, {len(samples.table)} reference pixels.")
    return save_samples(samples, folder, "validation")


def _place(
    labels: LabelLayer,
    classes: Mapping[Key, ClassEntry],
    source: RasterSource,
    scene: CubeFile,
    folder: Path,
    progress: ProgressRange,
) -> SamplePixels:
    placed = rasterize_labels(labels, classes, source.grid, progress)
    return without_nodata(placed, labels.ids, scene, folder, shared_nodata=source.layout is not None)


def _log(labels: LabelLayer, samples: SamplePixels, feedback: QgsProcessingFeedback) -> None:
    for sentence in (skipped_sentence(labels), left_out_sentence(samples, labels.name)):
        if sentence:
            feedback.pushWarning(sentence)
