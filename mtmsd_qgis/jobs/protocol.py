# SPDX-License-Identifier: GPL-2.0-or-later
"""The words that QGIS and the worker exchange: one job file, and messages as lines of JSON.

A job is a folder. QGIS writes into it, the worker reads it and writes its results back into it:

    job.json            a Job (this module)
    <cube>.raw + .hdr   rasters, line-interleaved (BIL) raw numbers with an ENVI header: shape (H, bands, W)
    <mask>.raw          uint8 (H, W): 1 where a pixel may be used
    samples.npy         int64 (N, 4): row, column, class index, group id; sorted by row, then column

The worker's standard output carries only messages. Each is one line: PREFIX, then a JSON object. Any other line is
noise. Its standard input carries one word, "cancel"; when it closes, the worker ends.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import FileFormatError
from .json_dataclasses import build, is_whole, shown

PROTOCOL_VERSION = 1
PREFIX = "@mtmsd "
CANCEL_WORD = "cancel"
JOB_FILE = "job.json"

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_MOST_BANDS = 65_536  # what GDAL opens
_WIDEST_WINDOW = 4096  # pixels; far beyond any training patch
_LONGEST_REASON = 200  # characters of another library's words in a message

# Exit status of the worker.
EXIT_DONE = 0
EXIT_ERROR = 1  # an "error" message was sent
EXIT_CANCELLED = 3
EXIT_ORPHANED = 4  # standard input closed: nobody waits for the result


@dataclass(frozen=True)
class Band:
    """One band of a raster as its source describes it.

    Attributes:
        name: The band's description; empty where there is none.
        wavelength_nm: Centre wavelength, None where unknown.
        nodata: Stored value that means "no data", None where there is none. NaN always means it.
        scale: Physical value = stored value * scale + offset.
        offset: See scale.
        number: The band's number in the user's raster, from 1.
        fwhm_nm: Full width at half maximum of the band's response, None where unknown.
        excluded: Ranges (low, high) of physical values, ends included, that mean "no data" too: the additional no
            data values of a QGIS layer.
    """

    name: str = ""
    wavelength_nm: float | None = None
    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    number: int = 0
    fwhm_nm: float | None = None
    excluded: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class CubeFile:
    """A raw raster in the job folder.

    Attributes:
        file: Name of the raw file in the job folder; its ENVI header has the suffix .hdr instead.
        height: Rows.
        width: Columns.
        dtype: numpy name of the stored type, little endian, e.g. "int16".
        bands: One entry a band, in stored order.
        mask: Name of the mask file in the job folder, or None where every pixel may be used.
    """

    file: str
    height: int
    width: int
    dtype: str
    bands: tuple[Band, ...]
    mask: str | None = None


@dataclass(frozen=True)
class ClassEntry:
    """A class of the training layer: its id in the map (1 to 65535), its name and its colour (#rrggbb)."""

    id: int
    name: str
    color: str = ""


@dataclass(frozen=True)
class FeatureLayout:
    """What the bands of a feature raster are; travels in the raster's metadata as JSON.

    Attributes:
        version: Of this description.
        timesteps: Noise levels, in band order.
        features: Features per timestep; band = timestep index * features + feature index.
        names: Name of each feature, e.g. "s3 c012" (stage 3, channel 12).
        window: Side in pixels of the window of the global features.
        purification: "classes", "clusters" or "none".
        stages: Decoder stages the features come from.
        note: For the report, e.g. how many training samples the purification saw.
        spectra: Number of bands behind the features that hold the spectra themselves.
    """

    version: int = 2
    timesteps: tuple[int, ...] = (0,)
    features: int = 1
    names: tuple[str, ...] = ()
    window: int = 1
    purification: str = "none"
    stages: tuple[int, ...] = ()
    note: str = ""
    spectra: int = 0

    @property
    def diffusion_bands(self) -> int:
        """T * D."""
        return len(self.timesteps) * self.features


@dataclass(frozen=True)
class Job:
    """One task for the worker.

    Attributes:
        task: "pretrain", "extract", "classify" or "importscene".
        settings: The task's settings, as settings.to_json gives them.
        scene: The raster to work on.
        samples: File of training samples in the job folder.
        validation: File of reference samples in the job folder.
        classes: The classes, in the order of the class indices of the samples.
        layout: What the bands of the scene are (classify).
        inputs: Absolute paths of files outside the job folder: "model", "resume", "mat", "ground_truth".
        outputs: Absolute paths that the worker writes itself, beside the place and renamed at the end:
            "model", "checkpoint".
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


@dataclass(frozen=True)
class Message:
    """One line from the worker.

    Attributes:
        type: "progress" (fraction 0 to 1, text), "log" (level, text), "result" (values) or "error" (kind, text,
            details).
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
        raise FileFormatError(f"{path} should be a job file; it cannot be read ({_short(error)}).") from None
    if version != PROTOCOL_VERSION:
        raise FileFormatError(
            f"{path} has protocol version {shown(version)}, this worker speaks version {PROTOCOL_VERSION}. "
            "Update the plugin, then restart QGIS."
        )
    try:
        return _job_from(document)
    except ValueError as error:
        raise FileFormatError(f"{path} is not a complete job: {_short(error)}.") from None


def layout_to_json(layout: FeatureLayout) -> str:
    """The layout as one line of JSON."""
    return json.dumps(asdict(layout), ensure_ascii=False)


def layout_from_json(text: str) -> FeatureLayout:
    """The layout from the metadata of a feature raster.

    Raises:
        FileFormatError: Not such a text, or one of a newer version.
    """
    try:
        return _layout_from(json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise FileFormatError(f"The feature raster's description cannot be read: {_short(error)}.") from None


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
        message = build(Message, document)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if version != PROTOCOL_VERSION:
        raise FileFormatError(
            f"The worker speaks protocol version {shown(version)}, the plugin version {PROTOCOL_VERSION}. "
            "Reinstall the plugin and restart QGIS."
        )
    return message if 0 <= message.fraction <= 1 else None


def band_from_json(values: object) -> Band:
    """A band from a model file, a job or a result.

    Raises:
        ValueError: A part is missing, unknown or of the wrong type.
    """
    return build(Band, values)


def cube_from_json(values: object) -> CubeFile:
    """A raster of the job folder from a job or a result.

    Raises:
        ValueError: A part is missing or of the wrong type, or a file lies outside the job folder.
    """
    if not isinstance(values, dict) or not isinstance(values.get("bands"), list):
        raise ValueError("a raster with a list of bands was expected")
    cube = build(CubeFile, values, bands=tuple(band_from_json(band) for band in values["bands"]))
    _check_names(cube.file, cube.mask)
    if cube.height < 1 or cube.width < 1 or not cube.bands:
        raise ValueError(f"a raster should have pixels and bands, found {cube.width} x {cube.height}")
    return cube


def _job_from(document: dict[str, Any]) -> Job:
    scene, layout, classes = (document.get(name) for name in ("scene", "layout", "classes"))
    if not isinstance(classes, (list, type(None))):
        raise ValueError(f"Job.classes should be a list, found {shown(classes)}")
    job = build(
        Job,
        document,
        scene=None if scene is None else cube_from_json(scene),
        layout=None if layout is None else _layout_from(layout),
        classes=tuple(build(ClassEntry, entry) for entry in classes or []),
    )
    _check_names(job.samples, job.validation)
    return job


def _check_names(*names: str | None) -> None:
    """Files of the job lie in its folder.

    Raises:
        ValueError: A name that could lead elsewhere, or that no file system takes.
    """
    for name in names:
        if name is not None and not _PLAIN_NAME.fullmatch(name):
            raise ValueError(f"{shown(name)} should be the plain name of a file in the job folder")


def _layout_from(values: object) -> FeatureLayout:
    version = values.get("version") if isinstance(values, dict) else None
    if is_whole(version) and version > FeatureLayout.version:  # type: ignore[operator]
        raise FileFormatError(
            f"The feature raster is of version {version}, this plugin reads up to {FeatureLayout.version}. "
            "Update the plugin, or extract the features again."
        )
    if version is None:
        raise ValueError("its version is missing")
    layout = build(FeatureLayout, values)
    fine = (
        len(layout.timesteps) > 0
        and 1 <= layout.features <= _MOST_BANDS
        and layout.diffusion_bands <= _MOST_BANDS
        and 0 <= layout.spectra <= _MOST_BANDS
        and 1 <= layout.window <= _WIDEST_WINDOW
    )
    if not fine:
        raise ValueError("its numbers of timesteps, features or bands are out of range")
    return layout


def _short(error: Exception) -> str:
    """The start of what json or Python said of it."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(error)[:_LONGEST_REASON])


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return value
