# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings of a cluster map.

Enters: numbers and words from the algorithm's parameters. Leaves: a frozen, validated dataclass for the job file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import SettingsError
from . import json_dataclasses
from .json_dataclasses import shown
from .settings import check_device, check_seed

CLUSTER_FEATURES = ("diffusion", "bands")
MOST_CLUSTERS = 60
MOST_PROPOSED = 30  # clusters that are looked at where their number is to be proposed
FEWEST_CLUSTERS = 2
LEAST_AGREEMENT = 0.2  # of two halves, by the adjusted Rand index; noise has less than 0.05
STABLE = 0.8  # agreement of two halves from which on clusters are stable; Tibshirani & Walther (2005) take 0.8 to 0.9


@dataclass(frozen=True)
class ClusterSettings:
    """How a scene is parted into clusters.

    Attributes:
        clusters: Their number; 0 has it proposed from the scene.
        levels: Further numbers of clusters, each a map of its own, nested in the others.
        features: "diffusion": with diffusion features; "bands": with the raster's bands alone.
        seed: Of the training of a diffusion model and of its noise; the clustering draws nothing at random.
        device: "auto", "cpu", "cuda" or "cuda:N".
    """

    clusters: int = 0
    levels: tuple[int, ...] = ()
    features: str = "diffusion"
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            SettingsError: A value is outside its range.
        """
        if self.clusters and not FEWEST_CLUSTERS <= self.clusters <= MOST_CLUSTERS:
            raise SettingsError(
                f"CLUSTERS should be 0, to have the number proposed, or a number from {FEWEST_CLUSTERS} to "
                f"{MOST_CLUSTERS}; found {self.clusters}."
            )
        wrong = [level for level in self.levels if not FEWEST_CLUSTERS <= level <= MOST_CLUSTERS]
        if wrong:
            raise SettingsError(
                f"LEVELS should be numbers of clusters from {FEWEST_CLUSTERS} to {MOST_CLUSTERS}, for example 4,8,16; "
                f"found {wrong[0]}."
            )
        if self.features not in CLUSTER_FEATURES:
            raise SettingsError(f"FEATURES must be one of {CLUSTER_FEATURES}. Found: {shown(self.features)}.")
        check_seed(self.seed)
        check_device(self.device)


def cluster_settings(values: Mapping[str, Any]) -> ClusterSettings:
    """The settings from JSON values.

    Raises:
        SettingsError: An unknown name, or a value out of range or of the wrong type.
    """
    try:
        return json_dataclasses.from_json(ClusterSettings, dict(values))
    except ValueError as error:
        raise SettingsError(f"A setting is wrong: {error}.") from None
