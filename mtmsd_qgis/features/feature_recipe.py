# SPDX-License-Identifier: GPL-2.0-or-later
"""How the features that a classifier has learnt from are computed on any scene of the same bands.

Enters: an extractor that has learnt the statistics of its scene, and the selected features; or arrays of a classifier
file. Leaves: the same again. The statistics of the network's layers and the scales of the features stay those of the
scene that was learnt from: they are part of what was learnt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diffusion.scene_statistics import statistics_from_tables, tables_by_name
from ..diffusion.unet import UNet
from ..io.windows import GRID
from ..jobs.data_model import FeatureLayout
from ..jobs.settings import ExtractionSettings
from .extractor import FeatureExtractor
from .quantization import QuantisedFeatures

_STATISTICS = "statistics."


@dataclass(frozen=True)
class FeatureRecipe:
    """What is needed beside the diffusion model.

    Attributes:
        mean: (T, D) float64 of the selected features.
        scale: (T, D) float64 from one 16-bit number to the next.
        statistics: Of each normalisation layer, by name, (T, groups, 2) float64.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    statistics: Mapping[str, NDArray[np.float64]]

    @classmethod
    def of(cls, extractor: FeatureExtractor, features: QuantisedFeatures) -> FeatureRecipe:
        """Of the features that an extractor computes.

        Raises:
            ValueError: It has not learnt the statistics of a scene.
        """
        if extractor.statistics is None:
            raise ValueError("learn_statistics should be called before its statistics are stored")
        shape = len(extractor.settings.timesteps), len(features.selected)
        mean, scale = (
            np.array(values, dtype=np.float64).reshape(shape)
            for values in ([band.offset for band in features.bands], [band.scale for band in features.bands])
        )
        return cls(mean, scale, tables_by_name(extractor.network, extractor.statistics, extractor.settings))

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """For a classifier file."""
        tables = {_STATISTICS + name: table for name, table in self.statistics.items()}
        return {"mean": self.mean, "scale": self.scale, **tables}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], layout: FeatureLayout) -> FeatureRecipe:
        """From arrays(), or from a file that may be damaged.

        Raises:
            ValueError: An array is missing, or is not of the shape, type or range that it should be.
        """
        tables = {name[len(_STATISTICS) :]: table for name, table in arrays.items() if name.startswith(_STATISTICS)}
        shape = len(layout.timesteps), layout.features
        if set(arrays) - {_STATISTICS + name for name in tables} != {"mean", "scale"}:
            raise ValueError("mean and scale of the features were expected, and statistics of the layers")
        for name in ("mean", "scale"):
            if arrays[name].shape != shape or arrays[name].dtype != np.float64 or not np.isfinite(arrays[name]).all():
                raise ValueError(f"{name} of the features should be {shape} numbers, found {arrays[name].shape}")
        if arrays["scale"].min() <= 0:
            raise ValueError("scale of the features should be above 0")
        return cls(arrays["mean"], arrays["scale"], tables)

    def extractor(self, network: UNet, settings: ExtractionSettings, patch_size: int) -> FeatureExtractor:
        """An extractor with the statistics of the scene that was learnt from.

        Args:
            network: On its device.
            settings: Of the extraction.
            patch_size: That the network was trained on, pixels.

        Raises:
            ValueError: The statistics are of another network.
        """
        extractor = FeatureExtractor(network, settings)
        extractor.statistics = statistics_from_tables(network, self.statistics, settings, patch_size // GRID // 2)
        return extractor

    def features(self, extractor: FeatureExtractor, layout: FeatureLayout) -> QuantisedFeatures:
        """The selected features.

        Raises:
            ValueError: The extractor does not know one of them.
        """
        position = {name: i for i, name in enumerate(extractor.feature_names)}
        unknown = [name for name in layout.names if name not in position]
        if unknown or len(layout.names) != layout.features or layout.timesteps != extractor.settings.timesteps:
            raise ValueError("the features are not those of the extraction")
        selected = np.array([position[name] for name in layout.names], dtype=np.int64)
        return QuantisedFeatures.with_scales(self.mean, self.scale, selected, extractor)
