# SPDX-License-Identifier: GPL-2.0-or-later
"""The published way to extract features, written as plainly as can be: for every pixel its own patch.

Each timestep of each pixel is one pass through the whole network, the outputs of the wanted decoder blocks are resized
to the patch, and the vector at the pixel is taken. Tiles are measured against it: time, similarity, accuracy.

Source: Zhou et al. (2024), doi 10.1109/TGRS.2024.3407206: the patch's pixel is [side / 2, side / 2], outputs are
resized bilinearly. Deviation: noise by place, as tiles have it, so that the two see the same input.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mtmsd_qgis.diffusion.noise import noise_field, q_sample
from mtmsd_qgis.diffusion.unet import UNet
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import Window
from mtmsd_qgis.jobs.settings import ExtractionSettings


class PatchExtractor:
    """Features of single pixels, each from a patch of its own."""

    def __init__(self, network: UNet, settings: ExtractionSettings, side: int, *, together: bool = False) -> None:
        """Keep the network.

        Args:
            network: Trained, in evaluation mode.
            settings: Timesteps, stages and seed; one noise draw.
            side: Of the patches.
            together: All timesteps of a patch in one pass, unlike the published code.
        """
        self.network, self.settings, self.side = network.eval(), settings, side
        self.per_pass = len(settings.timesteps) if together else 1

    def pixel_features(self, components: Cube, row: int, col: int) -> Tensor:
        """(T, F) features of a pixel of a raster of components, 0 where it has no data."""
        half = self.side // 2
        window = Window(row - half, col - half, self.side, self.side)
        x0 = torch.from_numpy(np.nan_to_num(components.read(window)))[None]
        noise = noise_field(window, x0.shape[1], self.settings.seed, 0, x0.device)[None]
        steps = torch.split(torch.tensor(self.settings.timesteps), self.per_pass)
        return torch.cat([self._at_timesteps(x0, noise, timesteps) for timesteps in steps])

    def _at_timesteps(self, x0: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        seen: list[Tensor] = []
        blocks = [self.network.decoder[stage] for stage in self.settings.stages]
        hooks = [block.register_forward_hook(lambda _, __, output: seen.append(output)) for block in blocks]
        try:
            with torch.inference_mode():
                shape = (len(timesteps), -1, -1, -1)
                self.network(q_sample(x0.expand(shape), noise.expand(shape), timesteps), timesteps)
        finally:
            for hook in hooks:
                hook.remove()
        size = (self.side, self.side)
        resized = [interpolate(output, size=size, mode="bilinear", align_corners=False) for output in seen]
        return torch.cat(resized, dim=1)[:, :, self.side // 2, self.side // 2]
