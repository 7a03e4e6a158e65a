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
from ...io.cube import Cube, Raster, whole_size
from ...io.raster_stack import RasterStack
from ...io.run_directory import RunDirectory
from ...jobs.choice_results import SegmentFacts
from ...jobs.data_model import Band, ClassEntry, FeatureLayout
from ...progress import Progress, span
from ...sampling.sample_table import SampleTable
from ..auto.feature_sets import BandPlan
from ..predict_map import MapFiles
from ..predictor import MapGrid
from .segment_features import SegmentFeatures
from .segment_rules import SegmentRule
from .segment_table import SegmentTable, classify_segments
from .segmentation import FeaturesOfScenes, Segmentation

log = logging.getLogger(__name__)

_READ, _CUT = 0.3, 0.9  # of the time, when features are read and when the scene is cut


@dataclass(frozen=True)
class SegmentStep:
    """What segments are made from.

    Attributes:
        cube: Features and spectra, or plain bands; where there are several scenes, all of them.
        layout: What its bands are.
        device: That computes.
        bands: Of the raster's spectra, for their wavelengths.
        asked: Mean pixels of a segment; 0: to be chosen; None: there are none.
        rule: Decides whether they are used, and their size.
        wanted: Whether the segments themselves are an output.
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
    if asked is None or not needs_probabilities(asked):
        return SegmentOutcome(files, files, grid.classes, step.size)
    features = _features(step, grid.directory, span(progress, 0.0, _READ))
    cut = step.rule.cut(features, asked, span(progress, _READ, _CUT))
    segments, used = cut.segments, cut.fits
    log.log(logging.WARNING if cut.mixes else logging.INFO, "%s", cut.sentence)
    segmented = classify_segments(files, grid, segments, step.size, span(progress, _CUT, 1.0))
    facts = SegmentFacts(
        asked,
        segments.pixels,
        segments.count,
        used,
        cut.sentence,
        cut.astray,
        segmented.changed if used else 0,
    )
    decided = segmented.files if used else files
    return SegmentOutcome(decided, files, grid.classes, step.size, segments, segmented.table, facts)


def _features(step: SegmentStep, directory: RunDirectory, progress: Progress) -> Cube | FeaturesOfScenes:
    """Features to cut a scene by; of several scenes, those of each are learnt from it alone."""
    if not isinstance(step.cube, RasterStack):
        return SegmentFeatures.fit(step.cube, step.layout, step.bands, step.device).write(directory, progress)
    parts: list[tuple[int, Cube]] = []
    rasters, base = step.cube.rasters, BandPlan.of(step.layout, step.cube.bands).base
    for number, (top, raster) in enumerate(zip(step.cube.tops.tolist(), rasters)):
        if number and not raster.filled(base).any():
            continue  # nothing to cut
        place = directory.folder / f"scene-{number}"
        place.mkdir(exist_ok=True)
        features = SegmentFeatures.fit(raster, step.layout, step.bands, step.device)
        part = span(progress, number / len(rasters), (number + 1) / len(rasters))
        parts.append((top, features.write(RunDirectory(place), part)))
    return FeaturesOfScenes(parts, whole_size(step.cube), directory.folder)
