# SPDX-License-Identifier: GPL-2.0-or-later
"""Benchmark scenes in MATLAB files: find the cube and the ground truth, write them as raw rasters.

Enters: .mat files as the field's public scenes come in. Leaves: a raw cube, a raw raster of class ids, class names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray
from scipy.io.matlab import MatReadError

from ..errors import SceneError
from ..jobs.data_model import Band
from .cube import Cube, create_cube
from .windows import row_strips, whole

_LARGEST_CLASS = 65535

# Class names of the public scenes, by the name of the ground truth's variable.
# Source: the scenes' own documentation (Baumgardner et al. 2015, doi 10.4231/R7RX991C; University of Pavia; ...).
_CLASS_NAMES = {
    "indian_pines_gt": (
        "Alfalfa",
        "Corn-notill",
        "Corn-mintill",
        "Corn",
        "Grass-pasture",
        "Grass-trees",
        "Grass-pasture-mowed",
        "Hay-windrowed",
        "Oats",
        "Soybean-notill",
        "Soybean-mintill",
        "Soybean-clean",
        "Wheat",
        "Woods",
        "Buildings-Grass-Trees-Drives",
        "Stone-Steel-Towers",
    ),
    "paviaU_gt": (
        "Asphalt",
        "Meadows",
        "Gravel",
        "Trees",
        "Painted metal sheets",
        "Bare soil",
        "Bitumen",
        "Self-blocking bricks",
        "Shadows",
    ),
    "pavia_gt": (
        "Water",
        "Trees",
        "Meadows",
        "Self-blocking bricks",
        "Bare soil",
        "Asphalt",
        "Bitumen",
        "Tiles",
        "Shadows",
    ),
    "salinas_gt": (
        "Broccoli green weeds 1",
        "Broccoli green weeds 2",
        "Fallow",
        "Fallow rough plow",
        "Fallow smooth",
        "Stubble",
        "Celery",
        "Grapes untrained",
        "Soil vineyard develop",
        "Corn senesced green weeds",
        "Lettuce romaine 4 weeks",
        "Lettuce romaine 5 weeks",
        "Lettuce romaine 6 weeks",
        "Lettuce romaine 7 weeks",
        "Vineyard untrained",
        "Vineyard vertical trellis",
    ),
}


def read_scene(path: Path, variable: str | None) -> NDArray[Any]:
    """The cube of a .mat file.

    Args:
        path: Of the file.
        variable: Name of the array; None takes the only one with three dimensions.

    Returns:
        (H, W, bands), a type of numbers that a raster can hold.

    Raises:
        SceneError: No such file or array.
    """
    _, array = _find(path, variable, dimensions=3)
    return array


def read_ground_truth(path: Path, size: tuple[int, ...] | None = None) -> tuple[NDArray[np.uint16], dict[int, str]]:
    """Class ids (H, W), 0 where there is no label, and the names of the classes that occur.

    Args:
        path: Of the file.
        size: H and W of the scene: of several arrays the one of this size is taken, as MATLAB keeps single numbers,
            lists and colour tables as arrays of two dimensions too.

    Raises:
        SceneError: No such file, no array of two dimensions, or values that are no class ids.
    """
    name, array = _find(path, None, dimensions=2, size=size)
    ids = np.asarray(array)
    if not (np.isfinite(ids).all() and (ids == np.round(ids)).all() and ids.min() >= 0 and ids.max() <= _LARGEST_CLASS):
        raise SceneError(f"{path.name} should hold whole class ids from 0 to {_LARGEST_CLASS}; {name} holds others.")
    known = _CLASS_NAMES.get(name, ())
    present = [int(i) for i in np.unique(ids) if i > 0]
    names = {i: known[i - 1] if i <= len(known) else f"Class {i}" for i in present}
    return ids.astype(np.uint16), names


def write_scene(array: NDArray[Any], folder: Path) -> Cube:
    """Write (H, W, bands) as the raw raster scene.raw."""
    height, width, bands = array.shape
    cube = create_cube(
        folder, "scene", (height, width), _raster_type(array), [Band(f"Band {i + 1}") for i in range(bands)]
    )
    for strip in row_strips(height, width, array.itemsize * bands):
        cube.write(strip, array[strip.row : strip.stop_row].transpose(2, 0, 1))
    cube.flush()
    return cube


def write_ground_truth(ids: NDArray[np.uint16], folder: Path) -> Cube:
    """Write class ids (H, W) as the raw raster reference.raw."""
    cube = create_cube(folder, "reference", (ids.shape[0], ids.shape[1]), "uint16", [Band("class", nodata=0)])
    cube.write(whole(*ids.shape), ids[None])
    cube.flush()
    return cube


def _find(
    path: Path, variable: str | None, dimensions: int, size: tuple[int, ...] | None = None
) -> tuple[str, NDArray[Any]]:
    try:
        content = scipy.io.loadmat(path, variable_names=None if variable is None else [variable])
    except NotImplementedError:
        raise SceneError(
            f"{path.name} is a MATLAB 7.3 (HDF5) file; version 5 to 7.2 was expected. Save it in MATLAB or Octave with "
            "-v7, or open it in QGIS as HDF5."
        ) from None
    except (OSError, ValueError, TypeError, IndexError, KeyError, MatReadError) as error:
        raise SceneError(f"{path.name} should be a MATLAB file; it cannot be read ({error}).") from None
    arrays = {
        name: value
        for name, value in content.items()
        if not name.startswith("__") and isinstance(value, np.ndarray) and value.dtype.kind in "buif"
    }
    fitting = {name: value for name, value in arrays.items() if value.ndim == dimensions and value.size}
    if size and len(fitting) > 1:
        fitting = {name: value for name, value in fitting.items() if value.shape == size}
    if variable is not None and variable not in fitting:
        raise SceneError(f"{path.name} has no numeric array '{variable}' of {dimensions} dimensions.")
    if len(fitting) != 1:
        found = ", ".join(f"{name} {value.shape}" for name, value in arrays.items()) or "no array of numbers"
        of_size = f" and {size[0]} x {size[1]} pixels, as the scene has" if size else ""
        remedy = "Save it to a file of its own." if size else "Name the array in VARIABLE."
        raise SceneError(
            f"{path.name} should hold one array of {dimensions} dimensions{of_size}, found: {found}. {remedy}"
        )
    return next(iter(fitting.items()))


def _raster_type(array: NDArray[Any]) -> str:
    """The array's type, or the nearest one that a raster can hold."""
    if array.dtype.kind == "b":
        return "uint8"
    if array.dtype.kind == "f":
        return "float64" if array.dtype.itemsize > 4 else "float32"
    return "int16" if array.dtype.name == "int8" else array.dtype.name
