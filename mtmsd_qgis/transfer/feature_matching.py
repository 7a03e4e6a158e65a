# SPDX-License-Identifier: GPL-2.0-or-later
"""Which bands of a feature raster are the features of another one.

Enters: what two rasters say of their bands. Leaves: positions, or one sentence that says why they cannot go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Optional

from ..errors import SceneError
from ..jobs.data_model import Band, FeatureLayout
from .band_matching import same_sensor_bands

Described = tuple[Optional[FeatureLayout], Sequence[Band]]
"""A raster's layout, None where it has no features, and all its bands."""

_SHOWN = 5  # features in a message
_DIGITS = 12  # of a fingerprint in a message


def same_feature_bands(wanted: Described, found: Described, names: tuple[str, str]) -> list[int]:
    """Positions of the wanted raster's bands in the other.

    Args:
        wanted: The one raster.
        found: The other.
        names: Of both, for the message.

    Raises:
        SceneError: Something is missing, or the features are of another diffusion model.
    """
    (asked, asked_bands), (there, bands) = wanted, found
    if asked is None or there is None:
        with_features, without = names if there is None else names[::-1]
        raise SceneError(
            f"Rasters of the same features were expected, {with_features} is a feature raster and {without} is none. "
            "Extract the features of all of them with the same diffusion model."
        )
    if asked.model and there.model and asked.model != there.model:
        raise SceneError(
            f"Features of one diffusion model were expected, those of {names[0]} are of {asked.model[:_DIGITS]} and "
            f"those of {names[1]} of {there.model[:_DIGITS]} (fingerprints). Extract both with the same model."
        )
    positions = _features(asked, there, names)
    if not asked.spectra:
        return positions
    if not there.spectra:
        raise SceneError(
            f"Features and spectra were expected as in {names[0]}, {names[1]} has no spectra. Extract its features "
            "anew, with the spectra."
        )
    own, other = (_spectra(asked, asked_bands), _spectra(there, bands))
    _, spectra = same_sensor_bands(own, other, len(own), names)
    return [*positions, *(there.diffusion_bands + position for position in spectra)]


def _features(asked: FeatureLayout, there: FeatureLayout, names: tuple[str, str]) -> list[int]:
    if not asked.names or not there.names:
        if (asked.timesteps, asked.features) == (there.timesteps, there.features):
            return list(range(asked.diffusion_bands))
        raise SceneError(
            f"{asked.diffusion_bands} features as in {names[0]} were expected, {names[1]} has {there.diffusion_bands} "
            "and they have no names. Extract both with the same model and settings."
        )
    timesteps = {timestep: i for i, timestep in enumerate(there.timesteps)}
    features = {name: i for i, name in enumerate(there.names)}
    lacking = [f"timestep {t}" for t in asked.timesteps if t not in timesteps]
    lacking += [f"feature {name}" for name in asked.names if name not in features]
    if lacking:
        more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        raise SceneError(
            f"The features of {names[0]} were expected, {names[1]} lacks {', '.join(lacking[:_SHOWN])}{more}. Extract "
            "both with the same TIMESTEPS and STAGES, and with KEEP=0, which keeps all features."
        )
    return [timesteps[t] * there.features + features[name] for t in asked.timesteps for name in asked.names]


def _spectra(layout: FeatureLayout, bands: Sequence[Band]) -> list[Band]:
    """The bands behind the features, by the names that they have in their scene."""
    return [replace(band, name=_plain(band.name)) for band in bands[layout.diffusion_bands :]]


def _plain(name: str) -> str:
    prefix = "spectrum "
    return name[len(prefix) :] if name.startswith(prefix) else name
