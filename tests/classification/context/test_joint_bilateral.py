# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import torch

from mtmsd_qgis.classification.context.joint_bilateral import affinities, smooth


def test_the_filter_is_what_a_naive_loop_gives():
    guide, values = torch.randn(2, 2, 23, 21, generator=torch.Generator().manual_seed(1))
    known = torch.ones(23, 21, dtype=torch.bool)
    known[::5, ::3] = False
    smoothed = smooth(values, affinities(guide, known, 0.8))
    for row, col in ((11, 10), (0, 0), (22, 4)):
        total, weight = torch.zeros(2), 0.0
        for r in range(row - 4, row + 5):
            for c in range(col - 4, col + 5):
                if 0 <= r < 23 and 0 <= c < 21 and known[r, c]:
                    distance = (guide[:, r, c] - guide[:, row, col]).square().mean()
                    share = float(torch.exp(-distance / (2 * 0.8**2)))
                    total, weight = total + share * values[:, r, c], weight + share
        assert torch.allclose(smoothed[:, row, col], total / weight, atol=1e-4)


def test_smoothing_stops_at_a_border_and_leaves_out_what_is_unknown():
    guide = torch.zeros(1, 20, 20)
    guide[:, :, 10:] = 3.0
    known = torch.ones(20, 20, dtype=torch.bool)
    known[5, 5] = False
    weights = affinities(guide, known, 0.35)
    assert torch.allclose(weights.sum(dim=0), torch.ones(20, 20), atol=1e-5)
    values = guide + torch.randn(1, 20, 20, generator=torch.Generator().manual_seed(0))
    values[0, 5, 5] = 1e6
    smoothed = smooth(values, weights)
    assert (smoothed[0, 2:-2, 2:9] - 0.0).abs().max() < 0.8
    assert (smoothed[0, 2:-2, 11:-2] - 3.0).abs().max() < 0.8
