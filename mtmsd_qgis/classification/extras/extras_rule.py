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
class ExtendedEnsemble:
    """An ensemble that knows some of the extras in use.

    Attributes:
        ensemble: Fitted where all of these have data.
        used: Positions of their recipes, ascending.
    """

    ensemble: Ensemble
    used: tuple[int, ...]


@dataclass(frozen=True)
class ExtrasRule:
    """Ensembles with extras and without, and how the columns of extras are made.

    Attributes:
        plain: Decides where none of the others does.
        extended: Each decides where all of its extras have data and none before it does; the first knows all extras.
        recipes: Of the columns; positions count from the first band of the extra rasters in use.
    """

    plain: EnsembleRule
    extended: tuple[ExtendedEnsemble, ...]
    recipes: tuple[ColumnRecipe, ...]

    def __post_init__(self) -> None:
        """Check that the first ensemble knows all extras, and the others some.

        Raises:
            ValueError: They do not.
        """
        everything = tuple(range(len(self.recipes)))
        first = self.extended[0].used if self.extended else None
        others = [set(each.used) for each in self.extended[1:]]
        if first != everything or not everything or not all(used and used < set(everything) for used in others):
            raise ValueError("an ensemble with all extras should come first, and others with some of them after it")

    @classmethod
    def of(
        cls, plain: EnsembleRule, extended: tuple[ExtendedEnsemble, ...], recipes: tuple[ColumnRecipe, ...]
    ) -> ExtrasRule:
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
        extended = [
            EnsemblePredictor(
                replace(reader, extras=extras.with_recipes([self.recipes[i] for i in each.used])), each.ensemble
            )
            for each in self.extended
        ]
        return ExtrasPredictor(plain, tuple(extended), extras)
