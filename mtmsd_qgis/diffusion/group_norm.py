# SPDX-License-Identifier: GPL-2.0-or-later
"""Statistics for group normalisation, and the radius of attention: of the patch in the network, or of the scene.

In training, and wherever a patch stands for itself, each patch is normalised by its own mean and variance, and each
cell attends to all others. A tile of a scene that went by itself would give a pixel other features than its
neighbour across the tile's border. So the statistics of some patches are collected once for each timestep, and all
tiles of the scene are normalised with their averages; attention reaches as far as it did in training. What is left
between two tiles are convolutions, and those agree wherever the halo is wide enough.

Around a pixel far from all others, the scene's statistics leave activations larger than any that the patch's own left
in training, and from layer to layer they grow. So they are cut (decision 52).

Source: group normalisation is that of Wu & He (2018), arXiv 1803.08494; averages of a population in its place are
what batch normalisation does at inference (Ioffe & Szegedy 2015, arXiv 1502.03167). Deviation from Zhou et al.
(2024), who extract each pixel from a patch of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

LIMIT = 5.0  # standard deviations at which activations are cut that the statistics of a scene normalise


class PatchNorm:
    """Normalises each patch by its own statistics; attention is global."""

    def normalised(self, layer: nn.GroupNorm, x: Tensor) -> Tensor:
        """Map (B, C, ...) to the same shape."""
        return torch.as_tensor(layer(x))

    @property
    def attention_radius(self) -> int | None:
        """Cells of the coarsest grid that attention reaches to either side; None: all of them."""
        return None


PATCH_NORM = PatchNorm()


class PatchStatistics:
    """Collects what the layers of a network normalise, in passes that normalise each patch by itself."""

    def __init__(self, timesteps: Sequence[int]) -> None:
        """Nothing is known yet.

        Args:
            timesteps: All that are going to be passed.
        """
        self._row = {timestep: i for i, timestep in enumerate(timesteps)}
        self._sums: dict[nn.GroupNorm, Tensor] = {}

    def recording(self, timesteps: Sequence[int]) -> PatchNorm:
        """Normalisation by patch that records the statistics of a pass.

        Args:
            timesteps: Of the B patches of the pass.
        """
        return _RecordingNorm(self._sums, [self._row[t] for t in timesteps], len(self._row))

    def add(self, other: PatchStatistics) -> None:
        """Add what another one has collected at the same timesteps."""
        for layer, sums in other._sums.items():
            self._sums[layer] = self._sums[layer] + sums if layer in self._sums else sums

    def averaged(self, radius: int) -> SceneStatistics:
        """The averages over all patches of each timestep.

        Args:
            radius: Cells of the coarsest grid that attention reaches to either side.
        """
        return SceneStatistics(self._row, {k: v[..., :2] / v[..., 2:] for k, v in self._sums.items()}, radius)


class SceneStatistics:
    """Mean and mean square of each group of each normalisation, by timestep; they normalise the tiles of a scene."""

    def __init__(self, row: dict[int, int], means: dict[nn.GroupNorm, Tensor], radius: int) -> None:
        """Keep all.

        Args:
            row: Row of a timestep in the tables.
            means: (T, groups, 2) float64 for each layer: mean and mean square.
            radius: Of the attention, cells.
        """
        self._row, self.means, self._radius = row, means, radius
        self._known: dict[tuple[int, ...], PatchNorm] = {}

    def tables(self, timesteps: Sequence[int]) -> dict[nn.GroupNorm, Tensor]:
        """(T, groups, 2) for each layer, of these timesteps in their order."""
        rows = [self._row[t] for t in timesteps]
        return {layer: means[rows] for layer, means in self.means.items()}

    def at(self, timesteps: Sequence[int]) -> PatchNorm:
        """The normalisation of a pass.

        Args:
            timesteps: Of the B tiles of the pass.
        """
        key = tuple(timesteps)
        if key not in self._known:  # the passes of a walk come again and again
            tables = {layer: _affine_and_limits(layer, means) for layer, means in self.tables(key).items()}
            self._known[key] = _SceneNorm(tables, self._radius)
        return self._known[key]


class _RecordingNorm(PatchNorm):
    """Normalises patches by themselves, and adds their means and mean squares to sums."""

    def __init__(self, sums: dict[nn.GroupNorm, Tensor], rows: list[int], count: int) -> None:
        self._sums, self._rows, self._count = sums, rows, count

    def normalised(self, layer: nn.GroupNorm, x: Tensor) -> Tensor:
        flat = x.float().reshape(len(x), layer.num_groups, -1)
        moments = torch.stack([flat.mean(2), flat.square().mean(2), torch.ones_like(flat[..., 0])], dim=2).double()
        if layer not in self._sums:
            self._sums[layer] = moments.new_zeros(self._count, layer.num_groups, 3)
        self._sums[layer].index_add_(0, torch.tensor(self._rows, device=x.device), moments)
        return super().normalised(layer, x)


class _SceneNorm(PatchNorm):
    """Normalises by gains and offsets of the scene, and cuts what is far from its mean."""

    def __init__(self, tables: dict[nn.GroupNorm, tuple[Tensor, ...]], radius: int) -> None:
        self._tables, self._radius = tables, radius

    def normalised(self, layer: nn.GroupNorm, x: Tensor) -> Tensor:
        shape = -1, x.shape[1], *(1,) * (x.dim() - 2)
        gain, offset, low, high = (values.view(shape).to(x.dtype) for values in self._tables[layer])
        return torch.addcmul(offset, x, gain).clamp_(low, high)

    @property
    def attention_radius(self) -> int | None:
        return self._radius


def _affine_and_limits(layer: nn.GroupNorm, means: Tensor) -> tuple[Tensor, ...]:
    """Gain and offset (B, C) from (B, groups, 2), and lowest and highest activations (C,); float32."""
    mean, square = means.repeat_interleave(layer.num_channels // layer.num_groups, dim=1).unbind(2)
    weight, bias = layer.weight.detach().double(), layer.bias.detach().double()
    gain = (square - mean.square()).clamp(min=0).add(layer.eps).rsqrt() * weight
    reach = LIMIT * weight.abs()
    return tuple(values.float() for values in (gain, bias - mean * gain, bias - reach, bias + reach))
