# SPDX-License-Identifier: GPL-2.0-or-later
"""Pretraining: the U-Net learns to predict noise on patches of the scene. No labels.

Enters: a cube of standardised components (NaN where there is no data) and PretrainSettings. Leaves: the averaged
weights and the loss curve; on the way, checkpoints from which a run goes on to the same result.

Every iteration draws its patches, timesteps and noise from generators seeded with (seed, iteration) alone, so a
checkpoint holds no generator state and a resumed run is the uninterrupted one. A training that diverges goes back to
its last good state (training_state).

Where the batch does not fit into memory, it goes through the network in parts whose gradients add up to the same step.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from functools import partial
from typing import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import Cancelled, MtmsdError
from ..jobs.settings import PretrainSettings
from ..progress import Progress
from ..runtime.prefetch import prefetch
from .batch_plan import Plan, plan_training, ran_out_of_memory, release_memory
from .device import dtype_name, fetched, short_type, uploaded
from .noise import q_sample
from .patch_sampler import PatchSampler
from .ranks import Ranks, ranks
from .training_state import TIMESTEP_EDGES, TrainingState, go_back, has_diverged, is_finite, keep_anchor, rate_share
from .unet import UNet

log = logging.getLogger(__name__)

_CURVE_POINTS = 100  # of the stored loss curve at most; each is the mean of an interval, as single batches scatter


def train(
    state: TrainingState,
    sampler: PatchSampler,
    settings: PretrainSettings,
    progress: Progress,
    save: Callable[[TrainingState], None],
) -> None:
    """Train to the last iteration.

    Source: Ho et al. (2020), arXiv 2006.11239, eq. 14: the mean squared error of the predicted noise, timesteps
    uniform. Deviation: invalid pixels do not count in the mean.

    Args:
        state: Changed in place.
        sampler: Of the scene's patches.
        settings: Of the training.
        progress: Told after each step.
        save: Called with the state at least every settings.checkpoint_seconds, and on cancelling.

    Raises:
        Cancelled: The user cancelled; the state has been saved.
        MtmsdError: It diverged again and again, however small the rate; the last good state has been saved.
    """
    device = next(state.network.parameters()).device
    group = ranks()
    at_once = -(-settings.batch_size // group.count)
    plan = plan_training(device, state.network.base_width, settings.patch_size, at_once)
    log.info("Plan: %s, numbers in %s.", plan.text("patch"), dtype_name(short_type(device)))
    state.network.train()
    training = _Training(state, sampler, settings, plan, group)
    while True:
        loss = training.run(progress, save)
        if not has_diverged(loss) and is_finite(state):
            return
        try:
            go_back(state, settings, loss)
        except MtmsdError:
            save(state)
            raise


@dataclass(frozen=True)
class _Batch:
    """Patches of a step that this process computes.

    Attributes:
        x0: (B, C, H, W).
        noise: The same.
        timesteps: (B,).
        valid: (B, 1, H, W), 1 where valid.
        count: Valid pixels of the whole step, that of other processes included.
    """

    x0: Tensor
    noise: Tensor
    timesteps: Tensor
    valid: Tensor
    count: Tensor


@dataclass
class _Training:
    """A training on its way.

    Attributes:
        state: Changed in place.
        sampler: Of the scene's patches.
        settings: Of the training.
        plan: Patches that go through the network at once; smaller after memory ran out.
        ranks: The processes that train together.
        stop: Whether some process was told to stop before the last step; then all stop after it.
    """

    state: TrainingState
    sampler: PatchSampler
    settings: PretrainSettings
    plan: Plan
    ranks: Ranks
    stop: bool = False

    def run(self, progress: Progress, save: Callable[[TrainingState], None]) -> float:
        """Train to the last iteration or to one that diverges; returns the last loss."""
        state, settings = self.state, self.settings
        generator = torch.Generator(next(state.network.parameters()).device)
        points = max(1, math.ceil(settings.iterations / _CURVE_POINTS))
        saved_at = time.monotonic()
        loss = 0.0
        batches = range(state.iteration, settings.iterations)
        draw = partial(self.sampler.draw, settings.seed, count=settings.batch_size)
        for _, (patches, valid) in prefetch(batches, draw):
            keep_anchor(state)
            generator.manual_seed((settings.seed << 32) + state.iteration)
            loss = self.step(uploaded(patches, generator.device), uploaded(valid, generator.device), generator)
            if has_diverged(loss):
                break
            state.iteration += 1
            state.interval.append(loss)
            if state.iteration % points == 0 or state.iteration == settings.iterations:
                state.losses.append((state.iteration, float(np.mean(state.interval))))
                state.interval.clear()
            shown = state.losses[-1][1] if state.losses else loss
            text = f"training: iteration {state.iteration} of {settings.iterations}, loss {shown:.3f}"
            told_to_stop = _is_cancelled(progress, state.iteration / settings.iterations, text)
            if self.stop or (told_to_stop and self.ranks.count == 1):
                save(state)
                raise Cancelled("Cancelled.")
            self.stop = told_to_stop  # the other processes hear of it in the next step, and all stop after it
            if time.monotonic() - saved_at > settings.checkpoint_seconds:
                save(state)
                saved_at = time.monotonic()
        return loss

    def step(self, x0: Tensor, valid: Tensor, generator: torch.Generator) -> float:
        """One optimiser step on patches (B, C, H, W), valid (B, 1, H, W); returns the loss.

        The loss is known after the forward pass. It is waited for last, so that a card always has work ahead of it.
        """
        state, settings, device = self.state, self.settings, generator.device
        noise = torch.randn(x0.shape, device=device, generator=generator)
        timesteps = torch.randint(0, settings.last_timestep + 1, (len(x0),), device=device, generator=generator)
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate(settings, state.iteration) * rate_share(state, settings)
        part = self.ranks.part
        batch = _Batch(part(x0), part(noise), part(timesteps), part(valid), valid.sum())
        figures = self._backward(batch)
        if self.ranks.count > 1:
            total, self.stop = self.ranks.add_up(state.network, figures(), self.stop)
        state.optimizer.step()
        # The average forgets the random start faster than its decay alone would let it: it spans a ninth of the run.
        decay = min(settings.ema_decay, (1 + state.iteration) / (10 + state.iteration))
        weights = [weight.detach() for weight in state.network.parameters()]
        torch._foreach_lerp_(list(state.average.values()), weights, 1 - decay)
        loss, *sums = figures() if self.ranks.count == 1 else total
        is_late = state.iteration >= settings.iterations - max(1, settings.iterations // 10)
        if is_late and state.by_timestep is not None:
            state.by_timestep = state.by_timestep + np.reshape(sums, state.by_timestep.shape)
        return float(loss)

    def _backward(self, batch: _Batch) -> Callable[[], NDArray[np.float32]]:
        """As the function of this name; by the plan, or smaller ones where memory runs out."""
        while True:
            self.state.optimizer.zero_grad(set_to_none=True)
            try:
                return _backward(self.state.network, batch, self.plan.items)
            except (RuntimeError, MemoryError) as error:
                smaller = self.plan.smaller()
                if smaller is None or not ran_out_of_memory(error):
                    raise
            self.plan = smaller  # outside the handler, which keeps what the failed pass has taken
            self.state.optimizer.zero_grad(set_to_none=True)
            release_memory(batch.x0.device)
            log.warning("Out of memory; going on with %s.", self.plan.text("patch"))


def _is_cancelled(progress: Progress, fraction: float, text: str) -> bool:
    """Tell how far the training is; whether it shall stop."""
    try:
        progress(fraction, text)
    except Cancelled:
        return True
    return False


def learning_rate(settings: PretrainSettings, iteration: int) -> float:
    """Rate of a step: linear warm-up, then a half cosine to the final share."""
    if iteration < settings.warmup_iterations:
        return settings.learning_rate * (iteration + 1) / settings.warmup_iterations
    done = (iteration - settings.warmup_iterations) / max(1, settings.iterations - settings.warmup_iterations)
    lowest = settings.final_learning_rate_share
    return settings.learning_rate * (lowest + (1 - lowest) * 0.5 * (1 + math.cos(math.pi * done)))


def masked_loss(predicted: Tensor, noise: Tensor, valid: Tensor) -> Tensor:
    """Mean squared error over valid pixels.

    Args:
        predicted: (B, C, H, W).
        noise: (B, C, H, W).
        valid: (B, 1, H, W), 1 where valid.
    """
    return _mean(_squared_errors(predicted, noise, valid), valid.sum())


def _squared_errors(predicted: Tensor, noise: Tensor, valid: Tensor) -> Tensor:
    """(B, 1, H, W), 0 where invalid; arguments as of masked_loss."""
    return (predicted - noise).square().mean(dim=1, keepdim=True) * valid


def _mean(errors: Tensor, count: Tensor) -> Tensor:
    """Sum of errors over the number of valid pixels of the whole batch."""
    return errors.sum() / count.clamp(min=1)


def _by_timestep(errors: Tensor, valid: Tensor, timesteps: Tensor) -> Tensor:
    """(2, intervals of TIMESTEP_EDGES): sums of errors (B, 1, H, W) and of valid pixels of the patches of each."""
    inside = torch.stack(
        [(timesteps >= first) & (timesteps < end) for first, end in zip(TIMESTEP_EDGES, TIMESTEP_EDGES[1:])]
    )
    patches = torch.stack([errors.sum(dim=(1, 2, 3)), valid.sum(dim=(1, 2, 3))])
    return (patches[:, None] * inside).sum(dim=2)


def _backward(network: UNet, batch: _Batch, at_once: int) -> Callable[[], NDArray[np.float32]]:
    """Gradients of the whole batch's loss, added up over parts of so many patches.

    Returns:
        Waits for the loss, followed by the sums of _by_timestep.
    """
    device = batch.x0.device
    dtype = short_type(device)
    total, sums = torch.zeros((), device=device), torch.zeros(2, len(TIMESTEP_EDGES) - 1, device=device)
    wait = None
    for start in range(0, len(batch.x0), at_once):
        part = slice(start, start + at_once)
        timesteps, noise = batch.timesteps[part], batch.noise[part]
        with torch.autocast(device.type, dtype, enabled=dtype == torch.bfloat16):
            predicted = network(q_sample(batch.x0[part], noise, timesteps), timesteps)
        errors = _squared_errors(predicted.float(), noise, batch.valid[part])
        loss = _mean(errors, batch.count)
        total += loss.detach()
        sums += _by_timestep(errors.detach(), batch.valid[part], timesteps)
        if start + at_once >= len(batch.x0):
            wait = fetched(torch.cat([total[None], sums.flatten()]))
        loss.backward()  # type: ignore[no-untyped-call]
    return wait or fetched(torch.cat([total[None], sums.flatten()]))
