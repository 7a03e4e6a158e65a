# SPDX-License-Identifier: GPL-2.0-or-later
"""Several processes that train one model, as torchrun starts them.

Every rank draws the whole batch with its noise, takes every N-th patch of it, and adds up gradients and loss with the
others, once a step. So any number of ranks is the same training, up to the order of sums; and all ranks hold the same
weights, bit for bit. A single process adds nothing up.

Enters: the variables that torchrun sets. Leaves: the Ranks of this process.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as distributed
from numpy.typing import NDArray
from torch import Tensor

from ..errors import DeviceError, SettingsError
from .unet import UNet

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ranks:
    """This process among those that train: number index, from 0, of count."""

    index: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes and tells."""
        return self.index == 0

    def part(self, batch: Tensor) -> Tensor:
        """The patches of a batch that this process computes."""
        return batch if self.count == 1 else batch[self.index :: self.count]

    def add_up(self, network: UNet, figures: NDArray[np.float32], stop: bool) -> tuple[NDArray[np.float32], bool]:
        """Gradients and figures of the whole batch, and whether some process wants to stop.

        Args:
            network: With gradients of this process's part, of the mean over the whole batch; they are replaced.
            figures: (n,) likewise sums over this part: the loss first.
            stop: Whether this process was told to.
        """
        if self.count == 1:
            return figures, stop
        weights = list(network.parameters())
        parts = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]  # none: fewer patches than ranks
        facts = parts[0].new_tensor([*figures.tolist(), float(stop)])
        together = torch.cat([*(part.flatten() for part in parts), facts])
        distributed.all_reduce(together)
        start = 0
        for weight in weights:
            weight.grad = together[start : start + weight.numel()].view_as(weight)
            start += weight.numel()
        *summed, stopped = together[start:].tolist()
        return np.array(summed, dtype=np.float32), stopped > 0


def ranks() -> Ranks:
    """Of this process; a single one outside of joined_ranks."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return Ranks()
    return Ranks(distributed.get_rank(), distributed.get_world_size())


@contextlib.contextmanager
def joined_ranks(device: str) -> Iterator[str]:
    """Join the processes that torchrun has started with this one, and give the device that this one shall take.

    On processors each takes its share of the cores, as torchrun alone would leave it a single one.

    Args:
        device: That the settings name; "auto" and "cuda" become a card of its own for each process of a machine.

    Raises:
        SettingsError: One card is named for several processes.
        DeviceError: torch was built without torch.distributed.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device
        return
    if not distributed.is_available():
        raise DeviceError("This torch cannot train with several processes. Train with one, or install another torch.")
    if device.startswith("cuda:"):
        raise SettingsError(f"Several processes train, and DEVICE is {device}. Choose 'auto', 'cuda' or 'cpu'.")
    local, here = int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    on_cards = device != "cpu" and torch.cuda.is_available()
    if on_cards:
        device = f"cuda:{local % torch.cuda.device_count()}"
        torch.cuda.set_device(device)
    elif os.environ.get("OMP_NUM_THREADS", "1") == "1":
        torch.set_num_threads(max(1, _cores() // here))
    backend = "nccl" if on_cards and here <= torch.cuda.device_count() else "gloo"
    store, rank, count = next(distributed.rendezvous("env://"))  # type: ignore[attr-defined]
    # torchrun keeps its store when it starts processes again: their addresses of the attempt before still lie in it.
    store = distributed.PrefixStore(f"attempt {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)  # type: ignore[attr-defined]
    distributed.init_process_group(backend, store=store, rank=rank, world_size=count)
    try:
        found = ranks()
        log.info("Process %d of %d, %d threads.", found.index, found.count, torch.get_num_threads())
        yield device
    finally:
        distributed.destroy_process_group()


def _cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
