# SPDX-License-Identifier: GPL-2.0-or-later
"""EXTRA, EXTRA_USE, TEXTURE: what a classifier may know of a pixel beside its spectrum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterMultipleLayers,
)

from ....mtmsd_qgis.jobs.extras.extra_rasters import EXTRA_USES, ExtraInputs, ExtraRaster
from ..parameters import ParameterValues
from ..translation import tr

if TYPE_CHECKING:
    from qgis.core import QgsCoordinateTransformContext

    from ...bridge.extras.extra_source import ExtraSource
    from ...bridge.feedback import ProgressRange
    from ...bridge.raster.source import Grid
    from ..algorithm import MtmsdAlgorithm

EXTRA, EXTRA_USE, TEXTURE = "EXTRA", "EXTRA_USE", "TEXTURE"


@dataclass(frozen=True)
class ChosenExtras:
    """What was chosen.

    Attributes:
        sources: Extra rasters, in the order given.
        use: "auto" or "always".
        texture: Whether textures are asked for.
    """

    sources: tuple[ExtraSource, ...] = ()
    use: str = EXTRA_USES[0]
    texture: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing beside the scene."""
        return not self.sources and not self.texture

    def in_order(self, positions: Sequence[int]) -> ChosenExtras:
        """The same with its rasters in another order."""
        return replace(self, sources=tuple(self.sources[position] for position in positions))

    def export(
        self,
        grid: Grid,
        folder: Path,
        transforms: QgsCoordinateTransformContext,
        progress: ProgressRange,
        expected: Sequence[ExtraRaster] = (),
    ) -> ExtraInputs | None:
        """The job's part; None where there is nothing beside the scene.

        Args:
            grid: Of the scene.
            folder: The job folder.
            transforms: Of the project.
            progress: Told how far it is.
            expected: What a classifier was learnt with, where one is applied.

        Raises:
            QgsProcessingException: A raster cannot be read or brought to the grid, or cancelled.
        """
        from ...bridge.extras.extra_export import ExtraExport

        if self.is_empty:
            return None
        if not self.sources:
            return ExtraInputs(self.use, self.texture)
        rasters, cube = ExtraExport(self.sources, grid, folder, transforms).write(progress, expected)
        return ExtraInputs(self.use, self.texture, rasters, cube)

    def bytes_on(self, grid: Grid) -> int:
        """Room that they take in the job folder, about.

        Raises:
            QgsProcessingException: One cannot be read.
        """
        from ...bridge.extras.extra_export import BYTES
        from ...bridge.extras.extra_source import bands_on_a_grid

        return sum(map(bands_on_a_grid, self.sources)) * BYTES * grid.height * grid.width

    @property
    def rows(self) -> dict[str, str]:
        """For the report."""
        names = "; ".join(f"{extra.name}, {extra.source.size_text}" for extra in self.sources)
        return {"Extra rasters": names} if names else {}


class ExtraRasters:
    """Parameters of algorithms that learn or apply a classifier."""

    def __init__(self, *, applies: bool = False) -> None:
        """Say what is declared.

        Args:
            applies: Whether a classifier is applied that was learnt before: then it says what it needs.
        """
        self._applies = applies

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add them."""
        rasters = QgsProcessingParameterMultipleLayers(
            EXTRA, tr("Extra rasters"), QgsProcessing.SourceType.TypeRaster, optional=True
        )
        if self._applies:
            text = tr(
                "Only for a classifier that was learnt with extra rasters: the same kinds of rasters of this scene, in "
                "the same order. 'Describe a file' lists them."
            )
            algorithm.declare(rasters, text)
            return
        algorithm.declare(
            rasters,
            tr(
                "What else is known of the scene: a surface model, radar, indices, another season, a map of soils. Any "
                "CRS, grid, unit and number type, with holes. For the classifier auto. A pixel without an extra is "
                "mapped without it."
            ),
        )
        algorithm.declare(
            QgsProcessingParameterEnum(
                EXTRA_USE, tr("Use of extra rasters"), list(EXTRA_USES), False, EXTRA_USES[0], usesStaticStrings=True
            ),
            tr(
                "auto: an extra raster is used where held-out samples are classified better with it, and better than "
                "with copies of it shifted over the scene; else it is left out, and the report says why. always: it "
                "is used without asking."
            ),
            advanced=True,
        )
        algorithm.declare(
            QgsProcessingParameterBoolean(TEXTURE, tr("Texture of the scene as an extra"), False),
            tr(
                "How much the scene's leading components vary around each pixel, in boxes of 3, 7 and 15 pixels. Used "
                "by the same rule as an extra raster."
            ),
            advanced=True,
        )

    def read(self, values: ParameterValues) -> ChosenExtras:
        """Look at the layers.

        Raises:
            QgsProcessingException: A layer cannot be used, or the classifier takes none.
        """
        from ...bridge.extras.extra_source import describe_extra

        self.check(values)
        sources = tuple(describe_extra(layer) for layer in values.rasters(EXTRA))
        if self._applies:
            return ChosenExtras(sources)
        return ChosenExtras(sources, values.choice(EXTRA_USE), values.boolean(TEXTURE))

    def check(self, values: ParameterValues) -> None:
        """Refuse what does not go together; looks at no layer.

        Raises:
            QgsProcessingException: Another classifier than auto, or further scenes to learn from.
        """
        if self._applies:
            return
        given = [name for name in (EXTRA,) if values.raw(name)] + ([TEXTURE] if values.boolean(TEXTURE) else [])
        classifier = values.choice("CLASSIFIER")
        if given and classifier != "auto":
            raise QgsProcessingException(
                f"{given[0]} is for the classifier 'auto', and CLASSIFIER is '{classifier}'. Choose auto, or leave "
                f"{given[0]} out."
            )
        if values.raw(EXTRA) and values.raw("EXTRA_INPUTS"):
            raise QgsProcessingException(
                "EXTRA has rasters of one scene, and EXTRA_INPUTS gives further scenes to learn from. Leave one of "
                "them out."
            )


class ClusterExtraRasters:
    """EXTRA of an algorithm that learns nothing from labels."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it."""
        algorithm.declare(
            QgsProcessingParameterMultipleLayers(
                EXTRA, tr("Extra rasters"), QgsProcessing.SourceType.TypeRaster, optional=True
            ),
            tr(
                "What else is to part the scene: a surface model, radar, indices, another season, a map of soils. Any "
                "CRS, grid, unit and number type, with holes. All are used that have data and are not the same "
                "everywhere, as no samples say what helps. A pixel without an extra has a cluster too, by its spectrum."
            ),
            advanced=True,
        )

    def read(self, values: ParameterValues) -> ChosenExtras:
        """Look at the layers.

        Raises:
            QgsProcessingException: A layer cannot be used.
        """
        from ...bridge.extras.extra_source import describe_extra

        return ChosenExtras(tuple(describe_extra(layer) for layer in values.rasters(EXTRA)), "always")
