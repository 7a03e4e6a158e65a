# SPDX-License-Identifier: GPL-2.0-or-later
"""Extra rasters into the job folder: one cube with the scene's rows and columns.

Finer rasters leave means and deviations within the pixel, coarser ones are interpolated, categories become their shares
of the pixel. Nothing is filled in where a raster has no data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import QgsCoordinateTransformContext, QgsProcessingException

from ....mtmsd_qgis.jobs.data_model import Band, CubeFile
from ....mtmsd_qgis.jobs.extras.extra_rasters import CATEGORIES, VALUES, ExtraRaster
from ..feedback import ProgressRange
from ..raster.source import Grid, RasterSource, export_foreign
from .extra_source import (
    ExtraKind,
    ExtraSource,
    data_bands,
    direction_bands,
    fill_sentence,
    kind_of,
    metres_per_unit,
    shared_fill_sentence,
)
from .warping import GridBlock, Warper, grid_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

CUBE = "extras"  # name of the file in the job folder, without suffix
BYTES = 4  # of a number in it
_DEVIATION = ", deviation within the pixel"  # ends of the names of bands
_DIRECTION = ", cosine", ", sine"


@dataclass(frozen=True)
class ExtraExport:
    """Extra rasters on their way into a job folder.

    Attributes:
        extras: In the order given.
        grid: Of the scene.
        folder: The job folder.
        transforms: Of the project, for layers of other providers than GDAL.
    """

    extras: Sequence[ExtraSource]
    grid: Grid
    folder: Path
    transforms: QgsCoordinateTransformContext

    def write(
        self, progress: ProgressRange, expected: Sequence[ExtraRaster] = ()
    ) -> tuple[tuple[ExtraRaster, ...], CubeFile]:
        """What the rasters are, and the cube of all their bands.

        Args:
            progress: Told after each block.
            expected: What a classifier was learnt with, where one is applied; as many as there are extras.

        Raises:
            QgsProcessingException: One cannot be read or brought to the grid, is not like the expected one, or the
                user cancelled.
        """
        import numpy as np

        from ....mtmsd_qgis.io.cube import create_cube
        from ....mtmsd_qgis.io.windows import Window

        plans = []
        for number, extra in enumerate(self.extras):
            path = self.folder / f"extra{number}"
            path.mkdir()
            exported = export_foreign(extra.source, path, self.transforms, progress)
            plans.append(_Plan.of(extra, Warper(exported, self.grid), expected[number] if expected else None))
        bands = [
            Band(f"{plan.raster.name} {name}", number=number)
            for plan in plans
            for number, name in enumerate(plan.raster.bands, 1)
        ]
        cube = create_cube(self.folder, CUBE, (self.grid.height, self.grid.width), "float32", bands)
        for plan in plans:
            progress.feedback.pushInfo(plan.sentence)
            for note in (*plan.warper.source.notes, *plan.fill_notes()):
                progress.feedback.pushWarning(note)
        blocks = list(grid_blocks(self.grid, max(plan.warper.finer_by for plan in plans)))
        for done, block in enumerate(blocks, 1):
            values = np.concatenate([plan.values(block) for plan in plans])
            cube.write(Window(block.row, block.col, block.height, block.width), values)
            progress.advance(done / len(blocks))
        cube.flush()
        return tuple(plan.raster for plan in plans), cube.description


@dataclass(frozen=True)
class _Plan:
    """How one raster becomes bands of the cube.

    Attributes:
        raster: What becomes of it.
        warper: Brings it to the grid.
        kind: What its pixels are.
        numbers: Of its bands that are used, from 1.
        directions: Those of them that hold directions.
        with_deviation: Whether those of the others within a pixel count too.
    """

    raster: ExtraRaster
    warper: Warper
    kind: ExtraKind
    numbers: tuple[int, ...]
    directions: frozenset[int]
    with_deviation: bool

    @classmethod
    def of(cls, extra: ExtraSource, warper: Warper, expected: ExtraRaster | None) -> _Plan:
        """Look at the pixels.

        Raises:
            QgsProcessingException: It lies nowhere, or is not like the expected one.
        """
        source = warper.source
        _refuse_no_place(source, warper.grid)
        kind, numbers = kind_of(extra, source), data_bands(source)
        directions, with_deviation = direction_bands(source, numbers), warper.is_finer
        if expected is not None:
            kind = _as_expected(extra, kind, expected)
            with_deviation = warper.is_finer and any(name.endswith(_DEVIATION) for name in expected.bands)
            if kind.word != CATEGORIES:
                own, expected_directions = _own_bands(expected)
                numbers = _by_name(extra, numbers, own)
                directions |= {numbers[place] for place in expected_directions if len(own) == len(numbers)}
        names: list[str] = []
        for number in numbers:
            ends = _DIRECTION if number in directions else ("", _DEVIATION) if with_deviation else ("",)
            names += [(source.bands[number - 1].name or f"band {number}") + end for end in ends]
        if kind.word == CATEGORIES:
            names = list(map(_category_name, kind.categories))
        raster = ExtraRaster(extra.name, kind.word, tuple(names))
        return cls(raster, warper, kind, tuple(numbers), frozenset(directions), with_deviation)

    @property
    def sentence(self) -> str:
        """What is done with it, for the log."""
        how = "as it is"
        if not self.warper.is_same_grid:
            finer = self.warper.finer_by
            how = (
                f"averaged, {finer:.3g} of its pixels across one of the raster" if self.warper.is_finer else "bilinear"
            )
        count = len(self.raster.bands)
        return (
            f"Extra raster: {self.raster.name}, {self.warper.source.size_text}, {self.kind.word}; {how}; "
            f"{count} band{'s' if count != 1 else ''} on the raster's grid."
        )

    def fill_notes(self) -> list[str]:
        """What its bands of measurements have that looks like no data; of many bands the first one tells."""
        if self.kind.word == CATEGORIES:
            return []
        source = self.warper.source
        found = (fill_sentence(source, number) for number in self.numbers)
        sentence = next(filter(None, found), "") or shared_fill_sentence(source, self.numbers)
        return [f"Extra raster {self.raster.name}: {sentence}"] if sentence else []

    def values(self, block: GridBlock) -> NDArray[Any]:
        """(B, h, w) float32 of all bands."""
        import numpy as np

        return np.concatenate([self._values(number, block) for number in self.numbers])

    def _values(self, number: int, block: GridBlock) -> NDArray[Any]:
        """(Q, h, w) float32 of one band."""
        import numpy as np

        if self.kind.word == CATEGORIES:
            return self.warper.read(number, block, self._shares).astype(np.float32)
        if number in self.directions:
            return self.warper.read(number, block, _cosine_and_sine).astype(np.float32)
        unit = metres_per_unit(self.warper.dataset, number)
        if not self.with_deviation:
            return self.warper.read(number, block, lambda values: [unit * values]).astype(np.float32)
        mean, squares = self.warper.read(number, block, lambda values: [values, values * values])
        return (unit * np.stack([mean, np.sqrt(np.maximum(squares - mean * mean, 0))])).astype(np.float32)

    def _shares(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """One layer a category: 1 where it is, 0 elsewhere, NaN where there is no data."""
        import numpy as np

        known = np.isfinite(values)
        return [np.where(known, (values == category).astype(np.float64), np.nan) for category in self.kind.categories]


def _refuse_no_place(source: RasterSource, grid: Grid) -> None:
    own = source.grid
    if own.georeferenced != grid.georeferenced:
        without = "the raster has none" if own.georeferenced else f"{source.name} has none"
        raise QgsProcessingException(
            f"The extra raster {source.name} and the raster should both have a georeference; {without}. Give both one, "
            "or none and the same number of rows and columns."
        )
    if not own.georeferenced and (own.height, own.width) != (grid.height, grid.width):
        raise QgsProcessingException(
            f"Without a georeference an extra raster should have the raster's {grid.width} x {grid.height} pixels; "
            f"{source.name} has {own.width} x {own.height}. Choose another one, or georeference both."
        )


def _category_name(value: float) -> str:
    """A category as text, from which float makes the very number again."""
    return str(int(value)) if value.is_integer() else repr(value)


def _own_bands(expected: ExtraRaster) -> tuple[list[str], list[int]]:
    """Names of an extra raster's own bands, of which those of the cube were made, and places of those of directions."""
    cosine, sine = _DIRECTION
    own = [name for name in expected.bands if not name.endswith((_DEVIATION, sine))]
    return [name.removesuffix(cosine) for name in own], [i for i, name in enumerate(own) if name.endswith(cosine)]


