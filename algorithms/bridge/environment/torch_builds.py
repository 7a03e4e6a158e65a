# SPDX-License-Identifier: GPL-2.0-or-later
"""Which build of torch fits the graphics card and its driver: a table, and the choice from it.

Enters: what nvidia-smi says. Leaves: a build with its package index, or a DeviceError with the next step. Nothing here
ever puts the CPU build in the place of a CUDA build that was asked for.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ....mtmsd_qgis.errors import DeviceError

REQUIREMENTS = Path(__file__).resolve().parents[3] / "requirements" / "worker.txt"
OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 14)  # that torch and numpy of worker.txt have wheels for

_SMI_SECONDS = 30.0  # a driver that is being loaded takes its time
_NO_CARD_STATUS = 6  # of nvidia-smi: the query went well and found nothing
_INDEX = "https://download.pytorch.org/whl/"


@dataclass(frozen=True)
class Card:
    """A graphics card as its driver describes it.

    Attributes:
        name: Of the model.
        driver: Version, major first.
        capability: CUDA compute capability.
        memory_bytes: Of the card.
    """

    name: str
    driver: tuple[int, ...]
    capability: tuple[int, int]
    memory_bytes: int

    @property
    def label(self) -> str:
        """For the user."""
        driver = ".".join(str(part) for part in self.driver)
        major, minor = self.capability
        gib = self.memory_bytes / 2**30
        return f"{self.name} ({gib:.1f} GiB, compute capability {major}.{minor}, driver {driver})"


@dataclass(frozen=True)
class TorchBuild:
    """One build of torch on PyTorch's own index.

    Attributes:
        tag: Local version, e.g. "cu130".
        download_bytes: What is downloaded, with all that torch needs.
        installed_bytes: What it takes on the disk in the end.
        least_driver: Major version of the oldest driver, (Linux, Windows).
        least_capability: Of the oldest card it has code for.
        largest_capability: Of the newest card it has code for; None where newer ones can compile it.
    """

    tag: str
    download_bytes: int
    installed_bytes: int
    least_driver: tuple[int, int] = (0, 0)
    least_capability: tuple[int, int] = (0, 0)
    largest_capability: tuple[int, int] | None = None

    @property
    def index(self) -> str:
        """Package index that has this build."""
        return _INDEX + self.tag

    @property
    def is_cuda(self) -> bool:
        """Whether it can use a graphics card."""
        return self.tag.startswith("cu")

    def fits(self, card: Card, platform: str = sys.platform) -> bool:
        """Whether the card and its driver can run it."""
        if card.driver[0] < self.least_driver[platform == "win32"] or card.capability < self.least_capability:
            return False
        return self.largest_capability is None or card.capability <= self.largest_capability


@dataclass(frozen=True)
class Choice:
    """A build, why it was taken, and the cards it leaves unused."""

    build: TorchBuild
    reason: str
    unused: tuple[Card, ...] = ()


# Sizes of cpu as measured on Linux; those of CUDA are estimates.
CPU = TorchBuild("cpu", download_bytes=260 * 2**20, installed_bytes=1100 * 2**20)
# Of torch 2.13, newest first. Capabilities: PyTorch, RELEASE.md, "PyTorch CUDA Support Matrix" (as of 2.12, same
# CUDA versions). Drivers: NVIDIA, "CUDA Compatibility", minor version compatibility: 580 for CUDA 13 on both systems;
# 525 and 528 for CUDA 12.
CUDA_BUILDS = (
    TorchBuild("cu130", 3 * 2**30, 7 * 2**30, least_driver=(580, 580), least_capability=(7, 5)),
    TorchBuild(
        "cu126",
        3 * 2**30,
        7 * 2**30,
        least_driver=(525, 528),
        least_capability=(5, 0),
        largest_capability=(9, 0),
    ),
)


def choose_build(wanted: str, cards: Sequence[Card], trouble: str = "", platform: str = sys.platform) -> Choice:
    """The build that fits.

    Args:
        wanted: "auto", "cpu" or "cuda".
        cards: What graphics_cards found.
        trouble: Why it could not look, where that is so.
        platform: As in sys.platform.

    Raises:
        DeviceError: A card is there (or asked for) and no build fits it; "auto" does not hide that either.
    """
    if wanted == "cpu":
        return Choice(CPU, "asked for")
    if platform == "darwin":
        return _without_cards(wanted, "there is no CUDA for macOS")
    if trouble:
        raise DeviceError(f"{trouble} Repair the driver, or choose BUILD cpu.")
    if not cards:
        return _without_cards(wanted, "nvidia-smi found no card, or is not there")
    return _for_cards(cards, platform)


def graphics_cards() -> tuple[list[Card], str]:
    """The NVIDIA cards of this machine, and a sentence where the driver's tool is there but does not say."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return [], ""
    query = "--query-gpu=name,driver_version,compute_cap,memory.total"
    flags = {"creationflags": subprocess.CREATE_NO_WINDOW} if sys.platform == "win32" else {}
    try:
        completed = subprocess.run(  # nosec B603  # no shell; the driver's tool with fixed arguments
            [program, query, "--format=csv,noheader,nounits"],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_SMI_SECONDS,
            **flags,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"nvidia-smi is there but does not answer ({type(error).__name__})."
    if completed.returncode not in (0, _NO_CARD_STATUS):
        said = (completed.stdout + completed.stderr).strip().splitlines() or ["no message"]
        return [], f"nvidia-smi is there but fails: {said[0].rstrip('.')}."
    return cards_in(completed.stdout), ""


def cards_in(text: str) -> list[Card]:
    """The cards in what nvidia-smi printed: a line each of name, driver, capability and memory in MiB."""
    cards = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.rsplit(",", 3)]
        if len(parts) == 4 and re.fullmatch(r"\d+(\.\d+)+", parts[1]) and re.fullmatch(r"\d+\.\d+", parts[2]):
            driver = tuple(int(part) for part in parts[1].split("."))
            major, minor = (int(part) for part in parts[2].split("."))
            memory_bytes = int(parts[3]) * 2**20 if parts[3].isdigit() else 0
            cards.append(Card(parts[0], driver, (major, minor), memory_bytes))
    return cards


