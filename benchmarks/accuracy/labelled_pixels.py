# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier at the labelled pixels alone: the accuracy of the whole map at a part of its time.

Enters: a feature raster and the table of all labelled pixels. Leaves: a reader that has read the feature sets of these
pixels once, and that every draw of every split learns and predicts from; to it all other pixels are without data.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.accuracy.replacement import Replacement
from benchmarks.features import Features
from benchmarks.scenes import Scene
from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader
from mtmsd_qgis.classification.auto.feature_sets import FeatureSet
from mtmsd_qgis.diffusion.device import choose_device
from mtmsd_qgis.features.tile_lookup import tiles_with_pixels
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import Tile
from mtmsd_qgis.progress import Progress, silent
from mtmsd_qgis.sampling.sample_table import SampleTable


@dataclass(frozen=True)
class LabelledPixels(FeatureSetReader):
    """Gives the feature sets of the labelled pixels, as the reader of the whole raster would.

    Attributes:
        values: Feature sets (L, F) of the labelled pixels on valid pixels.
        place: (H, W) the row of a pixel in them; -1 where there is none.
        labelled: The labelled pixels.
    """

    values: Mapping[FeatureSet, Tensor]
    place: NDArray[np.int64]
    labelled: SampleTable

    @classmethod
    def of(cls, features: Features, labelled: SampleTable, device: str) -> LabelledPixels:
        """Read them.

        Args:
            features: The raster.
            labelled: (N,) all labelled pixels; what they are labelled as has no part in it.
            device: As in the settings.
        """
        cube = Cube(features.folder, features.cube)
        return cls._read(FeatureSetReader.fit(cube, features.layout, choose_device(device).torch_device), labelled)

    @classmethod
    def _read(cls, reader: FeatureSetReader, labelled: SampleTable) -> LabelledPixels:
        values, order = reader.at_samples(labelled, reader.available, silent)
        place = np.full((reader.cube.height, reader.cube.width), -1, dtype=np.int64)
        place[labelled.rows[order], labelled.cols[order]] = np.arange(len(order))
        return cls(**_parts(reader), values=values, place=place, labelled=labelled)

    @cached_property
    def _without_features(self) -> LabelledPixels:
        return self._read(FeatureSetReader(**_parts(self)).without_features(), self.labelled)

    def without_features(self) -> LabelledPixels:
        """As that of the whole raster; read when it is first needed."""
        return self._without_features

    def read(self, tile: Tile, wanted: Iterable[FeatureSet]) -> tuple[dict[FeatureSet, Tensor], NDArray[np.bool_]]:
        """As that of the whole raster, which has data at the labelled pixels alone."""
        place = self.place[tile.core.slices]
        valid = place >= 0
        rows, cols = np.nonzero(valid)
        found = torch.from_numpy(place[valid])
        window = {}
        for feature_set in wanted:
            values = self.values[feature_set]
            window[feature_set] = torch.zeros(values.shape[1], *place.shape, device=values.device)
            window[feature_set][:, rows, cols] = values[found].T
        return window, valid

    def at_samples(
        self, samples: SampleTable, wanted: Sequence[FeatureSet], progress: Progress
    ) -> tuple[dict[FeatureSet, Tensor], NDArray[np.int64]]:
        """As that of the whole raster, in the same order."""
        windows = self.windows(wanted, for_samples=True)
        visited = tiles_with_pixels(windows, samples.rows, samples.cols, progress)
        order = np.concatenate([inside for _, inside in visited])
        place = self.place[samples.rows[order], samples.cols[order]]
        order, place = order[place >= 0], place[place >= 0]
        return {feature_set: self.values[feature_set][torch.from_numpy(place)] for feature_set in wanted}, order

    def instead_of_raster(self) -> list[Replacement]:
        """With which the default classifier learns and predicts from these pixels."""
        fixed = SimpleNamespace(fit=lambda *_: self)
        return [Replacement("mtmsd_qgis.classification.auto.default_classifier", "FeatureSetReader", lambda _: fixed)]


def _parts(reader: FeatureSetReader) -> dict[str, Any]:
    """What a reader of the whole raster is made of."""
    return {each.name: getattr(reader, each.name) for each in fields(FeatureSetReader)}


class ReadOnce:
    """The labelled pixels of a scene under each training, read when they are first needed."""

    def __init__(self, scene: Scene, trained: Sequence[Features], options: argparse.Namespace) -> None:
        """Store what is asked for; with --whole-map nothing is read."""
        self._scene, self._trained, self._options = scene, trained, options
        self._pixels: dict[int, LabelledPixels] = {}

    def instead_of_raster(self, classifier: str, training: int) -> list[Replacement]:
        """With which the classifier learns and predicts from the labelled pixels; none where it needs the raster."""
        if classifier != "auto" or self._options.whole_map:
            return []
        if training not in self._pixels:
            features, device = self._trained[training], self._options.device
            self._pixels[training] = LabelledPixels.of(features, self._scene.samples, device)
        return self._pixels[training].instead_of_raster()
