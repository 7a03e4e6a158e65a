# SPDX-License-Identifier: GPL-2.0-or-later
"""What every algorithm that may train a diffusion model shares: bands, mask, preset, its knobs, settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterBand,
    QgsProcessingParameterEnum,
    QgsProcessingParameterMapLayer,
)

from ...mtmsd_qgis.jobs.settings import PRESET_NAMES, PretrainSettings, pretrain_settings
from .algorithm import MtmsdAlgorithm, Parameters, is_given

if TYPE_CHECKING:
    from ..bridge.raster.masks import MaskSource
    from ..bridge.raster.source import RasterSource

_BAND_SCALING = ["none", "standard"]


class Pretraining(MtmsdAlgorithm):
    """Base of the algorithms that may train a diffusion model."""

    def declare_bands_and_mask(self) -> None:
        """Which part of the raster is used."""
        self.declare(
            QgsProcessingParameterBand(
                "BANDS", self.tr("Bands"), parentLayerParameterName="INPUT", optional=True, allowMultiple=True
            ),
            self.tr(
                "Bands to use. Without a choice all are used, except those that the metadata marks as bad and those "
                "that are empty or constant; the log names them."
            ),
        )
        self.declare(
            QgsProcessingParameterMapLayer(
                "MASK",
                self.tr("Pixels to leave out"),
                optional=True,
                types=[QgsProcessing.SourceType.TypeRaster, QgsProcessing.SourceType.TypeVectorAnyGeometry],
            ),
            self.tr(
                "Raster: every value other than 0 and nodata is left out. Vector: what it covers is left out. "
                "Any CRS and resolution."
            ),
        )

    def declare_preset(self) -> None:
        """How long it may take."""
        self.declare(
            QgsProcessingParameterEnum(
                "PRESET", self.tr("Preset"), list(PRESET_NAMES), False, PRESET_NAMES[0], usesStaticStrings=True
            ),
            self.tr(
                "quick: minutes on a processor with two cores. standard: a laptop's graphics card, under half an "
                "hour. paper: the published network and schedule, for a large graphics card."
            ),
        )

    def declare_pretraining_knobs(self) -> None:
        """Override one thing of the preset."""
        number = self.declare_number
        number(
            "COMPONENTS",
            self.tr("Principal components"),
            self.tr("Of the bands, at most; the network sees these instead of the bands. Not set: by preset."),
        )
        number(
            "ITERATIONS",
            self.tr("Iterations"),
            self.tr("Steps of the training; the time grows in proportion. Not set: by preset."),
        )
        number(
            "BATCH_SIZE", self.tr("Batch size"), self.tr("Patches a step; less takes less memory. Not set: by preset.")
        )
        number(
            "PATCH_SIZE",
            self.tr("Patch size (pixels)"),
            self.tr("Side of a training patch, a multiple of 4 from 16 on. Not set: by preset."),
            least=16,
        )
        number(
            "BASE_WIDTH",
            self.tr("Base width"),
            self.tr("Size of the network: 32, 64 or 128. Not set: by preset."),
            least=32,
        )
        number(
            "LEARNING_RATE",
            self.tr("Learning rate"),
            self.tr(
                "The largest step of the optimiser; it rises to this at the start and falls from then on. Not set: by "
                "preset."
            ),
            least=0,
            whole=False,
        )
        self.declare(
            QgsProcessingParameterEnum(
                "BAND_SCALING", self.tr("Band scaling"), _BAND_SCALING, False, "none", usesStaticStrings=True
            ),
            self.tr("standard divides each band by its deviation first, for rasters whose bands have different units."),
            advanced=True,
        )

    def pretraining_settings(self, parameters: Parameters, context: QgsProcessingContext) -> PretrainSettings:
        """The settings.

        Raises:
            SettingsError: A value is out of range.
        """
        return pretrain_settings(
            self.parameterAsEnumString(parameters, "PRESET", context),
            components=self.whole_number(parameters, "COMPONENTS", context),
            iterations=self.whole_number(parameters, "ITERATIONS", context),
            batch_size=self.whole_number(parameters, "BATCH_SIZE", context),
            patch_size=self.whole_number(parameters, "PATCH_SIZE", context),
            base_width=self.whole_number(parameters, "BASE_WIDTH", context),
            learning_rate=self.number(parameters, "LEARNING_RATE", context),
            band_scaling=self.parameterAsEnumString(parameters, "BAND_SCALING", context),
            seed=self.parameterAsInt(parameters, "SEED", context),
            device=self.parameterAsString(parameters, "DEVICE", context).strip(),
        )

    def chosen_bands(
        self, parameters: Parameters, source: RasterSource, context: QgsProcessingContext
    ) -> tuple[list[int], list[int]]:
        """Numbers (from 1) of the bands to use, and of those left out as the metadata marks them as bad.

        Raises:
            QgsProcessingException: A band that is not there, or none left.
        """
        from ..bridge.raster.scene_export import refuse_no_band

        chosen = self.parameterAsInts(parameters, "BANDS", context) if is_given(parameters, "BANDS") else []
        count = len(source.bands)
        missing = [number for number in chosen if not 1 <= number <= count]
        if missing:
            raise QgsProcessingException(
                f"BANDS should be numbers from 1 to {count}, the bands of the raster {source.name}; found "
                f"{missing[0]}. Choose the bands again."
            )
        numbers = chosen or [n for n in range(1, count + 1) if n not in source.bad]
        bad = [] if chosen else sorted(source.bad)
        refuse_no_band(source, numbers)
        return numbers, bad

    def chosen_mask(self, parameters: Parameters, context: QgsProcessingContext) -> MaskSource | None:
        """The pixels to leave out; None where there is no mask."""
        from ..bridge.raster.masks import describe_mask

        mask = self.parameterAsLayer(parameters, "MASK", context) if is_given(parameters, "MASK") else None
        return describe_mask(mask) if mask is not None else None
