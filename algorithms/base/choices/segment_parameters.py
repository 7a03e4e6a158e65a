# SPDX-License-Identifier: GPL-2.0-or-later
"""SUPERTOKENS, and TOKENS and TOKEN_POLYGONS: pixels that are classified in groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import (
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterRasterDestination,
)

from ....mtmsd_qgis.jobs.disk_sizes import PROBABILITY_TYPE, bytes_of, segment_bytes
from ....mtmsd_qgis.jobs.map_choices import NO_LEARNT_SIZE, check_segments
from ..outputs import RunOutputs
from ..parameters import ParameterValues, rare_number
from ..translation import tr

if TYPE_CHECKING:
    from ....mtmsd_qgis.jobs.choice_results import SegmentFacts
    from ....mtmsd_qgis.jobs.results import ApplyResult, MapResult
    from ...bridge.feedback import ProgressRange
    from ...bridge.raster.geotiff import RawRaster
    from ...bridge.raster.source import RasterSource
    from ..algorithm import MtmsdAlgorithm

TOKENS, POLYGONS = "TOKENS", "TOKEN_POLYGONS"
_SIZE = "SUPERTOKENS"


class SegmentParameters:
    """SUPERTOKENS."""

    def __init__(self, *, applies: bool = False) -> None:
        """Say what is declared.

        Args:
            applies: Whether a classifier is applied that was learnt before: then 0 is the size that it was learnt with.
        """
        self._applies = applies

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it, for experts."""
        if self._applies:
            algorithm.declare(
                rare_number(_SIZE, tr("Segments (mean pixels)"), least=0),
                tr(
                    "Pixels are classified in groups: segments of neighbouring pixels with similar spectra, of so many "
                    "pixels on average. Each has one class, that of the mean of its pixels' probabilities. 0: as "
                    "in the run that the classifier was learnt in, where SUPERTOKENS was set; where its samples "
                    "allowed no size, segments are not used, and the log says so. Not set: each pixel is classified "
                    "by itself."
                ),
                advanced=True,
            )
            return
        algorithm.declare(
            rare_number(_SIZE, tr("Segments (mean pixels)"), least=0),
            tr(
                "Pixels are classified in groups: segments of neighbouring pixels with similar spectra, of so many "
                "pixels on average. Each has one class, that of the mean of its pixels' probabilities. 0: the "
                "largest size at which at most 2 % of the training samples lie in segments of mostly another class; "
                "where there is none, segments are not used, and the log says so. Not set: each pixel is classified "
                "by itself."
            ),
            advanced=True,
        )

    def read(self, values: ParameterValues) -> int | None:
        """Mean pixels of a segment; None where each pixel is classified by itself.

        Raises:
            SettingsError: It is out of range.
            QgsProcessingException: Segments are an output, and there are none.
        """
        pixels = values.optional_integer(_SIZE)
        check_segments(pixels)
        wanted = [name for name in (TOKENS, POLYGONS) if values.is_given(name)]
        if wanted and pixels in (None, 1):
            names, verb = " and ".join(wanted), "shows" if len(wanted) == 1 else "show"
            found = "is empty" if pixels is None else "is 1"
            raise QgsProcessingException(
                f"{names} {verb} segments, so {_SIZE} 0 or a size of 2 pixels or more was expected; it {found}. Set "
                f"{_SIZE}, or leave {names} empty."
            )
        return None if pixels == 1 else pixels

    @staticmethod
    def check_learnt(pixels: int | None, learnt: SegmentFacts | None) -> None:
        """A size can be that of the classifier's own run only where it had segments.

        Raises:
            QgsProcessingException: It had none.
        """
        if pixels == 0 and learnt is None:
            raise QgsProcessingException(NO_LEARNT_SIZE)


class SegmentOutputs:
    """TOKENS, TOKEN_POLYGONS."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add them."""
        algorithm.declare(
            QgsProcessingParameterRasterDestination(TOKENS, tr("Segments"), optional=True, createByDefault=False),
            tr("The number of each pixel's segment, from 1; 0 where there is no data. Needs SUPERTOKENS."),
        )
        algorithm.declare(
            QgsProcessingParameterFeatureSink(
                POLYGONS, tr("Segment polygons"), QgsProcessing.SourceType.TypeVectorPolygon, None, True, False
            ),
            tr(
                "A polygon of each segment, the least certain first, in the colours of the map. Fields: id, class, "
                "class_id, confidence, runner_up, runner_up_share, pixels, and purity, the share of its pixels that "
                "have the same class by themselves. Corrected, the layer serves as TRAINING with the class field "
                "class_id. Needs SUPERTOKENS."
            ),
        )


