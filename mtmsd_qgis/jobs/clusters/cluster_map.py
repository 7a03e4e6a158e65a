# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings of a cluster map, and what the task has found: the content of its result message and report.

Enters: numbers and words from the algorithm's parameters; figures. Leaves: frozen, validated dataclasses;
json_dataclasses turns them into the JSON of a job or message and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import SettingsError
from .. import json_dataclasses
from ..data_model import ClassEntry, CubeFile
from ..extras.extra_rasters import ExtraFacts
from ..json_dataclasses import INLINE, OMITTED_IF_NONE, shown
from ..results import Computation
from ..settings import check_device, check_seed

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


@dataclass(frozen=True)
class ClusterScores:
    """How well clusters agree with reference classes; percent where not said otherwise.

    Attributes:
        pixels: Reference pixels on the map.
        clusters: That have one of them.
        classes: That have one.
        matched_oa: Each class matched with one cluster at most, each cluster with one class at most, so that most
            pixels agree; all others count as wrong.
        purity: Each cluster taken as the class that most of its pixels have. It grows with the number of clusters.
        ari: Adjusted Rand index, 1 for the same parting, 0 by chance.
        nmi: Normalised mutual information, 0 to 1.
        homogeneity: 1 where each cluster has pixels of one class alone.
        completeness: 1 where the pixels of each class are in one cluster.
    """

    pixels: int
    clusters: int
    classes: int
    matched_oa: float
    purity: float
    ari: float
    nmi: float
    homogeneity: float
    completeness: float


@dataclass(frozen=True)
class StabilityPoint:
    """How alike two halves of the scene are parted into so many clusters.

    Attributes:
        clusters: Their number.
        ari: Mean adjusted Rand index of the two partings.
        error: Its standard error.
        split: Of the two clusters that the step to this number made, the smaller Jaccard index with what is most
            like it in the other half's parting.
    """

    clusters: int
    ari: float
    error: float
    split: float


@dataclass(frozen=True)
class Merge:
    """Two branches of the tree of clusters, and how much unlike they are; a cluster is its number, from 1.

    Attributes:
        left: Clusters of the darker branch.
        right: Clusters of the other.
        height: Square root of what the sum of squares grows by where they are joined, over that of all pixels.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    height: float


@dataclass(frozen=True)
class SuggestedPlace:
    """A pixel to look at, to name a cluster: row and column from 0, its cluster, and its rank there from 1."""

    row: int
    col: int
    cluster: int
    rank: int
    confidence: float


@dataclass(frozen=True)
class SpectralBand:
    """A band of the mean spectra: its number in the user's raster, its name, its wavelength where known."""

    number: int
    name: str
    wavelength_nm: float | None


@dataclass(frozen=True)
class ClusterLevel:
    """A further map of fewer or more clusters, nested in the others.

    Attributes:
        classes: Id, name and colour of each cluster; 3.1 and 3.2 are the parts of what is 3 on the next coarser map.
        parents: (n,) id on the next coarser map of what each is a part of; 0 on the coarsest.
    """

    classes: tuple[ClassEntry, ...]
    parents: tuple[int, ...]


@dataclass(frozen=True)
class ClusterResult:
    """A cluster map.

    Attributes:
        folder: That holds the rasters.
        map: Cluster ids, from 1.
        confidence: Of the cluster on the map, 0 to 1.
        levels_map: A band a level, where levels are asked for.
        levels: Of its bands.
        classes: Id, name and colour of each cluster.
        mapped_pixels: (K,) of each cluster.
        choice: "given", "proposed" (a stable number), "blurred" (the halves agree in part), "unstable" (not at all) or
            "unknown" (the halves cannot be compared): how the number of clusters came about.
        sentence: The same for people.
        stability: By number of clusters.
        agreement: Share of the pixels that two halves of the scene put into the same cluster of this map, 0 to 1;
            None where a half has too few different pixels to be compared.
        bands: Of the mean spectra.
        spectra: (K, B) mean of the bands of each cluster.
        tree: (K - 1) merges, the last that of all.
        suggestions: Three places a cluster at most, the largest cluster first.
        scores: Where there is a reference layer.
        settings: Of the clustering.
        computation: Device and versions.
        model: Path of the model file that was trained; None where none was.
        seconds: The task took.
        extras: What became of extra rasters; None where none was given.
    """

    folder: str
    map: CubeFile
    confidence: CubeFile
    levels_map: CubeFile | None
    levels: tuple[ClusterLevel, ...]
    classes: tuple[ClassEntry, ...]
    mapped_pixels: tuple[int, ...]
    choice: str
    sentence: str
    stability: tuple[StabilityPoint, ...]
    agreement: float | None
    bands: tuple[SpectralBand, ...]
    spectra: tuple[tuple[float, ...], ...]
    tree: tuple[Merge, ...]
    suggestions: tuple[SuggestedPlace, ...]
    scores: ClusterScores | None
    settings: ClusterSettings
    computation: Computation = field(metadata=INLINE)
    model: str | None = None
    seconds: float = 0.0
    extras: ExtraFacts | None = field(default=None, metadata=OMITTED_IF_NONE)
