# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.gradients import PARTS, cosines, gradients
from mtmsd_qgis.diffusion.noise import q_sample
from mtmsd_qgis.diffusion.unet import UNet


def test_noise_of_the_halves_is_taken_out():
    """Two timesteps whose true gradients have a cosine of 0.6, seen through noise of their own in each half."""
    rng = np.random.default_rng(0)
    true = np.linalg.qr(rng.standard_normal((50_000, 2)))[0].T
    true[1] = 0.6 * true[0] + 0.8 * true[1]
    one, other = (true + 0.004 * rng.standard_normal(true.shape) for _ in range(2))
    found = cosines(one, other)
    assert found.corrected[0, 1] == pytest.approx(0.6, abs=0.03)
    assert np.allclose(np.diag(found.corrected), 1)
    assert (found.reliability < 0.7).all()


def test_gradients_are_those_of_the_loss_by_part():
    torch.manual_seed(0)
    network = UNet(3, 32)
    with torch.no_grad():
        for weight in network.parameters():  # a new network ends in zeros
            weight.normal_(0, 0.05)
    patches = np.random.default_rng(1).standard_normal((2, 3, 16, 16)).astype(np.float32)
    found = gradients(network, [(patches, np.ones((2, 1, 16, 16), np.float32))], (10, 900))
    noise = torch.randn(patches.shape, generator=torch.Generator().manual_seed(0))
    for row, timestep in enumerate((10, 900)):
        t = torch.full((2,), timestep)
        loss = (network(q_sample(torch.from_numpy(patches), noise, t), t) - noise).square().mean()
        for part in PARTS:
            direct = torch.autograd.grad(loss, list(getattr(network, part).parameters()), retain_graph=True)
            expected = torch.cat([each.flatten() for each in direct]).numpy()
            assert np.abs(expected).max() > 1e-3
            np.testing.assert_allclose(found[part][row], expected, atol=1e-5 * np.abs(expected).max())
