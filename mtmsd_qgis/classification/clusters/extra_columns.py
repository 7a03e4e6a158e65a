# SPDX-License-Identifier: GPL-2.0-or-later
"""Extra rasters as columns of the view that clusters are made of.

Enters: the extras of a job. Leaves: what reads the columns of those that are used, and a finding on each. No label says
whether an extra helps, so each is used that has data and tells pixels apart. Heights themselves are no columns: they
change so slowly that clusters would be places.
"""

from __future__ import annotations

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...features.extras.column_recipe import ColumnRecipe
from ...features.extras.edge_shift import warn_of_shift
from ...features.extras.extra_reader import ExtraReader, SceneExtras
from ...io.cube import Raster, spread_windows
from ...jobs.accuracy_results import percent_number
from ...jobs.extras.extra_rasters import CATEGORIES, VALUES, ExtraFinding, ExtraRaster
from ..auto.feature_reader import FeatureSetReader
from ..extras.scene_components import SceneComponents

log = logging.getLogger(__name__)

_LEAST_KNOWN = 0.1  # of the scene's pixels, at which the extras in use have data
_SIDE, _WINDOWS = 32, 128  # that this is looked at by
_AT_ONCE = 1024  # pixels
_USED = (
    "Used: its columns, smoothed within fields, stand beside the components of the spectra. Whether it helps was not "
    "asked, as there are no samples to ask."
)


def used_extras(extras: SceneExtras, reader: FeatureSetReader) -> tuple[ExtraReader | None, tuple[ExtraFinding, ...]]:
    """What reads the extras that are used, None where none is; and what became of each.

    Args:
        extras: Of the job.
        reader: Of the scene.
    """
    components = SceneComponents(reader.cube, reader.plan.base, reader.scaling)
    columns, findings, first = ExtraReader(extras.raster, components), [], 0
    source = columns.source_of(VALUES)
    for raster in extras.inputs.rasters:
        recipe = ColumnRecipe.fit(source, raster, first, absolute=False)
        together = columns if recipe is None else columns.with_recipes([*columns.recipes, recipe])
        useless = _useless(recipe, together)
        findings.append(ExtraFinding(raster.name, not useless, useless or _USED))
        log.log(logging.WARNING if useless else logging.INFO, "Extra raster %s: %s", raster.name, findings[-1].sentence)
        if not useless:
            columns = together
            _warn(raster, source, first, components)
        first += len(raster.bands)
    return (columns if columns.recipes else None), tuple(findings)


def filled_from_alike(values: Tensor, known: NDArray[np.bool_], own: int) -> Tensor:
    """The view (N, F) of drawn pixels in which those without extras have the columns of the pixel most like them.

    A mean would put them into the middle, where no pixel is. What they have is used for making clusters alone: on the
    map such a pixel is compared by its own columns.

    Args:
        values: (N, F).
        known: (N,) where the extras have data.
        own: Of the first columns, which are known of all pixels.
    """
    if known.all() or not known.any():
        return values
    given, lacking = (values[torch.from_numpy(chosen)] for chosen in (known, ~known))
    nearest = [torch.cdist(part[:, :own], given[:, :own]).argmin(dim=1) for part in torch.split(lacking, _AT_ONCE)]
    filled = values.clone()
    filled[torch.from_numpy(~known), own:] = given[torch.cat(nearest), own:]
    return filled


def _useless(recipe: ColumnRecipe | None, together: ExtraReader) -> str:
    """Why an extra is not used; empty where it is."""
    if recipe is None:
        return "Left out: it has no data in the scene."
    if not recipe.inverse.any():
        return "Left out: it is the same everywhere."
    share = _known_share(together)
    if share < _LEAST_KNOWN:
        return (
            f"Left out: it has data, with the extra rasters before it, at {percent_number(100 * share)} % of the "
            f"scene's pixels; {100 * _LEAST_KNOWN:.0f} % are asked for."
        )
    return ""


def _known_share(extras: ExtraReader) -> float:
    """Of the scene's pixels, at which all extras have data, in windows spread over the scene."""
    known = pixels = 0
    for window in spread_windows(extras.components, 0, _SIDE, _WINDOWS):
        valid = np.isfinite(extras.components.read(window)[0])
        known += int((extras.read(window)[1].numpy() & valid).sum())
        pixels += int(valid.sum())
    return known / max(1, pixels)


def _warn(raster: ExtraRaster, source: Raster, position: int, components: SceneComponents) -> None:
    if raster.kind != CATEGORIES:
        warn_of_shift(raster.name, source, position, components)
