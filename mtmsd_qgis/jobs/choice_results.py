# SPDX-License-Identifier: GPL-2.0-or-later
"""What the analyst's choices for classes, samples and map did to the map.

Enters: figures of a map task, and what QGIS knows of tables. Leaves: frozen dataclasses that cross the process line and
that reports read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from .accuracy_results import AccuracyFigures, four_digits
from .data_model import ClassEntry
from .json_dataclasses import OMITTED_IF_NONE


@dataclass(frozen=True)
class RejectFacts:
    """Pixels that are "not sure".

    Attributes:
        entry: Their row of the legend.
        least_confidence: They are less probable than this.
        pixels: How many there are.
        mapped_pixels: (K,) pixels of each class with these, each by its most probable class.
        samples: Reference samples on them.
        samples_right: Of these, how many have their most probable class.
        accuracy: Of the map with these pixels, by their most probable class; None where there is none to tell.
    """

    entry: ClassEntry
    least_confidence: float
    pixels: int
    mapped_pixels: tuple[int, ...]
    samples: int = 0
    samples_right: int = 0
    accuracy: AccuracyFigures | None = None


@dataclass(frozen=True)
class ClassWeightFacts:
    """How probable the classes are before a pixel is seen.

    Attributes:
        kind: One of settings.CLASS_WEIGHTS.
        shares: (K,) of the classes, as chosen.
        presumed: (K,) that the classifier has without the choice.
    """

    kind: str
    shares: tuple[float, ...]
    presumed: tuple[float, ...]


@dataclass(frozen=True)
class SampleWeightFacts:
    """How much training samples count where classes are learnt.

    Attributes:
        field: Of the training layer.
        least: Smallest weight of a training sample, as a share of their mean.
        most: Largest one.
        samples: Training samples.
        effective: As how many samples of one weight they count.
    """

    field: str
    least: float
    most: float
    samples: int
    effective: float

    @property
    def sentence(self) -> str:
        """For log and report."""
        most = four_digits(float(f"{self.most:.2g}"))
        return (
            f"Training samples count by the field {self.field} (SAMPLE_WEIGHT_FIELD), from {self.least:.2g} to {most} "
            f"times their mean; the {self.samples} samples say as much as {self.effective:.0f} of one weight. In the "
            "accuracy every reference sample counts alike."
        )


@dataclass(frozen=True)
class SieveFacts:
    """Patches that went into their neighbours.

    Attributes:
        unit: Pixels of the smallest patch that stays.
        changed: Pixels that have another class than before.
        left: Pixels of smaller patches that touch no patch of this size.
        mapped_pixels: (K,) pixels of each class before.
        accuracy: Of the map before; None where there is none to tell.
    """

    unit: int
    changed: int
    left: int
    mapped_pixels: tuple[int, ...]
    accuracy: AccuracyFigures | None = None


@dataclass(frozen=True)
class SegmentFacts:
    """Segments that are classified as one.

    Attributes:
        asked: Mean pixels of a segment, as asked for; 0: to be chosen by the training samples.
        pixels: That they were made with; 0 where none were made.
        count: Segments.
        used: Whether each pixel of the map has the class of its segment.
        sentence: Why, or why not.
        astray: Sizes that were tried, and the share of the training samples in segments of mostly another class.
        changed: Pixels that have another class than by themselves.
        mapped_pixels: (K,) pixels of each class before; empty where segments are not used.
        accuracy: Of the map before; None where there is none to tell.
    """

    RETIRED: ClassVar = ("cross_class_affinity",)

    asked: int
    pixels: int
    count: int
    used: bool
    sentence: str
    astray: tuple[tuple[int, float], ...] = ()
    changed: int = 0
    mapped_pixels: tuple[int, ...] = ()
    accuracy: AccuracyFigures | None = None


@dataclass(frozen=True)
class ChoiceFacts:
    """What the choices of a run did.

    Attributes:
        class_table: Sentences on classes that were merged or left out.
        class_weights: Priors of the classes; None where they are the classifier's own.
        segments: On segments; None where none are asked for.
        sieve: On small patches; None where all stay.
        reject: On pixels that are not sure; None where every pixel has a class.
        sample_weights: How much training samples count; None where all do alike.
        left_out_samples: Sentences on training features of weight 0; None where there are none.
    """

    class_table: tuple[str, ...] = ()
    class_weights: ClassWeightFacts | None = field(default=None, metadata=OMITTED_IF_NONE)
    segments: SegmentFacts | None = field(default=None, metadata=OMITTED_IF_NONE)
    sieve: SieveFacts | None = field(default=None, metadata=OMITTED_IF_NONE)
    reject: RejectFacts | None = field(default=None, metadata=OMITTED_IF_NONE)
    sample_weights: SampleWeightFacts | None = field(default=None, metadata=OMITTED_IF_NONE)
    left_out_samples: tuple[str, ...] | None = field(default=None, metadata=OMITTED_IF_NONE)
