# SPDX-License-Identifier: GPL-2.0-or-later
"""A map decided by segments, where that is asked for and the training samples allow it.

Enters: a map as it was classified, whole, with probabilities. Leaves: the map that goes on, the segments, and why they
are used or not. A run that is stopped here goes on with the features that are written, begins the rest anew and comes
to the same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...accuracy.map_accuracy import evaluate_map, mapped_pixels
from ...jobs.choice_results import SegmentFacts
from ...jobs.data_model import Band, ClassEntry
from ...jobs.settings import ClassificationSettings
from ...progress import Progress, span
from ...sampling.sample_table import SampleTable
from ..context.cross_class_affinity import MOST_CROSS_CLASS
from ..predict_map import MapFiles
from ..predictor import MapGrid
from ..training_task import FittedClassifier, TrainingTask
from .segment_features import SegmentFeatures
from .segment_table import SegmentTable, classify_segments
from .segmentation import Segmentation, segment_scene
from .size_choice import MOST_ASTRAY, SizeChoice, choose_size

log = logging.getLogger(__name__)

_READ, _CUT = 0.3, 0.9  # of the time, when features are read and when the scene is cut


@dataclass(frozen=True)
class SegmentStep:
    """What segments are made from.

    Attributes:
        task: What was learnt, with the raster and the training samples.
        classifier: Fitted.
        bands: Of the raster's spectra, for their wavelengths.
        wanted: Whether the segments themselves are an output, so that they are made although they decide nothing.
        size: Height and width of the part of the raster that is the user's.
    """

    task: TrainingTask
    classifier: FittedClassifier
    bands: Sequence[Band]
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


def needs_probabilities(settings: ClassificationSettings) -> bool:
    """Whether a map has to keep its probabilities until segments have been made; segments of a pixel are none."""
    return settings.segments is not None and settings.segments != 1


def decide_by_segments(step: SegmentStep, files: MapFiles, grid: MapGrid, progress: Progress) -> SegmentOutcome:
    """Make segments, where they are asked for, and give each pixel the class of its segment, where that is allowed.

    Args:
        step: What segments are made from.
        files: The map as it was classified, with probabilities where segments are asked for.
        grid: Of it.
        progress: Told now and then.
    """
    settings, samples = step.task.settings, step.task.training
    asked = settings.segments
    untouched = SegmentOutcome(files, files, grid.classes, step.size)
    if asked is None or not needs_probabilities(settings):
        return untouched
    features = SegmentFeatures.fit(step.task.cube, step.task.layout, step.bands, step.task.device)
    cross_class = _cross_class(step, features, span(progress, 0.0, 0.1))
    reliable = cross_class <= MOST_CROSS_CLASS
    if not reliable and not step.wanted:
        facts = SegmentFacts(asked, 0, 0, used=False, sentence=_mixed(cross_class), cross_class_affinity=cross_class)
        log.info("%s", facts.sentence)
        return replace(untouched, facts=facts)
    raster = features.write(grid.directory, span(progress, 0.1, _READ))
    cutting = span(progress, _READ, _CUT)
    if asked:
        segments, choice = segment_scene(raster, asked, cutting), None
    else:
        choice = choose_size(raster, samples, cutting)
        segments = choice.segments
    used = reliable and (choice is None or choice.fits)
    sentence = _mixed(cross_class) if not reliable else _sentence(segments, choice)
    log.info("%s", sentence)
    segmented = classify_segments(files, grid, segments, step.size, span(progress, _CUT, 1.0))
    facts = SegmentFacts(
        asked,
        segments.pixels,
        segments.count,
        used,
        sentence,
        round(cross_class, 6),
        () if choice is None else tuple((pixels, round(share, 6)) for pixels, share in choice.astray),
        segmented.changed if used else 0,
    )
    decided = segmented.files if used else files
    return SegmentOutcome(decided, files, grid.classes, step.size, segments, segmented.table, facts)


def _cross_class(step: SegmentStep, features: SegmentFeatures, progress: Progress) -> float:
    """Affinity across classes: the classifier's own answer, where it has asked; else that of the segments' features."""
    ensemble = step.classifier.ensemble
    if ensemble is not None and ensemble.context is not None:
        return ensemble.context.cross_class_affinity
    return features.cross_class(step.task.training, step.task.settings.seed, progress)


def _mixed(cross_class: float) -> str:
    return (
        "Segments (SUPERTOKENS) do not decide the map: adjacent pixels with similar features often belong to different "
        f"classes (cross-class affinity {100 * cross_class:.1f} %; at most {100 * MOST_CROSS_CLASS:.0f} % was "
        "expected), so a segment would mix them. Each pixel has a class of its own."
    )


def _sentence(segments: Segmentation, choice: SizeChoice | None) -> str:
    """Why segments of this size are used, or none."""
    size = f"{segments.count} segments of about {segments.pixels} pixels (SUPERTOKENS) decide the map"
    if choice is None:
        return f"{size}, as given."
    share = f"{100 * choice.astray[-1][1]:.1f} % of the training samples lie in segments of mostly another class"
    if choice.fits:
        return f"{size}, the largest of the sizes tried at which few enough samples mix: {share}."
    return (
        f"Segments (SUPERTOKENS) do not decide the map: even of about {segments.pixels} pixels, {share}; at most "
        f"{100 * MOST_ASTRAY:.0f} % was expected. Each pixel has a class of its own."
    )
