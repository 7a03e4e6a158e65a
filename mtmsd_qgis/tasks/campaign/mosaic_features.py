# SPDX-License-Identifier: GPL-2.0-or-later
"""The features of the mosaic, computed where they are read: what "statistics" has found, and what of it is in files.

Enters: a model and a FeatureRecipe, or what the step "statistics" has written. Leaves: a LazyFeatures of the mosaic;
a reader of the classifier's feature sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...campaign import folder as names
from ...campaign.mosaic import MosaicMask
from ...campaign.scene_moments import KIND
from ...classification.auto.feature_reader import FeatureSetReader
from ...classification.auto.feature_sets import BandPlan
from ...classification.auto.scene_scaling import FeatureScaling, SpectraScaling
from ...diffusion.model import DiffusionModel, load_model
from ...errors import FileFormatError
from ...features.extraction_run import ExtractionRun
from ...features.extractor import FeatureExtractor
from ...features.feature_recipe import FeatureRecipe
from ...features.lazy_raster import LazyFeatures
from ...features.quantization import QuantisedFeatures
from ...io.array_file import read_arrays, read_header, write_file
from ...io.run_directory import RunDirectory
from ...io.windows import Tile
from ...jobs.data_model import Band, FeatureLayout
from ...jobs.json_dataclasses import to_json
from ...sampling.sample_table import SampleTable
from .campaign_run import CampaignRun, MosaicComponents

_RECIPE, _SPECTRA, _FEATURES = "recipe.", "spectra.", "features."


@dataclass(frozen=True)
class SplitWords:
    """How the samples were split: as in SampleSplit."""

    method: str
    sentence: str
    not_held_out: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FoundFeatures:
    """What the step "statistics" has found.

    Attributes:
        layout: Of the features and spectra.
        recipe: How features are computed.
        spectra_scaling: Of the classifier's spectra.
        feature_scaling: Of its diffusion features; None where it has none.
        training: Samples to learn from, with rows and columns of the mosaic.
        scene: (N,) number of the scene of each.
        validation: Samples held out.
        split: How.
    """

    layout: FeatureLayout
    recipe: FeatureRecipe
    spectra_scaling: SpectraScaling
    feature_scaling: FeatureScaling | None
    training: SampleTable
    scene: NDArray[np.int64]
    validation: SampleTable
    split: SplitWords

    def save(self, path: Path) -> None:
        """Write it to a file."""
        arrays: dict[str, NDArray[Any]] = {_RECIPE + name: array for name, array in self.recipe.arrays().items()}
        arrays.update(_scaling_arrays(_SPECTRA, self.spectra_scaling))
        if self.feature_scaling is not None:
            arrays.update(_scaling_arrays(_FEATURES, self.feature_scaling))
        arrays["training"] = np.column_stack([self.training.to_array(), self.scene])
        arrays["validation"] = self.validation.to_array()
        write_file(path, KIND, {"layout": to_json(self.layout), "split": to_json(self.split)}, arrays)

    @classmethod
    def load(cls, path: Path, device: torch.device) -> FoundFeatures:
        """From save().

        Raises:
            FileFormatError: The file is damaged.
        """
        description, arrays = read_header(path, KIND), read_arrays(path, KIND)
        try:
            layout = FeatureLayout.from_json(description["layout"])
            spectra: dict[str, Any] = {"reduction": None, **_scaling_parts(_SPECTRA, arrays, device)}
            features = _scaling_parts(_FEATURES, arrays, device)
            return cls(
                layout,
                FeatureRecipe.from_arrays(_under(_RECIPE, arrays), layout),
                SpectraScaling(**spectra),
                FeatureScaling(**features) if features else None,
                SampleTable.from_array(np.ascontiguousarray(arrays["training"][:, :4])),
                np.ascontiguousarray(arrays["training"][:, 4]),
                SampleTable.from_array(arrays["validation"]),
                SplitWords(**{**description["split"], "not_held_out": tuple(description["split"]["not_held_out"])}),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise FileFormatError(f"{path} is not complete ({error}). Remove it and run the step again.") from None

    def reader(self, features: LazyFeatures, device: torch.device) -> FeatureSetReader:
        """Reads the classifier's feature sets of the mosaic."""
        plan = BandPlan.of(self.layout, features.bands)
        features.expect([*plan.base, *plan.features, *plan.guide])
        return FeatureSetReader(features, self.layout, device, plan, self.spectra_scaling, self.feature_scaling, None)


@dataclass(frozen=True, eq=False)
class MosaicFeatures:
    """What computes features of the mosaic.

    Attributes:
        run: The campaign.
        model: The diffusion model.
        positions: Of its bands in the scenes.
        described: Names and wavelengths of these bands.
    """

    run: CampaignRun
    model: DiffusionModel
    positions: list[int]
    described: Sequence[Band]

    @classmethod
    def of_model(cls, run: CampaignRun) -> MosaicFeatures:
        """With the model in shared/."""
        model = load_model(run.shared(names.MODEL))
        positions = run.positions(model.preprocessor)
        return cls(run, model, positions, [run.bands[position] for position in positions])

    def extraction(self, extractor: FeatureExtractor, tiles: Sequence[Tile] = ()) -> ExtractionRun:
        """An extractor at work on the mosaic.

        Args:
            extractor: Knows the statistics of the layers.
            tiles: With samples, where statistics of the features are to be collected.
        """
        components = MosaicComponents(self.run.mosaic, self.positions, self.model.preprocessor)
        mask = MosaicMask(self.run.mosaic, self.positions)
        return ExtractionRun(extractor, components, mask, tiles, RunDirectory(self.run.folder))

    def lazy(self, extraction: ExtractionRun, features: QuantisedFeatures, layout: FeatureLayout) -> LazyFeatures:
        """Features and, where the layout has them, spectra of the mosaic."""
        spectra = self.run.spectra(self.positions, self.described) if layout.spectra else None
        return LazyFeatures(extraction, features, spectra)

    def by_recipe(self, recipe: FeatureRecipe, layout: FeatureLayout, device: torch.device) -> LazyFeatures:
        """Features that are computed as a recipe says."""
        network, side = self.model.network.to(device), self.model.settings.patch_size
        extractor = recipe.extractor(network, self.run.campaign.extract.at(layout.timesteps), side)
        return self.lazy(self.extraction(extractor), recipe.features(extractor, layout), layout)


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def _scaling_arrays(prefix: str, scaling: SpectraScaling | FeatureScaling) -> dict[str, NDArray[Any]]:
    parts = {field.name: getattr(scaling, field.name) for field in fields(scaling)}
    return {prefix + name: part.cpu().numpy() for name, part in parts.items() if part is not None}


def _scaling_parts(prefix: str, arrays: Mapping[str, NDArray[Any]], device: torch.device) -> dict[str, torch.Tensor]:
    """Copied to memory of torch's own: how a product is summed may depend on where its factors begin."""
    return {name: torch.from_numpy(array).clone().to(device) for name, array in _under(prefix, arrays).items()}
