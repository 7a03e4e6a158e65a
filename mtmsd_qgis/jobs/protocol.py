# SPDX-License-Identifier: GPL-2.0-or-later
"""The words that QGIS and the worker exchange: one job file, and messages as lines of JSON.

A job is a folder. QGIS writes into it, the worker reads it and writes its results back into it:

    job.json            a Job (this module)
    <cube>.raw + .hdr   rasters, line-interleaved (BIL) raw numbers with an ENVI header: shape (H, bands, W)
    <mask>.raw          uint8 (H, W): 1 where a pixel may be used
    samples.npy         int64 (N, 4): row, column, class index, group id; sorted by row, then column
    weights.npy         float64 (G,): how much the samples of each group count, where they do not count alike

The worker's standard output carries only messages. Each is one line: PREFIX, then a JSON object. Any other line is
noise. Its standard input carries one word, "cancel"; when it closes, the worker ends.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import FileFormatError
from .data_model import ClassEntry, CubeFile, FeatureLayout, check_file_names, message_of
from .extras.extra_rasters import ExtraInputs
from .json_dataclasses import from_json, shown

PROTOCOL_VERSION = 1
PREFIX = "@mtmsd "
CANCEL_WORD = "cancel"
STOPPING = "stopping"  # a message's type
JOB_FILE = "job.json"

# Exit status of the worker.
EXIT_DONE = 0
EXIT_ERROR = 1  # an "error" message was sent
EXIT_CANCELLED = 3
EXIT_ORPHANED = 4  # standard input closed: nobody waits for the result


@dataclass(frozen=True)
class Job:
    """One task for the worker.

    Attributes:
        task: "pretrain", "extract", "classify" or "importscene".
        settings: The task's settings, as settings.to_json gives them.
        scene: The raster to work on.
        extra_scenes: Further rasters to learn from, with the same bands in the same order.
        extra_samples: File of training samples of each further raster, where samples are learnt from.
        samples: File of training samples in the job folder.
        validation: File of reference samples in the job folder.
        classes: The classes, in the order of the class indices of the samples.
        layout: What the bands of the scene are (classify).
        inputs: Absolute paths of files outside the job folder: "model", "resume", "mat", "ground_truth".
        outputs: Absolute paths that the worker writes itself, beside the place and renamed at the end:
            "model", "checkpoint".
        extras: Extra rasters and textures that the default classifier may use; None where none is asked for.
        sample_weights: File of the weights of the groups of training samples; None where all count alike.
        options: Further plain values of a task, e.g. {"probabilities": true} or the variable of a .mat file.
    """

    task: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    scene: CubeFile | None = None
    samples: str | None = None
    validation: str | None = None
    classes: tuple[ClassEntry, ...] = ()
    layout: FeatureLayout | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    extra_scenes: tuple[CubeFile, ...] = ()
    extra_samples: tuple[str, ...] = ()
    extras: ExtraInputs | None = None
    sample_weights: str | None = None


@dataclass(frozen=True)
class Message:
    """One line from the worker.

    Attributes:
        type: "progress" (fraction 0 to 1, text), "log" (level, text), "result" (values), "error" (kind, text,
            details) or "stopping" (the word to cancel was heard, and what was done is being kept).
        fraction: Share of the task that is done, for "progress".
        text: A sentence for the user.
        level: "info" or "warning", for "log".
        kind: "input", "cancelled", "memory" or "internal", for "error".
        details: Traceback, for "error".
        values: What the task found, for "result".
    """

    type: str
    fraction: float = 0.0
    text: str = ""
    level: str = "info"
    kind: str = ""
    details: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


def ending_type(line: str) -> str:
    """The type of a message that says how a cancelled worker ends, "stopping" or "error"; empty for other lines."""
    if not any(f'"{word}"' in line for word in (STOPPING, "error")):  # cheap, as every line is looked at
        return ""
    try:
        message = decode(line)
    except FileFormatError:  # whoever takes the line says so
        return ""
    return message.type if message is not None and message.type in (STOPPING, "error") else ""


def write_job(job: Job, folder: Path) -> None:
    """Write job.json into the folder."""
    document = {"protocol": PROTOCOL_VERSION, **asdict(job)}
    (folder / JOB_FILE).write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")


def read_job(folder: Path) -> Job:
    """Read job.json from the folder.

    Raises:
        FileFormatError: No job, no JSON, another protocol version, or a part is missing or of the wrong kind.
    """
    path = folder / JOB_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        version = document.pop("protocol")
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise FileFormatError(f"{path} should be a job file; it cannot be read ({message_of(error)}).") from None
    if version != PROTOCOL_VERSION:
        raise FileFormatError(
            f"{path} has protocol version {shown(version)}, this worker speaks version {PROTOCOL_VERSION}. "
            "Update the plugin, then restart QGIS."
        )
    try:
        job = from_json(Job, document)
        check_file_names(job.samples, job.validation, job.sample_weights, *job.extra_samples)
        return job
    except ValueError as error:
        raise FileFormatError(f"{path} is not a complete job: {message_of(error)}.") from None


def going_on(job: Job) -> Job:
    """The job with what an earlier run of it has left to go on from, where nothing else is asked for.

    A directory of unfinished work is found by the task itself; a checkpoint of a training has to be named.
    """
    checkpoint = job.outputs.get("checkpoint")
    if checkpoint is None or "resume" in job.inputs or not Path(checkpoint).is_file():
        return job
    return replace(job, inputs={**job.inputs, "resume": checkpoint})


def encode(message: Message) -> str:
    """The message as one line, without line end; numbers that JSON lacks (NaN, inf) become null."""
    document = {"version": PROTOCOL_VERSION, **asdict(message)}
    return PREFIX + json.dumps(_finite(document), ensure_ascii=True, allow_nan=False)


def decode(line: str) -> Message | None:
    """The message in a line of the worker's output; None where the line is not one.

    Raises:
        FileFormatError: A message of another protocol version.
    """
    if not line.startswith(PREFIX):
        return None
    try:
        document = json.loads(line[len(PREFIX) :])
        version = document.pop("version")
        if document.get("fraction", 0.0) is None:  # no number, on its way through JSON
            document["fraction"] = 0.0
        message = from_json(Message, document)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if version != PROTOCOL_VERSION:
        raise FileFormatError(
            f"The worker speaks protocol version {shown(version)}, the plugin version {PROTOCOL_VERSION}. "
            "Reinstall the plugin and restart QGIS."
        )
    return message if 0 <= message.fraction <= 1 else None


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return value
