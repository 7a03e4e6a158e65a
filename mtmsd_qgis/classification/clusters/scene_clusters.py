# SPDX-License-Identifier: GPL-2.0-or-later
"""The clusters of a scene: how many, which, and what is said of them.

Enters: drawn pixels and settings. Leaves: SceneClusters: the cut that maps pixels, and the sentence that says how its
number came about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import SceneError
from ...jobs.accuracy_results import whole_percent
from ...jobs.clusters.cluster_map import (
    FEWEST_CLUSTERS,
    MOST_PROPOSED,
    ClusterLevel,
    ClusterSettings,
    Merge,
)
from ...jobs.data_model import Band, ClassEntry
from ...progress import Progress, span
from .cluster_colors import cluster_colors
from .cluster_cut import ClusterCut
from .cluster_model import ClusterModel
from .pixel_view import PixelDraw
from .stability import Stability, stability

_UNSTABLE_CLUSTERS = 8  # that are shown where no number is stable
_TOO_FEW = "two halves of the scene have too few different pixels to be compared"


@dataclass(frozen=True)
class SceneClusters:
    """Clusters of a scene.

    Attributes:
        draw: The pixels that they are made of.
        cut: Of the tree, which maps pixels.
        stability: By number of clusters.
        choice: "given", "proposed", "blurred", "unstable" or "unknown".
    """

    draw: PixelDraw
    cut: ClusterCut
    stability: Stability
    choice: str

    @classmethod
    def find(cls, draw: PixelDraw, settings: ClusterSettings, progress: Progress) -> SceneClusters:
        """Part the drawn pixels.

        Args:
            draw: Of the scene.
            settings: How many clusters.
            progress: Told after each step.

        Raises:
            SceneError: The scene has fewer different pixels than clusters are wanted.
        """
        light = brightness(draw.spectra)
        model = ClusterModel.fit(draw.values, light)
        wanted = max(settings.clusters, *settings.levels, FEWEST_CLUSTERS)
        if model.most_clusters < wanted:
            raise SceneError(
                f"At least {wanted} pixels that differ were expected in the raster, for as many clusters; "
                f"{model.most_clusters} were found. Choose fewer CLUSTERS and LEVELS, or another raster."
            )
        progress(0.1, "clusters")
        last = min(max(MOST_PROPOSED, settings.clusters), model.most_clusters)
        numbers = range(FEWEST_CLUSTERS, last + 1)
        found = stability(draw, light, numbers, span(progress, 0.1, 1.0))
        without = "unstable" if found.points else "unknown"
        choice = "proposed" if found.is_stable else "blurred" if found.proposed else without
        fallback = min(_UNSTABLE_CLUSTERS, model.most_clusters)
        clusters = settings.clusters or found.proposed or fallback
        agreement = found.agreements.get(clusters, 1.0)  # unknown: as sure as the distances make it
        cut = ClusterCut.of(model, clusters).calibrated(draw.values, agreement)
        if draw.own is not None:
            plain = ClusterCut.of(model.of_first_columns(draw.values, draw.own), clusters)
            cut = replace(cut, without=plain.calibrated(draw.values[:, : draw.own], agreement))
        return cls(draw, cut, found, "given" if settings.clusters else choice)

    @property
    def agreement(self) -> float | None:
        """Share of the pixels that two halves of the scene put into the same cluster; None where it is not known.

        It is not where a half has fewer different pixels than there are clusters.
        """
        return self.stability.agreements.get(self.cut.clusters)

    @property
    def sentence(self) -> str:
        """How the number came about, for log and report."""
        number, agreement = self.cut.clusters, self.agreement
        if self.choice == "unknown":
            return (
                f"No number of clusters is proposed: {_TOO_FEW}, whatever the number. The map shows {number}; how "
                "stable they are is not known, and their confidence was not measured."
            )
        if self.choice == "unstable":
            return (
                "No stable clusters: two halves of the scene are parted differently, whatever the number of clusters. "
                f"The map shows {number}; they are no kinds of land cover."
            )
        if agreement is None:
            return (
                f"The map has {number} clusters, as given; how stable they are is not known, and their confidence was "
                f"not measured: {_TOO_FEW}."
            )
        share = whole_percent(agreement)
        agreed = f"two halves of the scene put {share} of the pixels into the same cluster"
        if self.choice == "given":
            return f"The map has {number} clusters, as given; {agreed}."
        if self.choice == "blurred":
            return (
                f"{number} clusters are proposed, with blurred borders: no number of clusters is stable, and on more "
                f"of them two halves of the scene agree less. Here they agree on {share} of the pixels."
            )
        return f"{number} clusters are proposed, the most that are stable: {agreed}."

    def classes(self, bands: Sequence[Band]) -> tuple[ClassEntry, ...]:
        """Id, name and colour of each cluster of the map."""
        names = [str(number) for number in range(1, self.cut.clusters + 1)]
        return self._entries(self.cut.clusters, names, bands)

    def levels(self, numbers: Sequence[int], bands: Sequence[Band]) -> tuple[ClusterLevel, ...]:
        """Clusters of nested maps, from the coarsest on."""
        levels: list[ClusterLevel] = []
        names, above = [""], np.zeros(self.cut.model.most_clusters, dtype=np.int64)
        for number in numbers:
            labels = self.cut.model.tree.cut(number)
            parents = [int(above[labels == cluster][0]) for cluster in range(number)]
            own = _part_names(parents, names)
            first = not levels
            levels.append(
                ClusterLevel(self._entries(number, own, bands), tuple(0 if first else p + 1 for p in parents))
            )
            names, above = own, labels
        return tuple(levels)

    def spectra(self, clusters: int) -> NDArray[np.float64]:
        """(K, B) mean spectra of the clusters of a cut."""
        own, _ = self.cut.find_each(self.draw.values, self.draw.known)
        labels = self.cut.model.tree.cut(clusters)[own]
        sizes = np.maximum(np.bincount(labels, minlength=clusters), 1)
        return np.stack([np.bincount(labels, band, minlength=clusters) / sizes for band in self.draw.spectra.T], axis=1)

    def merges(self) -> tuple[Merge, ...]:
        """How the clusters of the map are joined, the last step that of all."""
        tree = self.cut.model.tree
        inside: dict[int, tuple[int, ...]] = {
            branch: (number,) for number, branch in enumerate(tree.roots(self.cut.clusters), 1)
        }
        total = max(float(tree.costs.sum()), 1e-300)
        merges = []
        for step in range(len(tree.merges) - self.cut.clusters + 1, len(tree.merges)):
            left, right = (inside[int(branch)] for branch in tree.merges[step])
            inside[tree.leaves + step] = left + right
            merges.append(Merge(left, right, round(float(np.sqrt(tree.costs[step] / total)), 6)))
        return tuple(merges)

    def _entries(self, clusters: int, names: Sequence[str], bands: Sequence[Band]) -> tuple[ClassEntry, ...]:
        colors = cluster_colors(self.spectra(clusters), self.draw.spectra, bands)
        return tuple(ClassEntry(i, f"cluster {name}", color) for i, (name, color) in enumerate(zip(names, colors), 1))


def _part_names(parents: Sequence[int], names: Sequence[str]) -> list[str]:
    """3.1 and 3.2 for the parts of 3; a cluster that is not parted keeps its name."""
    own = []
    for place, parent in enumerate(parents):
        number = parents[: place + 1].count(parent)
        alone = parents.count(parent) == 1
        above = names[parent]
        own.append(str(number) if not above else above if alone else f"{above}.{number}")
    return own


def brightness(spectra: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) mean of the standardised bands of pixels (N, B)."""
    values = spectra.astype(np.float64)
    deviation = values.std(axis=0)
    safe = np.where(deviation > 0, deviation, 1.0)
    return np.asarray(((values - values.mean(axis=0)) / safe).mean(axis=1))
