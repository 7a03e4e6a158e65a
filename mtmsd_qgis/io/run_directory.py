# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs that can be resumed: a directory that holds what is completed, and says which run it belongs to.

Enters: fingerprints of all that decides the result, rasters that are written window by window. Leaves: a folder with

    run.json      revision of the method, fingerprints of settings, raster, samples, model
    *.raw, *.hdr  rasters that are being written
    *.part        arrays (array_file's format): feature statistics, and which windows are completed

A window counts as completed once it has been handed to the disk, so a run that was killed or lost its power goes on to
the same files as one that was not.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from ..errors import Cancelled, FileFormatError
from ..jobs.data_model import Band, CubeFile
from ..jobs.protocol import Job
from .array_file import read_arrays, write_file
from .cube import Cube, create_cube
from .windows import Window

log = logging.getLogger(__name__)

REVISION = "5"  # of all that computes what is stored; raised when a stored window would no longer be the same
RUN_FILE = "run.json"
_FILES = (RUN_FILE, "model.mtmsd", "model.mtmsd.checkpoint")  # of a run; the model is that of the task mapscene
_ENDINGS = (".raw", ".hdr", ".part", ".partial", ".aux.xml")
_KIND = "unfinished"
_SAVE_SECONDS = 20.0  # between two savings; a killed run loses at most so much
_CHUNK_BYTES = 1 << 22


class RunDirectory:
    """Where a task writes its rasters: the job folder, or a persistent directory that outlives the run."""

    def __init__(self, folder: Path, *, persistent: bool = False) -> None:
        """Take a folder that is there.

        Args:
            folder: For the rasters.
            persistent: Whether it outlives the run; without, nothing is saved for a resumed run.
        """
        self.folder = folder
        self.persistent = persistent

    @classmethod
    def open(cls, folder: Path, fingerprints: Mapping[str, str], *, wanted: bool) -> RunDirectory:
        """A persistent directory; a run of the same fingerprints in it is resumed.

        Args:
            folder: May be missing.
            fingerprints: Of all that decides the result, by a word for the user ("settings", "raster").
            wanted: Whether the user asked to go on; then anything else is refused, else begun anew.

        Raises:
            FileFormatError: The user asked to go on, and there is no unfinished run or it is another one.
        """
        earlier = read_notes(folder / RUN_FILE)
        words = {**(earlier or {}), **fingerprints}  # what only one of the two runs has is a difference too
        other = [word for word in words if earlier is None or earlier.get(word) != fingerprints.get(word)]
        if earlier is not None and not other:
            log.info("Going on with the unfinished run in %s.", folder)
            return cls(folder, persistent=True)
        if wanted and earlier is None:
            raise FileFormatError(
                f"RESUME should be the folder that an interrupted run left; {folder} is none. Choose the folder that "
                "its log names, or start without RESUME."
            )
        if wanted:
            raise FileFormatError(
                f"The unfinished run in {folder} differs from this one in: {', '.join(other)}. Give the same inputs "
                "and settings to go on, or start without RESUME."
            )
        if earlier is not None:
            log.info(
                "The unfinished run in %s was another one (%s differ); it is begun anew.", folder, ", ".join(other)
            )
        remove_run(folder)
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{RUN_FILE}.partial"
        partial.write_text(json.dumps(dict(fingerprints), indent=1), encoding="utf-8")
        os.replace(partial, folder / RUN_FILE)
        return cls(folder, persistent=True)

    def raster(self, name: str, size: tuple[int, int], dtype: str, bands: Sequence[Band]) -> tuple[Cube, bool]:
        """A raster to be written, and whether it is new; one that is there already is gone on with."""
        description = CubeFile(f"{name}.raw", size[0], size[1], dtype, tuple(bands))
        if self.persistent and (self.folder / f"{name}.raw").exists():
            try:
                return Cube(self.folder, description, writable=True), False
            except FileFormatError:
                log.warning("%s is not as it should be; it is begun anew.", description.file)
        return create_cube(self.folder, name, size, dtype, bands), True

    def save_arrays(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Save arrays of float64, float32, int64, int32 or uint8."""
        if self.persistent:
            aside = self.folder / f"{name}.{uuid4().hex}.part"  # two workers may be at one strip of a campaign
            write_file(aside, _KIND, {}, arrays)
            os.replace(aside, self.folder / f"{name}.part")

    def saved_arrays(self, name: str) -> dict[str, NDArray[Any]] | None:
        """Arrays that were saved; None where there are none, or none that can be trusted."""
        path = self.folder / f"{name}.part"
        if not self.persistent or not path.exists():
            return None
        try:
            return read_arrays(path, _KIND)
        except FileFormatError:
            log.warning("%s is damaged; its work is done anew.", path.name)
            return None


class CompletedWindows:
    """Which windows of some rasters are completed."""

    def __init__(self, run_directory: RunDirectory, name: str, rasters: Sequence[Cube], *, fresh: bool) -> None:
        """Find out what is completed.

        Args:
            run_directory: That the rasters lie in.
            name: Of the list.
            rasters: Written window by window, all of them.
            fresh: Whether a raster is new, so that nothing is completed.
        """
        self._run_directory, self._name, self._rasters = run_directory, name, rasters
        saved = None if fresh else run_directory.saved_arrays(name)
        rows = [] if saved is None else saved["windows"].reshape(-1, 4).tolist()
        self._windows = {Window(*(int(n) for n in row)) for row in rows}
        self._saved_at = time.monotonic()
        if self._windows:
            log.info("%d windows are completed already.", len(self._windows))

    def __contains__(self, window: Window) -> bool:
        """Whether a window is completed."""
        return window in self._windows

    def __len__(self) -> int:
        """How many windows are completed."""
        return len(self._windows)

    def last_row(self) -> int:
        """First row below all completed windows, which were completed from top to bottom."""
        return max((window.stop_row for window in self._windows), default=0)

    @contextmanager
    def saved_on_cancel(self) -> Iterator[None]:
        """Save what is completed where the block raises Cancelled."""
        try:
            yield
        except Cancelled:
            self.save()
            raise

    def add(self, window: Window) -> None:
        """Note that a window has been written to all rasters."""
        if not self._run_directory.persistent:
            return
        self._windows.add(window)
        if time.monotonic() - self._saved_at >= _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Hand the rasters to the disk, then note what is completed; does nothing in a job folder."""
        if not self._run_directory.persistent:
            return
        for raster in self._rasters:
            raster.flush()
        table = np.array(sorted((w.row, w.col, w.height, w.width) for w in self._windows), dtype=np.int64)
        self._run_directory.save_arrays(self._name, {"windows": table.reshape(-1, 4)})
        self._saved_at = time.monotonic()


def open_run_directory(job: Job, folder: Path) -> RunDirectory:
    """The job's persistent directory, where it names one, with what the same run has completed; else the job folder.

    Args:
        job: Names it as its output "checkpoint"; its input "resume" says that the user wants to go on.
        folder: The job folder.

    Raises:
        FileFormatError: As RunDirectory.open.
    """
    if "checkpoint" not in job.outputs:
        return RunDirectory(folder)
    scene, samples = job.scene, [folder / name for name in (job.samples, job.validation) if name]
    rasters = [] if scene is None else [folder / name for name in (scene.file, scene.mask) if name]
    words = {
        "version of the plugin": REVISION,
        "settings": digest([json.dumps([job.task, job.settings, job.options], sort_keys=True)]),
        "raster": digest([json.dumps(None if scene is None else asdict(scene), sort_keys=True), *rasters]),
        "samples": digest([json.dumps([(entry.id, entry.name) for entry in job.classes]), *samples]),
        "model": digest([Path(job.inputs["model"])] if "model" in job.inputs else []),
    }
    if job.extras is not None:
        cube = job.extras.cube
        files = [] if cube is None else [folder / name for name in (cube.file, cube.mask) if name]
        words["extra rasters"] = digest([json.dumps(asdict(job.extras), sort_keys=True), *files])
    if job.sample_weights is not None:
        words["sample weights"] = digest([folder / job.sample_weights])
    if "classifier" in job.inputs:
        words["classifier"] = digest([Path(job.inputs["classifier"])])
    return RunDirectory.open(Path(job.outputs["checkpoint"]), words, wanted="resume" in job.inputs)


def remove_run(folder: Path) -> None:
    """Take away what a run keeps in its directory, and the directory where nothing else lies in it."""
    if not (folder / RUN_FILE).is_file():
        return
    for path in list(folder.iterdir()):
        if path.name in _FILES or path.name.endswith(_ENDINGS):
            with suppress(OSError):
                path.unlink()
    with suppress(OSError):
        folder.rmdir()


def digest(parts: Iterable[Path | str]) -> str:
    """Fingerprint of texts and of the contents of files.

    Source: BLAKE2b, RFC 7693.
    """
    fingerprint = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, str):
            fingerprint.update(part.encode("utf-8"))
            continue
        with part.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                fingerprint.update(chunk)
    return fingerprint.hexdigest()


def read_notes(path: Path) -> dict[str, Any] | None:
    """What a JSON file of notes says; None where there is none, or none that can be read, as after a power failure."""
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return noted if isinstance(noted, dict) else None
