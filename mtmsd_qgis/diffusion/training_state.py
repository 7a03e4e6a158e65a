# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a training stands, the last state known to be good, and the way back to it when the training diverges.

Enters: a state after each step and its loss. Leaves: the same state, or an earlier one with half the learning rate.

All of it follows from the iterations alone, never from the clock, and all of it is in a checkpoint: a run that was
killed and goes on diverges, goes back and ends as it would have without the kill.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import MtmsdError
from ..jobs.settings import PretrainSettings
from .unet import UNet

log = logging.getLogger(__name__)

LARGEST_LOSS = 100.0  # predicting no noise at all costs 1; a hundred times that is no training any more
HEALTHY_LOSS = 2.0  # a state is kept to go back to only where the last losses were at most so high
SPACING = 100  # iterations between two such states
# Intervals of timesteps by which the report tells the loss: short where it is high and differs most from one timestep
# to the next, long where it is low. The last ends before 1000.
TIMESTEP_EDGES = (0, 100, 200, 400, 1000)
MOST_ROLLBACKS = 5  # then the rate is a thirty-second of what was asked for, and something else is wrong


@dataclass(frozen=True)
class Anchor:
    """A state to go back to. The optimiser's memory is not in it: what led astray is in that memory.

    Attributes:
        iteration: Steps done.
        weights: Of the network.
        average: Of the weights.
        losses: As in TrainingState.
        interval: As in TrainingState.
        by_timestep: As in TrainingState.
    """

    iteration: int
    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    losses: list[tuple[int, float]]
    interval: list[float]
    by_timestep: NDArray[np.float64] | None


@dataclass
class TrainingState:
    """Where a training stands.

    Attributes:
        network: The weights being trained.
        average: Exponential moving average of each weight.
        optimizer: AdamW over the network.
        iteration: Steps done.
        losses: Mean loss of each finished interval of the curve, as (last iteration, loss).
        interval: Losses of the interval that is not finished yet.
        by_timestep: (2, intervals of TIMESTEP_EDGES) of the last tenth of the iterations: squared errors, and the valid
            pixels they are of; None where the training goes on from a checkpoint without.
        anchor: The state to go back to; None before the first step.
        rollbacks: How often the training has gone back.
        restarted: The iteration it went back to last, from which the optimiser's memory begins; 0 at first.
    """

    network: UNet
    average: dict[str, Tensor]
    optimizer: torch.optim.AdamW
    iteration: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)
    interval: list[float] = field(default_factory=list)
    by_timestep: NDArray[np.float64] | None = field(default_factory=lambda: np.zeros((2, len(TIMESTEP_EDGES) - 1)))
    anchor: Anchor | None = None
    rollbacks: int = 0
    restarted: int = 0


def new_training(in_channels: int, settings: PretrainSettings, device: torch.device) -> TrainingState:
    """A state before the first step, its weights drawn from the seed."""
    torch.manual_seed(settings.seed)
    network = UNet(in_channels, settings.base_width).to(device)
    average = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, foreach=True
    )
    return TrainingState(network, average, optimizer)


def loss_by_timestep(state: TrainingState, last_timestep: int) -> tuple[tuple[int, int, float], ...]:
    """First and last timestep of each interval of which patches were drawn, and the mean loss there."""
    if state.by_timestep is None:
        return ()
    intervals = zip(TIMESTEP_EDGES, TIMESTEP_EDGES[1:], *state.by_timestep)
    return tuple(
        (first, min(end - 1, last_timestep), float(errors / pixels))
        for first, end, errors, pixels in intervals
        if pixels
    )


def rate_share(state: TrainingState, settings: PretrainSettings) -> float:
    """What is left of the learning rate: half after each way back, warmed up again as the memory is empty."""
    if not state.rollbacks:
        return 1.0
    warm = min(1.0, (state.iteration - state.restarted + 1) / max(1, settings.warmup_iterations))
    return float(0.5**state.rollbacks * warm)


def has_diverged(loss: float) -> bool:
    """Whether a loss is no number, or so large that the training will not come back."""
    return not loss <= LARGEST_LOSS


def is_finite(state: TrainingState) -> bool:
    """Whether all weights and averages are numbers; the last step's loss says nothing of what it made of them."""
    weights = [weight.detach() for weight in state.network.parameters()]
    return all(bool(torch.isfinite(tensor).all()) for tensor in (*weights, *state.average.values()))


def keep_anchor(state: TrainingState) -> None:
    """Keep a copy of the state, where one is due and it is good."""
    recent = state.interval or [loss for _, loss in state.losses[-1:]]
    good = not recent or sum(recent) / len(recent) <= HEALTHY_LOSS
    if state.anchor is None or (state.iteration % SPACING == 0 and state.iteration > state.anchor.iteration and good):
        state.anchor = Anchor(
            state.iteration,
            {name: weight.detach().clone() for name, weight in state.network.named_parameters()},
            {name: weight.clone() for name, weight in state.average.items()},
            list(state.losses),
            list(state.interval),
            state.by_timestep,
        )


def go_back(state: TrainingState, settings: PretrainSettings, loss: float) -> None:
    """Put the state back to its anchor, to go on with half the rate.

    Raises:
        MtmsdError: That has been done too often.
        ValueError: There is no anchor, as no step has been done.
    """
    diverged_at, anchor = state.iteration, state.anchor
    if anchor is None:
        raise ValueError("an anchor should be kept before the first step")
    with torch.no_grad():
        for name, weight in state.network.named_parameters():
            weight.copy_(anchor.weights[name])
            state.average[name].copy_(anchor.average[name])
    state.optimizer.state.clear()
    state.iteration = state.restarted = anchor.iteration
    state.losses, state.interval = list(anchor.losses), list(anchor.interval)
    state.by_timestep = anchor.by_timestep
    if state.rollbacks == MOST_ROLLBACKS:
        raise MtmsdError(
            f"Training diverged at iteration {diverged_at} (loss {loss:g}), for the {MOST_ROLLBACKS + 1}th time "
            "although the learning rate was halved each time. Look for outliers in the raster, or go on from the "
            "checkpoint with RESUME and a smaller LEARNING_RATE."
        )
    state.rollbacks += 1
    log.warning(
        "Training diverged at iteration %d (loss %g). Going back to iteration %d, and on with a learning rate of %g.",
        diverged_at,
        loss,
        anchor.iteration,
        settings.learning_rate * 0.5**state.rollbacks,
    )
