# SPDX-License-Identifier: GPL-2.0-or-later
"""A map decided by segments, where that is asked for and the training samples allow it.

Enters: a map as it was classified, whole, with probabilities, and what decides on segments. Leaves: the map that goes
on, the segments, and why they are used or not. A run that is stopped here goes on with the features that are written,
begins the rest anew and comes to the same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ...accuracy.map_accuracy import evaluate_map, mapped_pixels
from ...io.cube import Raster
from ...jobs.choice_results import SegmentFacts
from ...jobs.data_model import Band, ClassEntry, FeatureLayout
from ...progress import Progress, span
from ...sampling.sample_table import SampleTable
from ..context.cross_class_affinity import MOST_CROSS_CLASS
from ..predict_map import MapFiles
from ..predictor import MapGrid
from .segment_features import SegmentFeatures
from .segment_rules import SegmentRule
from .segment_table import SegmentTable, classify_segments
from .segmentation import Segmentation

log = logging.getLogger(__name__)

_READ, _CUT = 0.3, 0.9  # of the time, when features are read and when the scene is cut


@dataclass(frozen=True)
class SegmentStep:
    """What segments are made from.

    Attributes:
        cube: Features and spectra, or plain bands.
        layout: What its bands are.
        device: That computes.
        bands: Of the raster's spectra, for their wavelengths.
        asked: Mean pixels of a segment; 0: to be chosen; None: there are none.
        rule: Decides whether they are used, and their size.
        wanted: Whether the segments themselves are an output, so that they are made although they decide nothing.
        size: Height and width of the part of the raster that is the user's.
    """

    cube: Raster
    layout: FeatureLayout
    device: torch.device
    bands: Sequence[Band]
    asked: int | None
    rule: SegmentRule
    wanted: bool
    size: tuple[int, int]


@dataclass(frozen=True)
class SegmentOutcome:
    """A map after this step.

    Attributes:
        files: The map that goes on.
        before: The map as it was classified.
        classes: In the order of the class indices.
        size: Height and width of the part that is the user's.
        segments: Of the scene; None where there are none, as the following.
        table: Of the segments.
        facts: Without accuracy.
    """

    files: MapFiles
    before: MapFiles
    classes: tuple[ClassEntry, ...]
    size: tuple[int, int]
    segments: Segmentation | None = None
    table: SegmentTable | None = None
    facts: SegmentFacts | None = None

    def own_facts(self, samples: SampleTable) -> SegmentFacts | None:
        """What segments did to the map.

        Args:
            samples: Reference samples; may be empty.
        """
        if self.facts is None or not self.facts.used:
            return self.facts
        accuracy, _ = evaluate_map(self.before.classes, self.before.confidence, self.classes, samples)
        pixels = mapped_pixels(self.before.classes, self.classes, self.size)
        return replace(self.facts, mapped_pixels=pixels, accuracy=accuracy)


def needs_probabilities(asked: int | None) -> bool:
    """Whether a map has to keep its probabilities until segments have been made; segments of a pixel are none."""
    return asked is not None and asked != 1


def decide_by_segments(step: SegmentStep, files: MapFiles, grid: MapGrid, progress: Progress) -> SegmentOutcome:
    """Make segments, where they are asked for, and give each pixel the class of its segment, where that is allowed.

    Args:
        step: What segments are made from.
        files: The map as it was classified, with probabilities where segments are asked for.
        grid: Of it.
        progress: Told now and then.
    """
    asked = step.asked
    untouched = SegmentOutcome(files, files, grid.classes, step.size)
    if asked is None or not needs_probabilities(asked):
        return untouched
    features = SegmentFeatures.fit(step.cube, step.layout, step.bands, step.device)
    cross_class = step.rule.cross_class(features, span(progress, 0.0, 0.1))
    mixed = "" if cross_class is None or cross_class <= MOST_CROSS_CLASS else _mixed(cross_class)
    if mixed and not step.wanted:
        facts = SegmentFacts(asked, 0, 0, used=False, sentence=mixed, cross_class_affinity=cross_class)
        log.info("%s", facts.sentence)
        return replace(untouched, facts=facts)
    raster = features.write(grid.directory, span(progress, 0.1, _READ))
    cut = step.rule.cut(raster, asked, span(progress, _READ, _CUT))
    segments, used, sentence = cut.segments, cut.fits and not mixed, mixed or cut.sentence
    log.info("%s", sentence)
    segmented = classify_segments(files, grid, segments, step.size, span(progress, _CUT, 1.0))
    facts = SegmentFacts(
        asked,
        segments.pixels,
        segments.count,
        used,
        sentence,
        None if cross_class is None else round(cross_class, 6),
        cut.astray,
        segmented.changed if used else 0,
    )
    decided = segmented.files if used else files
    return SegmentOutcome(decided, files, grid.classes, step.size, segments, segmented.table, facts)


def _mixed(cross_class: float) -> str:
    return (
        "Segments (SUPERTOKENS) do not decide the map: adjacent pixels with similar features often belong to different "
        f"classes (cross-class affinity {100 * cross_class:.1f} %; at most {100 * MOST_CROSS_CLASS:.0f} % was "
        "expected), so a segment would mix them. Each pixel has a class of its own."
    )
