# SPDX-License-Identifier: GPL-2.0-or-later
"""Statistics of the scene, or scenes, that a model was trained on, as the model file keeps them.

Enters: what an extractor has learnt of some patches. Leaves: arrays and a description for the model file, and the same
statistics for an extractor, where its patches, timesteps and noise are those. A model that is used on another scene
finds other patches there, and its extractor learns their statistics anew. The statistics of several scenes are those
of all together, and hold for each of them: their features then mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count, takewhile
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..io.array_file import Shape, first_side
from ..jobs.json_dataclasses import from_json, shown
from ..jobs.settings import TRAINING_TIMESTEPS, ExtractionSettings
from .group_norm import PatchNorm, SceneStatistics
from .patch_sampler import MOST_PATCHES
from .unet import UNet

_PREFIX = "statistics."
_PATCHES = "patches"
_LIKE = 1e-4  # that moments of standardised components may differ by, as other libraries round in another way
_SMALLEST = 4  # pixels of a patch that a network takes


@dataclass(frozen=True)
class Conditions:
    """What statistics depend on beside the network and the patches.

    Attributes:
        timesteps: T, ascending.
        last_stage: Layers up to this decoder stage are known.
        seed: Of the noise on the patches.
        numbers: That the network computed in, e.g. "float32".
    """

    timesteps: tuple[int, ...]
    last_stage: int
    seed: int
    numbers: str

    @classmethod
    def of(cls, settings: ExtractionSettings, numbers: str) -> Conditions:
        """Those of an extraction."""
        return cls(settings.timesteps, settings.stages[-1], settings.seed, numbers)

    @classmethod
    def from_json(cls, values: object) -> Conditions:
        """Checked.

        Raises:
            ValueError: A value is missing or out of range.
        """
        try:
            conditions = from_json(cls, values)
        except ValueError as error:
            raise ValueError(f"the conditions of statistics were expected, these do not fit: {error}") from None
        times = conditions.timesteps
        if not times or list(times) != sorted(set(times)) or times[0] < 0 or times[-1] >= TRAINING_TIMESTEPS:
            raise ValueError(f"timesteps of statistics should ascend, found {shown(times)}")
        if not 0 <= conditions.last_stage <= 8:
            raise ValueError(f"stages of statistics beyond 0 to 8 do not fit, found {shown(conditions.last_stage)}")
        return conditions


@dataclass(frozen=True)
class StoredStatistics:
    """Statistics and what tells whether they hold.

    Attributes:
        conditions: Under which they were collected.
        patches: (N, C, 2) float64: mean and mean square of each component of each patch.
        means: By layer, (T, groups, 2) float64: as in SceneStatistics.
        scenes: Where there were several scenes: (N, C, 2) of the patches that an extractor draws of each one alone.
    """

    conditions: Conditions
    patches: NDArray[np.float64]
    means: Mapping[str, NDArray[np.float64]]
    scenes: tuple[NDArray[np.float64], ...] = ()

    @classmethod
    def of(
        cls, network: UNet, statistics: SceneStatistics, conditions: Conditions, patches: NDArray[np.float32]
    ) -> StoredStatistics:
        """Those that an extractor has learnt.

        Args:
            network: Whose layers they are of.
            statistics: By layer.
            conditions: Under which they were collected.
            patches: (N, C, side, side) that they are of.
        """
        names = {layer: name for name, layer in network.named_modules()}
        means = {names[layer]: table.cpu().numpy() for layer, table in statistics.means.items()}
        return cls(conditions, _moments(patches), means)

    def hold_for(self, conditions: Conditions, patches: NDArray[np.float32]) -> bool:
        """Whether an extractor that looked at these patches would find the same.

        Args:
            conditions: Of the extraction; it may want fewer timesteps and stages.
            patches: (N, C, side, side).
        """
        collected = self.conditions
        return (
            set(conditions.timesteps) <= set(collected.timesteps)
            and conditions.last_stage <= collected.last_stage
            and (conditions.seed, conditions.numbers) == (collected.seed, collected.numbers)
            and any(_alike(_moments(patches), known) for known in (self.patches, *self.scenes))
        )

    def of_scenes(self, patches: Sequence[NDArray[np.float32]]) -> StoredStatistics:
        """The same, to hold for each of several scenes.

        Args:
            patches: (N, C, side, side) that an extractor draws of each scene.
        """
        return replace(self, scenes=tuple(_moments(part) for part in patches))

    def averaged(self, network: UNet, radius: int) -> SceneStatistics:
        """The statistics that normalise tiles of the scene.

        Args:
            network: Whose layers they are of.
            radius: Cells of the coarsest grid that attention reaches to either side.

        Raises:
            ValueError: They are of a network with other layers.
        """
        device = next(network.parameters()).device
        layers = dict(network.named_modules())
        means: dict[nn.GroupNorm, Tensor] = {}
        for name, table in self.means.items():
            layer = layers[name]
            if not isinstance(layer, nn.GroupNorm):
                raise ValueError(f"statistics of a group normalisation were found for the layer {name}, which is none")
            means[layer] = torch.from_numpy(table).to(device)
        return SceneStatistics({t: row for row, t in enumerate(self.conditions.timesteps)}, means, radius)

    def describe(self) -> dict[str, Any]:
        """For the description of a model file, JSON-ready."""
        return {**asdict(self.conditions), "timesteps": list(self.conditions.timesteps)}

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """For a model file."""
        scenes = {_scene_name(number): moments for number, moments in enumerate(self.scenes)}
        means = {_PREFIX + name: table for name, table in self.means.items()}
        return {_PREFIX + _PATCHES: self.patches, **scenes, **means}


def tables_by_name(
    network: UNet, statistics: SceneStatistics, settings: ExtractionSettings
) -> dict[str, NDArray[np.float64]]:
    """Statistics of the timesteps and layers of an extraction, (T, groups, 2) each, for a file."""
    tables = statistics.tables(settings.timesteps)
    return {
        name: np.ascontiguousarray(tables[layer].cpu().numpy())
        for name, layer in _layers_up_to(network, settings.stages[-1]).items()
    }


def statistics_from_tables(
    network: UNet, tables: Mapping[str, NDArray[Any]], settings: ExtractionSettings, radius: int
) -> SceneStatistics:
    """What tables_by_name has made tables of.

    Args:
        network: Whose layers they are of.
        tables: By layer.
        settings: Of the extraction.
        radius: Cells of the coarsest grid that attention reaches to either side.

    Raises:
        ValueError: A layer is missing or unknown, or a table is not of the shape, type or range that it should be.
    """
    device = next(network.parameters()).device
    layers = _layers_up_to(network, settings.stages[-1])
    if set(layers) != set(tables):
        raise ValueError(f"statistics of {len(layers)} layers were expected, found {len(tables)} or other ones")
    for name, layer in layers.items():
        table, expected = tables[name], (len(settings.timesteps), layer.num_groups, 2)
        if table.shape != expected or table.dtype != np.float64 or not np.isfinite(table).all():
            raise ValueError(f"statistics of the layer {name} should be {expected} numbers, found {table.shape}")
    means = {layer: torch.from_numpy(tables[name]).to(device) for name, layer in layers.items()}
    return SceneStatistics({t: row for row, t in enumerate(settings.timesteps)}, means, radius)


def expected_shapes(network: UNet, description: Mapping[str, Any], shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Name, type and shape of the arrays that the statistics of a model file must have; none where it has none.

    Args:
        network: Of the model, without memory.
        description: Of the file.
        shapes: What it has; of these only the numbers of scenes and patches count.

    Raises:
        ValueError: Its conditions are incomplete, or it has too many patches.
    """
    if "statistics" not in description:
        return {}
    conditions = Conditions.from_json(description["statistics"])
    scenes = takewhile(shapes.__contains__, map(_scene_name, count()))
    expected: dict[str, Shape] = {}
    for name in (_PREFIX + _PATCHES, *scenes):
        patches = first_side(shapes, name)
        if not 1 <= patches <= MOST_PATCHES:
            raise ValueError(f"statistics of 1 to {MOST_PATCHES} patches were expected, found {patches}")
        expected[name] = ("F64", patches, network.in_channels, 2)
    for name, layer in _layers_up_to(network, conditions.last_stage).items():
        expected[_PREFIX + name] = ("F64", len(conditions.timesteps), layer.num_groups, 2)
    return expected


