# SPDX-License-Identifier: GPL-2.0-or-later
"""What pip is asked for, and where: the packages of requirements/worker.txt with the build of torch that was chosen.

With a network pip's own configuration holds (index, links, certificates); the index of the build is added only where
the build is not found so. Without a network nothing but the folder of wheels counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .torch_builds import REQUIREMENTS, TorchBuild, torch_version

_NOTHING = ("No matching distribution found for torch", "Could not find a version that satisfies the requirement torch")


@dataclass(frozen=True)
class PackageSource:
    """Where packages come from: a folder of wheels alone, or pip's configuration and perhaps an index for torch."""

    wheels: Path | None = None
    index: str = field(default="", repr=False)  # may hold credentials


@dataclass(frozen=True)
class Attempt:
    """One call of pip: options, the content of its requirements file, and changes to its environment."""

    title: str
    lines: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def text() -> str:
    """The requirements that the plugin ships; the same file that the development environment is made from."""
    return REQUIREMENTS.read_text(encoding="utf-8")


def attempts(build: TorchBuild, source: PackageSource, platform: str = sys.platform) -> list[Attempt]:
    """The calls of pip, in the order they are tried."""
    # torch first: an index without the build is then found out before anything is downloaded.
    lines = f"{torch_requirement(build, source, platform)}\n{text()}"
    if source.wheels is not None:
        folder = str(source.wheels.resolve())
        options = ("--isolated", "--no-index", f"--find-links={folder}")
        title = f"Installing from the wheels in {folder}"
        return [Attempt(title, lines, options, {"PIP_CONFIG_FILE": os.devnull})]
    if source.index:
        title = "Installing; torch from the index in INDEX_URL"
        return [Attempt(title, f"--extra-index-url {source.index}\n{lines}")]
    configured = Attempt(f"Looking for torch ({build.tag}) where pip is configured to look", lines)
    if torch_requirement(build, source, platform) == _plain():
        return [configured]
    own = Attempt(f"Not there; taking it from {build.index}", f"--extra-index-url {build.index}\n{lines}")
    return [configured, own]


def torch_requirement(build: TorchBuild, source: PackageSource, platform: str) -> str:
    """One build of torch, exactly; only where the user names the place does any CUDA build there do."""
    if not build.is_cuda:
        # PyPI's torch is the CPU build on Windows and macOS, and the large CUDA build on Linux.
        return f"{_plain()}+cpu" if platform.startswith("linux") else _plain()
    if source.wheels is not None or source.index:
        return f"{_plain()},!={torch_version()}+cpu"
    return f"{_plain()}+{build.tag}"


def found_nothing(output: str) -> bool:
    """Whether pip ended because it knows no such build of torch."""
    return any(words in output for words in _NOTHING)


def download_line(build: TorchBuild, platform: str = sys.platform) -> str:
    """The command that fills a folder of wheels on a machine with a network, of the same system and Python."""
    requirement = torch_requirement(build, PackageSource(), platform)
    index = "" if requirement == _plain() else f" --extra-index-url {build.index}"
    return f'python -m pip download --only-binary=:all: --dest wheels{index} "{requirement}" -r "{REQUIREMENTS}"'


def wheels_trouble(folder: Path) -> str:
    """Why a folder of wheels will not do, as far as can be told without pip; empty where it may."""
    if not folder.is_dir():
        return f"WHEELS should be a folder with wheels; there is no folder {folder}."
    if not any(folder.glob(f"torch-{torch_version()}*.whl")):
        return f"WHEELS should have torch {torch_version()} (torch-{torch_version()}*.whl); {folder} has no such file."
    return ""


def _plain() -> str:
    return f"torch=={torch_version()}"
