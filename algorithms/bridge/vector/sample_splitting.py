# SPDX-License-Identifier: GPL-2.0-or-later
"""Reference samples -> which are for training and which for validation, with a line in the log for every class.

Enters: samples with class and source feature, and a plan. Leaves: two masks; a sample in neither is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from qgis.core import QgsFeature, QgsProcessingException, QgsProcessingFeedback, QgsSpatialIndex

from ....mtmsd_qgis.errors import SettingsError
from ..feedback import ProgressRange
from .exclusion_counts import ExclusionCounts
from .metric_projection import MetricPlane
from .overlaps import share_ground
from .reference_samples import FEATURES_AT_ONCE, ReferenceSamples, positions_m

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ....mtmsd_qgis.sampling.splits import Split

_MOST_NAMES = 10  # of classes in a sentence


@dataclass(frozen=True)
class SplitPlan:
    """How to split samples.

    Attributes:
        method: "random", "group" or "block".
        share: Of each class's samples, for validation.
        count: Training samples of each class, instead of the share.
        buffer_m: Validation samples within this distance of a training sample are left out; 0: none.
        block_size_m: Side of a block; 0: chosen from the extent.
        seed: Of the draw.
    """

    method: str = "group"
    share: float = 0.3
    count: int | None = None
    buffer_m: float = 0.0
    block_size_m: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            SettingsError: A value is out of range.
        """
        if not 0 < self.share < 1:
            raise SettingsError(f"SHARE should be more than 0 and less than 1, such as 0.3; found {self.share:g}.")
        if self.count is not None and self.count < 1:
            raise SettingsError(
                f"COUNT should be 1 or more training samples per class; found {self.count}. Leave it empty to use "
                "SHARE."
            )
        for name, metres in (("BUFFER", self.buffer_m), ("BLOCK_SIZE", self.block_size_m)):
            if not 0 <= metres < inf:
                raise SettingsError(f"{name} should be 0 or more metres; found {metres:g}. Give it as a plain number.")


