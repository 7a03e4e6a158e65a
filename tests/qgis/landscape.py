# SPDX-License-Identifier: GPL-2.0-or-later
"""A made-up landscape that looks like one: fields, a wood, a river. For the pictures of the guide and their test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from osgeo import gdal
from scenes import CRS, Scene, box_of_pixels, save_layer, vector_layer, write_raster

HEIGHT, WIDTH = 96, 128
WAVELENGTHS = np.concatenate([np.linspace(420, 900, 14), np.linspace(980, 2300, 10)])  # nm
TRUE_COLOUR = (7, 4, 2)  # bands near 640, 530 and 460 nm
COLORS = {
    "Broadleaf wood": "#1b7837",
    "Meadow": "#7fbf7b",
    "Ploughed field": "#a6611a",
    "River": "#2166ac",
    "Wheat": "#dfc27d",
}
_WOOD, _MEADOW, _SOIL, _RIVER, _WHEAT = range(5)
_FIELDS = 46


def make_landscape(folder: Path, seed: int = 4) -> Scene:
    """Write scene.tif (24 bands from 420 to 2300 nm) and training_areas.gpkg (field "cover")."""
    rng = np.random.default_rng(seed)
    fields, classes = fields_and_classes(rng)
    # No two fields of a class are alike: some soil shows between the plants, and some fields are lighter than others.
    pure = reflectance(WAVELENGTHS)
    soil = (rng.uniform(0, 0.65, _FIELDS)[fields] * (classes != _RIVER))[..., None]
    light = rng.normal(1, 0.15, _FIELDS)[fields] + 0.05 * _smooth(rng.normal(size=(HEIGHT, WIDTH)), 3)
    values = ((1 - soil) * pure[classes] + soil * pure[_SOIL]) * light[..., None]
    values += rng.normal(0, 0.015, values.shape)
    raster = write_raster(folder / "scene.tif", (values.clip(0, 1) * 10000).astype(np.uint16).transpose(2, 0, 1))
    dataset = gdal.Open(str(raster), gdal.GA_Update)
    for number, wavelength in enumerate(WAVELENGTHS, 1):
        dataset.GetRasterBand(number).SetMetadataItem("wavelength", f"{wavelength:.0f}")
        dataset.GetRasterBand(number).SetDescription(f"{wavelength:.0f} nm")
    del dataset
    layer = vector_layer(training_areas(classes), "Polygon", crs=CRS, name="training_areas")
    return Scene(folder, raster, save_layer(layer, folder / "training_areas.gpkg"))


def fields_and_classes(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) twice: number of the field, what lies nearest to a random centre; index into COLORS, with a river."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    centres = rng.uniform((0, 0), (HEIGHT, WIDTH), (_FIELDS, 2))
    uses = rng.choice([_WOOD, _MEADOW, _SOIL, _WHEAT], _FIELDS)
    distances = (rows[..., None] - centres[:, 0]) ** 2 + 1.6 * (columns[..., None] - centres[:, 1]) ** 2
    fields = distances.argmin(axis=-1)
    classes = uses[fields]
    bed = 46 + 16 * np.sin(columns / 21) + 5 * np.sin(columns / 8 + 1)
    classes[np.abs(rows - bed) < 3.2] = _RIVER
    return fields, classes


def reflectance(wavelengths: np.ndarray) -> np.ndarray:
    """(5, bands): roughly what plants, soil and water reflect."""
    red_edge = 1 / (1 + np.exp(-(wavelengths - 715) / 18))
    water_bands = 1 - 0.5 * _hump(wavelengths, 1450, 90) - 0.6 * _hump(wavelengths, 1950, 120)
    slope = 1.15 - 0.3 * wavelengths / 2300
    green = 0.05 * _hump(wavelengths, 550, 45)
    wood = (0.025 + 0.6 * green + 0.33 * red_edge * slope) * water_bands
    meadow = (0.04 + 1.6 * green + 0.4 * red_edge * slope) * water_bands
    soil = 0.05 + 0.2 * (1 - np.exp(-(wavelengths - 420) / 400))
    river = 0.09 * np.exp(-(wavelengths - 420) / 260)
    wheat = (0.08 + 0.25 * (1 - np.exp(-(wavelengths - 420) / 220))) * (1 - 0.25 * _hump(wavelengths, 1950, 120))
    return np.stack([wood, meadow, soil, river, wheat])


def training_areas(classes: np.ndarray, side: int = 4, each: int = 5) -> list[tuple[object, str]]:
    """Squares that lie inside one class, spread over the scene: (outline, name) each."""
    areas = []
    for index, name in enumerate(COLORS):
        inside = [
            (row, column)
            for row in range(2, HEIGHT - side, 3)
            for column in range(2, WIDTH - side, 3)
            if (classes[row : row + side, column : column + side] == index).all()
        ]
        for row, column in inside[:: max(1, len(inside) // each)][:each]:
            areas.append((box_of_pixels(row, column, row + side, column + side), name))
    return areas


def _hump(wavelengths: np.ndarray, middle: float, width: float) -> np.ndarray:
    return np.exp(-(((wavelengths - middle) / width) ** 2))


def _smooth(values: np.ndarray, times: int) -> np.ndarray:
    for _ in range(times):
        for axis in (0, 1):
            values = (np.roll(values, 1, axis) + values + np.roll(values, -1, axis)) / 3
    return values / values.std()
