# SPDX-License-Identifier: GPL-2.0-or-later
"""What the outputs of a run may replace: nothing that the run reads, and not one another.

Every algorithm asks this before it works (base/algorithm.py), with all its parameters: a new one need not do anything.
What it writes into a folder, under names of its own, it has to name itself: RunFiles.refuse_inside.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

from qgis.core import QgsMapLayer, QgsProcessingException

from .file_places import FilePlace, place_of_destination, place_of_folder
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

    @cached_property
    def work(self) -> FilePlace:
        """The file or folder of an interrupted run."""
        return FilePlace.of(f"{self.place.path}{WORK_SUFFIX}")

    @cached_property
    def beside(self) -> list[FilePlace]:
        """Files that go with it: written on the way and gone at the end, or parts of a raster of this name."""
        return [FilePlace.of(f"{self.place.path}{suffix}") for suffix in (*_BESIDE, *PARTS)]


@dataclass(frozen=True)
class OutputFolder:
    """A folder that a run writes files into.

    Attributes:
        parameter: That names it.
        place: Where it is, or will be.
    """

    parameter: str
    place: FilePlace


@dataclass(frozen=True)
class RunFiles:
    """All files of a run that have names before it starts.

    Attributes:
        inputs: Read.
        outputs: Written.
        folders: Written into.
    """

    inputs: tuple[InputFile, ...] = ()
    outputs: tuple[OutputFile, ...] = ()
    folders: tuple[OutputFolder, ...] = ()

    @classmethod
    def of(
        cls,
        inputs: Iterable[tuple[str, QgsMapLayer | Path]],
        destinations: Iterable[tuple[str, str]],
        folders: Iterable[tuple[str, str]] = (),
    ) -> RunFiles:
        """Look at parameters.

        Args:
            inputs: Layers, files and folders, with the names of their parameters.
            destinations: Values of outputs that are files, with theirs.
            folders: Values of outputs that are folders, with theirs.
        """
        outputs = [
            OutputFile(name, place) for name, text in destinations if (place := place_of_destination(text)) is not None
        ]
        targets = [OutputFolder(name, place) for name, text in folders if (place := place_of_folder(text)) is not None]
        if not outputs and not targets:
            return cls()
        read: dict[InputFile, None] = {}
        for name, value in inputs:
            places = places_of_layer(value) if isinstance(value, QgsMapLayer) else [FilePlace.of(value)]
            read.update((InputFile(name, place), None) for place in places)
        return cls(tuple(read), tuple(outputs), tuple(targets))

    @property
    def written(self) -> list[FilePlace]:
        """Where the outputs that are files go."""
        return [output.place for output in self.outputs]

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
            # A file before those that only go with it: their names say less.
            for file in sorted(self.inputs, key=lambda file: not file.place.overlaps(output.place)):
                _refuse_replaced(output, file)
        for folder in self.folders:
            _refuse_unwritable_folder(folder)
            for output in self.outputs:
                _refuse_folder_of_file(folder, output)
            for file in self.inputs:
                _refuse_folder_of_input(folder, file)

    def refuse_inside(self, parameter: str, paths: Iterable[Path]) -> None:
        """No file that a run writes into its folder may replace an input or another output.

        Args:
            parameter: That names the folder.
            paths: Of the files.

        Raises:
            QgsProcessingException: One would, with both names.
        """
        for path in paths:
            file = OutputFile(parameter, FilePlace.of(path))
            for output in self.outputs:
                _refuse_same(file, output)
            for read in self.inputs:
                _refuse_replaced(file, read)


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


def _refuse_folder_of_file(folder: OutputFolder, output: OutputFile) -> None:
    """A folder whose name is that of a file, or that would lie in one; a file in the folder is fine."""
    names = f"{folder.parameter} and {output.parameter}"
    if folder.place.overlaps(output.place):
        raise QgsProcessingException(
            f"A folder and a file were expected for {names}; both are {output.place.text}. Change one of the names."
        )
    if any(folder.place.overlaps(place) or folder.place.lies_in(place) for place in (output.place, output.work)):
        raise QgsProcessingException(
            f"{folder.parameter} should not be {folder.place.path}, which the run to {output.parameter} needs for "
            f"itself. Choose another folder for {folder.parameter}."
        )


def _refuse_folder_of_input(folder: OutputFolder, file: InputFile) -> None:
    """A folder that the run reads, or that lies in one; what is read may lie in the folder."""
    if folder.place.overlaps(file.place) or folder.place.lies_in(file.place):
        raise QgsProcessingException(
            f"{folder.parameter} should be a folder of its own; {folder.place.path} is or lies in {file.place.text}, "
            f"which {file.parameter} reads. Choose another folder for {folder.parameter}."
        )


def _refuse_unwritable_folder(folder: OutputFolder) -> None:
    path = folder.place.path
    if os.path.isfile(path):
        raise QgsProcessingException(
            f"{folder.parameter} should be a folder; {path} is a file. Give the name of a folder."
        )
    _refuse_no_files(folder.parameter, path, path)


def _refuse_unwritable(output: OutputFile) -> None:
    path = output.place.path
    if os.path.isdir(path):  # Path.is_dir raises where the name is too long
        raise QgsProcessingException(
            f"{output.parameter} should be a file; {path} is a folder. Give a name for the file in it."
        )
    try:
        os.lstat(f"{path}{_BESIDE[-1]}")
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # what is written on the way has a longer name than the output
            raise QgsProcessingException(
                f"{output.parameter} cannot be written to {path}: {error.strerror}. Choose a shorter name."
            ) from None
    _refuse_no_files(output.parameter, path, path.parent)


def _refuse_no_files(parameter: str, path: Path, wanted: Path) -> None:
    """Find out by a file that is gone at once: rights alone do not tell, as of a read-only disk.

    Args:
        parameter: Of the output.
        path: Its place.
        wanted: The folder that it goes to, or the folder itself.

    Raises:
        QgsProcessingException: There can be no file.
    """
    try:
        folder = nearest_folder(wanted)
        if folder.is_dir():
            with tempfile.TemporaryFile(dir=folder):
                return
        reason = f"{folder} is a file, not a folder"
    except OSError as error:
        reason = error.strerror or str(error)
    raise QgsProcessingException(
        f"{parameter} cannot be written to {path}: {reason}. Choose a folder that you may write to."
    )
