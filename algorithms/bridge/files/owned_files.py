# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that a run writes beside its outputs without having been given their names.

One of ours, known by what is in it, is replaced by the next run; somebody else's is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Callable

from ....mtmsd_qgis.report.export import is_accuracy_csv, is_own_json

STYLE_MARK = "Written by MTMSD for QGIS"  # begins a comment of a .qml, and is the description of a style in a database
_LARGEST_BYTES = 64 << 20
_PAGES = (".html", ".htm")
_KNOWN: dict[str, Callable[[str], bool]] = {
    ".json": is_own_json,
    ".csv": is_accuracy_csv,
}


def style_mark(layer_file: Path) -> str:
    """What the .qml of an output has in a comment: other layers of its folder may have the same stem."""
    return f"{STYLE_MARK} for {layer_file.name}".replace("--", "- -")  # two hyphens would end the comment


def is_ours(path: Path, layer_file: Path | None = None) -> bool:
    """Whether a file was written by this plugin beside an output, and not changed by a program since.

    Args:
        path: Of the file.
        layer_file: For a .qml: the output that it is to be of.
    """
    if path.suffix.lower() == ".qml" and layer_file is not None:
        mark = f"<!--{style_mark(layer_file)}-->"
        return _content_is(path, lambda text: mark in text)
    known = _KNOWN.get(path.suffix.lower())
    return known is not None and _content_is(path, known)


def _content_is(path: Path, known: Callable[[str], bool]) -> bool:
    if not path.is_file() or path.stat().st_size > _LARGEST_BYTES:
        return False
    try:
        return known(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError:
        return False


def may_be_written(path: Path, layer_file: Path | None = None) -> bool:
    """Whether nothing lies there, or a file of ours; a .qml must be that of the same output."""
    return not (path.exists() or path.is_symlink()) or is_ours(path, layer_file)


def beside(report: Path, suffix: str, is_free: Callable[[Path], bool]) -> Path:
    """Where the content of a report goes in another format: report.html -> report.json, or a name that is free."""
    return next(path for path in _names(report, suffix) if is_free(path) and may_be_written(path))


def _names(report: Path, suffix: str) -> Iterator[Path]:
    if report.suffix.lower() in _PAGES:
        yield report.with_suffix(suffix)
    yield report.with_name(report.name + suffix)
    yield from (report.with_name(f"{report.name}.{number}{suffix}") for number in count(2))
