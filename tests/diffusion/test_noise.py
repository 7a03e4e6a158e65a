# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.diffusion.noise import alpha_bar, noise_field, q_sample
from mtmsd_qgis.io.windows import Window

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("t", "a_bar", "beta"),
    [
        (0, 0.9999587158, 4.12842e-05),
        (50, 0.9917246846, 2.84871e-04),
        (500, 0.4922851724, 3.15569e-03),
        (950, 0.0058201493, 3.95230e-02),
        (999, 2.42877e-09, 0.999),
    ],
)
def test_cosine_schedule(t, a_bar, beta):
    curve = alpha_bar()
    before = curve[t - 1] if t else 1.0
    assert curve[t] == pytest.approx(a_bar, abs=1e-14 if t == 999 else 6e-11)
    assert 1 - curve[t] / before == pytest.approx(beta, rel=1e-5)


def test_the_schedule_is_its_closed_form_up_to_the_last_step():
    t = np.arange(999)
    f = np.cos(((t + 1) / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2 / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    assert np.abs(alpha_bar()[:999] - f).max() < 1e-12


@pytest.mark.parametrize(("t", "expected"), [(50, 1.0868225), (500, 1.4141715), (950, 1.0733756)])
def test_q_sample_of_ones(t, expected):
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    assert q_sample(one, one, torch.tensor([t])).item() == pytest.approx(expected, abs=5e-8)


def test_overlapping_windows_agree_bit_for_bit():
    large = noise_field(Window(-16, -16, 96, 96), 3, seed=7, draw=0, device=CPU)
    small = noise_field(Window(20, 4, 8, 12), 3, seed=7, draw=0, device=CPU)
    assert torch.equal(small, large[:, 36:44, 20:32])
    fewer = noise_field(Window(20, 4, 8, 12), 2, seed=7, draw=0, device=CPU)
    assert torch.equal(fewer, small[:2])


def test_the_field_is_standard_normal_and_uncorrelated():
    field = noise_field(Window(0, 0, 300, 300), 4, seed=0, draw=0, device=CPU)
    assert abs(field.mean().item()) < 0.01
    assert abs(field.std().item() - 1) < 0.01
    assert abs((field**4).mean().item() - 3) < 0.1
    pairs = [(field[:, 1:], field[:, :-1]), (field[:, :, 1:], field[:, :, :-1]), (field[1:], field[:-1])]
    for a, b in pairs:
        assert abs(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()) < 0.01


@pytest.mark.parametrize(("seed", "draw"), [(1, 0), (0, 1), (2**33, 0)])
def test_seed_and_draw_give_other_fields(seed, draw):
    window = Window(0, 0, 100, 100)
    a = noise_field(window, 1, 0, 0, CPU).flatten()
    b = noise_field(window, 1, seed, draw, CPU).flatten()
    assert abs(torch.corrcoef(torch.stack([a, b]))[0, 1].item()) < 0.05


def test_known_values_never_change():
    """Feature rasters of one version stay reproducible by the next."""
    field = noise_field(Window(-1, 5, 1, 3), 1, seed=3, draw=1, device=CPU)
    assert field.flatten().tolist() == pytest.approx(KNOWN, abs=1e-6)


KNOWN = [1.0824263, -1.5774299, -0.0076306]
