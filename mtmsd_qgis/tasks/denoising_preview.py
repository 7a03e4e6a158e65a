# SPDX-License-Identifier: GPL-2.0-or-later
"""A few patches before and after denoising, as pictures for the report: what the model has learnt, at a glance.

Enters: a trained network and the sampler of its scene. Leaves: PNG pictures as data URIs.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..diffusion.noise import alpha_bar, q_sample
from ..diffusion.patch_sampler import PatchSampler
from ..diffusion.unet import UNet
from ..jobs.results import DenoisedPatch
from ..jobs.settings import PretrainSettings
from ..jobs.timesteps.trained_timesteps import trained_timesteps
from ..report.charts import png_data_uri

SHOWN_TIMESTEPS = (50, 200, 400, 600)
_PATCHES = 3
_STRETCH = 2.5  # standard deviations from black to mid grey


def denoised_samples(network: UNet, sampler: PatchSampler, settings: PretrainSettings) -> tuple[DenoisedPatch, ...]:
    """Clean, noised and denoised patches at a few timesteps.

    The estimate of the clean patch follows from the predicted noise e: x0 = (x_t - sqrt(1 - a_bar) e) / sqrt(a_bar).

    Args:
        network: Trained.
        sampler: Of the scene's patches.
        settings: Of the training.

    Returns:
        One entry for each patch and timestep.
    """
    shown = trained_timesteps(SHOWN_TIMESTEPS, settings.last_timestep)
    device = next(network.parameters()).device
    network.eval()
    patches, _ = sampler.draw(settings.seed, settings.iterations, _PATCHES)
    generator = torch.Generator().manual_seed(settings.seed)
    pictures = []
    for number, patch in enumerate(patches):
        count = len(shown)
        x0 = torch.from_numpy(patch).expand(count, -1, -1, -1)
        timesteps = torch.tensor(shown)
        noised = q_sample(x0, torch.randn(x0.shape, generator=generator), timesteps)
        with torch.inference_mode():
            noise = network(noised.to(device), timesteps.to(device)).cpu()
        a_bar = torch.from_numpy(alpha_bar())[timesteps].float().view(-1, 1, 1, 1)
        estimate = (noised - (1 - a_bar).sqrt() * noise) / a_bar.sqrt()
        for i, timestep in enumerate(shown):
            pictures.append(
                DenoisedPatch(
                    patch=number,
                    timestep=timestep,
                    clean=png_data_uri(_colours(patch)),
                    noised=png_data_uri(_colours(noised[i].numpy())),
                    denoised=png_data_uri(_colours(estimate[i].numpy())),
                )
            )
    return tuple(pictures)


def _colours(patch: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W, 3) of the first three components (C, H, W); fewer are repeated."""
    rgb = patch[[min(i, len(patch) - 1) for i in range(3)]]
    grey = np.clip(rgb / (2 * _STRETCH) + 0.5, 0, 1)
    return np.asarray((255 * grey).astype(np.uint8).transpose(1, 2, 0))
