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
from ..diffusion.device import dtype_name, uploaded
from ..diffusion.group_norm import PATCH_NORM, PatchNorm, PatchStatistics, SceneStatistics
from ..diffusion.noise import noise_field, q_sample
from ..diffusion.scene_statistics import Conditions, StoredStatistics
from ..diffusion.unet import UNet
from ..io.windows import GRID, Tile, Window
from ..jobs.settings import ExtractionSettings
from ..progress import Progress, silent
from ..runtime.prefetch import prefetch
from .feature_pyramid import TileGrids
from .precision import TRIAL_TILE, choose_precision, trial_scene

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class FeatureExtractor:
    """Turns tiles into features."""

    def __init__(self, network: UNet, settings: ExtractionSettings, precision: torch.dtype | None = None) -> None:
        """Keep the network in evaluation mode.

        Args:
            network: Trained.
            settings: Timesteps, stages, noise.
            precision: Type of the numbers in the network; None: the shortest that gives the same features.
        """
        self.network = network.eval()
        self.settings = settings
        self.device = next(network.parameters()).device
        self.timesteps = torch.tensor(settings.timesteps, device=self.device)
        self.plan: Plan | None = None
        self.statistics: SceneStatistics | None = None  # without them, each tile is normalised by its own
        self._dtype = precision

    @property
    def feature_names(self) -> list[str]:
        """Names of the F features of a timestep: stage and channel."""
        return [
            f"s{stage} c{channel:03d}"
            for stage in self.settings.stages
            for channel in range(self.network.stages[stage].channels)
        ]

    def at_timesteps(self, timesteps: Sequence[int], side: int) -> FeatureExtractor:
        """An extractor of some timesteps, in the same precision, for tiles of a side."""
        return self._like(self.settings.at(timesteps), side)

    def with_noise_of(self, seed: int, side: int) -> FeatureExtractor:
        """The same with the noise of another seed, in the same precision, for tiles of a side."""
        return self._like(replace(self.settings, seed=seed), side)

    def _like(self, settings: ExtractionSettings, side: int) -> FeatureExtractor:
        """One of other settings that normalises by the statistics of this one."""
        self.prepare(side)
        partial = FeatureExtractor(self.network, settings, self._precision())
        partial.plan = plan_extraction(self.device, self.network.base_width, side, len(partial.timesteps))
        partial.statistics = self.statistics
        return partial

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
        radius = side // GRID // 2
        if known is not None and known.hold_for(self._conditions(), patches):
            log.info("Statistics of the scene: from the model, which was trained on it.")
            self.statistics = known.averaged(self.network, radius)
            return
        plan = plan_extraction(self.device, self.network.base_width, side, len(self.timesteps), len(patches))
        x0 = uploaded(patches, self.device)
        windows = [Window(side * i, 0, side, side) for i in range(len(x0))]
        noise = torch.stack(
            [noise_field(window, x0.shape[1], self.settings.seed, 0, self.device) for window in windows]
        )
        collected, _ = self._with_plan(lambda plan: self._patch_statistics(x0, noise, plan, progress), plan, "patch")
        self.statistics = collected.averaged(radius)

    def stored_statistics(self, patches: NDArray[np.float32]) -> StoredStatistics:
        """What learn_statistics has collected of these patches, for a model file.

        Raises:
            ValueError: It has not been called.
        """
        if self.statistics is None:
            raise ValueError("learn_statistics should be called before its statistics are stored")
        return StoredStatistics.of(self.network, self.statistics, self._conditions(), patches)

    def _conditions(self) -> Conditions:
        return Conditions.of(self.settings, dtype_name(self._precision()))

    def _patch_statistics(self, x0: Tensor, noise: Tensor, plan: Plan, progress: Progress) -> PatchStatistics:
        """Statistics of patches (N, C, side, side) at all timesteps."""
        timesteps = self.settings.timesteps

        def collect(batch: slice) -> PatchStatistics:
            statistics = PatchStatistics(timesteps)
            with torch.inference_mode():
                for part in _in_parts(timesteps, plan.timesteps):
                    self._outputs(x0[batch], noise[batch], part, statistics.recording)
            return statistics

        total = PatchStatistics(timesteps)
        batches = [slice(i, i + plan.items) for i in range(0, len(x0), plan.items)]
        with shared_cores(self.device) as threads:
            for batch, statistics in prefetch(batches, collect, threads):
                total.add(statistics)
                progress(min(1.0, batch.stop / len(x0)), "statistics of the scene")
        return total

    def tile_features(self, components: NDArray[np.float32], tile: Tile) -> Tensor:
        """Features at the pixels of a tile's core, (T, F, core h, core w) float32; see tile_grids."""
        return self.tile_grids(components, tile).at_pixels()

    def tile_grids(
        self, components: NDArray[np.float32], tile: Tile, before_pass: Callable[[], object] = lambda: None
    ) -> TileGrids:
        """Features of a tile's core.

        Args:
            components: (C, h, w) of the tile's window, 0 where invalid.
            tile: Where it lies; decides the noise.
            before_pass: Called before each pass; what it raises ends the work.

        Raises:
            DeviceError: There is not even memory for one timestep.
        """
        plan = self.prepare(tile.window.height)

        def grids_with(plan: Plan) -> TileGrids:
            return self._tile(components, tile, plan.timesteps, before_pass)

        grids, self.plan = self._with_plan(grids_with, plan, "tile")
        return grids

    def _with_plan(self, work: Callable[[Plan], Result], plan: Plan, item: str) -> tuple[Result, Plan]:
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

    def prepare(self, side: int) -> Plan:
        """The plan for tiles of a side, made unless there is one.

        A pass is always a tile at some timesteps, whatever lies beside it or was computed before: how many patches go
        together decides the last bits of what a convolution gives, and a run that goes on must give the same.
        """
        if self.plan is None:
            self.plan = plan_extraction(self.device, self.network.base_width, side, len(self.timesteps))
            log.info("Plan: %s, numbers in %s.", self.plan.text("tile"), dtype_name(self._precision()))
        return self.plan

    def _precision(self) -> torch.dtype:
        """The type of numbers, chosen by a trial where it was not given."""
        if self._dtype is None:
            channels = [self.network.stages[stage].channels for stage in self.settings.stages]
            self._dtype = choose_precision(self.device, self._trial_features, channels)
        return self._dtype

    def _trial_features(self, dtype: torch.dtype) -> Tensor:
        """(T, F, pixels) of the trial tile."""
        trial = FeatureExtractor(self.network, self.settings, dtype)
        side = TRIAL_TILE.window.height
        trial.plan = plan_extraction(self.device, self.network.base_width, side, len(self.timesteps))
        scene = trial_scene(self.network.in_channels, self.settings.seed, self.device)
        return trial.tile_features(scene, TRIAL_TILE).flatten(2)

    def _tile(
        self, components: NDArray[np.float32], tile: Tile, per_pass: int, before_pass: Callable[[], object]
    ) -> TileGrids:
        """Features of a tile's core, so many timesteps a pass."""
        x0, settings = uploaded(components[None], self.device), self.settings
        norm_at = self.statistics.at if self.statistics else lambda _: PATCH_NORM
        grids: TileGrids | None = None
        with torch.inference_mode():
            for draw in range(settings.noise_draws):
                noise = noise_field(tile.window, x0.shape[1], settings.seed, draw, self.device)[None]
                for first, timesteps in zip(count(0, per_pass), _in_parts(settings.timesteps, per_pass)):
                    before_pass()
                    outputs = self._outputs(x0, noise, timesteps, norm_at)
                    if grids is None:
                        grids = TileGrids.zeros(len(settings.timesteps), outputs, tile.window.height, tile.inner)
                    grids.add(first, outputs)
            if grids is None:
                raise ValueError("a noise draw and a timestep at least were expected")
            for grid in grids.grids if settings.noise_draws > 1 else ():
                grid.div_(settings.noise_draws)
        return grids

    def _outputs(
        self, x0: Tensor, noise: Tensor, timesteps: Sequence[int], norm_at: Callable[[Sequence[int]], PatchNorm]
    ) -> list[Tensor]:
        """The wanted stages, (n * t, channels, h, w) each, of tiles (n, C, side, side) noised to some timesteps."""
        tiles, times = len(x0), len(timesteps)
        repeated = torch.tensor(timesteps, device=self.device).repeat(tiles)
        if tiles > 1:
            x0, noise = x0.repeat_interleave(times, 0), noise.repeat_interleave(times, 0)
        noised = q_sample(x0, noise, repeated)
        dtype = self._precision()
        with torch.autocast(self.device.type, dtype, enabled=dtype == torch.bfloat16):
            return self.network.stage_outputs(noised, repeated, self.settings.stages, norm_at(tuple(timesteps) * tiles))


def _in_parts(timesteps: Sequence[int], length: int) -> Iterator[Sequence[int]]:
    return (timesteps[i : i + length] for i in range(0, len(timesteps), length))
