# SPDX-License-Identifier: GPL-2.0-or-later
"""Plans in bytes what goes through the network at once, shares out the cores, and knows out-of-memory errors.

Enters: a device, the sizes of a network and its inputs. Leaves: a Plan, or one sentence with a remedy where none fits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from ..errors import DeviceError
from ..runtime.memory import free_memory
from .device import Device

# Bytes a pixel and channel of the first level, float32, measured as growth of the process for base widths 32 and 64:
# 55 to 71 for features, 403 to 421 for a training step. bfloat16 needs half of it.
_FORWARD_BYTES = 72
_TRAINING_BYTES = 430
_SHARE = 0.5  # of the free memory that a pass may take
_CELLS_ON_CPU = 1 << 15  # pixels times timesteps in one pass: more is no faster
_CELLS_ON_CARD = 1 << 19  # likewise


@dataclass(frozen=True)
class Plan:
    """How much goes through the network at once.

    Attributes:
        items: A tile, or patches.
        timesteps: Of each item.
        item_bytes: What an item takes at one timestep.
        free_bytes: What the device had free; None where it does not tell.
    """

    items: int
    timesteps: int
    item_bytes: int
    free_bytes: int | None

    def smaller(self) -> Plan | None:
        """With half the timesteps, or half the items where there is one timestep; None where there is one of both."""
        if self.timesteps > 1:
            return replace(self, timesteps=self.timesteps // 2)
        return replace(self, items=self.items // 2) if self.items > 1 else None

    def text(self, item: str) -> str:
        """For the log, e.g. "1 tile at 19 timesteps a pass, 0.05 of 21.3 GiB free memory"."""
        many = f"{item}es" if item.endswith("ch") else f"{item}s"
        count = f"{self.items} {item if self.items == 1 else many}"
        steps = f" at {self.timesteps} timestep{'s' if self.timesteps != 1 else ''}" if item == "tile" else ""
        taken = self.items * self.timesteps * self.item_bytes / 2**30
        of = "" if self.free_bytes is None else f" of {self.free_bytes / 2**30:.1f}"
        return f"{count}{steps} a pass, {taken:.2f}{of} GiB of free memory"


def passes_at_once(device: torch.device) -> int:
    """Passes through the network that run in parallel.

    Two on a processor of several cores, each on half of them: while one waits for memory or for the end of a small
    step, the other computes. Threads that share one pass wait for each other after every layer.
    """
    return 2 if device.type == "cpu" and torch.get_num_threads() > 1 else 1


@contextlib.contextmanager
def shared_cores(device: torch.device) -> Iterator[int]:
    """Share out the cores among the passes of passes_at_once, whose number is given, inside the block."""
    threads, passes = torch.get_num_threads(), passes_at_once(device)
    torch.set_num_threads(max(1, threads // passes))
    try:
        yield passes
    finally:
        torch.set_num_threads(threads)


def plan_extraction(device: torch.device, base_width: int, side: int, timesteps: int, items: int = 1) -> Plan:
    """Timesteps (and patches) a pass: as many as the device is fast with and has memory for.

    Args:
        device: That computes.
        base_width: Of the network.
        side: Of a tile's window, pixels.
        timesteps: Wanted of each tile.
        items: That may go together.

    Raises:
        DeviceError: One tile at one timestep does not fit.
    """
    item_bytes = _FORWARD_BYTES * base_width * side * side
    most = _most(device, item_bytes, "a tile", "Close other programs, or choose another DEVICE.")
    at_once = max(1, (_CELLS_ON_CARD if device.type == "cuda" else _CELLS_ON_CPU) // (side * side))
    if most.count is not None:
        at_once = min(at_once, max(1, most.count // passes_at_once(device)))
    return Plan(min(items, max(1, at_once // timesteps)), min(timesteps, at_once), item_bytes, most.free_bytes)


def plan_training(device: torch.device, base_width: int, side: int, batch: int) -> Plan:
    """Patches a pass: the whole batch where it fits, else its largest half, quarter and so on.

    Raises:
        DeviceError: One patch does not fit.
    """
    item_bytes = _TRAINING_BYTES * base_width * side * side
    most = _most(device, item_bytes, "a patch", "Choose a smaller PATCH_SIZE or BASE_WIDTH.")
    patches = batch
    while most.count is not None and patches > most.count:
        patches = (patches + 1) // 2
    return Plan(patches, 1, item_bytes, most.free_bytes)


@dataclass(frozen=True)
class _Most:
    """How many items fit; None where the device does not tell its free memory."""

    count: int | None
    free_bytes: int | None


def _most(device: torch.device, item_bytes: int, item: str, remedy: str) -> _Most:
    free = _free_bytes(device)
    if free is None:
        return _Most(None, None)
    if free * _SHARE < item_bytes:
        raise DeviceError(
            f"At least {item_bytes / _SHARE / 2**20:.0f} MiB of free memory were expected on {device}, for {item} at a "
            f"time; {free / 2**20:.0f} MiB are free. {remedy}"
        )
    return _Most(int(free * _SHARE) // item_bytes, free)


def _free_bytes(device: torch.device) -> int | None:
    """What the device has free, with what torch holds without using it."""
    if device.type != "cuda":
        return free_memory()
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + unused


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that device or computer have no memory left."""
    words = ("can't allocate memory", "not enough memory", "ALLOC_FAILED")
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )


def release_memory(device: torch.device) -> None:
    """Give back what torch holds without using it."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


@contextlib.contextmanager
def memory_guard(device: Device, remedy: str) -> Iterator[None]:
    """Turn the device's out-of-memory error into one sentence with a remedy.

    Raises:
        DeviceError: The device ran out of memory inside the block.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error):
            raise
        release_memory(device.torch_device)
        raise DeviceError(f"{device.label} ran out of memory. {remedy}") from None
