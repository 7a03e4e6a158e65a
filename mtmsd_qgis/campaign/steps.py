# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of a campaign: their order, how each is cut into units of work, and what says that it is complete.

This is the one place that knows how a step is cut. A unit is the same whoever works on it and however many others do:
it writes a file of its own, beside its place and renamed at the end, so a unit whose file is there is done. A shard I
of N works on every N-th unit; N may change between two runs. The units of a step are merged in the order of this list.

Enters: a campaign and its folder. Leaves: units, and where the steps stand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ..errors import MtmsdError, SettingsError
from ..jobs.disk_sizes import CLASS_ID_TYPE, PROBABILITY_TYPE, bytes_of
from ..jobs.json_dataclasses import shown
from . import folder as names
from .folder import Campaign, Scene, scene_folder

MOMENTS, PRETRAIN, STATISTICS, GATHER, LEARN, MAP, JUDGE = (
    "moments",
    "pretrain",
    "statistics",
    "gather",
    "learn",
    "map",
    "judge",
)
BY_SCENE, BY_STRIP, WHOLE = "scenes", "strips", "whole"
_LEARNING = (PRETRAIN, STATISTICS, GATHER)  # all that a classifier file, with its model, makes needless
_SHARD = re.compile(r"(\d{1,6})/(\d{1,6})")
_DONE = ".done"  # of a file that says that a strip is mapped


@dataclass(frozen=True)
class Step:
    """A step.

    Attributes:
        name: As on the command line.
        needs: The steps whose results it reads.
        cut: What its units are: BY_SCENE, BY_STRIP or WHOLE.
        result: File in shared/ that is there when it is complete; empty where all its units say so.
        purpose: For log and help.
    """

    name: str
    needs: tuple[str, ...]
    cut: str
    result: str
    purpose: str


_STEPS = (
    Step(MOMENTS, (), BY_SCENE, names.MOMENTS, "mean and covariance of the bands"),
    Step(PRETRAIN, (MOMENTS,), WHOLE, names.MODEL, "the diffusion model; by several processes with torchrun"),
    Step(STATISTICS, (MOMENTS, PRETRAIN), WHOLE, names.FEATURES, "which features, and their scales"),
    Step(GATHER, (STATISTICS,), BY_SCENE, "", "features at the training samples"),
    Step(LEARN, (GATHER,), WHOLE, names.CLASSIFIER, "the classifier"),
    Step(MAP, (MOMENTS, LEARN), BY_STRIP, "", "class map and confidence of each scene"),
    Step(JUDGE, (MAP,), WHOLE, names.RESULT, "accuracy at the held-out samples, and what the report says"),
)
STEPS: Mapping[str, Step] = MappingProxyType({step.name: step for step in _STEPS})


@dataclass(frozen=True)
class Unit:
    """A piece of work that is done once.

    Attributes:
        file: Says that it is done, relative to the campaign folder.
        scene: Index of its scene; None for a step that is not cut.
        first_row: Of a strip, in the scene.
        rows: Of a strip; of the scene, where it is the whole.
    """

    file: Path
    scene: int | None = None
    first_row: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Shard:
    """One of several workers that share the units of a step: number index, from 0, of count."""

    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """From "I/N".

        Raises:
            SettingsError: It is not such a text, or I is not below N.
        """
        found = _SHARD.fullmatch(text)
        if found is None or not int(found[1]) < int(found[2]):
            raise SettingsError(
                f"--shard should be I/N with I from 0 to N - 1, for example 0/4; found {shown(text)}. In a job array "
                "of Slurm whose indices begin at 0 it is $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT."
            )
        return cls(int(found[1]), int(found[2]))

    def of(self, units: Sequence[Unit]) -> list[Unit]:
        """Its units."""
        return list(units[self.index :: self.count])


@dataclass(frozen=True)
class StepState:
    """Where a step stands: how many of its units are done, and whether it is complete."""

    done: int
    total: int
    complete: bool


