# SPDX-License-Identifier: GPL-2.0-or-later
"""The scene of a job: opened, checked against what is to be done with it, and turned into components.

Enters: a Job and its folder. Leaves: a Cube of the bands, and a Cube of standardised components.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..diffusion.preprocessing import Preprocessor
from ..errors import NO_VALID_PIXEL, SceneError
from ..features.extras.extra_reader import SceneExtras
from ..io.bands import LEAST_VALID_SHARE, OTHER_UNIT
from ..io.cube import Cube, Raster, create_cube, whole_size
from ..io.windows import row_strips
from ..jobs.data_model import Band
from ..jobs.disk_sizes import COMPONENT_TYPE
from ..jobs.protocol import Job
from ..progress import Progress
from ..transfer.band_matching import named

log = logging.getLogger(__name__)

# Standard deviations of a component. In a scene of n pixels the one that lies farthest from the mean of all is at most
# sqrt(n) of them away, so that a scene is never far from the components made of itself.
_FAR = 1e4
_SENSELESS = 1e6
OTHER_MODEL = "a diffusion model that was trained with a smaller PATCH_SIZE"  # in place of a larger raster


def open_scene(job: Job, folder: Path) -> Cube:
    """The raster of the job.

    Raises:
        SceneError: It names none.
    """
    if job.scene is None:
        raise SceneError("The job should name a raster; it names none.")
    cube = Cube(folder, job.scene)
    log.info("Raster: %d x %d pixels, %d bands, %s.", cube.width, cube.height, cube.bands, job.scene.dtype)
    return cube


def open_extra_scenes(job: Job, folder: Path, cube: Cube) -> list[Cube]:
    """The further rasters of the job, which have the bands of its first.

    Raises:
        SceneError: One has another number of bands.
    """
    cubes = [Cube(folder, description) for description in job.extra_scenes]
    for number, extra in enumerate(cubes, 1):
        if extra.bands != cube.bands:
            raise SceneError(
                f"Raster number {number} of EXTRA_INPUTS should have the {cube.bands} bands of the first raster in "
                f"the job, it has {extra.bands}."
            )
        log.info("Further raster: %d x %d pixels, %s.", extra.width, extra.height, extra.description.dtype)
    return cubes


def open_extras(job: Job, folder: Path, cube: Raster) -> SceneExtras | None:
    """The extra rasters of the job, and whether textures are asked for; None where there is nothing of both.

    Raises:
        SceneError: They do not have the scene's pixels, or not the bands that the job names.
    """
    inputs = job.extras
    if inputs is None or (inputs.cube is None and not inputs.texture):
        return None
    if inputs.cube is None:
        return SceneExtras(inputs, None)
    raster = Cube(folder, inputs.cube)
    bands = sum(len(extra.bands) for extra in inputs.rasters)
    if (raster.height, raster.width) != (cube.height, cube.width) or raster.bands != bands:
        raise SceneError(
            f"Extra rasters of {cube.width} x {cube.height} pixels with {bands} bands were expected, found "
            f"{raster.width} x {raster.height} with {raster.bands}."
        )
    return SceneExtras(inputs, raster)


def source_band_count(job: Job, cube: Raster) -> int:
    """Bands of the user's raster, of which the cube may have some alone."""
    return int(job.options.get("source_band_count", cube.bands))


def check_size(cube: Raster, side: int, instead: str = "a smaller PATCH_SIZE") -> None:
    """A scene must hold a patch.

    Args:
        cube: The scene.
        side: Of a patch, in pixels.
        instead: What may be chosen instead of a larger raster, for the message.

    Raises:
        SceneError: It is smaller than side x side pixels.
    """
    if min(whole_size(cube)) < side:
        raise SceneError(
            f"The raster must be at least as large as a training patch, {side} x {side} pixels; it has "
            f"{cube.width} x {cube.height}. Choose a larger raster or {instead}."
        )


def check_bands(cube: Cube, preprocessor: Preprocessor) -> None:
    """A scene must have as many bands as the model's preprocessor wants.

    Raises:
        SceneError: It has not.
    """
    wanted = len(preprocessor.bands)
    if cube.bands != wanted:
        raise SceneError(f"The model needs {wanted} bands, the raster has {cube.bands}. Choose the model's raster.")


def check_valid(cube: Raster, bands: Sequence[Band], valid: NDArray[np.bool_]) -> None:
    """A scene must have a pixel with data in all bands that the model needs.

    Args:
        cube: These bands of the scene.
        bands: (B,) of the model.
        valid: (H, W) where all of them have data.

    Raises:
        SceneError: It has none; bands without any data are named.
    """
    if valid.any():
        return
    has_data = np.zeros(cube.bands, dtype=bool)
    for strip in row_strips(*whole_size(cube), 8 * cube.bands):
        has_data |= np.isfinite(cube.read(strip)).any(axis=(1, 2))
    if not has_data.any() or has_data.all():
        raise SceneError(NO_VALID_PIXEL)
    raise SceneError(
        "Data in all bands that the model needs were expected in the raster; these have none: "
        f"{named(bands, np.flatnonzero(~has_data).tolist())}. Use a raster that has them, or train a model with BANDS "
        "that have data in both."
    )


