# SPDX-License-Identifier: GPL-2.0-or-later
"""What the outputs of a run may replace: nothing that the run reads, and not one another.

Every algorithm asks this before it works (base/algorithm.py), with all its parameters: a new one need not do anything.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from qgis.core import QgsMapLayer, QgsProcessingException

from .file_places import FilePlace, place_of_destination
from .free_space import nearest_folder
from .input_files import places_of_layer
from .old_rasters import PARTS

WORK_SUFFIX = ".checkpoint"  # of the file or folder beside an output in which an interrupted run keeps its work
_BESIDE = (".partial", f"{WORK_SUFFIX}.partial")  # that are written on the way to an output
_RESUME = "RESUME"  # the parameter that names such work to go on with, which the run may take over


@dataclass(frozen=True)
class InputFile:
    """A file that a run reads.

    Attributes:
        parameter: That it comes from.
        place: Where it lies; a folder, for what lies in it.
    """

    parameter: str
    place: FilePlace


@dataclass(frozen=True)
class OutputFile:
    """A file that a run writes.

    Attributes:
        parameter: That names it.
        place: Where it goes.
    """

    parameter: str
    place: FilePlace

    @property
    def work(self) -> FilePlace:
        """The file or folder of an interrupted run."""
        return FilePlace.of(f"{self.place.path}{WORK_SUFFIX}")

    @property
    def beside(self) -> list[FilePlace]:
        """Files that go with it: written on the way and gone at the end, or parts of a raster of this name."""
        return [FilePlace.of(f"{self.place.path}{suffix}") for suffix in (*_BESIDE, *PARTS)]


@dataclass(frozen=True)
class RunFiles:
    """All files of a run that have names before it starts.

    Attributes:
        inputs: Read.
        outputs: Written.
    """

    inputs: tuple[InputFile, ...] = ()
    outputs: tuple[OutputFile, ...] = ()

    @classmethod
    def of(cls, inputs: Iterable[tuple[str, QgsMapLayer | Path]], destinations: Iterable[tuple[str, str]]) -> RunFiles:
        """Look at parameters.

        Args:
            inputs: Layers, files and folders, with the names of their parameters.
            destinations: Values of outputs, with theirs.
        """
        outputs = [
            OutputFile(name, place) for name, text in destinations if (place := place_of_destination(text)) is not None
        ]
        if not outputs:
            return cls()
        read: dict[InputFile, None] = {}
        for name, value in inputs:
            places = places_of_layer(value) if isinstance(value, QgsMapLayer) else [FilePlace.of(value)]
            read.update((InputFile(name, place), None) for place in places)
        return cls(tuple(read), tuple(outputs))

    def uses(self, path: Path) -> bool:
        """Whether a file is an input or an output of the run."""
        place = FilePlace.of(path)
        return any(place.overlaps(file.place) for file in (*self.inputs, *self.outputs))

    def refuse_conflicts(self) -> None:
        """No output may replace an input or another output, and all must go where files can be written.

        Raises:
            QgsProcessingException: One would, with both names.
        """
        for output in self.outputs:
            _refuse_unwritable(output)
        for one, other in combinations(self.outputs, 2):
            _refuse_same(one, other)
        for output in self.outputs:
            for file in self.inputs:
                _refuse_replaced(output, file)


def _refuse_same(one: OutputFile, other: OutputFile) -> None:
    names = f"{one.parameter} and {other.parameter}"
    if one.place.overlaps(other.place):
        raise QgsProcessingException(
            f"Two files were expected for {names}; both are {one.place.text}. Change one of the names."
        )
    if _goes_with(one, other) or _goes_with(other, one):
        raise QgsProcessingException(
            f"Two files were expected for {names}; {one.place.text} and {other.place.text} belong together: one would "
            "replace what the other needs. Change one of the names."
        )
    for outer, inner in ((one, other), (other, one)):
        _refuse_inside(inner.parameter, inner.place, outer)
        if inner.place.lies_in(outer.place):
            raise QgsProcessingException(
                f"{inner.parameter} cannot be written to {inner.place.text}: {outer.place.path} will be the file of "
                f"{outer.parameter}, not a folder. Choose another place."
            )


def _goes_with(one: OutputFile, other: OutputFile) -> bool:
    return any(one.place.overlaps(place) for place in (*other.beside, other.work))


def _refuse_replaced(output: OutputFile, file: InputFile) -> None:
    parameter, place = file.parameter, file.place
    resumed = parameter == _RESUME and place.overlaps(output.work)
    replaced = [output.place, *output.beside, *([] if resumed else [output.work])]
    if any(place.overlaps(written) for written in replaced):
        raise QgsProcessingException(
            f"{output.parameter} would replace {place.text}, which {parameter} reads. Choose another name for "
            f"{output.parameter}."
        )
    if output.place.lies_in(place):
        raise QgsProcessingException(
            f"{output.parameter} should not lie in {place.path}, which {parameter} reads. Choose another folder for "
            f"{output.parameter}."
        )
    _refuse_inside(parameter, place, output)


def _refuse_inside(parameter: str, place: FilePlace, output: OutputFile) -> None:
    if place.lies_in(output.work):
        raise QgsProcessingException(
            f"{parameter} should not lie in {output.work.path}, where the run to {output.parameter} keeps its work: "
            f"that folder is removed at the end. Choose another folder for {parameter}, or copy the file there."
        )


def _refuse_unwritable(output: OutputFile) -> None:
    """Find out by a file that is gone at once: rights alone do not tell, as of a read-only disk.

    Raises:
        QgsProcessingException: It is a folder, or there can be no file.
    """
    path = output.place.path
    try:
        if path.is_dir():
            raise QgsProcessingException(
                f"{output.parameter} should be a file; {path} is a folder. Give a name for the file in it."
            )
        folder = nearest_folder(path.parent)
        if folder.is_dir():
            with tempfile.TemporaryFile(dir=folder):
                return
        reason = f"{folder} is a file, not a folder"
    except OSError as error:
        reason = error.strerror or str(error)
    raise QgsProcessingException(
        f"{output.parameter} cannot be written to {path}: {reason}. Choose a folder that you may write to."
    )