@dataclass(frozen=True)
class SegmentFiles:
    """Where the segments of a run go.

    Attributes:
        outputs: Of the run.
        source: The raster, whose grid they have.
        raster: Their file; None where it is not wanted.
        polygons: Whether polygons are wanted.
    """

    outputs: RunOutputs
    source: RasterSource
    raster: Path | None
    polygons: bool

    @classmethod
    def of(cls, outputs: RunOutputs, values: ParameterValues, source: RasterSource) -> SegmentFiles:
        """Ask where they go.

        Raises:
            QgsProcessingException: The raster is not to be a GeoTIFF, or the format takes no such polygons.
        """
        from ...bridge.files.trial_layer import refuse_format
        from ...bridge.segments.segment_polygons import POLYGON_KIND, segment_fields

        refuse_format(POLYGONS, values.destination(POLYGONS), segment_fields(), POLYGON_KIND)
        return cls(outputs, source, outputs.raster(values, TOKENS), values.is_given(POLYGONS))

    @property
    def options(self) -> dict[str, bool]:
        """Option of the job: whether segments are wanted themselves."""
        return {"tokens": True} if self.raster is not None or self.polygons else {}

    def write(
        self, values: ParameterValues, result: MapResult | ApplyResult, folder: Path, progress: ProgressRange
    ) -> dict[str, str | None]:
        """Raster and polygons, styled and named; a value for each output.

        Args:
            values: Of the run.
            result: Of the worker.
            folder: Where the worker's rasters lie.
            progress: Told after each part.

        Raises:
            QgsProcessingException: A layer cannot be written, or cancelled.
        """
        from ...bridge.layers.styling import segments_style
        from ...bridge.raster.geotiff import RawRaster, write_class_levels

        if result.tokens is None or result.token_table is None:
            return {TOKENS: None, POLYGONS: None}
        grid = self.source.grid
        if self.raster is not None:
            raw = RawRaster(result.tokens, folder, grid, self.outputs.format(TOKENS))
            write_class_levels(raw, self.raster, progress.part(0.0, 0.3))
            segments = None if result.choices is None else result.choices.segments
            self.outputs.style(TOKENS, segments_style(1 if segments is None else max(1, segments.count)))
            self.outputs.title(TOKENS, self.source.name, tr("Maps of {scene}"))
        polygons = None
        if self.polygons:
            raw = RawRaster(result.tokens, folder, grid)
            polygons = self._write_polygons(values, result, raw, progress.part(0.3, 1.0))
        return {TOKENS: str(self.raster) if self.raster else None, POLYGONS: polygons}

    def _write_polygons(
        self, values: ParameterValues, result: MapResult | ApplyResult, raw: RawRaster, progress: ProgressRange
    ) -> str | None:
        from ...bridge.layers.styling import samples_style
        from ...bridge.segments.segment_polygons import CLASS_FIELD, POLYGON_KIND, WrittenSegments, segment_fields

        sink, destination = values.sink(POLYGONS, segment_fields(), POLYGON_KIND, self.source.grid.crs)
        if sink is None or result.token_table is None:
            return None
        for feature in WrittenSegments(raw, result.token_table, result.classes).features(progress):
            if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                raise QgsProcessingException(f"{POLYGONS} cannot be written: {sink.lastError()}")
        del sink  # closes the file
        self.outputs.add_layer(POLYGONS, destination)
        self.outputs.title(POLYGONS, self.source.name, tr("Maps of {scene}"))
        self.outputs.style(POLYGONS, samples_style(result.classes, CLASS_FIELD, by_name=False))
        return destination


def segment_bands(pixels: int | None, classes: int) -> int:
    """Bands of probabilities that take the disk that segments need at most.

    Args:
        pixels: Mean of a segment; None where there are none.
        classes: Number of classes, whose probabilities are kept before and after.
    """
    return 0 if pixels is None else math.ceil(segment_bytes(classes) / bytes_of(PROBABILITY_TYPE))


def segment_rows(pixels: int | None, *, applies: bool = False) -> dict[str, str]:
    """What the report's table of circumstances says of it.

    Args:
        pixels: Mean of a segment; 0 where it was not given; None where there are none.
        applies: Whether a classifier was applied that was learnt before.
    """
    if pixels is None:
        return {}
    chosen = (
        "as in the run that the classifier was learnt in" if applies else "of a size chosen by the training samples"
    )
    return {"Segments": chosen if pixels == 0 else f"of {pixels} pixels on average"}
