# SPDX-License-Identifier: GPL-2.0-or-later
"""Picks the device, says why, plans in bytes what goes through the network at once, and knows out-of-memory errors."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from ..errors import DeviceError
from ..runtime.memory import free_memory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Bytes a pixel and channel of the first level, float32, measured as growth of the process for base widths 32 and 64:
# 55 to 71 for features, 403 to 421 for a training step. bfloat16 needs half of it.
_FORWARD_BYTES = 72
_TRAINING_BYTES = 430
_SHARE = 0.5  # of the free memory that a pass may take
_CELLS_ON_CPU, _CELLS_ON_CARD = 1 << 15, 1 << 19  # pixels times timesteps in one pass: more is no faster


@dataclass(frozen=True)
class Device:
    """What the work runs on.

    Attributes:
        torch_device: For torch.
        label: For the user, e.g. "cuda:0 (NVIDIA RTX 4070, 12.0 GiB)".
        reason: Why this one.
    """

    torch_device: torch.device
    label: str
    reason: str

    @property
    def name(self) -> str:
        """Short name: "cpu" or "cuda:N"."""
        return str(self.torch_device)


def choose_device(wanted: str) -> Device:
    """Find the device that was asked for.

    Args:
        wanted: "auto", "cpu", "cuda" or "cuda:N". Only auto may end on the CPU where no card is usable.

    Raises:
        DeviceError: An explicit card that is not there or cannot compute.
    """
    if wanted == "cpu":
        return _cpu("asked for")
    index = int(wanted[5:]) if wanted.startswith("cuda:") else 0
    fault = _cuda_fault(index)
    if fault is None:
        return _cuda(index, "the first usable card" if wanted == "auto" else "asked for")
    if wanted == "auto":
        return _cpu(f"no usable card: {fault}")
    raise DeviceError(
        f"The device {wanted} was asked for, but {fault}. Choose another device, or 'auto' to use the CPU where no "
        "card is usable."
    )


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
    """Passes through the network that are worked off side by side.

    Two on a processor of several cores, each on half of them: while one waits for memory or for the end of a small
    step, the other computes. Threads that share one pass wait for each other after every layer.
    """
    return 2 if device.type == "cpu" and torch.get_num_threads() > 1 else 1


@contextlib.contextmanager
def side_by_side(device: torch.device) -> Iterator[int]:
    """Share out the cores among the passes of passes_at_once, whose number is given, inside the block."""
    every, passes = torch.get_num_threads(), passes_at_once(device)
    torch.set_num_threads(max(1, every // passes))
    try:
        yield passes
    finally:
        torch.set_num_threads(every)


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


def fetched(values: torch.Tensor) -> Callable[[], NDArray[np.int16]]:
    """Begin to bring numbers (int16) from the device; the call that is returned waits for them, in any thread.

    On a card the copy goes into pinned memory on a stream of its own, beside the computing that follows.
    """
    if values.device.type != "cuda":
        return values.numpy
    stream = _copy_stream(values.device)
    stream.wait_stream(torch.cuda.current_stream(values.device))
    with torch.cuda.stream(stream):
        host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        host.copy_(values, non_blocking=True)
        values.record_stream(stream)
        done = stream.record_event()

    def wait() -> NDArray[np.int16]:
        done.synchronize()
        found: NDArray[np.int16] = host.numpy()
        return found

    return wait


@functools.lru_cache(maxsize=8)
def _copy_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def short_type(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it in hardware, else float32.

    A processor that only emulates it is slower with it. On two cores with AVX-512 BF16 a tile took 43 ms instead of 63.
    """
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        native = any(bool(getattr(torch.cpu, name, bool)()) for name in asked)
    return torch.bfloat16 if native else torch.float32


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


def _cpu(reason: str) -> Device:
    return Device(torch.device("cpu"), f"CPU ({torch.get_num_threads()} threads)", reason)


def _cuda(index: int, reason: str) -> Device:
    properties = torch.cuda.get_device_properties(index)
    label = f"cuda:{index} ({properties.name}, {properties.total_memory / 2**30:.1f} GiB)"
    return Device(torch.device("cuda", index), label, reason)


def _cuda_fault(index: int) -> str | None:
    """Why the card cannot be used; None where a small convolution ran on it."""
    if torch.version.cuda is None:
        return f"this torch ({torch.__version__}) is a CPU build"
    if not torch.cuda.is_available():
        return "torch finds no card with a working driver"
    if index >= torch.cuda.device_count():
        return f"there are only {torch.cuda.device_count()} cards, numbered from 0"
    try:
        device = torch.device("cuda", index)
        torch.nn.functional.conv2d(torch.ones(1, 1, 4, 4, device=device), torch.ones(1, 1, 3, 3, device=device))
        torch.cuda.synchronize(device)
    except RuntimeError as error:
        return f"the card cannot compute ({str(error).splitlines()[0]})"
    return None
