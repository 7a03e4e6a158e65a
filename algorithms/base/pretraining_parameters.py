# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameter groups of the algorithms that may train a diffusion model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingParameterBand,
    QgsProcessingParameterEnum,
    QgsProcessingParameterMapLayer,
)

from ...mtmsd_qgis.jobs.settings import PRESET_NAMES, PretrainSettings, pretrain_settings
from .parameters import ParameterValues, rare_number
from .translation import tr

if TYPE_CHECKING:
    from ..bridge.raster.masks import MaskSource
    from ..bridge.raster.source import RasterSource
    from .algorithm import MtmsdAlgorithm

OF_FEATURES, OF_MODEL = "a feature raster is taken whole", "the bands are those of MODEL"
_BAND_SCALING = ("none", "standard")


@dataclass(frozen=True)
class BandChoice:
    """Numbers (from 1) of a raster's bands.

    Attributes:
        used: In the order of the raster, or of the user.
        left_out: Those left out as the raster says so, in a sentence.
        not_chosen: Why BANDS, which names others, is not used; empty where it is, or is not given.
    """

    used: tuple[int, ...]
    left_out: str = ""
    not_chosen: str = ""

    @property
    def sentence(self) -> str:
        """Which are left out, or that BANDS is not used, for the log; empty where neither is."""
        return f"BANDS is not used: {self.not_chosen}." if self.not_chosen else self.left_out


class BandsAndMask:
    """BANDS, MASK: which part of the raster is used."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add both."""
        algorithm.declare(
            QgsProcessingParameterBand(
                "BANDS", tr("Bands"), parentLayerParameterName="INPUT", optional=True, allowMultiple=True
            ),
            tr(
                "Bands to use. Without a choice all are used, except transparency, those that the metadata marks as "
                "bad and those that are empty or constant; the log names them."
            ),
        )
        self.declare_mask(algorithm)

    def declare_mask(self, algorithm: MtmsdAlgorithm) -> None:
        """Add MASK alone."""
        algorithm.declare(
            QgsProcessingParameterMapLayer(
                "MASK",
                tr("Pixels to leave out"),
                optional=True,
                types=[QgsProcessing.SourceType.TypeRaster, QgsProcessing.SourceType.TypeVectorAnyGeometry],
            ),
            tr(
                "Raster: every value other than 0 and nodata is left out. Vector: what it covers is left out. "
                "Any CRS and resolution."
            ),
        )

    def read_bands(self, values: ParameterValues, source: RasterSource) -> BandChoice:
        """The bands to use.

        Raises:
            QgsProcessingException: A band that is not there or is named twice, or none left.
        """
        from ..bridge.raster.scene_export import refuse_no_band

        chosen = values.integers("BANDS")
        count = len(source.bands)
        missing = [number for number in chosen if not 1 <= number <= count]
        if missing:
            raise QgsProcessingException(
                f"BANDS should be numbers from 1 to {count}, the bands of the raster {source.name}; found "
                f"{missing[0]}. Choose the bands again; from scripts, as a list or as 1;2;3."
            )
        twice = sorted({number for number in chosen if chosen.count(number) > 1})
        if twice:
            raise QgsProcessingException(
                f"BANDS should name each band once; found {', '.join(map(str, twice))} more than once. Choose the "
                "bands again."
            )
        used = chosen or source.measured
        refuse_no_band(source, used)
        return BandChoice(tuple(used), "" if chosen else source.left_out)

    @staticmethod
    def given(values: ParameterValues, numbers: tuple[int, ...], why: str) -> BandChoice:
        """Bands that are not the user's choice, and why."""
        return BandChoice(numbers, not_chosen=why if values.integers("BANDS") not in ([], [*numbers]) else "")

    def read_mask(self, values: ParameterValues) -> MaskSource | None:
        """The pixels to leave out; None where there is no mask.

        Raises:
            QgsProcessingException: It cannot be loaded or used; a model does not ask whether it can.
        """
        from ..bridge.raster.masks import describe_mask

        mask = values.layer("MASK")
        if values.is_given("MASK") and (mask is None or not mask.isValid()):
            raise QgsProcessingException(
                f"MASK should be a raster or vector layer; {values.raw('MASK')} cannot be loaded. Choose another one, "
                "or leave it empty."
            )
        return describe_mask(mask) if mask is not None else None


class Preset:
    """PRESET: how long a training may take."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it."""
        algorithm.declare(
            QgsProcessingParameterEnum(
                "PRESET", tr("Preset"), list(PRESET_NAMES), False, PRESET_NAMES[0], usesStaticStrings=True
            ),
            tr(
                "quick: minutes on a processor with two cores. standard: a laptop's graphics card, under half an "
                "hour. paper: the published network and schedule, for a large graphics card."
            ),
        )


class PretrainingParameters:
    """COMPONENTS to BAND_SCALING: each overrides one thing of the preset."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add them, for experts."""
        for number, text in (
            (
                rare_number("COMPONENTS", tr("Principal components")),
                tr("Of the bands, at most; the network sees these instead of the bands. Not set: by preset."),
            ),
            (
                rare_number("ITERATIONS", tr("Iterations")),
                tr("Steps of the training; the time grows in proportion. Not set: by preset."),
            ),
            (
                rare_number("BATCH_SIZE", tr("Batch size")),
                tr("Patches a step; less takes less memory. Not set: by preset."),
            ),
            (
                rare_number("PATCH_SIZE", tr("Patch size (pixels)"), least=16),
                tr("Side of a training patch, a multiple of 4 from 16 on. Not set: by preset."),
            ),
            (
                rare_number("BASE_WIDTH", tr("Base width"), least=32),
                tr("Size of the network: 32, 64 or 128. Not set: by preset."),
            ),
            (
                rare_number("LEARNING_RATE", tr("Learning rate"), least=0, whole=False),
                tr(
                    "The largest step of the optimiser; it rises to this at the start, and with standard falls from "
                    "then on. Not set: by preset."
                ),
            ),
            (
                rare_number("TRAIN_UP_TO", tr("Largest timestep trained")),
                tr(
                    "Noise is drawn up to this level, 1 to 999. Smaller: all steps of the training go to levels whose "
                    "features are used; those of larger timesteps are refused from then on. Not set: 999."
                ),
            ),
        ):
            algorithm.declare(number, text, advanced=True)
        algorithm.declare(
            QgsProcessingParameterEnum(
                "BAND_SCALING", tr("Band scaling"), list(_BAND_SCALING), False, "none", usesStaticStrings=True
            ),
            tr("standard divides each band by its deviation first, for rasters whose bands have different units."),
            advanced=True,
        )

    def read(self, values: ParameterValues) -> PretrainSettings:
        """The settings of PRESET, with what these parameters, SEED and DEVICE say.

        Raises:
            SettingsError: A value is out of range.
        """
        return pretrain_settings(
            values.choice("PRESET"),
            components=values.optional_integer("COMPONENTS"),
            iterations=values.optional_integer("ITERATIONS"),
            batch_size=values.optional_integer("BATCH_SIZE"),
            patch_size=values.optional_integer("PATCH_SIZE"),
            base_width=values.optional_integer("BASE_WIDTH"),
            learning_rate=values.optional_number("LEARNING_RATE"),
            train_up_to=values.optional_integer("TRAIN_UP_TO"),
            band_scaling=values.choice("BAND_SCALING"),
            seed=values.integer("SEED"),
            device=values.text("DEVICE"),
        )
