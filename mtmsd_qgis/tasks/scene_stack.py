# SPDX-License-Identifier: GPL-2.0-or-later
"""A classification that learns from several rasters: put together to learn from, mapped where the map is asked for.

Enters: the cubes of a job with their samples. Leaves: one raster and one table of samples; and of a map of that raster,
made where it is needed, the part that is the job's own scene.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..accuracy.map_accuracy import mapped_pixels
from ..classification.predict_map import MapFiles
from ..errors import SamplesError
from ..io.cube import Cube, create_cube
from ..io.raster_stack import RasterStack
from ..io.windows import Tile, row_strips
from ..jobs.data_model import CubeFile
from ..jobs.protocol import Job
from ..jobs.results import MapResult
from ..jobs.settings import ClassificationSettings
from ..sampling.sample_table import SampleTable, read_samples

_GAP = 128  # rows; no classifier looks so far around a pixel


@dataclass(frozen=True)
class SceneStack:
    """The rasters of a job.

    Attributes:
        raster: All of them below each other, the job's own first.
        size: Height and width of the job's own.
        samples: Of all rasters, with rows of the whole.
        folder: For the map of the whole.
    """

    raster: RasterStack
    size: tuple[int, int]
    samples: SampleTable
    folder: Path

    @classmethod
    def of(cls, job: Job, folder: Path, cubes: Sequence[Cube], settings: ClassificationSettings) -> SceneStack:
        """Put rasters together.

        Args:
            job: Names the samples of each.
            folder: The job folder.
            cubes: The job's own and the further ones.
            settings: What must not reach from one into another: blocks, and the buffer.

        Raises:
            SamplesError: A table of samples cannot be read, or there is not one for each raster.
        """
        if len(job.extra_samples) != len(cubes) - 1:
            raise SamplesError(
                f"A table of samples was expected for each of the {len(cubes) - 1} further rasters, the job names "
                f"{len(job.extra_samples)}."
            )
        raster = RasterStack(cubes, max(_GAP, settings.block_size, math.ceil(settings.buffer) + 1))
        tables = []
        for top, name in zip(raster.tops.tolist(), (job.samples, *job.extra_samples)):
            tables.append(read_samples(folder, name).to_array() + np.array([top, 0, 0, 0]))
        place = folder / "all-scenes"
        place.mkdir(exist_ok=True)
        samples = SampleTable.from_array(np.concatenate(tables))
        return cls(raster, (cubes[0].height, cubes[0].width), samples, place)

    @property
    def scene_of_sample(self) -> NDArray[np.int64]:
        """(N,) which raster, from 0, each sample lies in."""
        return self.raster.scene_of(self.samples.rows)

    def needs(self, tile: Tile, held_out: SampleTable) -> bool:
        """Whether a window belongs to the job's own scene, or holds a held-out sample."""
        core, rows, cols = tile.core, held_out.rows, held_out.cols
        if core.row < self.size[0] and core.col < self.size[1]:
            return True
        inside = (rows >= core.row) & (rows < core.stop_row) & (cols >= core.col) & (cols < core.stop_col)
        return bool(inside.any())

    def own_result(self, result: MapResult, files: MapFiles, folder: Path) -> MapResult:
        """The result with the map of the job's own scene; its accuracy stays that of all held-out samples.

        Args:
            result: Of all rasters together.
            files: Its map.
            folder: Where the own scene's map is written.
        """
        own = {part.description.file: _upper_left(part, self.size, folder) for part in files.rasters}

        def described(whole: Cube | None) -> CubeFile | None:
            return None if whole is None else own[whole.description.file].description

        classes = own[files.classes.description.file]
        return replace(
            result,
            map=classes.description,
            confidence=own[files.confidence.description.file].description,
            probabilities=described(files.probabilities),
            uncertainty=described(files.uncertainty),
            tokens=self._copied(result.tokens, folder, self.size),
            token_table=self._copied(result.token_table, folder),
            mapped_pixels=mapped_pixels(classes, result.classes),
        )

    def _copied(self, part: CubeFile | None, folder: Path, size: tuple[int, int] | None = None) -> CubeFile | None:
        """The upper left part of a raster of the whole, of all of it where there is no size; None of none."""
        if part is None:
            return None
        return _upper_left(Cube(self.folder, part), size or (part.height, part.width), folder).description


def _upper_left(cube: Cube, size: tuple[int, int], folder: Path) -> Cube:
    """A copy of the first rows and columns of a raster of the map."""
    description = cube.description
    part = create_cube(folder, Path(description.file).stem, size, description.dtype, description.bands)
    for strip in row_strips(*size, 4 * cube.bands):
        part.write(strip, cube.stored(strip))
    part.flush()
    return part
