# SPDX-License-Identifier: GPL-2.0-or-later
"""What every algorithm that takes diffusion features shares: its knobs and settings."""

from __future__ import annotations

from qgis.core import QgsProcessingContext, QgsProcessingParameterString

from ..mtmsd_qgis.settings import ExtractionSettings, extraction_settings, parse_whole_numbers
from .algorithm import MtmsdAlgorithm, Parameters


class Extracting(MtmsdAlgorithm):
    """Base of the algorithms that take diffusion features."""

    def declare_extraction_knobs(self) -> None:
        """Timesteps, stages, number of features."""
        self.declare(
            QgsProcessingParameterString("TIMESTEPS", self.tr("Timesteps"), optional=True),
            self.tr("Noise levels from 0 (least) to 999, for example 50,100,150. Not set: 50 to 950 in steps of 50."),
            advanced=True,
        )
        self.declare(
            QgsProcessingParameterString("STAGES", self.tr("Stages"), optional=True),
            self.tr("Layers of the network's decoder from 0 (coarse) to 8 (fine). Not set: 0,1,2,3,5."),
            advanced=True,
        )
        self.declare_number(
            "KEEP",
            self.tr("Features kept per timestep"),
            self.tr("0 keeps all. Not set: by the preset of the model."),
            least=0,
        )

    def extraction_settings(
        self, parameters: Parameters, context: QgsProcessingContext, preset: str, *, spectra: bool
    ) -> ExtractionSettings:
        """The settings of a preset, with what the parameters override.

        Raises:
            SettingsError: A value is out of range.
        """
        lists = {}
        for name in ("TIMESTEPS", "STAGES"):
            text = self.parameterAsString(parameters, name, context).strip()
            lists[name.lower()] = parse_whole_numbers(text, name) if text else None
        return extraction_settings(
            preset,
            **lists,
            keep=self.whole_number(parameters, "KEEP", context),
            spectra=spectra,
            seed=self.parameterAsInt(parameters, "SEED", context),
            device=self.parameterAsString(parameters, "DEVICE", context).strip(),
        )
