# SPDX-License-Identifier: GPL-2.0-or-later
"""The device that computes: chosen with a reason, the type of numbers it is fast with, copies from it.

Enters: what the settings ask for. Leaves: a Device.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ..errors import DeviceError

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


def uploaded(values: NDArray[Any], device: torch.device) -> torch.Tensor:
    """Numbers on the device. To a card they go from pinned memory, beside the computing; nothing waits for it."""
    tensor = torch.from_numpy(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def fetched(values: torch.Tensor) -> Callable[[], NDArray[Any]]:
    """Begin to bring numbers from the device; the call that is returned waits for them, in any thread.

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

    def wait() -> NDArray[Any]:
        done.synchronize()
        values_on_host: NDArray[Any] = host.numpy()
        return values_on_host

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


def dtype_name(dtype: torch.dtype) -> str:
    """For the log and for model files, e.g. "float32"."""
    return str(dtype).removeprefix("torch.")


def _cpu(reason: str) -> Device:
    threads = torch.get_num_threads()
    return Device(torch.device("cpu"), f"CPU ({threads} thread{'' if threads == 1 else 's'})", reason)


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
