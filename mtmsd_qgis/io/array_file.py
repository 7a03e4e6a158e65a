# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of named arrays: one versioned file, a JSON header and plain arrays. No pickle: opening one runs nothing.

Models, checkpoints, classifiers and the work of interrupted runs are such files; "kind" says which. What is particular
to a kind is in its own module (model_file, classifier_file).

The layout is that of safetensors (8 bytes little-endian header length, JSON header, array bytes without gaps), so
that any tool of that library can read the arrays; our own description lies, as JSON, in its "__metadata__". The
header is read without torch and checked in full before anything is allocated.

Enters: a description (JSON-ready dict) and named arrays. Leaves: the same.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError
from ..jobs.json_dataclasses import is_whole, shown

Shape = tuple[Any, ...]
"""Type of an array as the file names it, e.g. "F32", then its shape."""

FORMAT_VERSION = 1
KIND_MODEL = "model"
KIND_CHECKPOINT = "checkpoint"
KIND_CLASSIFIER = "classifier"

_MAX_HEADER_BYTES = 16 << 20
_FIRST = b'{"__metadata__": {"format": "mtmsd"'  # of a header of ours
_TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "|u1"}
_MOST_AXES = 8
_LARGEST_COUNT = 2**50  # bytes or numbers; with 8 axes a product that is still computed in no time
_READABLE = tuple(str(version) for version in range(1, FORMAT_VERSION + 1))
_NAMES = {np.dtype(code): name for name, code in _TYPES.items()}
_EXPECTED = {
    KIND_MODEL: ("a diffusion model", "A .mtmsd file written by 'Pretrain diffusion model'"),
    KIND_CHECKPOINT: ("a checkpoint", "A .checkpoint file of an interrupted 'Pretrain diffusion model'"),
    KIND_CLASSIFIER: ("a classifier", "A .mtmsdc file written by 'Classify' or 'Map a scene in one step'"),
}
_ANY = ("a file of this plugin", "A model (.mtmsd), classifier (.mtmsdc) or checkpoint (.checkpoint)")


