# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes that the worker writes for a pixel, told before a run.

The data types stand here and not where the files are written, because those modules need torch, and QGIS, which asks
for the free disk before it starts a worker, has none.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import SettingsError
from .settings import LEVEL_BLOCKS, LEVEL_WIDTHS, ExtractionSettings

COMPONENT_TYPE = "float32"
FEATURE_TYPE = "int16"  # linear, with a scale and an offset a band
CLASS_ID_TYPE = "uint16"
PROBABILITY_TYPE = "float32"  # of the confidence too
SEGMENT_TYPE = "uint32"
INSPECTION_TYPE = "float32"
SEGMENT_FEATURES = 15  # at most, that segments are made of
MOST_BANDS = 65_535  # of a GeoTIFF, which counts them with 16 bits
MOST_GALLERY_CELLS = 2_000_000  # of a raster of pictures; it has three bytes for each timestep and stage
_INSPECTED_PIXELS = 19_200  # at most: of 48 tiles of 80 x 80 pixels every fourth line and column
_INSPECTED_SAMPLES = 2_000
_INSPECTED_SUMS = 2_500  # numbers a feature for sums over pairs of pixels, in 48 tiles, on average over the features

_BYTES = {"int16": 2, "uint16": 2, "uint32": 4, "float32": 4}


def component_bytes(components: int) -> int:
    """Principal components."""
    return components * _BYTES[COMPONENT_TYPE]


def feature_bytes(bands: int) -> int:
    """Bands of a feature raster."""
    return bands * _BYTES[FEATURE_TYPE]


def inspection_bytes(features: int, pixels: int) -> int:
    """What a look at some tiles of a scene keeps of them.

    Args:
        features: Of all timesteps and stages together.
        pixels: Of the scene.
    """
    kept = min(pixels, _INSPECTED_PIXELS) + min(pixels, _INSPECTED_SAMPLES) + _INSPECTED_SUMS
    return features * kept * _BYTES[INSPECTION_TYPE]


def gallery_bytes(cells: int, pixels: int) -> int:
    """A raster of pictures.

    Args:
        cells: Timesteps and stages, each in three bands.
        pixels: Of the scene.
    """
    return 3 * cells * min(pixels, MOST_GALLERY_CELLS)


def bytes_of(dtype: str) -> int:
    """Bytes of a number of a type that stands here."""
    return _BYTES[dtype]


def map_bytes(probabilities: int) -> int:
    """Class map, confidence, and so many bands of probabilities or of uncertainty."""
    return _BYTES[CLASS_ID_TYPE] + (1 + probabilities) * _BYTES[PROBABILITY_TYPE]


def segment_bytes(classes: int) -> int:
    """Segments, what they are made of, the map by them, and probabilities before and after."""
    made_of = feature_bytes(SEGMENT_FEATURES) + 3 * _BYTES[SEGMENT_TYPE]
    return made_of + map_bytes(classes) + classes * _BYTES[PROBABILITY_TYPE]


def features_per_timestep(stages: Sequence[int], base_width: int) -> int:
    """Channels of decoder stages of the U-Net together.

    Args:
        stages: From 0, the coarsest.
        base_width: Channels of the first level.
    """
    widths = [width for width in reversed(LEVEL_WIDTHS) for _ in range(LEVEL_BLOCKS + 1)]
    return base_width * sum(widths[stage] for stage in stages)


def feature_raster_bands(settings: ExtractionSettings, base_width: int, spectra: int) -> int:
    """Bands of a feature raster.

    Args:
        settings: Of the extraction.
        base_width: Of the model.
        spectra: Bands of the scene that the model uses.

    Raises:
        SettingsError: They are more than a GeoTIFF holds.
    """
    computed = features_per_timestep(settings.stages, base_width)
    kept, timesteps = min(settings.keep or computed, computed), len(settings.timesteps)
    stored = spectra if settings.spectra else 0
    bands = timesteps * kept + stored
    if bands > MOST_BANDS:
        raise SettingsError(
            f"A feature raster has at most {MOST_BANDS} bands, as a GeoTIFF holds no more; {timesteps} timesteps of "
            f"{kept} features and {stored} bands of spectra are {bands}. Choose fewer TIMESTEPS or STAGES, or a "
            "smaller KEEP."
        )
    return bands
