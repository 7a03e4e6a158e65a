# SPDX-License-Identifier: GPL-2.0-or-later
"""What every algorithm that takes diffusion features shares: its knobs and settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
)

from ...mtmsd_qgis.jobs.data_model import Band
from ...mtmsd_qgis.jobs.settings import ExtractionSettings, extraction_settings, parse_whole_numbers
from .algorithm import MtmsdAlgorithm, Parameters, is_given

if TYPE_CHECKING:
    from ..bridge.files.resume_folder import ResumeFolder
    from ..bridge.raster.source import RasterSource


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

    def declare_resume(self) -> None:
        """The work of an interrupted run."""
        self.declare(
            QgsProcessingParameterFile(
                "RESUME",
                self.tr("Work of an interrupted run"),
                behavior=QgsProcessingParameterFile.Behavior.Folder,
                optional=True,
            ),
            self.tr(
                "Folder that a cancelled or killed run left beside its output, and named in its log. The run goes on "
                "from there to the same result; raster, samples, model and settings must be the same. A run to the "
                "same output finds the folder by itself."
            ),
            advanced=True,
        )

    def resume_folder(self, parameters: Parameters, output: Path, context: QgsProcessingContext) -> ResumeFolder:
        """Where the run keeps its work.

        Raises:
            QgsProcessingException: RESUME is no folder.
        """
        from ..bridge.files.resume_folder import ResumeFolder

        named = self.parameterAsFile(parameters, "RESUME", context) if is_given(parameters, "RESUME") else ""
        if named and not Path(named).is_dir():
            raise QgsProcessingException(
                f"RESUME should be the folder that an interrupted run left; there is no folder {named}."
            )
        return ResumeFolder.beside(output, named)

    def matched_model(self, model: Path, source: RasterSource) -> tuple[dict[str, Any], list[int]]:
        """The header of a model, and the numbers (from 1) of the raster's bands in the model's order.

        Raises:
            FileFormatError: It is no model.
            SceneError: The raster lacks bands of the model.
        """
        from ...mtmsd_qgis.io.bands import match_bands
        from ...mtmsd_qgis.io.model_file import read_model_header

        header = read_model_header(model)
        bands = [Band(**band) for band in header["bands"]]
        positions = match_bands(bands, source.bands, header.get("source_band_count"))
        return header, [position + 1 for position in positions]

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
