# SPDX-License-Identifier: GPL-2.0-or-later
"""A map finished as the analyst chose: small patches go into their neighbours, then improbable pixels are "not sure".

Enters: a map as it was classified, whole. Leaves: further rasters beside it, so that a run that is stopped here begins
this step anew and comes to the same bytes; and figures of the map before and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...accuracy.map_accuracy import evaluate_map, mapped_pixels, values_at
from ...io.cube import Cube, create_cube
from ...io.windows import row_strips
from ...jobs.choice_results import ChoiceFacts, RejectFacts, SieveFacts
from ...jobs.data_model import ClassEntry
from ...jobs.disk_sizes import CLASS_ID_TYPE
from ...jobs.map_choices import NOT_SURE, NOT_SURE_BESIDES, MapFinish
from ...progress import Progress, span
from ...sampling.sample_table import SampleTable
from ..predict_map import MapFiles
from ..predictor import MapGrid
from .sieve import SievedMap, sieve_map

NOT_SURE_COLOR = "#c8c8c8"
_IDS = (255, 65535)  # tried one after the other: the first keeps the map in bytes
_BYTES_PER_PIXEL = 16


@dataclass(frozen=True)
class FinishedMap:
    """A map as the user gets it.

    Attributes:
        files: Its rasters.
        decided: The same where every pixel has a class.
        classified: The map before anything was done.
        classes: In the order of the class indices.
        size: Height and width of the part that is the user's; the rest is of other rasters that were learnt from.
        finish: What was chosen.
        not_sure: Row of the legend for pixels that are not sure; None where there are none by choice.
        sieved: What became of small patches; None where all stay.
    """

    files: MapFiles
    decided: MapFiles
    classified: MapFiles
    classes: tuple[ClassEntry, ...]
    size: tuple[int, int]
    finish: MapFinish
    not_sure: ClassEntry | None = None
    sieved: SievedMap | None = None

    def is_sure(self, samples: SampleTable) -> SampleTable:
        """The samples that do not lie on pixels that are not sure."""
        return samples if self.not_sure is None else samples.subset(~self._unsure(samples))

    def facts(self, samples: SampleTable) -> ChoiceFacts | None:
        """What the choices did; None where none was made.

        Args:
            samples: Reference samples; may be empty.
        """
        if self.not_sure is None and self.sieved is None:
            return None
        return ChoiceFacts(sieve=self._of_sieve(samples), reject=self._of_reject(samples))

    def _of_sieve(self, samples: SampleTable) -> SieveFacts | None:
        if self.sieved is None:
            return None
        before = self.classified
        return SieveFacts(
            unit=self.finish.sieve,
            changed=self.sieved.changed,
            left=self.sieved.left,
            mapped_pixels=mapped_pixels(before.classes, self.classes, self.size),
            accuracy=evaluate_map(before.classes, before.confidence, self.classes, samples)[0],
        )

    def _of_reject(self, samples: SampleTable) -> RejectFacts | None:
        if self.not_sure is None:
            return None
        unsure = samples.subset(self._unsure(samples))
        accuracy, _ = evaluate_map(self.decided.classes, self.decided.confidence, self.classes, samples)
        right, _ = evaluate_map(self.decided.classes, self.decided.confidence, self.classes, unsure)
        decided = mapped_pixels(self.decided.classes, self.classes, self.size)
        return RejectFacts(
            entry=self.not_sure,
            least_confidence=self.finish.least_confidence,
            pixels=sum(decided) - sum(mapped_pixels(self.files.classes, self.classes, self.size)),
            mapped_pixels=decided,
            samples=len(unsure),
            samples_right=0 if right is None else sum(right.matrix[k][k] for k in range(len(self.classes))),
            accuracy=accuracy,
        )

    def _unsure(self, samples: SampleTable) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        id_of = -1 if self.not_sure is None else self.not_sure.id
        return np.asarray(values_at(self.files.classes, samples.rows, samples.cols) == id_of)


def finish_map(
    files: MapFiles, grid: MapGrid, finish: MapFinish | None, size: tuple[int, int], progress: Progress
) -> FinishedMap:
    """Do what was chosen.

    Args:
        files: The map as it was classified.
        grid: Of it.
        finish: What was chosen; None: nothing.
        size: Height and width of the part that is the user's.
        progress: Told now and then.
    """
    chosen = finish or MapFinish()
    sieving, rejecting = span(progress, 0.0, 0.9), span(progress, 0.9, 1.0)
    decided, sieved = files, None
    if chosen.sieve > 1:
        sieved = sieve_map(files, grid, chosen.sieve, size, sieving)
        decided = replace(files, classes=sieved.classes, confidence=sieved.confidence)
    if not chosen.least_confidence:
        return FinishedMap(decided, decided, files, grid.classes, size, chosen, sieved=sieved)
    entry = not_sure_entry(grid.classes)
    rejected = replace(decided, classes=_rejected(decided, grid, chosen.least_confidence, entry.id, rejecting))
    return FinishedMap(rejected, decided, files, grid.classes, size, chosen, entry, sieved)


def needs_probabilities(finish: MapFinish | None) -> bool:
    """Whether a map has to keep its probabilities until it is finished."""
    return finish is not None and finish.sieve > 1


def not_sure_entry(classes: Sequence[ClassEntry]) -> ClassEntry:
    """A row of the legend whose id and name no class has."""
    ids, names = {entry.id for entry in classes}, {entry.name for entry in classes}
    number = next(each for each in (*_IDS, *range(_IDS[-1], 0, -1)) if each not in ids)
    name = NOT_SURE if NOT_SURE not in names else NOT_SURE_BESIDES
    return ClassEntry(number, name, NOT_SURE_COLOR)


def _rejected(files: MapFiles, grid: MapGrid, least: float, id_of: int, progress: Progress) -> Cube:
    """The class map with another id where its class is less probable."""
    height, width = grid.size
    out = create_cube(grid.directory.folder, "map-sure", grid.size, CLASS_ID_TYPE, files.classes.description.bands)
    for strip in row_strips(height, width, _BYTES_PER_PIXEL):
        ids, confidence = files.classes.read(strip)[0], files.confidence.read(strip)[0]
        unsure = np.isfinite(ids) & (confidence < np.float32(least))
        values = np.where(unsure, id_of, np.where(np.isfinite(ids), ids, 0)).astype(np.uint16)
        out.write(strip, values[None])
        progress(strip.stop_row / height, "map: pixels that are not sure")
    out.flush()
    return out