def band_positions(cube: Cube, preprocessor: Preprocessor) -> list[int]:
    """Where the preprocessor's bands lie in the cube.

    Raises:
        SceneError: One is missing, as where a checkpoint of other bands is to go on.
    """
    chosen = [band.number for band in cube.description.bands]
    missing = [str(band.number) for band in preprocessor.bands if band.number not in chosen]
    if missing:
        raise SceneError(
            f"The checkpoint was made with bands that are not chosen now: {', '.join(missing[:10])}. Choose the same "
            "raster and BANDS, or start without RESUME."
        )
    return [chosen.index(band.number) for band in preprocessor.bands]


def standardised(
    cube: Raster, used: list[int] | None, preprocessor: Preprocessor, folder: Path, progress: Progress
) -> tuple[Cube, NDArray[np.bool_]]:
    """The scene's components as a scratch raster (NaN where invalid), and where it is valid (H, W).

    Raises:
        SceneError: Pixels have values that nothing measures, as a fill value that is not declared as no data.
    """
    outliers = _Outliers(preprocessor)
    bands = [Band(f"component {i + 1}") for i in range(preprocessor.components)]
    out = create_cube(folder, "components", whole_size(cube), COMPONENT_TYPE, bands)
    everywhere = np.zeros(whole_size(cube), dtype=bool)
    for strip in row_strips(*whole_size(cube), 8 * cube.bands):
        values = cube.read(strip, used)
        has_data = np.isfinite(values)
        outliers.count(has_data)
        valid = np.asarray(has_data.all(axis=0))
        components = np.full((len(bands), *valid.shape), np.nan, dtype=np.float32)
        if valid.any():  # the empty parts of a scene cost no computing
            components, _ = preprocessor.transform(values)
            outliers.look(values[:, valid], components[:, valid])
            components[:, ~valid] = np.nan
        out.write(strip, components)
        everywhere[strip.slices] = valid
        progress(strip.stop_row / cube.height, "principal components")
    outliers.tell(int(everywhere.sum()))
    return out, everywhere


class _Outliers:
    """Pixels far from those that the components were made of, or all in another unit; bands that tell little."""

    def __init__(self, preprocessor: Preprocessor) -> None:
        self._far = self._senseless = 0
        self._value = 0.0
        self._bands, self._known = preprocessor.bands, preprocessor.magnitude
        self._squares = np.zeros(len(self._known))
        self._low, self._high = (np.full(len(self._known), end) for end in (np.inf, -np.inf))
        self._counts = np.zeros(len(self._known), dtype=np.int64)

    def count(self, has_data: NDArray[np.bool_]) -> None:
        """Count where bands (B, h, w) have data."""
        self._counts += has_data.sum(axis=(1, 2))

    def look(self, values: NDArray[np.float32], components: NDArray[np.float32]) -> None:
        """Count them among pixels: values (B, n), components (C, n) in standard deviations."""
        self._squares += np.einsum("bn,bn->b", values, values, dtype=np.float64)
        self._low = np.minimum(self._low, values.min(axis=1))
        self._high = np.maximum(self._high, values.max(axis=1))
        with np.errstate(invalid="ignore"):
            distance = np.nan_to_num(np.abs(components), nan=np.inf).max(axis=0)
        far = distance > _FAR
        self._far += int(far.sum())
        self._senseless += int((distance > _SENSELESS).sum())
        if far.any():
            found = values[:, far]
            self._value = max(self._value, float(found.flat[np.abs(found).argmax()]), key=abs)

    def tell(self, pixels: int) -> None:
        """After the last pixel.

        Args:
            pixels: With data.

        Raises:
            SceneError: Some are beyond all sense.
        """
        self._tell_of_bands()
        if not self._far:
            self._tell_of_unit(pixels)
            return
        sentence = (
            f"{self._far} of {pixels} pixels are far from those that the components were made of, with values such as "
            f"{self._value:.7g}. Such a value may be no data that is not declared as such: then give it as 'Additional "
            "no data value' in the layer's properties (Transparency). Where all pixels are far, the raster is in "
            "another unit than the model's: use one in the same unit, or train a model on this raster."
        )
        if self._senseless:
            raise SceneError(f"Values as in the raster that the model was trained on were expected. {sentence}")
        log.warning("%s", sentence)

    def _tell_of_bands(self) -> None:
        """Bands that training would have left out: those of the model vary, and have data, where it was trained."""
        rare = np.flatnonzero(self._counts < LEAST_VALID_SHARE * self._counts.max()).tolist()
        if rare:
            log.warning(
                "Bands that the model uses have data at few pixels of the raster: %s. Pixels without them have no "
                "features and are not mapped. Train a model with BANDS that are good in both.",
                named(self._bands, rare),
            )
        constant = np.flatnonzero(self._low == self._high).tolist()
        if constant:
            log.warning(
                "Bands that the model uses have one value at all pixels of the raster, as where they were not "
                "measured: %s. If so, its features mean nothing. Train a model with BANDS that are good in both.",
                named(self._bands, constant),
            )

    def _tell_of_unit(self, pixels: int) -> None:
        """Smaller values are far from nothing: all pixels are near the one that has 0 in all bands."""
        known = self._known > 0
        if not pixels or not known.any():
            return
        ratio = float(np.median(np.sqrt(self._squares[known] / pixels) / self._known[known]))
        if not 1 / OTHER_UNIT < ratio < OTHER_UNIT:
            log.warning(
                "The values of the raster are %.2g times those that the components were made of, in the middle band. "
                "It may be in another unit, as reflectances from 0 to 1 are beside those from 0 to 10000; its features "
                "mean nothing then. Use a raster in the same unit, declare its scale, or train a model on it.",
                ratio,
            )
