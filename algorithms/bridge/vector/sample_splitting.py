# SPDX-License-Identifier: GPL-2.0-or-later
"""Candidates -> which are for training and which for validation, with a line in the log for every class.

Enters: samples with class and source feature, and a plan. Leaves: two masks; a sample in neither is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ....mtmsd_qgis.errors import SettingsError
from ..feedback import Stretch
from .metric_projection import MetricPlane
from .reference_samples import Candidates, places_in, too_near

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_NAMES = 10  # of classes in a sentence


@dataclass(frozen=True)
class SplitPlan:
    """How to part samples.

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


def part(candidates: Candidates, plan: SplitPlan, plane: MetricPlane, stretch: Stretch) -> tuple[NDArray, NDArray]:
    """Training and validation samples, (N,) bool each; what exceeds the count in a group is in neither.

    Raises:
        QgsProcessingException: Nothing can be held out, or cancelled.
        SamplesError: Blocks are asked for, and all samples lie in one place.
    """
    from ....mtmsd_qgis.sampling import splits as core

    classes, groups = candidates.classes, candidates.sources
    single = candidates.reference.single_points
    whole = candidates.grid is None and not single  # a sample is a polygon or multipoint: many pixels
    by_blocks = plan.method == "block" or (plan.method == "group" and single)
    if plan.method == "group" and single:
        stretch.feedback.pushInfo("The layer holds single points, which form no groups: blocks are kept apart instead.")
    if by_blocks:
        groups = _blocks(candidates, plan, plane, stretch)
    if plan.method == "random" and not whole:
        split = (
            core.random_split(classes, plan.share, plan.seed)
            if plan.count is None
            else core.random_count_split(classes, plan.count, plan.seed)
        )
    elif plan.count is None:
        least = 1 if whole else core.LEAST_TRAINING_SAMPLES
        split = core.group_split(classes, groups, plan.share, plan.seed, least)
    else:
        split = core.group_count_split(classes, groups, plan.count, plan.seed)
    training, validation = ~split.held_out, split.held_out.copy()
    if plan.count is not None:
        training = core.draw_per_class(classes, training, plan.count, plan.seed)
    _tell_not_held_out(candidates, split.not_held_out, plan, by_blocks, stretch.feedback)
    if plan.method == "random" and not whole and not plan.buffer_m:
        stretch.feedback.pushInfo(
            "Validation samples may lie beside training samples, so an accuracy from them is too high for places that "
            "were never sampled. METHOD group or block, and BUFFER, keep them apart."
        )
    return training, validation


def leave_out_near(
    candidates: Candidates,
    training: NDArray,
    validation: NDArray,
    plan: SplitPlan,
    plane: MetricPlane,
    stretch: Stretch,
) -> NDArray:
    """The validation samples farther than the buffer from all training samples, (N,) bool.

    The distance is kept in every case: a class may lose all its validation samples to it, and is then named.

    Raises:
        QgsProcessingException: No validation sample is left, or cancelled.
    """
    import numpy as np

    if not plan.buffer_m:
        return validation
    stretch.feedback.pushInfo(plane.sentence)
    held_out = np.flatnonzero(validation)
    near = held_out[too_near(candidates, np.flatnonzero(training), held_out, plane, plan.buffer_m, stretch)]
    remaining = validation.copy()
    remaining[near] = False
    advice = "Choose a smaller BUFFER, METHOD block with larger blocks, or add samples farther away."
    if not remaining.any():
        raise QgsProcessingException(
            f"Validation samples farther than {plan.buffer_m:g} m (BUFFER) from all training samples were expected; "
            f"all {len(held_out)} lie nearer. {advice}"
        )
    feedback = stretch.feedback
    feedback.pushInfo(
        f"{len(near)} of {len(held_out)} validation samples lay within {plan.buffer_m:g} m of a training sample and "
        "were left out."
    )
    lost = np.setdiff1d(candidates.classes[validation], candidates.classes[remaining])
    if len(lost):
        feedback.pushWarning(
            f"Classes without validation samples, as all lay within {plan.buffer_m:g} m of a training sample: "
            f"{_names(candidates, lost)}. {advice}"
        )
    return remaining


def tell_numbers(
    candidates: Candidates, training: NDArray, validation: NDArray, plan: SplitPlan, feedback: QgsProcessingFeedback
) -> None:
    """One line a class, then a warning where a class has fewer training samples than asked for."""
    import numpy as np

    classes = candidates.reference.classes
    counts = [np.bincount(candidates.classes[mask], minlength=len(classes)) for mask in (training, validation)]
    total = np.bincount(candidates.classes, minlength=len(classes))
    for key, learnt, judged, of_class in zip(classes, *counts, total):
        rest = of_class - learnt - judged
        feedback.pushInfo(f"{key}: {learnt} training, {judged} validation" + (f", {rest} left out" if rest else ""))
    feedback.pushInfo(f"All classes: {counts[0].sum()} training, {counts[1].sum()} validation.")
    unseen = np.flatnonzero(total == 0)
    if len(unseen):
        feedback.pushWarning(f"Classes without a sample on the raster: {_names(candidates, unseen)}.")
    if plan.count is not None:
        scarce = np.flatnonzero((counts[0] < plan.count) & (total > 0))
        if len(scarce):
            feedback.pushWarning(
                f"Classes with fewer than {plan.count} training samples (COUNT): {_names(candidates, scarce)}."
            )


def _blocks(candidates: Candidates, plan: SplitPlan, plane: MetricPlane, stretch: Stretch) -> NDArray:
    """(N,) the block that each sample lies in."""
    from ....mtmsd_qgis.sampling.splits import block_groups, fitting_block_size

    places = places_in(candidates, plane, stretch)
    size = plan.block_size_m or fitting_block_size(places)
    blocks = block_groups(places, size)
    chosen = "" if plan.block_size_m else ", chosen from the extent of the samples"
    stretch.feedback.pushInfo(plane.sentence)
    stretch.feedback.pushInfo(f"Blocks of {size:g} m{chosen}: {blocks.max() + 1} hold samples.")
    return blocks


def _tell_not_held_out(
    candidates: Candidates, classes: Sequence[int], plan: SplitPlan, by_blocks: bool, feedback: QgsProcessingFeedback
) -> None:
    if not classes:
        return
    if plan.method == "random":
        reason = "too few samples" if plan.count is None else f"no more than {plan.count} samples (COUNT)"
    elif by_blocks:
        reason = "samples in one block, or too few to part, or in blocks that other classes need"
    else:
        reason = "samples of one feature, or too few to part"
    if len(classes) == len(set(candidates.classes.tolist())):
        advice = "a smaller BLOCK_SIZE or METHOD random" if by_blocks else "METHOD random with RASTER, or add samples"
        if plan.method == "random":
            advice = "add samples" if plan.count is None else "a smaller COUNT"
        raise QgsProcessingException(
            f"Classes that can be parted were expected; each has {reason}: {_names(candidates, classes)}. "
            f"What may help: {advice}."
        )
    feedback.pushWarning(f"Classes that stay in training as a whole ({reason}): {_names(candidates, classes)}.")


def _names(candidates: Candidates, classes: Sequence[int]) -> str:
    names = [str(candidates.reference.classes[index]) for index in classes]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(f"'{name}'" for name in names[:_MOST_NAMES]) + more
