# SPDX-License-Identifier: GPL-2.0-or-later
"""What a campaign has to know of all its pixels: moments and extents of the bands, and where there is data.

Enters: the raster of a scene; what its walk has found, from a file. Leaves: SceneMoments of it; and of all scenes
together, added up in their order. A band is good for the campaign where it would be good in a raster of all scenes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError, SceneError
from ..io.array_file import read_arrays, write_file
from ..io.bands import LEAST_VALID_SHARE, OTHER_UNIT, BandExtent, describe, inspect_bands, middle_ratio
from ..io.cube import Cube, whole_size
from ..io.moments import Moments
from ..io.windows import BLOCK, block_counts, row_strips
from ..jobs.data_model import Band
from ..progress import Progress, span

log = logging.getLogger(__name__)

KIND = "campaign"  # of the files in shared/
_SCALARS = ("count", "low", "high")


@dataclass(frozen=True, eq=False)
class SceneMoments:
    """Of a scene, or of scenes together.

    Attributes:
        extent: Of each band; lowest and highest of those used are of the pixels of the moments.
        used: (B',) positions of the bands that the moments are of.
        moments: Over pixels in which all of these have data.
        blocks: Valid pixels of each block of BLOCK x BLOCK pixels of a scene; empty for scenes together.
    """

    extent: BandExtent
    used: NDArray[np.int64]
    moments: Moments
    blocks: NDArray[np.int64]

    @classmethod
    def of(cls, cube: Cube, progress: Progress, scene: str = "") -> SceneMoments:
        """Walk over a scene twice.

        Args:
            cube: The scene.
            progress: Told how far it is.
            scene: What it is called, for log and errors.

        Raises:
            SceneError: Values that nothing can be computed from.
        """
        inspected = inspect_bands(cube, span(progress, 0.0, 0.4))
        try:
            warning = inspected.warning()
        except SceneError as error:
            raise SceneError(f"{scene}: {error}" if scene else str(error)) from None
        if warning:
            log.warning("%s", f"{scene}: {warning}" if scene else warning)
        counts = inspected.extent.count
        used = np.flatnonzero((counts > 0) & (counts >= LEAST_VALID_SHARE * counts.max()))
        moments, rows = Moments.none(len(used)), []
        low, high = inspected.extent.low.copy(), inspected.extent.high.copy()
        low[used], high[used] = np.inf, -np.inf
        walk = span(progress, 0.4, 1.0)
        for strip in row_strips(*whole_size(cube), 16 * max(1, len(used))) if len(used) else ():
            values = cube.read(strip, used.tolist())
            moments = moments.plus(Moments.of(values.reshape(len(used), -1)))
            rows.append(np.isfinite(values).all(axis=0))
            low[used] = np.minimum(low[used], values[:, rows[-1]].min(axis=1, initial=np.inf))
            high[used] = np.maximum(high[used], values[:, rows[-1]].max(axis=1, initial=-np.inf))
            walk(strip.stop_row / cube.height, "moments of the bands")
        valid = np.concatenate(rows) if rows else np.zeros(whole_size(cube), dtype=bool)
        return cls(BandExtent(counts, low, high), used, moments, block_counts(valid, BLOCK))

    def save(self, path: Path) -> None:
        """Write it to a file."""
        arrays = {
            **{name: getattr(self.extent, name) for name in _SCALARS},
            "used": self.used,
            "pixels": np.array([self.moments.count], dtype=np.int64),
            "mean": self.moments.mean,
            "scatter": self.moments.scatter,
            "blocks": self.blocks,
        }
        write_file(path, KIND, {}, arrays)

    @classmethod
    def load(cls, path: Path) -> SceneMoments:
        """From save().

        Raises:
            FileFormatError: The file is missing, damaged or of another kind.
        """
        arrays = read_arrays(path, KIND)
        try:
            return cls._from(arrays)
        except (KeyError, ValueError, IndexError) as error:
            raise FileFormatError(f"{path} is not complete ({error}). Remove it and run the step again.") from None

    @classmethod
    def _from(cls, arrays: Mapping[str, NDArray[Any]]) -> SceneMoments:
        extent = BandExtent(*(arrays[name] for name in _SCALARS))
        moments = Moments(int(arrays["pixels"][0]), arrays["mean"], arrays["scatter"])
        return cls(extent, arrays["used"], moments, arrays["blocks"])


def add_up(scenes: Mapping[str, Path], bands: Sequence[Band]) -> SceneMoments:
    """Of all scenes together; the bands used are those that are good in all of them taken as one raster.

    Args:
        scenes: What a scene is called in the log, and the file of its moments, in order.
        bands: (B,) of the scenes.

    Raises:
        SceneError: No band can be used.
        FileFormatError: A file is damaged.
    """
    extents = [SceneMoments.load(path).extent for path in scenes.values()]
    extent = extents[0]
    for other in extents[1:]:
        extent = extent.plus(other)
    usable, left_out = extent.usable(bands)
    if not usable:
        raise SceneError(f"At least one usable band is needed, found none of {len(bands)} ({describe(left_out)}).")
    if left_out:
        log.warning("Bands left out: %s.", describe(left_out))
    total = Moments.none(len(usable))
    first: SceneMoments | None = None
    for name, path in scenes.items():
        scene = SceneMoments.load(path)
        if scene.moments.count:
            first = first or scene
            _tell_of_unit(name, scene, first)
        position = {band: i for i, band in enumerate(scene.used.tolist())}
        lacking = [str(bands[band].number) for band in usable if band not in position]
        if not lacking:
            total = total.plus(scene.moments.of_bands([position[band] for band in usable]))
        elif not scene.extent.count.any():
            log.warning("%s has no data; its map will be empty.", name)
        else:
            log.warning(
                "%s has little or no data in the bands %s, which the campaign uses. Pixels without them are not "
                "mapped, and the components are made without this scene.",
                name,
                ", ".join(lacking),
            )
    return SceneMoments(extent, np.array(usable, dtype=np.int64), total, np.zeros((0, 0), dtype=np.int64))


def _tell_of_unit(name: str, scene: SceneMoments, first: SceneMoments) -> None:
    """Of a scene whose values are many times those of the first one with data; root mean squares are compared."""
    both = np.intersect1d(first.used, scene.used)
    ratio = middle_ratio(*(_root_mean_squares(found)[np.isin(found.used, both)] for found in (first, scene)))
    if not 1 / OTHER_UNIT < ratio < OTHER_UNIT:
        log.warning(
            "The values of %s are %.2g times those of the first scene, in the middle band. It may be in another unit, "
            "as reflectances from 0 to 1 are beside those from 0 to 10000; the map means nothing there then. Use "
            "scenes in one unit, or declare their scale, and prepare the campaign anew.",
            name,
            ratio,
        )


def _root_mean_squares(scene: SceneMoments) -> NDArray[np.float64]:
    moments = scene.moments
    return np.asarray(np.sqrt(moments.mean**2 + np.diag(moments.covariance)))
