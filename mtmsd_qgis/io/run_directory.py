# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs that can be taken up again: a folder that holds what is finished, and says what it is the work of.

Enters: fingerprints of all that decides the result, rasters that are written window by window. Leaves: a folder with

    run.json      fingerprints of settings, raster, samples, model
    *.raw, *.hdr  rasters that are being written
    *.part        arrays (model_file's format): the survey, and which windows are finished

A window counts as finished once it has been handed to the disk, so a run that was killed or lost its power goes on to
the same files as one that was not.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Cancelled, FileFormatError
from ..jobs.data_model import Band, CubeFile
from ..jobs.protocol import Job
from .cube import Cube, create_cube
from .model_file import read_arrays, write_file
from .windows import Window

log = logging.getLogger(__name__)

RUN_FILE = "run.json"
_KIND = "unfinished"
_SAVE_SECONDS = 20.0  # between two savings; a killed run loses at most so much
_CHUNK_BYTES = 1 << 22


class Workplace:
    """Where a task writes its rasters: the job folder, or a folder that outlives the run."""

    def __init__(self, folder: Path, *, lasting: bool = False) -> None:
        """Take a folder that is there.

        Args:
            folder: For the rasters.
            lasting: Whether it outlives the run; without, nothing is remembered.
        """
        self.folder = folder
        self.lasting = lasting

    @classmethod
    def open(cls, folder: Path, fingerprints: Mapping[str, str], *, wanted: bool) -> Workplace:
        """A folder that outlives the run; the work in it is taken up where it is of the same run.

        Args:
            folder: May be missing.
            fingerprints: Of all that decides the result, by a word for the user ("settings", "raster").
            wanted: Whether the user asked to go on; then anything else is refused, else begun anew.

        Raises:
            FileFormatError: The user asked to go on, and there is no unfinished run or it is another one.
        """
        there = _read_run(folder / RUN_FILE)
        other = [word for word, digest in fingerprints.items() if there is None or there.get(word) != digest]
        if there is not None and not other:
            log.info("Going on with the unfinished run in %s.", folder)
            return cls(folder, lasting=True)
        if wanted and there is None:
            raise FileFormatError(
                f"RESUME should be the folder that an interrupted run left; {folder} is none. Choose the folder that "
                "its log names, or start without RESUME."
            )
        if wanted:
            raise FileFormatError(
                f"The unfinished run in {folder} differs from this one in: {', '.join(other)}. Give the same inputs "
                "and settings to go on, or start without RESUME."
            )
        if there is not None:
            log.info(
                "The unfinished run in %s was another one (%s differ); it is begun anew.", folder, ", ".join(other)
            )
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{RUN_FILE}.partial"
        partial.write_text(json.dumps(dict(fingerprints), indent=1), encoding="utf-8")
        os.replace(partial, folder / RUN_FILE)
        return cls(folder, lasting=True)

    def raster(self, name: str, size: tuple[int, int], dtype: str, bands: Sequence[Band]) -> tuple[Cube, bool]:
        """A raster to be written, and whether it is new; one that is there already is gone on with."""
        description = CubeFile(f"{name}.raw", size[0], size[1], dtype, tuple(bands))
        if self.lasting and (self.folder / f"{name}.raw").exists():
            try:
                return Cube(self.folder, description, writable=True), False
            except FileFormatError:
                log.warning("%s is not as it should be; it is begun anew.", description.file)
        return create_cube(self.folder, name, size, dtype, bands), True

    def keep(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays of float64, float32, int64, int32 or uint8."""
        if self.lasting:
            write_file(self.folder / f"{name}.part", _KIND, {}, arrays)

    def kept(self, name: str) -> dict[str, NDArray[Any]] | None:
        """Arrays that were kept; None where there are none, or none that can be trusted."""
        path = self.folder / f"{name}.part"
        if not self.lasting or not path.exists():
            return None
        try:
            return read_arrays(path, _KIND)
        except FileFormatError:
            log.warning("%s is damaged; its work is done anew.", path.name)
            return None


class Finished:
    """Which windows of some rasters are finished."""

    def __init__(self, place: Workplace, name: str, rasters: Sequence[Cube], *, fresh: bool) -> None:
        """Find out what is finished.

        Args:
            place: That the rasters lie in.
            name: Of the list.
            rasters: Written window by window, all of them.
            fresh: Whether a raster is new, so that nothing is finished.
        """
        self._place, self._name, self._rasters = place, name, rasters
        there = None if fresh else place.kept(name)
        rows = [] if there is None else there["windows"].reshape(-1, 4).tolist()
        self._windows = {Window(*(int(n) for n in row)) for row in rows}
        self._saved = time.monotonic()
        if self._windows:
            log.info("%d windows are finished already.", len(self._windows))

    def __contains__(self, window: Window) -> bool:
        """Whether a window is finished."""
        return window in self._windows

    def __len__(self) -> int:
        """How many windows are finished."""
        return len(self._windows)

    def last_row(self) -> int:
        """First row below all finished windows, which were finished from top to bottom."""
        return max((window.stop_row for window in self._windows), default=0)

    @contextmanager
    def kept_on_cancel(self) -> Iterator[None]:
        """Save what is finished where the block raises Cancelled."""
        try:
            yield
        except Cancelled:
            self.save()
            raise

    def add(self, window: Window) -> None:
        """Note that a window has been written to all rasters."""
        if not self._place.lasting:
            return
        self._windows.add(window)
        if time.monotonic() - self._saved >= _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Hand the rasters to the disk, then write down what is finished; nothing in a folder that does not last."""
        if not self._place.lasting:
            return
        for raster in self._rasters:
            raster.flush()
        table = np.array(sorted((w.row, w.col, w.height, w.width) for w in self._windows), dtype=np.int64)
        self._place.keep(self._name, {"windows": table.reshape(-1, 4)})
        self._saved = time.monotonic()


def workplace(job: Job, folder: Path) -> Workplace:
    """The job's lasting folder, where it names one, with the work of the same run that is in it; else the job folder.

    Args:
        job: Names it as its output "checkpoint"; its input "resume" says that the user wants to go on.
        folder: The job folder.

    Raises:
        FileFormatError: As Workplace.open.
    """
    if "checkpoint" not in job.outputs:
        return Workplace(folder)
    scene, samples = job.scene, [folder / name for name in (job.samples, job.validation) if name]
    rasters = [] if scene is None else [folder / name for name in (scene.file, scene.mask) if name]
    words = {
        "settings": digest([json.dumps([job.task, job.settings, job.options], sort_keys=True)]),
        "raster": digest([json.dumps(None if scene is None else asdict(scene), sort_keys=True), *rasters]),
        "samples": digest([json.dumps([asdict(entry) for entry in job.classes]), *samples]),
        "model": digest([Path(job.inputs["model"])] if "model" in job.inputs else []),
    }
    return Workplace.open(Path(job.outputs["checkpoint"]), words, wanted="resume" in job.inputs)


def digest(parts: Iterable[Path | str]) -> str:
    """Fingerprint of texts and of the contents of files.

    Source: BLAKE2b, RFC 7693.
    """
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, str):
            found.update(part.encode("utf-8"))
            continue
        with part.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                found.update(chunk)
    return found.hexdigest()


def _read_run(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
