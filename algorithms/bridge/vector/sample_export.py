# SPDX-License-Identifier: GPL-2.0-or-later
"""Label layers -> sample files in the job folder, with a word in the log for all that was left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsProcessingFeedback

from ....mtmsd_qgis.jobs.data_model import ClassEntry, CubeFile
from ....mtmsd_qgis.sampling.class_values import Key
from ..feedback import ProgressRange
from ..raster.source import RasterSource
from .exclusion_counts import ExclusionCounts
from .labels import LabelLayer, make_classes, names_of, skipped_sentence
from .overlaps import MIXED
from .rasterization import (
    NODATA,
    OUTSIDE,
    SamplePixels,
    id_field_sentence,
    left_out_sentence,
    rasterize_labels,
    save_samples,
    settle_classes,
    without_nodata,
)

if TYPE_CHECKING:
    from ....mtmsd_qgis.sampling.sample_table import SampleTable

_WEIGHTS = "weights.npy"  # in the job folder


@dataclass(frozen=True)
class TrainingSamples:
    """Training samples in the job folder.

    Attributes:
        file: Name of the sample file.
        by_key: The classes by the field's value, in the order of the class indices.
        weights: Name of the file of weights; None where all samples count alike.
    """

    file: str
    by_key: Mapping[Key, ClassEntry]
    weights: str | None = None

    @property
    def classes(self) -> tuple[ClassEntry, ...]:
        """The classes in the order of the class indices."""
        return tuple(self.by_key.values())


@dataclass(frozen=True)
class SampleExport:
    """Label layers on their way into a job folder.

    Attributes:
        source: The raster.
        scene: The same in the job folder, for its nodata.
        folder: The job folder.
    """

    source: RasterSource
    scene: CubeFile
    folder: Path

    def training(self, labels: LabelLayer, progress: ProgressRange) -> TrainingSamples:
        """Write the training samples.

        Raises:
            QgsProcessingException: No sample, a single class, a class with one sample, or cancelled.
        """
        feedback = progress.feedback
        classes = make_classes(labels)
        samples, kept, dropped = settle_classes(self.pixels(labels, classes, progress), classes, labels.name)
        _log_exclusions(labels, samples, feedback)
        _warn_of_ids(labels, samples, len(kept), feedback)
        if dropped:
            feedback.pushWarning(f"Classes without a sample on the raster, left out: {names_of(dropped, classes)}.")
        feedback.pushInfo(f"Training layer: {labels.name}, {len(samples.table)} sample pixels of {len(kept)} classes.")
        weights = _save_weights([labels], labels.ids, self.folder)
        return TrainingSamples(save_samples(samples, self.folder, "samples"), kept, weights)

    def reference(self, labels: LabelLayer, training: TrainingSamples, progress: ProgressRange) -> str:
        """Write the reference samples of the training layer's classes; returns the file's name.

        Raises:
            QgsProcessingException: Overlaps are refused, or cancelled.
        """
        samples = self.pixels(labels, training.by_key, progress)
        _log_exclusions(labels, samples, progress.feedback)
        progress.feedback.pushInfo(f"Validation layer: {labels.name}, {len(samples.table)} reference pixels.")
        if not len(samples.table):
            progress.feedback.pushWarning(_no_reference(labels))
        return save_samples(samples, self.folder, "validation")

    def pixels(self, labels: LabelLayer, classes: Mapping[Key, ClassEntry], progress: ProgressRange) -> SamplePixels:
        """The pixels with data that features of known classes cover."""
        from ....mtmsd_qgis.io.cube import Cube

        pixels = rasterize_labels(labels, classes, self.source.grid, progress)
        # All bands of a feature raster share their nodata; its thousands of bands need not be read.
        bands = [0] if self.source.layout is not None else None
        return without_nodata(pixels, labels.ids, Cube(self.folder, self.scene), bands)


def training_of_several(
    rasters: Sequence[tuple[SampleExport, LabelLayer]], progress: ProgressRange
) -> tuple[TrainingSamples, tuple[str, ...]]:
    """Write the training samples of several rasters; a feature has its pixels in the first raster that covers it.

    Args:
        rasters: With the same labels, each in the raster's CRS.
        progress: Told how far it is.

    Returns:
        The samples of the first raster, with the classes of all; and the files of the others, each in the folder of
        its raster.

    Raises:
        QgsProcessingException: No sample, a single class, a class with one sample, or cancelled.
    """
    feedback, labels = progress.feedback, rasters[0][1]
    classes = make_classes(labels)
    found = _FoundSamples.of(rasters, classes, progress)
    samples, kept, dropped = settle_classes(SamplePixels(found.joint, found.left_out), classes, labels.name)
    _log_exclusions(labels, samples, feedback)
    _warn_of_ids(labels, samples, len(kept), feedback)
    if found.shared:
        feedback.pushInfo(
            f"Features that lie in several rasters: {found.shared}; each has its pixels in the first of them."
        )
    if dropped:
        feedback.pushWarning(f"Classes without a sample on a raster, left out: {names_of(dropped, classes)}.")
    feedback.pushInfo(f"Training layer: {labels.name}, {len(found.joint)} sample pixels of {len(kept)} classes.")
    files = found.save(samples.table, [export for export, _ in rasters], "samples")
    layers = [own for _, own in rasters]
    weights = _save_weights(layers, _features_of(layers), rasters[0][0].folder)
    return TrainingSamples(files[0], kept, weights), files[1:]


def reference_of_several(
    rasters: Sequence[tuple[SampleExport, LabelLayer]], training: TrainingSamples, progress: ProgressRange
) -> tuple[str, ...]:
    """Write the reference samples of several rasters; arguments and errors as of training_of_several.

    Returns:
        The file of each raster.
    """
    labels = rasters[0][1]
    found = _FoundSamples.of(rasters, training.by_key, progress)
    _log_exclusions(labels, SamplePixels(found.joint, found.left_out), progress.feedback)
    progress.feedback.pushInfo(f"Validation layer: {labels.name}, {len(found.joint)} reference pixels.")
    if not len(found.joint):
        progress.feedback.pushWarning(_no_reference(labels))
    return found.save(found.joint, [export for export, _ in rasters], "validation")


@dataclass(frozen=True)
class _FoundSamples:
    """Samples of one layer in several rasters.

    Attributes:
        joint: Of all rasters, one after the other; groups are features.
        counts: Samples in each raster.
        shared: Features that lie in several rasters.
        left_out: What became no sample, and in which raster.
    """

    joint: SampleTable
    counts: tuple[int, ...]
    shared: int
    left_out: ExclusionCounts

    @classmethod
    def of(
        cls,
        rasters: Sequence[tuple[SampleExport, LabelLayer]],
        classes: Mapping[Key, ClassEntry],
        progress: ProgressRange,
    ) -> _FoundSamples:
        """A feature has its pixels in the first raster that covers it."""
        import numpy as np

        from ....mtmsd_qgis.sampling.sample_table import SampleTable

        tables: list[SampleTable] = []
        found: set[int] = set()
        shared: set[int] = set()
        left_out = ExclusionCounts()
        known = _features_of([own for _, own in rasters])
        nowhere = set(known)
        for export, own in rasters:
            samples = export.pixels(own, classes, progress)
            table = samples.table
            nowhere -= set(own.ids) - set(samples.left_out.ids(OUTSIDE))
            _note_lost(left_out, samples.left_out, export.source.name, found)
            ids = np.array(own.ids, dtype=np.int64)[table.group]
            again = np.isin(ids, sorted(found))
            shared.update(ids[again].tolist())
            found.update(ids[~again].tolist())
            tables.append(table.with_groups(np.searchsorted(known, ids)).subset(~again))
            progress.feedback.pushInfo(f"{len(tables[-1])} sample pixels in {export.source.name}.")
        joint = SampleTable.from_array(np.concatenate([table.to_array() for table in tables]))
        if nowhere:
            left_out.note("outside all rasters", sorted(nowhere))
        return cls(joint, tuple(len(table) for table in tables), len(shared), left_out)

    def save(self, table: SampleTable, exports: Sequence[SampleExport], name: str) -> tuple[str, ...]:
        """Write each raster's part of a table like joint into its folder; returns the files' names."""
        files: list[str] = []
        start = 0
        for number, (export, count) in enumerate(zip(exports, self.counts)):
            part = SamplePixels(table.subset(slice(start, start + count)), ExclusionCounts())
            start += count
            own_folder = export.folder != exports[0].folder
            files.append(save_samples(part, export.folder, f"{name}{number}" if number and not own_folder else name))
        return tuple(files)


def _note_lost(left_out: ExclusionCounts, here: ExclusionCounts, raster: str, found: Collection[int]) -> None:
    """Add what one of several rasters leaves out.

    Args:
        left_out: Of all rasters.
        here: Of this one.
        raster: Its name.
        found: Features that have their pixels in an earlier raster, so that nothing of them is lost here.
    """
    for reason in here:
        lost = set(here.ids(reason)) - set(found)
        if reason in (MIXED, NODATA):
            if lost:
                left_out.note(f"{reason} in {raster}", here.ids(reason), here[reason])
        elif reason != OUTSIDE and lost - set(left_out.ids(reason)):
            left_out.note(reason, lost - set(left_out.ids(reason)))


def _features_of(layers: Sequence[LabelLayer]) -> list[int]:
    """Ids of the features of one layer as several rasters see it; the position is the group, in any raster."""
    return sorted({number for own in layers for number in own.ids})


def _save_weights(layers: Sequence[LabelLayer], ids: Sequence[int], folder: Path) -> str | None:
    """Write the weights of features by their group; returns the file's name, None where all count alike."""
    weights = {number: weight for labels in layers for number, weight in labels.weights.items()}
    if len(set(weights.values())) < 2:
        return None
    import numpy as np

    np.save(folder / _WEIGHTS, np.array([weights[number] for number in ids], dtype=np.float64), allow_pickle=False)
    return _WEIGHTS


def _log_exclusions(labels: LabelLayer, samples: SamplePixels, feedback: QgsProcessingFeedback) -> None:
    for sentence in (*labels.notes, skipped_sentence(labels), left_out_sentence(samples, labels.name)):
        if sentence:
            feedback.pushWarning(sentence)


def _warn_of_ids(labels: LabelLayer, samples: SamplePixels, classes: int, feedback: QgsProcessingFeedback) -> None:
    sentence = id_field_sentence(samples, classes, labels)
    if sentence:
        feedback.pushWarning(sentence)


def _no_reference(labels: LabelLayer) -> str:
    return (
        f"No accuracy will be given, as no sample of the layer {labels.name} lies on a pixel with data. Check that "
        "layer and raster show the same place."
    )