def step_named(name: str) -> Step:
    """The step of a name.

    Raises:
        SettingsError: There is none.
    """
    if name not in STEPS:
        raise SettingsError(f"--step should be one of {', '.join(STEPS)}; found {shown(name)}.")
    return STEPS[name]


def units_of(campaign: Campaign, step: Step) -> list[Unit]:
    """All units of a step, in the order in which they are merged."""
    shared = Path(names.SHARED)
    if step.cut == WHOLE:
        return [Unit(shared / step.result)]
    numbered = enumerate(campaign.scenes)
    if step.cut == BY_SCENE:
        wanted = ((i, scene) for i, scene in numbered if step.name != GATHER or scene.samples)
        return [Unit(shared / f"{step.name}-{scene.folder}.part", i, 0, scene.height) for i, scene in wanted]
    return [unit for i, scene in numbered for unit in strips_of(campaign, i, scene)]


def strips_of(campaign: Campaign, number: int, scene: Scene) -> list[Unit]:
    """The strips of rows in which a scene is mapped, from top to bottom."""
    parts = Path(names.SCENES) / scene.folder / "parts"
    firsts = range(0, scene.height, campaign.strip_rows)
    return [
        Unit(parts / f"{i:04d}{_DONE}", number, first, min(campaign.strip_rows, scene.height - first))
        for i, first in enumerate(firsts)
    ]


def is_done(folder: Path, campaign: Campaign, unit: Unit) -> bool:
    """Whether a unit needs no more work."""
    if (folder / unit.file).is_file():
        return True
    # The parts of a map are removed at the end, when the scene's whole map is there.
    return unit.file.suffix == _DONE and unit.scene is not None and is_mapped(folder, campaign.scenes[unit.scene])


def is_mapped(folder: Path, scene: Scene) -> bool:
    """Whether the map of a scene is complete; a file that was lost or cut when the folder was copied is none."""
    sizes = {names.MAP: bytes_of(CLASS_ID_TYPE), names.CONFIDENCE: bytes_of(PROBABILITY_TYPE)}
    place, pixels = scene_folder(folder, scene), scene.height * scene.width
    return all(_bytes_in(place / f"{name}.raw") == size * pixels for name, size in sizes.items())


def _bytes_in(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def state_of(folder: Path, campaign: Campaign, step: Step) -> StepState:
    """Where a step stands; a step is complete too where its result, or a later one, was put into the folder."""
    units = units_of(campaign, step)
    shared = folder / names.SHARED
    is_learnt = (shared / names.CLASSIFIER).is_file()
    has_result = bool(step.result) and (shared / step.result).is_file()
    if (has_result and (is_learnt or step.name != MOMENTS)) or (is_learnt and step.name in _LEARNING):
        return StepState(len(units), len(units), True)
    done = sum(is_done(folder, campaign, unit) for unit in units)
    if has_result and done == len(units):  # until the classifier is there, the moments of each scene are read too
        return StepState(done, len(units), True)
    if step.name == MAP:
        return StepState(done, len(units), all(is_mapped(folder, scene) for scene in campaign.scenes))
    return StepState(done, len(units), done == len(units) and not step.result)


def check_needs(folder: Path, campaign: Campaign, step: Step) -> None:
    """A step runs when those that it needs are complete.

    Raises:
        MtmsdError: One is not.
    """
    for needed in (STEPS[name] for name in step.needs):
        state = state_of(folder, campaign, needed)
        if not state.complete:
            raise MtmsdError(
                f"The step '{step.name}' needs the result of the step '{needed.name}', of which {state.done} of "
                f"{state.total} parts are done. Run worker.py --batch {folder} --step {needed.name} first."
            )


def next_step(folder: Path, campaign: Campaign) -> Step | None:
    """The first step that is not complete; None where all are."""
    return next((s for s in STEPS.values() if not state_of(folder, campaign, s).complete), None)


def progress_file(folder: Path, step: str, shard: Shard) -> Path:
    """Where a worker writes what it tells, as lines of jobs.protocol."""
    return folder / names.PROGRESS / f"{step}-{shard.index:04d}-of-{shard.count:04d}.log"