def _cosine_and_sine(values: NDArray[Any]) -> list[NDArray[Any]]:
    """Of directions in degrees, which cannot be averaged, as 350 and 10 are neighbours; 0 where -1 says "flat"."""
    import numpy as np

    angle = np.radians(values)
    return [np.where(values < 0, 0.0, part) for part in (np.cos(angle), np.sin(angle))]


def _by_name(extra: ExtraSource, numbers: Sequence[int], expected: Sequence[str]) -> list[int]:
    """Numbers of bands in the order that a classifier was learnt with, where names tell it; else as they are.

    Raises:
        QgsProcessingException: By their names, bands are missing.
    """
    from ....mtmsd_qgis.jobs.data_model import Band
    from ....mtmsd_qgis.transfer.band_matching import compare_bands

    if len(numbers) != len(expected):  # refused by its number of bands
        return list(numbers)
    wanted = [Band(name, number=place) for place, name in enumerate(expected, 1)]
    match = compare_bands(wanted, [extra.source.bands[number - 1] for number in numbers], len(expected))
    if match is None or match.how != "name":
        return list(numbers)
    if match.missing:
        lacking = ", ".join(expected[position] for position in match.missing)
        raise QgsProcessingException(
            f"The extra raster {extra.name} should have the bands that the classifier was learnt with; by their names, "
            f"it lacks {lacking}. Choose another raster, or name its bands."
        )
    return [numbers[index] for index in match.indices if index is not None]


def _as_expected(extra: ExtraSource, kind: ExtraKind, expected: ExtraRaster) -> ExtraKind:
    """The kind that a classifier was learnt with.

    Measurements of few different whole numbers look like categories, so where no table says which they are, they are
    what is expected. So are heights of which neither unit nor name tells.

    Raises:
        QgsProcessingException: The raster is of another.
    """
    if expected.kind == CATEGORIES and kind.word == CATEGORIES:
        return ExtraKind(CATEGORIES, tuple(map(float, expected.bands)))
    tells = extra.is_elevation if expected.kind == VALUES else extra.is_other
    if expected.kind != CATEGORIES and not tells and not (kind.word == CATEGORIES and kind.with_table):
        return ExtraKind(expected.kind)
    hint = " If its whole numbers are classes, give it a table of them." if expected.kind == CATEGORIES else ""
    raise QgsProcessingException(
        f"The extra raster {extra.name} should be of {expected.kind}, like {expected.name}, that the classifier was "
        f"learnt with; it is of {kind.word}. Choose another raster, or the order in which the classifier was learnt."
        f"{hint}"
    )
