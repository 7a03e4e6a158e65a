# SPDX-License-Identifier: GPL-2.0-or-later
"""Multi-timestep multi-stage features of a tile, and the global features around each pixel.

Enters: standardised components of a tile's window (C, h, w), noised by the field of its place. Leaves: for each
timestep, the outputs of the wanted decoder stages over the tile's core.

Source: Zhou et al. (2024): features are decoder outputs at several timesteps, taken at the pixel (local) and as the
mean over the patch centred on it (global). Deviations: a tile of many pixels instead of a patch a pixel, normalised by
the statistics of the scene instead of the patch's own; coarse grids are read where their cells really lie (a stride-2
convolution centres cell k on pixel 2k), which removes the constant shift of up to 1.5 pixels that resizing the patch
has; the global mean slides over valid pixels.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..diffusion.batch_plan import Plan, plan_extraction, ran_out_of_memory, release_memory, shared_cores
from ..diffusion.device import short_type
from ..diffusion.group_norm import PATCH_NORM, PatchNorm, PatchStatistics, SceneStatistics
from ..diffusion.noise import noise_field, q_sample
from ..diffusion.scene_statistics import Conditions, StoredStatistics
from ..diffusion.unet import UNet
from ..io.windows import GRID, Tile, Window
from ..jobs.settings import ExtractionSettings
from ..progress import Progress, silent
from ..runtime.prefetch import prefetch
from .feature_pyramid import TileGrids

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_LEAST_CORRELATION = 0.999  # of each timestep's and stage's features in the short type with those in float32
_TRIAL_SIDE, _TRIAL_FIELD = 32, 8  # pixels; the trial's scene is made of squares of the second side


class FeatureExtractor:
    """Turns tiles into features."""

    def __init__(self, network: UNet, settings: ExtractionSettings) -> None:
        """Keep the network in evaluation mode.

        Args:
            network: Trained.
            settings: Timesteps, stages, noise.
        """
        self.network = network.eval()
        self.settings = settings
        self.device = next(network.parameters()).device
        self.timesteps = torch.tensor(settings.timesteps, device=self.device)
        self.plan: Plan | None = None
        self.statistics: SceneStatistics | None = None  # without them, each tile is normalised by its own
        self._type: torch.dtype | None = None  # not chosen yet

    @property
    def feature_names(self) -> list[str]:
        """Names of the F features of a timestep: stage and channel."""
        return [
            f"s{stage} c{channel:03d}"
            for stage in self.settings.stages
            for channel in range(self.network.stages[stage].channels)
        ]

    def at_timesteps(self, timesteps: Sequence[int], side: int) -> FeatureExtractor:
        """The same for some timesteps, with numbers of the same type, for tiles of a side."""
        self.prepare(side)
        part = FeatureExtractor(self.network, replace(self.settings, timesteps=tuple(timesteps)))
        part.plan = plan_extraction(self.device, self.network.base_width, side, len(part.timesteps))
        part._type, part.statistics = self._type, self.statistics
        return part

    def learn_statistics(
        self, patches: NDArray[np.float32], progress: Progress = silent, known: StoredStatistics | None = None
    ) -> None:
        """Normalise all tiles by the statistics of some patches from now on, so that they agree where they meet.

        Args:
            patches: (N, C, side, side) of the scene, as the network was trained on; 0 where invalid.
            progress: Told after each pass.
            known: Statistics of the scene that the network was trained on; taken where they hold for these patches.

        Raises:
            DeviceError: There is not even memory for one patch at one timestep.
        """
        side = patches.shape[-1]
        reach = side // GRID // 2
        if known is not None and known.hold_for(self._conditions(), patches):
            log.info("Statistics of the scene: from the model, which was trained on it.")
            self.statistics = known.averaged(self.network, reach)
            return
        plan = plan_extraction(self.device, self.network.base_width, side, len(self.timesteps), len(patches))
        x0 = self._upload(patches)
        places = [Window(side * i, 0, side, side) for i in range(len(x0))]
        noise = torch.stack([noise_field(place, x0.shape[1], self.settings.seed, 0, self.device) for place in places])
        found, _ = self._by_plan(lambda plan: self._collected(x0, noise, plan, progress), plan, "patch")
        self.statistics = found.averaged(reach)

    def stored_statistics(self, patches: NDArray[np.float32]) -> StoredStatistics:
        """What learn_statistics has found of these patches, for a model file."""
        assert self.statistics is not None  # it has been called
        return StoredStatistics.of(self.network, self.statistics, self._conditions(), patches)

    def _conditions(self) -> Conditions:
        return Conditions.of(self.settings, str(self._numbers())[6:])

    def _collected(self, x0: Tensor, noise: Tensor, plan: Plan, progress: Progress) -> PatchStatistics:
        """Statistics of patches (N, C, side, side) at all timesteps."""
        found, every = PatchStatistics(self.settings.timesteps), self.settings.timesteps

        def seen(some: slice) -> PatchStatistics:
            part = PatchStatistics(every)
            with torch.inference_mode():
                for timesteps in _in_parts(every, plan.timesteps):
                    self._outputs(x0[some], noise[some], timesteps, part.recording)
            return part

        parts = [slice(i, i + plan.items) for i in range(0, len(x0), plan.items)]
        with shared_cores(self.device) as threads:
            for some, part in prefetch(parts, seen, threads):
                found.add(part)
                progress(min(1.0, some.stop / len(x0)), "statistics of the scene")
        return found

    def tile_features(self, components: NDArray[np.float32], tile: Tile) -> Tensor:
        """Features at the pixels of a tile's core, (T, F, core h, core w) float32; see tile_grids."""
        return self.tile_grids(components, tile).at_pixels()

    def tile_grids(
        self, components: NDArray[np.float32], tile: Tile, checked: Callable[[], object] = lambda: None
    ) -> TileGrids:
        """Features of a tile's core.

        Args:
            components: (C, h, w) of the tile's window, 0 where invalid.
            tile: Where it lies; decides the noise.
            checked: Called before each pass; what it raises ends the work.

        Raises:
            DeviceError: There is not even memory for one timestep.
        """
        self.prepare(tile.window.height)
        assert self.plan is not None  # made by that

        def by(plan: Plan) -> TileGrids:
            return self._tile(components, tile, plan.timesteps, checked)

        found, self.plan = self._by_plan(by, self.plan, "tile")
        return found

    def _by_plan(self, work: Callable[[Plan], Result], plan: Plan, item: str) -> tuple[Result, Plan]:
        """Work by a plan, or by smaller ones where memory runs out; with the plan that it could be done by."""
        while True:
            smaller: Plan | None = None
            try:
                return work(plan), plan
            except (RuntimeError, MemoryError) as error:
                smaller = plan.smaller()
                if smaller is None or not ran_out_of_memory(error):
                    raise
            plan = smaller  # outside the handler, which keeps what the failed pass has taken
            release_memory(self.device)
            log.warning("Out of memory; going on with %s.", plan.text(item))

    def prepare(self, side: int) -> None:
        """Make the plan for tiles of a side, unless there is one.

        A pass is always a tile at some timesteps, whatever lies beside it or was computed before: how many patches go
        together decides the last bits of what a convolution gives, and a run that goes on must give the same.
        """
        if self.plan is None:
            self.plan = plan_extraction(self.device, self.network.base_width, side, len(self.timesteps))
            log.info("Plan: %s, numbers in %s.", self.plan.text("tile"), str(self._numbers())[6:])

    def _numbers(self) -> torch.dtype:
        """The type of numbers, chosen by a trial that depends on network and settings alone."""
        if self._type is None:
            self._type = short = short_type(self.device)
            if short != torch.float32:
                likeness = self._trial()
                self._type = short if likeness >= _LEAST_CORRELATION else torch.float32
                log.info("Features in %s correlate %.5f with float32.", str(short)[6:], likeness)
        return self._type

    def _trial(self) -> float:
        """Lowest correlation of short with float32 features over the timesteps and stages of a made-up tile."""
        side, cells = _TRIAL_SIDE, -(-_TRIAL_SIDE // _TRIAL_FIELD)
        tile = Tile(Window(0, 0, side, side), Window(0, 0, side, side))
        coarse = noise_field(Window(0, 0, cells, cells), self.network.in_channels, self.settings.seed, 0, self.device)
        scene = coarse.repeat_interleave(_TRIAL_FIELD, 1).repeat_interleave(_TRIAL_FIELD, 2)[:, :side, :side]
        found = []
        for kind in (short_type(self.device), torch.float32):
            trial = FeatureExtractor(self.network, self.settings)
            trial.plan = plan_extraction(self.device, self.network.base_width, side, len(self.timesteps))
            trial._type = kind
            found.append(trial.tile_features(np.ascontiguousarray(scene.cpu().numpy()), tile).flatten(2))
        stages = [self.network.stages[stage].channels for stage in self.settings.stages]
        pairs = zip(*(torch.split(values, stages, dim=1) for values in found))
        return min(float(_correlations(short, full).min()) for short, full in pairs)

    def _tile(
        self, components: NDArray[np.float32], tile: Tile, per_pass: int, checked: Callable[[], object]
    ) -> TileGrids:
        """Features of a tile's core, so many timesteps a pass."""
        x0, every = self._upload(components[None]), self.settings.timesteps
        by = self.statistics.at if self.statistics else lambda _: PATCH_NORM
        found: TileGrids | None = None
        with torch.inference_mode():
            for draw in range(self.settings.noise_draws):
                noise = noise_field(tile.window, x0.shape[1], self.settings.seed, draw, self.device)[None]
                for first, timesteps in zip(count(0, per_pass), _in_parts(every, per_pass)):
                    checked()
                    outputs = self._outputs(x0, noise, timesteps, by)
                    found = found or TileGrids.zeros(len(every), outputs, tile.window.height, tile.inner)
                    found.add(first, outputs)
            assert found is not None  # there is a draw, and a timestep
            for grid in found.grids if self.settings.noise_draws > 1 else ():
                grid.div_(self.settings.noise_draws)
        return found

    def _upload(self, values: NDArray[np.float32]) -> Tensor:
        tensor = torch.from_numpy(values)
        if self.device.type == "cuda":  # from pinned memory the copy runs beside the computing
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor

    def _outputs(
        self, x0: Tensor, noise: Tensor, timesteps: Sequence[int], by: Callable[[Sequence[int]], PatchNorm]
    ) -> list[Tensor]:
        """The wanted stages, (n * t, channels, h, w) each, of tiles (n, C, side, side) noised to some timesteps."""
        tiles, times = len(x0), len(timesteps)
        repeated = torch.tensor(timesteps, device=self.device).repeat(tiles)
        if tiles > 1:
            x0, noise = x0.repeat_interleave(times, 0), noise.repeat_interleave(times, 0)
        noised = q_sample(x0, noise, repeated)
        kind = self._numbers()
        with torch.autocast(self.device.type, kind, enabled=kind == torch.bfloat16):
            return self.network.stage_outputs(noised, repeated, self.settings.stages, by(tuple(timesteps) * tiles))


def _in_parts(timesteps: Sequence[int], length: int) -> Iterator[Sequence[int]]:
    return (timesteps[i : i + length] for i in range(0, len(timesteps), length))


def _correlations(one: Tensor, other: Tensor) -> Tensor:
    """(T,) correlation over channels and pixels of (T, F, pixels), each channel less its mean."""
    a, b = (values - values.mean(dim=2, keepdim=True) for values in (one, other))
    scale = (a.square().sum((1, 2)) * b.square().sum((1, 2))).sqrt()
    return (a * b).sum((1, 2)) / scale.clamp(min=1e-30)
