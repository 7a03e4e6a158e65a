# SPDX-License-Identifier: GPL-2.0-or-later
"""What the header of a model or checkpoint file must say, checked without torch.

Enters: a file of arrays (array_file). Leaves: its description, with the parts that QGIS looks at checked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import FileFormatError
from ..jobs.data_model import Band
from ..jobs.json_dataclasses import is_whole, shown
from ..jobs.settings import PRESET_NAMES, PRESETS, TRAINING_TIMESTEPS
from .array_file import KIND_MODEL, read_header


def read_model_header(path: Path | str, kind: str = KIND_MODEL) -> dict[str, Any]:
    """As read_header, with the parts that QGIS looks at checked.

    They are "preset", "source_band_count", "bands", and "components" and "settings", where they are there.

    Raises:
        FileFormatError: As read_header, or one of these parts is missing or is not what it should be.
    """
    header = read_header(path, kind)
    try:
        check_model_description(header)
    except ValueError as error:
        raise FileFormatError(f"{path} is not a complete {kind} ({error}). Train a new one, or use a copy.") from None
    return header


def check_model_description(description: Mapping[str, Any]) -> None:
    """The parts of a model's description that QGIS looks at.

    Raises:
        ValueError: One is missing or is not what it should be.
    """
    if description.get("preset") not in PRESET_NAMES:
        raise ValueError(f"preset should be one of {', '.join(PRESET_NAMES)}, found {shown(description.get('preset'))}")
    if not is_whole(description.get("source_band_count")) or description["source_band_count"] < 1:
        raise ValueError("source_band_count should be a number of bands")
    bands = read_bands(description.get("bands"))
    last_trained_timestep(description)
    _at_least_one("components", description.get("components", len(bands)))
    base_width(description)


def last_trained_timestep(description: Mapping[str, Any]) -> int:
    """The largest timestep that a model has seen in its training; one that does not say so has seen all.

    Raises:
        ValueError: The settings are no settings, or the number is none of the timesteps.
    """
    last, found = TRAINING_TIMESTEPS - 1, _settings(description).get("train_up_to")
    if found is None:
        return last
    if not is_whole(found) or not 1 <= found <= last:
        raise ValueError(f"train_up_to should be a timestep from 1 to {last}, found {shown(found)}")
    return int(found)


def base_width(description: Mapping[str, Any]) -> int:
    """Channels of the network's first level; those of its preset where the file does not say so.

    Raises:
        ValueError: The settings are no settings, or it is no number of channels.
    """
    preset = PRESETS[description["preset"]].pretrain
    return _at_least_one("base_width", _settings(description).get("base_width", preset.base_width))


def _at_least_one(name: str, found: object) -> int:
    if not isinstance(found, int) or not is_whole(found) or found < 1:
        raise ValueError(f"{name} should be 1 or more, found {shown(found)}")
    return found


def _settings(description: Mapping[str, Any]) -> Mapping[str, Any]:
    settings = description.get("settings", {})
    if not isinstance(settings, Mapping):
        raise ValueError(f"settings should be names with values, found {shown(settings)}")
    return settings


def read_bands(values: object) -> tuple[Band, ...]:
    """The bands of a file.

    Raises:
        ValueError: No list of bands, none in it, or a wavelength that is no number.
    """
    if not isinstance(values, list) or not values:
        raise ValueError("a list of bands was expected")
    bands = tuple(Band.from_json(each) for each in values)
    for band in bands:
        if band.wavelength_nm is not None and not math.isfinite(band.wavelength_nm):
            raise ValueError(f"band {band.number} has no finite wavelength")
    return bands