def torch_version() -> str:
    """The version of torch in requirements/worker.txt, e.g. "2.13.0"."""
    return re.findall(r"^torch==(\S+)", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE)[0]


def _without_cards(wanted: str, reason: str) -> Choice:
    if wanted == "cuda":
        raise DeviceError(
            f"The CUDA build was asked for, but {reason}. Choose BUILD cpu; or, where you know better, name the index "
            "of the build you want in INDEX_URL."
        )
    return Choice(CPU, reason)


def _for_cards(cards: Sequence[Card], platform: str) -> Choice:
    fitting = {build: [card for card in cards if build.fits(card, platform)] for build in CUDA_BUILDS}
    build = max(CUDA_BUILDS, key=lambda b: len(fitting[b]))  # of equals the first, which is the newest
    if not fitting[build]:
        raise DeviceError(f"{cards[0].label} was found. {_why_not(cards[0], platform)} Or choose BUILD cpu.")
    unused = tuple(card for card in cards if card not in fitting[build])
    return Choice(build, f"fits {fitting[build][0].label}", unused)


def _why_not(card: Card, platform: str) -> str:
    able = [b for b in CUDA_BUILDS if b.fits(Card("", (10**6,), card.capability, 0), platform)]
    if not able:
        least = min(b.least_capability for b in CUDA_BUILDS)
        return (
            f"torch {torch_version()} has no code for a card of that compute capability (the oldest is "
            f"{least[0]}.{least[1]})."
        )
    least_driver = min(b.least_driver[platform == "win32"] for b in able)
    return f"Its driver is too old for torch {torch_version()}. Update it to {least_driver} or newer."