def write_file(path: Path, kind: str, description: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a file beside its place and rename it when it is complete.

    Args:
        path: Where it shall lie.
        kind: KIND_MODEL, KIND_CHECKPOINT, KIND_CLASSIFIER or another word.
        description: JSON-ready values; what read_header gives back.
        arrays: Named arrays of float64, float32, int64, int32 or uint8.

    Raises:
        OSError: The place cannot be written.
    """
    plain = {name: np.asarray(array, array.dtype.newbyteorder("<"), "C") for name, array in arrays.items()}
    digest = hashlib.sha256()
    entries: dict[str, Any] = {}
    position = 0
    for name, array in plain.items():
        entries[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [position, position + array.nbytes],
        }
        position += array.nbytes
        digest.update(array.tobytes())
    metadata = {
        "format": "mtmsd",
        "version": str(FORMAT_VERSION),
        "kind": kind,
        "sha256": digest.hexdigest(),
        "description": json.dumps(description, ensure_ascii=False, sort_keys=True, allow_nan=False),
    }
    header = json.dumps({"__metadata__": metadata, **entries}, ensure_ascii=False).encode("utf-8")
    header += b" " * (-len(header) % 8)  # arrays start at a multiple of 8
    partial = path.with_name(path.name + ".partial")
    path.parent.mkdir(parents=True, exist_ok=True)  # it may have gone since the run began
    try:
        with partial.open("wb") as file:
            file.write(len(header).to_bytes(8, "little"))
            file.write(header)
            for array in plain.values():
                file.write(array.tobytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        with suppress(OSError):  # a folder that is none any more has been told of already
            partial.unlink()


@dataclass(frozen=True)
class FileSummary:
    """What a file says before its arrays.

    Attributes:
        kind: What it is.
        version: Of the layout.
        sha256: Of the content of the arrays: tells two files apart.
        description: JSON values, as they were written.
        shapes: Name, type and shape of each array.
        size_bytes: Of the file.
    """

    kind: str
    version: int
    sha256: str
    description: Mapping[str, Any]
    shapes: Mapping[str, Shape]
    size_bytes: int


def read_summary(path: Path | str, *kinds: str) -> FileSummary:
    """Everything but the arrays of a file that is of one of some kinds.

    Raises:
        FileFormatError: Not such a file, broken, of another kind, or of a newer version.
    """
    path = Path(path)
    with _open(path) as file:
        metadata, entries, _ = _read_checked(file, path, kinds)
        size_bytes = os.fstat(file.fileno()).st_size
    return FileSummary(
        metadata["kind"],
        int(metadata["version"]),
        metadata["sha256"],
        _parse(metadata["description"], path, kinds),
        {name: (entry["dtype"], *entry["shape"]) for name, entry in entries.items()},
        size_bytes,
    )


def read_header(path: Path | str, kind: str = KIND_MODEL) -> dict[str, Any]:
    """The description of a file, with "kind" and "version" added.

    Raises:
        FileFormatError: As read_summary.
    """
    summary = read_summary(path, kind)
    return {**summary.description, "kind": kind, "version": summary.version}


def read_shapes(path: Path | str, kind: str = KIND_MODEL) -> dict[str, Shape]:
    """Name, type and shape of each array, without reading one.

    Raises:
        FileFormatError: As read_summary.
    """
    return dict(read_summary(path, kind).shapes)


def first_side(shapes: Mapping[str, Shape], name: str) -> int:
    """Length of the first axis of an array in read_shapes; 0 where there is no such array, or it has no axes."""
    return int((*shapes.get(name, ()), 0, 0)[1])


def read_arrays(path: Path | str, kind: str = KIND_MODEL) -> dict[str, NDArray[Any]]:
    """All arrays of a file, checked against the stored SHA-256.

    Raises:
        FileFormatError: As read_summary, or the content is not what was written.
    """
    path = Path(path)
    arrays: dict[str, NDArray[Any]] = {}
    digest = hashlib.sha256()
    with _open(path) as file:
        metadata, entries, start = _read_checked(file, path, (kind,))
        file.seek(start)
        for name, entry in entries.items():
            try:
                array = np.empty(entry["shape"], dtype=_TYPES[entry["dtype"]])
            except ValueError:  # 0 elements, but sides whose product numpy cannot count
                raise _not_such_a_file(path, (kind,)) from None
            content = array.reshape(-1).view(np.uint8)
            if file.readinto(content.data) != array.nbytes:  # type: ignore[attr-defined]
                raise _damaged(path)
            digest.update(content.data)
            arrays[name] = array
    if digest.hexdigest() != metadata["sha256"]:
        raise _damaged(path)
    return arrays


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise FileFormatError(f"{path} cannot be opened: {error.strerror}. Choose a .mtmsd file.") from None


def _read_checked(file: BinaryIO, path: Path, kinds: Sequence[str]) -> tuple[dict[str, str], dict[str, Any], int]:
    """Metadata, array entries and position of the first array byte, all checked against the file's size."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 10 or length > _MAX_HEADER_BYTES:
        raise _not_such_a_file(path, kinds)
    header = file.read(length)
    if len(header) < length and header.startswith(_FIRST):
        raise FileFormatError(
            f"{path} is incomplete or damaged: a header of {length} bytes was expected, found {len(header)}. Use a "
            "copy, or make it anew."
        )
    document = _parse(header, path, kinds)
    metadata = document.pop("__metadata__", None)
    if not isinstance(metadata, dict) or metadata.get("format") != "mtmsd":
        raise _not_such_a_file(path, kinds)
    if not all(isinstance(metadata.get(key), str) for key in ("version", "kind", "sha256", "description")):
        raise _not_such_a_file(path, kinds)
    if metadata["version"] not in _READABLE:
        raise FileFormatError(
            f"{path} is of version {shown(metadata['version'])}, this plugin reads up to {FORMAT_VERSION}. "
            "Update the plugin."
        )
    if metadata["kind"] not in kinds:
        raise FileFormatError(
            f"{path} should be a {' or '.join(kinds)}, it is a {shown(metadata['kind'])}. Choose another file."
        )
    if not _are_arrays(document):
        raise _not_such_a_file(path, kinds)
    expected_bytes, found_bytes = sum(map(_length_bytes, document.values())), size - 8 - length
    if expected_bytes != found_bytes:
        raise FileFormatError(
            f"{path} is incomplete or damaged: {expected_bytes} bytes of arrays were expected, found {found_bytes}. "
            "Use a copy, or make it anew."
        )
    return metadata, document, 8 + length


def _are_arrays(entries: Mapping[str, Any]) -> bool:
    """Whether these describe arrays that follow each other without gaps."""
    position = 0
    for entry in entries.values():
        if not isinstance(entry, dict) or not isinstance(entry.get("dtype"), str) or entry["dtype"] not in _TYPES:
            return False
        shape: Any = entry.get("shape")
        offsets: Any = entry.get("data_offsets")
        if not _are_counts(shape, _MOST_AXES) or not _are_counts(offsets, 2) or len(offsets) != 2:
            return False
        itemsize = np.dtype(_TYPES[entry["dtype"]]).itemsize
        if offsets[0] != position or offsets[1] - position != math.prod(shape) * itemsize:
            return False
        position = offsets[1]
    return True


def _length_bytes(entry: Mapping[str, Any]) -> int:
    first, last = entry["data_offsets"]
    return int(last - first)


def _are_counts(values: Any, most: int) -> bool:  # noqa: ANN401 - any JSON value
    """Whether it is a list of at most so many whole numbers, none below 0, that any file could hold."""
    return (
        isinstance(values, list)
        and len(values) <= most
        and all(is_whole(n) and 0 <= n <= _LARGEST_COUNT for n in values)
    )


def _parse(text: str | bytes, path: Path, kinds: Sequence[str]) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _not_such_a_file(path, kinds) from None
    if not isinstance(document, dict):
        raise _not_such_a_file(path, kinds)
    return document


def _damaged(path: Path) -> FileFormatError:
    return FileFormatError(f"{path} is damaged: its content is not what was written. Use a copy, or make it anew.")


def _not_such_a_file(path: Path, kinds: Sequence[str]) -> FileFormatError:
    what, origin = _EXPECTED.get(kinds[0], _ANY) if len(kinds) == 1 else _ANY
    return FileFormatError(f"{path} is not {what}. {origin} was expected.")