@dataclass(frozen=True)
class SampleSplitter:
    """Splits samples into training and validation, and logs what it does.

    Attributes:
        samples: All of them.
        plan: How to split.
        plane: To measure distances in.
    """

    samples: ReferenceSamples
    plan: SplitPlan
    plane: MetricPlane

    def split(self, progress: ProgressRange) -> tuple[NDArray, NDArray]:
        """Training and validation samples, (N,) bool each; what exceeds the count in a group is in neither.

        Raises:
            QgsProcessingException: Nothing can be held out, or cancelled.
            SamplesError: Blocks are asked for, and all samples lie in one place.
        """
        import numpy as np

        from ....mtmsd_qgis.sampling.groups import with_features_whole
        from ....mtmsd_qgis.sampling.splits import draw_per_class

        samples, plan = self.samples, self.plan
        groups = samples.sources
        single = np.array(samples.reference.single_points)
        whole = samples.grid is None and not single.all()  # a sample is a polygon or multipoint: many pixels
        points_by_blocks = plan.method == "group" and bool(single.any())
        by_blocks = plan.method == "block" or points_by_blocks
        if by_blocks:
            groups = self._blocks(progress)
        if points_by_blocks:
            progress.feedback.pushInfo(
                "The layer holds single points, which form no groups: blocks are kept apart instead."
            )
            groups = with_features_whole(groups, samples.sources, single[samples.sources])
        split = self._held_out(groups, whole=whole)
        training, validation = ~split.held_out, split.held_out.copy()
        if plan.count is not None:
            training = draw_per_class(samples.classes, training, plan.count, plan.seed)
        _log_not_held_out(samples, split.not_held_out, plan, by_blocks, progress.feedback)
        if plan.method == "random" and not whole and not plan.buffer_m:
            progress.feedback.pushInfo(
                "Validation samples may lie beside training samples, so an accuracy from them is too high for places "
                "that were never sampled. METHOD group or block, and BUFFER, keep them apart."
            )
        if len(np.unique(samples.sources)) < len(samples.sources):
            progress.feedback.pushInfo(
                "Pixels become points that do not know of each other, though those of one feature are alike: the "
                "interval of an accuracy from them is too narrow. Without RASTER, features stay whole."
            )
        return training, validation

    def leave_out_near(self, training: NDArray, validation: NDArray, progress: ProgressRange) -> NDArray:
        """The validation samples farther than the buffer from all training samples, (N,) bool.

        The distance is kept in every case: a class may lose all its validation samples to it, and is then named.

        Raises:
            QgsProcessingException: No validation sample is left, or cancelled.
        """
        import numpy as np

        buffer_m = self.plan.buffer_m
        if not buffer_m:
            self._warn_of_overlaps(training, validation, progress)
            return validation
        feedback = progress.feedback
        feedback.pushInfo(self.plane.sentence)
        held_out = np.flatnonzero(validation)
        near = held_out[self._too_near(np.flatnonzero(training), held_out, progress)]
        remaining = validation.copy()
        remaining[near] = False
        advice = "Choose a smaller BUFFER, METHOD block with larger blocks, or add samples farther away."
        if not remaining.any():
            raise QgsProcessingException(
                f"Validation samples farther than {buffer_m:g} m (BUFFER) from all training samples were expected; "
                f"all {len(held_out)} lie nearer. {advice}"
            )
        feedback.pushInfo(
            f"{len(near)} of {len(held_out)} validation samples lay within {buffer_m:g} m of a training sample and "
            "were left out."
        )
        lost = np.setdiff1d(self.samples.classes[validation], self.samples.classes[remaining])
        if len(lost):
            feedback.pushWarning(
                f"Classes without validation samples, as all lay within {buffer_m:g} m of a training sample: "
                f"{_names(self.samples, lost)}. {advice}"
            )
        return remaining

    def log_counts(self, training: NDArray, validation: NDArray, feedback: QgsProcessingFeedback) -> None:
        """One line a class, then a warning where a class has fewer training samples than asked for."""
        import numpy as np

        samples, plan = self.samples, self.plan
        classes = samples.reference.classes
        counts = [np.bincount(samples.classes[mask], minlength=len(classes)) for mask in (training, validation)]
        total = np.bincount(samples.classes, minlength=len(classes))
        for key, learnt, judged, of_class in zip(classes, *counts, total):
            rest = of_class - learnt - judged
            feedback.pushInfo(f"{key}: {learnt} training, {judged} validation" + (f", {rest} left out" if rest else ""))
        feedback.pushInfo(f"All classes: {counts[0].sum()} training, {counts[1].sum()} validation.")
        unseen = np.flatnonzero(total == 0)
        if len(unseen):
            feedback.pushWarning(f"Classes without a sample on the raster: {_names(samples, unseen)}.")
        if plan.count is not None:
            scarce = np.flatnonzero((counts[0] < plan.count) & (total > 0))
            if len(scarce):
                feedback.pushWarning(
                    f"Classes with fewer than {plan.count} training samples (COUNT): {_names(samples, scarce)}."
                )

    def _held_out(self, groups: NDArray, *, whole: bool) -> Split:
        """The core's split: of single samples, or of whole groups; by the share, or by the count.

        Args:
            groups: (N,) what is kept together.
            whole: A sample is a feature of many pixels, so that one of a class is enough to learn from.
        """
        from ....mtmsd_qgis.sampling import splits

        classes, plan = self.samples.classes, self.plan
        if plan.method == "random" and not whole:
            if plan.count is None:
                return splits.random_split(classes, plan.share, plan.seed)
            return splits.random_count_split(classes, plan.count, plan.seed)
        if plan.count is None:
            least = 1 if whole else splits.LEAST_TRAINING_SAMPLES
            return splits.group_split(classes, groups, plan.share, plan.seed, least)
        return splits.group_count_split(classes, groups, plan.count, plan.seed)

    def _blocks(self, progress: ProgressRange) -> NDArray:
        """(N,) the block that each sample lies in."""
        from ....mtmsd_qgis.sampling.groups import block_ids, fitting_block_size

        positions = positions_m(self.samples, self.plane, progress)
        size = self.plan.block_size_m or fitting_block_size(positions)
        blocks = block_ids(positions[:, 0], positions[:, 1], size)
        chosen = "" if self.plan.block_size_m else ", chosen from the extent of the samples"
        progress.feedback.pushInfo(self.plane.sentence)
        progress.feedback.pushInfo(f"Blocks of {size:g} m{chosen}: {blocks.max() + 1} hold samples.")
        return blocks

    def _too_near(self, training: NDArray, validation: NDArray, progress: ProgressRange) -> NDArray:
        """Which validation samples lie within the buffer around a training sample, outline to outline.

        Args:
            training: Numbers of the training samples.
            validation: Numbers of the validation samples.
            progress: Told from time to time.

        Returns:
            (len(validation),) bool; a sample at exactly the distance is too near.
        """
        import numpy as np

        steps = len(training) + len(validation)
        index = self._index(training, steps, progress)
        near = np.zeros(len(validation), dtype=bool)
        for done, number in enumerate(validation):
            if done % FEATURES_AT_ONCE == 0:
                progress.advance((len(training) + done) / steps)
            shape = self.plane.moved(self.samples.geometry(number))
            near[done] = any(
                index.geometry(i).distance(shape) <= self.plan.buffer_m for i in index.nearestNeighbor(shape, 1)
            )
        return near

    def _index(self, training: NDArray, steps: int, progress: ProgressRange) -> QgsSpatialIndex:
        """Where the training samples lie, in metres."""
        index = QgsSpatialIndex(QgsSpatialIndex.Flag.FlagStoreFeatureGeometries)
        for done, number in enumerate(training):
            if done % FEATURES_AT_ONCE == 0:
                progress.advance(done / steps)
            feature = QgsFeature(int(number))
            feature.setGeometry(self.plane.moved(self.samples.geometry(number)))
            index.addFeature(feature)
        return index

    def _warn_of_overlaps(self, training: NDArray, validation: NDArray, progress: ProgressRange) -> None:
        """Tell of validation features on the ground of a training feature, as layers have that were merged twice."""
        import numpy as np

        if self.samples.grid is not None:  # a pixel is one sample
            return
        numbers, held_out = np.flatnonzero(training), np.flatnonzero(validation)
        steps = len(numbers) + len(held_out)
        index = self._index(numbers, steps, progress)
        sharing = []
        for done, number in enumerate(held_out):
            if done % FEATURES_AT_ONCE == 0:
                progress.advance((len(numbers) + done) / steps)
            shape = self.plane.moved(self.samples.geometry(number))
            if any(share_ground(index.geometry(i), shape) for i in index.intersects(shape.boundingBox())):
                sharing.append(self.samples.reference.features[self.samples.sources[number]].id())
        if sharing:
            overlapping = ExclusionCounts()
            overlapping.note("validation features lie on the ground of a training feature", sharing)
            progress.feedback.pushWarning(
                f"{overlapping.text}, so an accuracy from them is too high. Correct the layer, or set BUFFER, which "
                "leaves them out."
            )


def _log_not_held_out(
    samples: ReferenceSamples, classes: Sequence[int], plan: SplitPlan, by_blocks: bool, feedback: QgsProcessingFeedback
) -> None:
    if not classes:
        return
    if plan.method == "random":
        reason = "too few samples" if plan.count is None else f"no more than {plan.count} samples (COUNT)"
    elif by_blocks:
        reason = "samples in one block, or too few to split, or in blocks that other classes need"
    else:
        reason = "samples of one feature, or too few to split"
    if len(classes) == len(set(samples.classes.tolist())):
        advice = "a smaller BLOCK_SIZE or METHOD random" if by_blocks else "METHOD random with RASTER, or add samples"
        if plan.method == "random":
            advice = "add samples" if plan.count is None else "a smaller COUNT"
        raise QgsProcessingException(
            f"Classes that can be split were expected; each has {reason}: {_names(samples, classes)}. "
            f"What may help: {advice}."
        )
    feedback.pushWarning(f"Classes that stay in training as a whole ({reason}): {_names(samples, classes)}.")


def _names(samples: ReferenceSamples, classes: Sequence[int]) -> str:
    names = [str(samples.reference.classes[index]) for index in classes]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(f"'{name}'" for name in names[:_MOST_NAMES]) + more
