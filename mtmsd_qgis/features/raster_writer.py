# SPDX-License-Identifier: GPL-2.0-or-later
"""Extraction of a scene: the selected features of all tiles, written as 16-bit numbers.

Enters: an ExtractionRun, the selected features with their scales. Leaves: a raw raster of them, 16-bit with a scale and
offset a band.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..diffusion.device import fetched
from ..io.cube import Cube
from ..io.row_writer import AppendedBands, RowWriter
from ..io.run_directory import CompletedWindows
from ..io.windows import Tile
from ..jobs.disk_sizes import FEATURE_TYPE
from ..progress import Progress
from ..runtime.prefetch import BackgroundWriter
from .extraction_run import ExtractionRun
from .feature_pyramid import TileGrids
from .quantization import NODATA, QuantisedFeatures, QuantisedSpectra
from .tile_cache import TileCache

_Values = tuple[Callable[[], NDArray[np.int16]], NDArray[np.bool_]]
"""Gives the quantised values (h, bands, w) of a tile, and where it is valid."""


def write_features(
    run: ExtractionRun,
    features: QuantisedFeatures,
    spectra: QuantisedSpectra | None,
    cache: TileCache,
    progress: Progress,
) -> Cube:
    """Compute all tiles and store the selected features as 16-bit numbers, then the spectra.

    Args:
        run: The extractor and its scene; pixels outside its tiles become nodata, and lines that its directory has
            completed are left as they are.
        features: The selected features, and their scales.
        spectra: The scene's bands, to be stored as well; None: not.
        cache: Tiles of the statistics pass.
        progress: Told after each tile.

    Returns:
        The raster features.raw, T * D bands, band = timestep index * D + feature index; then the spectra.
    """
    bands = [*features.bands, *(spectra.bands if spectra is not None else ())]
    size = (run.components.height, run.components.width)
    out, new = run.run_directory.raster("features", size, FEATURE_TYPE, bands)
    completed = CompletedWindows(run.run_directory, "extracted", [out], fresh=new)
    start = completed.last_row()
    appended = None if spectra is None else AppendedBands(len(spectra.bands), spectra.read)

    def quantised(_: Tile, grids: TileGrids, valid: NDArray[np.bool_]) -> _Values:
        return fetched(features.quantised(grids)), valid

    remaining = [tile for tile in run.tiles if tile.core.row >= start]
    done = len(run.tiles) - len(remaining)
    row_writer = RowWriter(
        out, NODATA, run.run_directory.folder, appended=appended, first_row=start, on_written=completed.add
    )
    with completed.saved_on_cancel(), row_writer as rows, BackgroundWriter() as writer:
        for tile, (fetch, valid) in run.compute(remaining, quantised, cache):
            writer.call(partial(_write, rows, tile, fetch, valid))
            done += 1
            progress(done / len(run.tiles), f"features: tile {done} of {len(run.tiles)}")
        writer.call(rows.finish)
    completed.save()
    return out


def _write(rows: RowWriter, tile: Tile, fetch: Callable[[], NDArray[np.int16]], valid: NDArray[np.bool_]) -> None:
    values = fetch()  # (h, bands, w)
    if not valid.all():
        values.transpose(0, 2, 1)[~valid] = NODATA
    rows.write(tile.core, values)
