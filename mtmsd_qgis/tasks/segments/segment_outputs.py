# SPDX-License-Identifier: GPL-2.0-or-later
"""The segments of a map in the result of its task.

Enters: a map decided by segments, or segments that are shown alone. Leaves: the result with what became of them and,
where the job asks for them, a raster of segments and a table of them as a raw file: SEGMENT_COLUMNS of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from ...classification.segments.segment_map import SegmentOutcome, SegmentStep
from ...classification.segments.segment_rules import SampleRule
from ...classification.training_task import TrainingTask
from ...io.cube import create_cube
from ...io.windows import whole
from ...jobs.choice_results import ChoiceFacts
from ...jobs.data_model import Band, CubeFile
from ...jobs.map_choices import SEGMENT_COLUMNS
from ...jobs.protocol import Job
from ...jobs.results import ApplyResult, MapResult
from ...sampling.sample_table import SampleTable

Result = TypeVar("Result", MapResult, ApplyResult)

OPTION = "tokens"  # of the job: whether segments are an output


def segment_step(job: Job, task: TrainingTask, bands: Sequence[Band], size: tuple[int, int]) -> SegmentStep:
    """What the segments of a job are made from.

    Args:
        job: Says whether they are an output.
        task: What was learnt.
        bands: Of the raster's spectra.
        size: Height and width of the part of the raster that is the user's.
    """
    rule = SampleRule(task.training)
    wanted = bool(job.options.get(OPTION))
    return SegmentStep(task.cube, task.layout, task.device, bands, task.settings.segments, rule, wanted, size)


def with_segments(result: Result, outcome: SegmentOutcome, step: SegmentStep, validation: SampleTable) -> Result:
    """The result with what became of segments.

    Args:
        result: Of the map.
        outcome: Of the step.
        step: What they were made from.
        validation: Samples that the map is evaluated at.
    """
    facts = outcome.own_facts(validation)
    if facts is None:
        return result
    result = replace(result, choices=replace(result.choices or ChoiceFacts(), segments=facts))
    if not step.wanted or outcome.segments is None:
        return result
    return replace(result, tokens=outcome.segments.raster.description, token_table=_table_file(outcome))


def _table_file(outcome: SegmentOutcome) -> CubeFile:
    """Write the table beside the raster of segments."""
    table, segments = outcome.table, outcome.segments
    if table is None or segments is None:
        raise ValueError("a map without segments has no table of them")
    own = slice(segments.count)  # those of further scenes are no output
    shares, pixels = table.probabilities[own].astype(np.float64), table.pixels[own]
    order = np.argsort(-shares, axis=1, kind="stable")
    ids = np.array([entry.id for entry in outcome.classes], dtype=np.float64)
    rows, known = np.arange(len(shares)), pixels > 0
    columns = {
        "class_id": np.where(known, ids[order[:, 0]], 0),
        "confidence": shares[rows, order[:, 0]],
        "runner_up_id": np.where(known, ids[order[:, 1]], 0),
        "runner_up_share": shares[rows, order[:, 1]],
        "pixels": pixels,
        "purity": table.purity[own],
    }
    values = np.stack([columns[name] for name in SEGMENT_COLUMNS])[:, :, None]
    folder: Path = segments.raster.files[0].parent
    bands = [Band(name) for name in SEGMENT_COLUMNS]
    cube = create_cube(folder, "segment-table", (len(shares), 1), "float64", bands)
    cube.write(whole(len(shares), 1), values)
    cube.flush()
    return cube.description
