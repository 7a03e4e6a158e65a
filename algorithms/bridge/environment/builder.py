# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the plugin's own environment: a virtual one, apart from QGIS, with the packages of requirements/worker.txt.

Enters: a plan. Leaves: an environment that has computed a small convolution, or a QgsProcessingException with the cause
and the next step. A new environment gets a folder of its own, so what was there before stays until the new one works.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from qgis.core import QgsProcessingException

from ..feedback import ProgressRange
from ..files.folder_lock import hold_lock
from ..files.free_space import free_bytes
from ..worker import interpreter, python_locations
from . import pip_requirements
from .base_python import BasePython, build_environment_variables
from .child_process import Ended, run_command
from .device_test import try_device
from .install_progress import FolderSize
from .pip_failures import cause_of_failure, without_credentials
from .pip_requirements import PackageSource
from .torch_builds import TorchBuild

_PIP = ("-I", "-m", "pip", "install", "--no-input", "--only-binary=:all:", "--progress-bar=off")
_SHOWN = re.compile(
    r"\s*(Collecting|Downloading|Using cached|Processing|Installing collected|Successfully installed) ?"
)
_SHARE_VENV, _SHARE_PIP = 0.05, 0.9
_SCRATCH = "tmp"  # in a new environment: for what pip keeps for the moment
_UNFINISHED = ".mtmsd-unfinished"  # in one of ours that is being made or removed; other folders are not ours to remove


@dataclass(frozen=True)
class EnvironmentPlan:
    """What to build.

    Attributes:
        folder: Of the environments.
        base: The Python to make it from.
        build: Of torch.
        source: Where the packages come from.
        proxy: Variables for pip, which may hold credentials.
    """

    folder: Path
    base: BasePython
    build: TorchBuild
    source: PackageSource
    proxy: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Folder name: the Python's version and a hash of what is asked for."""
        contents = f"{pip_requirements.text()}\n{self.build.tag}\n{sys.platform}"
        return f"env-{self.base.version_text}-{hashlib.sha256(contents.encode()).hexdigest()[:10]}"

    @property
    def needed_bytes(self) -> int:
        """Space that must be free: the environment, and its packages while they are unpacked."""
        return self.build.installed_bytes + 2 * self.build.download_bytes


@dataclass(frozen=True)
class Built:
    """An environment that works."""

    python: Path
    torch: str
    device: str
    is_new: bool


def build_environment(plan: EnvironmentPlan, progress: ProgressRange) -> Built:
    """Build the environment, or find that it is there and works.

    Raises:
        QgsProcessingException: Cancelled, or it could not be built; then nothing is left of it.
    """
    with hold_lock(plan.folder) as lock:
        _remove_half_built(plan.folder)
        present = [e for e in sorted(plan.folder.glob(f"{plan.name}*")) if (e / python_locations.MARKER).is_file()]
        for environment in present:
            built = _working(environment, plan, progress)
            if built is not None:
                (environment / python_locations.MARKER).touch()  # the last one set up is the one that is used
                _remember(built.python, plan, progress)
                return built
        refuse_without_space(plan)
        target = _free_name(plan.folder / plan.name)
        try:
            built = _build(target, plan, progress, lock)
        except BaseException:
            _remove(target)
            raise
        _remember(built.python, plan, progress)
        for environment in present:
            progress.feedback.pushInfo(f"The environment {environment} did not work any more; it is replaced.")
            _remove(environment)
        return built


def _remember(python: Path, plan: EnvironmentPlan, progress: ProgressRange) -> None:
    """Note where the environment is; that this cannot be done is no reason to do without it."""
    try:
        python_locations.remember(plan.folder)
    except OSError as error:
        progress.feedback.pushWarning(
            f"{python_locations.home()} cannot be written ({error.strerror}), where the plugin notes its folders. Name "
            f"{python} under Settings > Options > Processing > Providers > MTMSD, or in the environment variable "
            f"{interpreter.SETTING}."
        )


def refuse_without_space(plan: EnvironmentPlan) -> None:
    """Look at the free space before anything is downloaded.

    Raises:
        QgsProcessingException: It is too little.
    """
    free = free_bytes(plan.folder)
    if free < plan.needed_bytes:
        raise QgsProcessingException(
            f"{plan.folder} has {free / 2**30:.1f} GiB free; {plan.needed_bytes / 2**30:.1f} GiB are needed for the "
            f"{plan.build.tag} build. Free space, or choose another FOLDER."
        )


