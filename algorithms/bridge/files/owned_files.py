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

STYLE_MARK = "Written by MTMSD for QGIS"  # in a comment of a .qml, and the description of a style in a database
_LARGEST_BYTES = 64 << 20
_PAGES = (".html", ".htm")
_KNOWN: dict[str, Callable[[str], bool]] = {
    ".json": is_own_json,
    ".csv": is_accuracy_csv,
    ".qml": lambda text: f"<!--{STYLE_MARK}-->" in text,
}


def is_ours(path: Path) -> bool:
    """Whether a file was written by this plugin beside an output, and not changed by a program since."""
    known = _KNOWN.get(path.suffix.lower())
    if known is None or not path.is_file() or path.stat().st_size > _LARGEST_BYTES:
        return False
    try:
        return known(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError:
        return False


def may_be_written(path: Path) -> bool:
    """Whether nothing lies there, or a file of ours."""
    return not (path.exists() or path.is_symlink()) or is_ours(path)


def beside(report: Path, suffix: str, is_free: Callable[[Path], bool]) -> Path:
    """Where the content of a report goes in another format: report.html -> report.json, or a name that is free."""
    return next(path for path in _names(report, suffix) if is_free(path) and may_be_written(path))


def _names(report: Path, suffix: str) -> Iterator[Path]:
    if report.suffix.lower() in _PAGES:
        yield report.with_suffix(suffix)
    yield report.with_name(report.name + suffix)
    yield from (report.with_name(f"{report.name}.{number}{suffix}") for number in count(2))
