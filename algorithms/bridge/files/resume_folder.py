# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder beside an output that keeps the work of an interrupted run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from .atomic_write import link_target
from .run_files import WORK_SUFFIX

_RUN_FILE = "run.json"  # of mtmsd_qgis.io.run_directory


@dataclass(frozen=True)
class ResumeFolder:
    """Where a run keeps its work.

    Attributes:
        folder: Beside the output, or the one that the user named.
        is_named: Whether the user named it.
        earlier: What the folder says of an interrupted run, before this one; empty where there is none.
    """

    folder: Path
    is_named: bool
    earlier: bytes = b""

    @classmethod
    def beside(cls, output: Path, named: str) -> ResumeFolder:
        """The folder of an output, or the one that an interrupted run left and the user named.

        Raises:
            QgsProcessingException: What lies there is not ours.
        """
        place = link_target(output)
        folder = Path(named) if named else place.with_name(place.name + WORK_SUFFIX)
        if not named and folder.exists() and not _is_free(folder):
            raise QgsProcessingException(
                f"The run would keep its work in {folder}, and files that are not of this plugin lie there. Move them, "
                "or choose another name for the output."
            )
        return cls(folder.absolute(), bool(named), _notes_in(folder))

    @property
    def rows(self) -> Mapping[str, str]:
        """That the run went on with the work of another one, where it did, for the report's circumstances."""
        if not self.earlier or self.earlier != _notes_in(self.folder):  # a run that began anew wrote other notes
            return {}
        return {"Interrupted": "an earlier run had done a part of the work; the time is that of the last run alone"}

    @property
    def inputs(self) -> Mapping[str, str]:
        """The entries of the job."""
        return {"resume": str(self.folder)} if self.is_named else {}

    @property
    def outputs(self) -> Mapping[str, str]:
        """The entries of the job."""
        return {"checkpoint": str(self.folder)}

    @contextmanager
    def kept(self, feedback: QgsProcessingFeedback) -> Iterator[None]:
        """Remove the folder where the block ends well; else keep the work in it, if there is any, and name it."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield
        except BaseException:
            if self._holds_work():
                feedback.pushInfo(
                    f"The work done so far is kept in {self.folder}; the same run goes on from there, also with it as "
                    "RESUME."
                )
            elif not self.is_named:
                self.remove()
            raise
        self.remove()

    def remove(self) -> None:
        """Take our files away, and the folder where nothing else lies in it."""
        from ....mtmsd_qgis.io.run_directory import remove_run

        remove_run(self.folder)

    def _holds_work(self) -> bool:
        return any(path.suffix in (".part", ".mtmsd", WORK_SUFFIX) for path in self.folder.glob("*"))


def free_checkpoint(model: Path, resume: Path | None) -> Path:
    """Where a training keeps its state: beside the model, in a file that no other unfinished training has.

    Args:
        model: The output.
        resume: The state to go on from, which may be taken over.
    """
    numbers = (f".{number}" if number > 1 else "" for number in count(1))
    places = (model.with_name(f"{model.name}{number}{WORK_SUFFIX}") for number in numbers)
    return next(place for place in places if not place.exists() or (resume is not None and place.samefile(resume)))


def _notes_in(folder: Path) -> bytes:
    file = folder / _RUN_FILE
    return file.read_bytes() if file.is_file() else b""


def _is_free(folder: Path) -> bool:
    """Whether a folder is one of ours, or empty."""
    return folder.is_dir() and ((folder / _RUN_FILE).is_file() or not any(folder.iterdir()))
