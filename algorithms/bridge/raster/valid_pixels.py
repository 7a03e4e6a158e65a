# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of some pixels have data in every usable band of a raster, without a copy of the whole raster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsCoordinateTransformContext

from ..feedback import ProgressRange
from ..worker.worker_process import job_folder
from .export import copy_rows
from .masks import own_mask
from .source import RasterSource, export_foreign

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ....mtmsd_qgis.io.cube import Cube

LEAST_SHARE = 0.5  # a band with data at fewer pixels than this share of the best band's counts as empty


def pixels_with_data(
    raster: RasterSource, pixels: NDArray, context: QgsCoordinateTransformContext, progress: ProgressRange
) -> NDArray:
    """Where a task with all bands would find data.

    Bands that the metadata marks as bad, transparency, and bands that are empty at most of the pixels do not count: the
    tasks leave them out too.

    Args:
        raster: Whose pixels they are.
        pixels: (N, 2 or more) row and column, sorted by row.
        context: Of the project.
        progress: Told from time to time.

    Returns:
        (N,) bool.

    Raises:
        QgsProcessingException: The raster cannot be read, or cancelled.
    """
    import numpy as np

    from ....mtmsd_qgis.io.cube import Cube

    numbers = list(raster.measured)
    if raster.layout is not None:
        numbers = numbers[:1]  # all bands of a feature raster share their nodata
    found = np.zeros(len(pixels), dtype=bool)
    rows, starts = np.unique(pixels[:, 0], return_index=True)
    if not len(rows) or not numbers:
        return found
    lines = [(slice(first, last), pixels[first:last, 1]) for first, last in zip(starts, [*starts[1:], len(pixels)])]
    with job_folder() as folder:
        exported = export_foreign(raster, folder, context, progress)
        own = own_mask(exported, numbers)
        cube = Cube(folder, copy_rows(exported, numbers, rows.tolist(), folder, progress))
        counts = sum(_finite(cube, line, columns).sum(axis=1) for line, (_, columns) in enumerate(lines))
        usable = np.flatnonzero(counts >= LEAST_SHARE * np.max(counts))
        for line, (part, columns) in enumerate(lines):
            found[part] = _finite(cube, line, columns, usable).all(axis=0)
        del cube  # Windows cannot remove a mapped file
    if own is not None:
        mask = np.frombuffer(own, np.uint8).reshape(raster.grid.height, raster.grid.width)
        found &= mask[pixels[:, 0], pixels[:, 1]] > 0
    return found


def _finite(cube: Cube, line: int, columns: NDArray, bands: NDArray | None = None) -> NDArray:
    """(bands, columns) bool."""
    import numpy as np

    from ....mtmsd_qgis.io.windows import Window

    return np.isfinite(cube.read(Window(line, 0, 1, cube.width), bands)[:, 0, columns])


def is_empty(cube: Cube) -> bool:
    """Whether no pixel of a raster has data in any band; most rasters answer in their first lines."""
    import numpy as np

    from ....mtmsd_qgis.io.windows import row_strips

    strips = row_strips(cube.height, cube.width, 8 * cube.bands)
    return not any(np.isfinite(cube.read(strip)).any() for strip in strips)