def _build(target: Path, plan: EnvironmentPlan, progress: ProgressRange, lock: int) -> Built:
    python = python_locations.python_of_environment(target)
    scratch = target / _SCRATCH
    environment = {**build_environment_variables(), **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))}
    environment.update(plan.proxy, PIP_USER="0")  # pip's own configuration may say otherwise
    progress.feedback.setProgressText(f"Making {target}")
    os.makedirs(scratch)
    (target / _UNFINISHED).touch()
    ended = run_command([str(plan.base.path), "-I", "-m", "venv", str(target)], environment, progress, held=lock)
    _refuse_failure(ended, plan)
    progress.advance(_SHARE_VENV)
    _install(target, environment, plan, progress, lock)
    shutil.rmtree(scratch, ignore_errors=True)
    progress.advance(_SHARE_PIP)
    progress.feedback.setProgressText("Computing a small convolution")
    built = _tried(python, plan, progress)
    facts = {"torch": built.torch, "build": plan.build.tag, "python": plan.base.version_text}
    (target / python_locations.MARKER).write_text(json.dumps(facts), encoding="utf-8")
    (target / _UNFINISHED).unlink()
    progress.advance(1.0)
    return built


def _install(
    target: Path, environment: Mapping[str, str], plan: EnvironmentPlan, progress: ProgressRange, lock: int
) -> None:
    """Try the places that may have the build, one after the other; each is another call of pip."""
    grown = FolderSize(target, plan.build.installed_bytes + plan.build.download_bytes)

    def take_line(line: str) -> None:
        if _SHOWN.match(line):
            progress.feedback.pushInfo(without_credentials(line.strip()))
        if grown.is_due():
            progress.advance(_SHARE_VENV + (_SHARE_PIP - _SHARE_VENV) * grown.fraction())

    attempts = pip_requirements.attempts(plan.build, plan.source)
    for number, attempt in enumerate(attempts):
        progress.feedback.setProgressText(attempt.title)
        file = target / _SCRATCH / "requirements.txt"
        file.write_text(attempt.lines, encoding="utf-8")
        file.chmod(0o600)  # an index may have credentials in its address
        command = [
            str(python_locations.python_of_environment(target)),
            *_PIP,
            *attempt.options,
            "--requirement",
            str(file),
        ]
        ended = run_command(command, {**environment, **attempt.environment}, progress, take_line, lock)
        if ended.status == 0:
            return
        if number + 1 < len(attempts) and pip_requirements.found_nothing(ended.tail):
            continue
        _refuse_failure(ended, plan, progress)


def _tried(python: Path, plan: EnvironmentPlan, progress: ProgressRange) -> Built:
    """Ask the new Python what it has, and have it compute on the device it was built for."""
    facts = interpreter.probe(interpreter.Candidate(python, "the new environment"), progress.feedback, fresh=True)
    if not facts.get("torch"):
        raise QgsProcessingException(cause_of_failure(str(facts.get("torch_error")), plan.build.tag))
    if not facts.get("convolution_ok"):
        raise QgsProcessingException(
            "torch is there, but computed a small convolution wrongly. Try again, or report it."
        )
    wanted = "cuda" if plan.build.is_cuda else "cpu"
    ended = try_device(python, wanted, progress)
    if ended.status != 0:
        cause = cause_of_failure(ended.tail, plan.build.tag)
        other = " The CPU build was not put in its place; BUILD cpu makes that." if plan.build.is_cuda else ""
        raise QgsProcessingException(cause + other)
    return Built(python, str(facts["torch"]), ended.tail, is_new=True)


def _working(environment: Path, plan: EnvironmentPlan, progress: ProgressRange) -> Built | None:
    try:
        built = _tried(python_locations.python_of_environment(environment), plan, progress)
    except QgsProcessingException:
        if progress.feedback.isCanceled():
            raise
        return None
    return Built(built.python, built.torch, built.device, is_new=False)


def _refuse_failure(ended: Ended, plan: EnvironmentPlan, progress: ProgressRange | None = None) -> None:
    if ended.status == 0:
        return
    if progress is not None:
        progress.feedback.pushInfo("Last output of pip:\n" + without_credentials(ended.tail))
    raise QgsProcessingException(
        cause_of_failure(ended.tail, plan.build.tag) + " Nothing was changed: what was there before still is."
    )


def _remove_half_built(folder: Path) -> None:
    """What a run left that was killed; whoever holds the lock knows that nobody works on it."""
    for environment in folder.glob("env-*"):
        marker = environment / python_locations.MARKER
        if (environment / _UNFINISHED).is_file() and not marker.exists():
            _remove(environment)


def _remove(environment: Path) -> None:
    """The marker first: an environment that is half removed is not complete."""
    with suppress(OSError):
        (environment / _UNFINISHED).touch()
    (environment / python_locations.MARKER).unlink(missing_ok=True)
    shutil.rmtree(environment, ignore_errors=True)


def _free_name(wanted: Path) -> Path:
    path, number = wanted, 2
    while path.exists():
        path, number = wanted.with_name(f"{wanted.name}-{number}"), number + 1
    return path
