# SPDX-License-Identifier: GPL-2.0-or-later
"""Picks the device, says why, and translates its out-of-memory errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from .errors import DeviceError


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


@contextlib.contextmanager
def memory_guard(device: Device, remedy: str) -> Iterator[None]:
    """Turn the device's out-of-memory error into one sentence with a remedy.

    Raises:
        DeviceError: The device ran out of memory inside the block.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        raise DeviceError(f"{device.label} ran out of memory. {remedy}") from None
    except MemoryError:
        raise DeviceError(f"The computer ran out of memory. {remedy}") from None


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
