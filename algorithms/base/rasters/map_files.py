# SPDX-License-Identifier: GPL-2.0-or-later
"""The maps of a run as GeoTIFFs, whether its classifier was learnt in the run or came from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..outputs import RunOutputs
from ..translation import tr

if TYPE_CHECKING:
    from ....mtmsd_qgis.jobs.data_model import ClassEntry, CubeFile
    from ....mtmsd_qgis.jobs.map_choices import MapFinish
    from ....mtmsd_qgis.jobs.results import ApplyResult, MapResult
    from ...bridge.feedback import ProgressRange
    from ...bridge.raster.geotiff import RawRaster
    from ...bridge.raster.source import RasterSource

MAPS = ("OUTPUT", "CONFIDENCE", "PROBABILITIES", "UNCERTAINTY")
_UNCERTAINTY_BANDS = 3  # at most
_APPLICABILITY_BANDS = 3


def wanted_rasters(paths: Mapping[str, Path | None]) -> dict[str, bool]:
    """Options of a job: which rasters it writes beside class map and confidence."""
    wanted = {"probabilities": paths["PROBABILITIES"] is not None}
    return {**wanted, "uncertainty": True} if paths["UNCERTAINTY"] is not None else wanted


def share_bands(paths: Mapping[str, Path | None], classes: int, finish: MapFinish | None) -> int:
    """Bands of probabilities, uncertainty and applicability that a run writes at most, for its need of disk.

    Args:
        paths: By output; None where a map is not wanted.
        classes: Number of classes.
        finish: What is done with the map afterwards; patches need the probabilities.
    """
    sieves = finish is not None and finish.sieve > 1
    probabilities = classes if paths["PROBABILITIES"] is not None or sieves else 0
    applicability = 0 if paths.get("APPLICABILITY") is None else _APPLICABILITY_BANDS
    return probabilities + applicability + (0 if paths["UNCERTAINTY"] is None else _UNCERTAINTY_BANDS)


@dataclass(frozen=True)
class MapFiles:
    """Where the maps of a run go.

    Attributes:
        outputs: Of the run.
        source: The raster, whose grid the maps have.
        paths: By output; None where a map is not wanted.
    """

    outputs: RunOutputs
    source: RasterSource
    paths: Mapping[str, Path | None]

    def write(
        self, result: MapResult | ApplyResult, classes: Sequence[ClassEntry], folder: Path, progress: ProgressRange
    ) -> None:
        """GeoTIFFs of what the worker wrote, styled and named.

        Args:
            result: Of the worker.
            classes: In the order of the class indices.
            folder: Where the worker's rasters lie.
            progress: Told after each part.
        """
        from ....mtmsd_qgis.report.choice_parts import legend_of
        from ...bridge.layers.styling import class_map_style, share_style
        from ...bridge.raster.geotiff import write_class_map, write_floats

        def raw(cube: CubeFile, name: str) -> RawRaster:
            return self.raw(cube, name, folder)

        outputs, legend = self.outputs, legend_of(classes, result.choices)
        path, confidence, probabilities = (self.paths[name] for name in MAPS[:3])
        write_class_map(raw(result.map, "OUTPUT"), path, legend, progress)
        outputs.style("OUTPUT", class_map_style(legend))
        if confidence is not None:
            write_floats(raw(result.confidence, "CONFIDENCE"), confidence, ["confidence"], progress)
            outputs.style("CONFIDENCE", share_style)
        if probabilities is not None and result.probabilities is not None:
            names = [entry.name for entry in classes]
            write_floats(raw(result.probabilities, "PROBABILITIES"), probabilities, names, progress)
            pixels = result.mapped_pixels
            outputs.style("PROBABILITIES", partial(share_style, band=1 + pixels.index(max(pixels))))
        uncertainty = self.paths["UNCERTAINTY"]
        if uncertainty is not None and result.uncertainty is not None:
            names = [band.name for band in result.uncertainty.bands]
            write_floats(raw(result.uncertainty, "UNCERTAINTY"), uncertainty, names, progress)
            outputs.style("UNCERTAINTY", share_style)
        for name in MAPS:
            self.name_layer(name)

    def raw(self, cube: CubeFile, name: str, folder: Path) -> RawRaster:
        """What the worker wrote for an output, in the raster's grid and the output's format.

        Args:
            cube: Of the worker.
            name: Of the output.
            folder: Where the cube lies.
        """
        from ...bridge.raster.geotiff import RawRaster

        return RawRaster(cube, folder, self.source.grid, self.outputs.format(name))

    def name_layer(self, name: str) -> None:
        """Have a map called after its scene and put beside the others, where it is wanted."""
        if self.paths[name] is not None:
            self.outputs.title(name, self.source.name, tr("Maps of {scene}"))
