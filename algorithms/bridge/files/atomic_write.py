# SPDX-License-Identifier: GPL-2.0-or-later
"""Output files that are complete or not there at all, and never in the place of an input."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from qgis.core import QgsMapLayer, QgsProcessingException, QgsProviderRegistry

_FULL_BYTES = 1 << 16  # free on a disk that is full for all that is written here
_PAGES = (".html", ".htm")
_SIDECARS = (".aux.xml", ".ovr")  # what GDAL keeps beside a GeoTIFF


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A partial file beside the path, put in its place when the block ends well and removed when it does not.

    Raises:
        QgsProcessingException: The place cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        for suffix in _SIDECARS:
            written = partial.with_name(partial.name + suffix)
            place = path.with_name(path.name + suffix)
            if written.exists():
                os.replace(written, place)
            else:
                place.unlink(missing_ok=True)  # of the file that is being replaced
        os.replace(partial, path)
    except OSError as error:
        reason = _full(path.parent) or error.strerror or str(error) or "no reason is known"
        raise QgsProcessingException(
            f"{path} cannot be written: {reason}. Choose another place, or close what uses the file."
        ) from None
    finally:
        for suffix in ("", *_SIDECARS):
            with suppress(OSError):
                partial.with_name(partial.name + suffix).unlink()


def _full(folder: Path) -> str:
    """That the disk is full, where it is; GDAL tells of a line that it could not write."""
    with suppress(OSError):
        return "the disk is full" if shutil.disk_usage(folder).free < _FULL_BYTES else ""
    return ""


def write_text(text: str, path: Path) -> None:
    """A report."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_texts(texts: Mapping[Path, str]) -> None:
    """Several files that belong together: either all are put in their places, or none is.

    Raises:
        QgsProcessingException: A place cannot be written.
    """
    with ExitStack() as stack:
        for path, text in texts.items():
            stack.enter_context(replacing(path)).write_text(text, encoding="utf-8")


def beside(report: Path, suffix: str) -> Path:
    """Where the content of a report lies in another format: report.html -> report.json."""
    return report.with_suffix(suffix) if report.suffix.lower() in _PAGES else report.with_name(report.name + suffix)


def refuse_inputs(outputs: Iterable[Path], layers: Iterable[QgsMapLayer | None]) -> None:
    """No output may replace a layer that is read, as samples.csv beside samples.html would.

    Raises:
        QgsProcessingException: One would.
    """
    for layer in filter(None, layers):
        parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
        place = Path(str(parts.get("path") or ""))
        for path in outputs:
            if place.is_file() and path.exists() and path.samefile(place):
                raise QgsProcessingException(
                    f"{path} would be written, but the layer {layer.name()} lies there. Choose another name."
                )


def copy_file(source: Path, path: Path) -> None:
    """A file that the worker wrote, in its place."""
    with replacing(path) as partial:
        shutil.copyfile(source, partial)
