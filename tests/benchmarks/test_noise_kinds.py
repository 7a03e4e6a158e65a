# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark of kinds of noise: the walk of an inversion, and features that differ where they should."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.accuracy.replacement import replaced
from benchmarks.noise_kinds import KINDS, inversion, noise_of
from mtmsd_qgis.diffusion.noise import alpha_bar, q_sample
from mtmsd_qgis.diffusion.unet import UNet
from mtmsd_qgis.features.extractor import FeatureExtractor
from mtmsd_qgis.io.windows import Tile, Window
from mtmsd_qgis.jobs.settings import ExtractionSettings


def best_for_white_data(state, timesteps):
    """The best prediction of noise where the components are white and of variance 1."""
    return state * float(1 - alpha_bar()[int(timesteps[0])]) ** 0.5


def test_an_inversion_turns_by_the_angle_of_each_step():
    """With cos(angle) = sqrt(a_bar), a step scales the state by the cosine of the angle between its ends."""
    x0 = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    angle = np.arccos(np.sqrt(alpha_bar()))
    expected = np.cos(angle[100] - angle[50]) * (
        np.sqrt(alpha_bar()[50]) + np.sqrt(1 - alpha_bar()[50]) * np.sqrt(1 - alpha_bar()[0])
    )
    torch.testing.assert_close(inversion(best_for_white_data, x0, 100), x0 * float(expected))


def with_clean_state_known(state, timesteps):
    """The same from a clean state on, in which there is no noise to predict."""
    return best_for_white_data(state, timesteps) * (int(timesteps[0]) > 0)


def test_white_data_keep_their_length_but_for_the_turns_of_the_schedule():
    """Worked out from the schedule alone, a clean state's angle being 0."""
    angle = np.arccos(np.sqrt(alpha_bar().astype(float)))
    assert np.cos(np.diff([0, *angle[50:951:50]])).prod() == pytest.approx(0.94279, abs=5e-6)
    assert np.cos(np.diff([0, *angle[:951]])).prod() == pytest.approx(0.99881, abs=5e-6)


@pytest.mark.parametrize(
    ("network", "step", "length"),
    [
        (with_clean_state_known, 50, 0.94279),
        (with_clean_state_known, 1, 0.99879),  # from the clean state to t = 1; 0.99881 is by way of t = 0
        (best_for_white_data, 50, 0.94334),  # asked at t = 0 where no noise is yet
        (best_for_white_data, 1, 0.99885),
    ],
)
def test_an_inversion_ends_at_the_length_of_its_turns(network, step, length):
    end = inversion(network, torch.ones(1, 1, 2, 2, dtype=torch.float64), 950, step)
    torch.testing.assert_close(end, torch.full_like(end, length), rtol=0, atol=6e-6)


@pytest.mark.parametrize("timestep", [30, 120, 200])
def test_the_last_step_of_an_inversion_may_be_shorter(timestep):
    asked = []

    def network(state, timesteps):
        asked.append(int(timesteps[0]))
        return with_clean_state_known(state, timesteps)

    end = inversion(network, torch.ones(1, 1, 2, 2, dtype=torch.float64), timestep)
    assert asked == list(range(0, timestep, 50))
    angle = np.arccos(np.sqrt(alpha_bar().astype(float)))
    turns = np.diff([0, *angle[[*asked[1:], timestep]]])
    torch.testing.assert_close(end, torch.full_like(end, float(np.cos(turns).prod())))


def test_the_noise_of_a_state_leads_back_to_it():
    x0, noise = torch.randn(2, 1, 3, 8, 8, generator=torch.Generator().manual_seed(0)).unbind()
    state = q_sample(x0, noise, torch.tensor([200]))
    torch.testing.assert_close(noise_of(state, x0, 200), noise)


@pytest.fixture
def features():
    """Of a window, by kind of noise and seed."""
    torch.manual_seed(0)
    network = UNet(4, 32)
    torch.nn.init.normal_(network.head.weight, std=0.05)  # predicts something
    components = np.random.default_rng(0).normal(size=(4, 32, 32)).astype(np.float32)
    tile = Tile(Window(0, 0, 32, 32), Window(0, 0, 32, 32))

    def made(kind, seed=0):
        settings = ExtractionSettings(timesteps=(100, 200), stages=(5,), keep=8, seed=seed)
        with replaced(KINDS[kind]):
            return FeatureExtractor(network, settings, torch.float32).tile_features(components, tile)

    return made


@pytest.mark.parametrize("kind", ["none", "inverted"])
def test_no_seed_has_a_part_in_it(features, kind):
    found = features(kind)
    assert found.shape[0] == 2
    torch.testing.assert_close(found, features(kind, seed=1), rtol=0, atol=0)
    assert not torch.allclose(found, features("drawn"), atol=0.01)


def test_drawn_noise_has_a_seed(features):
    assert not torch.allclose(features("drawn"), features("drawn", seed=1), atol=0.01)


def test_timesteps_keep_their_order_among_several_tiles(features):
    """Statistics are collected of many patches at many timesteps at once."""
    order = []

    def outputs(_, x0, noise, timesteps, norm_at):
        order.append((len(x0), tuple(timesteps)))
        return [x0 * 0 + timesteps[0] + torch.arange(len(x0)).view(-1, 1, 1, 1)]

    (change,) = [each for each in KINDS["inverted"] if each.attribute == "FeatureExtractor._outputs"]
    extractor = SimpleNamespace(network=best_for_white_data)
    x0 = torch.ones(3, 2, 4, 4)
    (found,) = change.change(outputs)(extractor, x0, x0, (100, 200), None)
    assert found[:, 0, 0, 0].tolist() == [100, 200, 101, 201, 102, 202]
    assert order == [(3, (100,)), (3, (200,))]
