# SPDX-License-Identifier: GPL-2.0-or-later
"""What the default classifier has learnt with extras, apart from the rasters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ...features.extras.column_recipe import ColumnRecipe
from ...features.extras.extra_reader import ExtraReader
from ...io.band_subset import BandSubset
from ...io.cube import Raster
from ...jobs.data_model import FeatureLayout
from ...jobs.extras.extra_rasters import TEXTURE
from ..auto.ensemble import Ensemble
from ..auto.predictor import EnsemblePredictor, EnsembleRule
from .extras_predictor import ExtrasPredictor
from .scene_components import SceneComponents


@dataclass(frozen=True)
class ExtrasRule:
    """Two ensembles, and how the columns of extras are made.

    Attributes:
        plain: Decides where an extra has no data.
        extended: Decides elsewhere.
        recipes: Of the columns; positions count from the first band of the extra rasters in use.
    """

    plain: EnsembleRule
    extended: Ensemble
    recipes: tuple[ColumnRecipe, ...]

    @classmethod
    def of(cls, plain: EnsembleRule, extended: Ensemble, recipes: tuple[ColumnRecipe, ...]) -> ExtrasRule:
        """With positions among the bands of the extras in use alone, as another scene will have no others."""
        first, moved = 0, []
        for recipe in recipes:
            if recipe.kind != TEXTURE:
                recipe = replace(recipe, positions=tuple(range(first, first + len(recipe.positions))))
                first += len(recipe.positions)
            moved.append(recipe)
        return cls(plain, extended, tuple(moved))

    @property
    def n_classes(self) -> int:
        """K."""
        return self.plain.n_classes

    @property
    def extra_bands(self) -> int:
        """Of the extra rasters in use."""
        return sum(len(recipe.positions) for recipe in self.recipes if recipe.kind != TEXTURE)

    def predictor(self, cube: Raster, layout: FeatureLayout, device: torch.device) -> ExtrasPredictor:
        """Apply it to a raster whose last bands are those of the extra rasters.

        Args:
            cube: Features as the layout says, then extra rasters.
            layout: Of the features.
            device: To compute on.
        """
        own = cube.bands - self.extra_bands
        if own < 1:
            raise ValueError(f"{cube.bands} bands cannot hold {self.extra_bands} of extra rasters")
        plain = self.plain.predictor(BandSubset(cube, range(own)), layout, device)
        reader = plain.reader
        components = SceneComponents(reader.cube, reader.plan.base, reader.scaling)
        rasters = BandSubset(cube, range(own, cube.bands)) if self.extra_bands else None
        extras = ExtraReader(rasters, components, self.recipes)
        extended = EnsemblePredictor(replace(reader, extras=extras), self.extended)
        return ExtrasPredictor(plain, extended, extras)
