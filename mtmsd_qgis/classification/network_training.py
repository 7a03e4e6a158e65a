# SPDX-License-Identifier: GPL-2.0-or-later
"""Training of the networks of an ensemble, which differ by their random start.

Enters: how a network is made, optimised, and judged on some samples. Leaves: trained networks in evaluation mode.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Callable, Generic, TypeVar

import torch
from torch import Tensor, nn

from ..jobs.settings import ClassificationSettings
from ..progress import Progress

Network = TypeVar("Network", bound=nn.Module)

_LOWEST_LEARNING_RATE = 5e-6  # end of the cosine (paper's code)


@dataclass(frozen=True)
class NetworkRecipe(Generic[Network]):
    """How a network is trained.

    Attributes:
        build: Makes one on its device, with weights drawn from torch's generator.
        optimizer: Of its parameters; the learning rate is set before each epoch.
        loss: Of a network on samples, given their indices.
    """

    build: Callable[[], Network]
    optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
    loss: Callable[[Network, Tensor], Tensor]


def train_networks(
    recipe: NetworkRecipe[Network], samples: int, settings: ClassificationSettings, progress: Progress
) -> list[Network]:
    """Train the networks of an ensemble one after the other.

    Args:
        recipe: Of each network.
        samples: N, from which batches are drawn; the last batch of an epoch is shared out among the others, as batch
            normalisation cannot train on a single sample.
        settings: Networks, epochs, batch size, learning rate, seed.
        progress: Told after each epoch.
    """
    networks = []
    for member in range(settings.networks):
        torch.manual_seed(settings.seed * 1_000_003 + member)
        network = recipe.build()
        optimizer = recipe.optimizer(network.parameters())
        for epoch in range(settings.passes):
            _train_epoch(recipe, network, optimizer, _batches(samples, settings), _learning_rate(settings, epoch))
            done = (member + (epoch + 1) / settings.passes) / settings.networks
            progress(done, f"training: network {member + 1} of {settings.networks}, epoch {epoch + 1}")
        networks.append(network.eval())
    return networks


def _train_epoch(
    recipe: NetworkRecipe[Network],
    network: Network,
    optimizer: torch.optim.Optimizer,
    batches: Iterable[Tensor],
    learning_rate: float,
) -> None:
    device = next(network.parameters()).device
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    for batch in batches:
        loss = recipe.loss(network, batch.to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _batches(samples: int, settings: ClassificationSettings) -> tuple[Tensor, ...]:
    """Indices of all samples in random order, in batches of about the wanted size."""
    return torch.randperm(samples).tensor_split(max(1, round(samples / settings.batch_size)))


def _learning_rate(settings: ClassificationSettings, epoch: int) -> float:
    """A half cosine from the peak rate to the lowest."""
    share = 0.5 * (1 + math.cos(math.pi * epoch / settings.passes))
    return _LOWEST_LEARNING_RATE + (settings.learning_rate - _LOWEST_LEARNING_RATE) * share
