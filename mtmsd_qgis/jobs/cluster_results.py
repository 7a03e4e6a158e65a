# SPDX-License-Identifier: GPL-2.0-or-later
"""What a cluster map has found: the content of its result message and report.

Enters: figures. Leaves: frozen dataclasses; json_dataclasses turns them into the JSON of a message and back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .cluster_settings import ClusterSettings
from .data_model import ClassEntry, CubeFile
from .json_dataclasses import INLINE
from .results import Computation


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
        choice: "given", "proposed" (a stable number), "blurred" (the halves agree in part) or "unstable" (not at all):
            how the number of clusters came about.
        sentence: The same for people.
        stability: By number of clusters.
        agreement: Share of the pixels that two halves of the scene put into the same cluster of this map, 0 to 1.
        bands: Of the mean spectra.
        spectra: (K, B) mean of the bands of each cluster.
        tree: (K - 1) merges, the last that of all.
        suggestions: Three places a cluster at most, the largest cluster first.
        scores: Where there is a reference layer.
        settings: Of the clustering.
        computation: Device and versions.
        model: Path of the model file that was trained; None where none was.
        seconds: The task took.
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
    agreement: float
    bands: tuple[SpectralBand, ...]
    spectra: tuple[tuple[float, ...], ...]
    tree: tuple[Merge, ...]
    suggestions: tuple[SuggestedPlace, ...]
    scores: ClusterScores | None
    settings: ClusterSettings
    computation: Computation = field(metadata=INLINE)
    model: str | None = None
    seconds: float = 0.0
