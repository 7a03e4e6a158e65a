# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder beside an output that keeps the work of an interrupted run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsProcessingFeedback

SUFFIX = ".checkpoint"
_RUN_FILE = "run.json"  # of mtmsd_qgis.io.run_directory


@dataclass(frozen=True)
class ResumeFolder:
    """Where a run keeps its work.

    Attributes:
        folder: Beside the output, or the one that the user named.
        is_named: Whether the user named it.
    """

    folder: Path
    is_named: bool

    @classmethod
    def beside(cls, output: Path, named: str) -> ResumeFolder:
        """The folder of an output, or the one that an interrupted run left and the user named."""
        folder = Path(named) if named else output.with_name(output.name + SUFFIX)
        return cls(folder.absolute(), bool(named))

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
        """Take the folder away, if it is one of ours."""
        if (self.folder / _RUN_FILE).is_file():
            shutil.rmtree(self.folder, ignore_errors=True)

    def _holds_work(self) -> bool:
        return any(path.suffix in (".part", ".mtmsd", SUFFIX) for path in self.folder.glob("*"))