def from_arrays(description: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> StoredStatistics | None:
    """Of a model file whose arrays have the expected shapes; None where it has none.

    Raises:
        ValueError: Something in them is no number.
    """
    if "statistics" not in description:
        return None
    tables = {name[len(_PREFIX) :]: array for name, array in arrays.items() if name.startswith(_PREFIX)}
    if not all(np.isfinite(table).all() for table in tables.values()):
        raise ValueError("statistics hold something that is no number")
    scenes: list[NDArray[np.float64]] = []
    while _scene_name(len(scenes)) in arrays:
        scenes.append(tables.pop(_scene_name(len(scenes))[len(_PREFIX) :]))
    conditions = Conditions.from_json(description["statistics"])
    return StoredStatistics(conditions, tables.pop(_PATCHES), tables, tuple(scenes))


def _scene_name(number: int) -> str:
    """Of the array for the patches of a scene, from 0."""
    return f"{_PREFIX}{_PATCHES}.{number}"


def _alike(moments: NDArray[np.float64], known: NDArray[np.float64]) -> bool:
    return moments.shape == known.shape and bool(np.abs(moments - known).max() <= _LIKE)


def _moments(patches: NDArray[np.float32]) -> NDArray[np.float64]:
    x = patches.astype(np.float64)
    return np.stack([x.mean(axis=(2, 3)), np.square(x).mean(axis=(2, 3))], axis=2)


class _LayerRecorder(PatchNorm):
    """Remembers the layers that something goes through."""

    def __init__(self) -> None:
        self.layers: list[nn.GroupNorm] = []

    def normalised(self, layer: nn.GroupNorm, x: Tensor) -> Tensor:
        self.layers.append(layer)
        return x


def _layers_up_to(network: UNet, stage: int) -> dict[str, nn.GroupNorm]:
    """The normalisations that a pass to a stage goes through, by name."""
    device, recorder = next(network.parameters()).device, _LayerRecorder()
    x = torch.zeros(1, network.in_channels, _SMALLEST, _SMALLEST, device=device)
    with torch.inference_mode():
        network.stage_outputs(x, torch.zeros(1, dtype=torch.int64, device=device), [stage], recorder)
    names = {layer: name for name, layer in network.named_modules()}
    return {names[layer]: layer for layer in recorder.layers}
