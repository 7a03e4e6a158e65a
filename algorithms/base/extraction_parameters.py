# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameter groups of the algorithms that extract diffusion features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import QgsProcessingException, QgsProcessingParameterFile, QgsProcessingParameterString

from ...mtmsd_qgis.jobs.data_model import Band
from ...mtmsd_qgis.jobs.settings import ExtractionSettings, extraction_settings
from ...mtmsd_qgis.jobs.timesteps.number_lists import AUTO, parse_timesteps, parse_whole_numbers
from ...mtmsd_qgis.jobs.timesteps.trained_timesteps import refuse_untrained, trained_timesteps
from .parameters import ParameterValues, rare_number, read_label_layer
from .translation import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..bridge.files.resume_folder import ResumeFolder
    from ..bridge.raster.source import RasterSource
    from ..bridge.vector.labels import LabelLayer
    from .algorithm import MtmsdAlgorithm


class ExtractionParameters:
    """TIMESTEPS, STAGES, KEEP: what may differ from the preset of the model."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add them, for experts."""
        algorithm.declare(
            QgsProcessingParameterString("TIMESTEPS", tr("Timesteps"), optional=True),
            tr(
                "Noise levels from 0 (least) to 999, for example 50,100,150. Not set: 50 to 950 in steps of 50. auto: "
                "as few of these as stand for all, by how alike their features are; no label is looked at."
            ),
            advanced=True,
        )
        algorithm.declare(
            QgsProcessingParameterString("STAGES", tr("Stages"), optional=True),
            tr("Layers of the network's decoder from 0 (coarse) to 8 (fine). Not set: 0,1,2,3,5."),
            advanced=True,
        )
        algorithm.declare(
            rare_number("KEEP", tr("Features kept per timestep"), least=0),
            tr("0 keeps all. Not set: by the preset of the model."),
            advanced=True,
        )

    def read(
        self, values: ParameterValues, preset: str, last_timestep: int | None = None, *, spectra: bool
    ) -> ExtractionSettings:
        """The settings of a preset, with what these parameters, SEED and DEVICE say.

        Args:
            values: Of the run.
            preset: That of the model.
            last_timestep: The last one that the model was trained at; None where it is not known yet.
            spectra: Whether the spectra are stored behind the features.

        Raises:
            SettingsError: A value is out of range, or a timestep was not trained.
        """
        timesteps, stages = values.text("TIMESTEPS"), values.text("STAGES")
        listed = parse_timesteps(timesteps, "TIMESTEPS") if timesteps else None
        settings = extraction_settings(
            preset,
            timesteps=listed,
            timestep_choice=AUTO if timesteps and listed is None else None,
            stages=parse_whole_numbers(stages, "STAGES") if stages else None,
            keep=values.optional_integer("KEEP"),
            spectra=spectra,
            seed=values.integer("SEED"),
            device=values.text("DEVICE"),
        )
        return at_trained_timesteps(settings, last_timestep, listed=listed is not None)


def at_trained_timesteps(settings: ExtractionSettings, last: int | None, *, listed: bool) -> ExtractionSettings:
    """The settings with timesteps that the model has seen.

    Args:
        settings: With the timesteps of a preset, or those that were listed.
        last: The last one that the model was trained at; None where it is not known yet.
        listed: Whether they were listed, so that none is left out.

    Raises:
        SettingsError: One that was listed was not trained.
    """
    if last is None:
        return settings
    if not listed:
        return replace(settings, timesteps=trained_timesteps(settings.timesteps, last))
    refuse_untrained(settings.timesteps, last)
    return settings


def timesteps_text(settings: ExtractionSettings) -> str:
    """How many, for the log."""
    count = len(settings.timesteps)
    return f"{count} timesteps" if settings.timestep_choice is None else f"as few of {count} timesteps as stand for all"


class ResumeFolderParameter:
    """RESUME, where an interrupted run leaves a folder."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it."""
        algorithm.declare(
            QgsProcessingParameterFile(
                "RESUME",
                tr("Work of an interrupted run"),
                behavior=QgsProcessingParameterFile.Behavior.Folder,
                optional=True,
            ),
            tr(
                "Folder that a cancelled or killed run left beside its output, and named in its log. The run goes on "
                "from there to the same result; raster, samples, model and settings must be the same. A run to the "
                "same output finds the folder by itself."
            ),
            advanced=True,
        )

    def read(self, values: ParameterValues, output: Path) -> ResumeFolder:
        """Where the run keeps its work.

        Raises:
            QgsProcessingException: RESUME is no folder.
        """
        from ..bridge.files.resume_folder import ResumeFolder

        named = values.file("RESUME")
        if named is not None and not named.is_dir():
            raise QgsProcessingException(
                f"RESUME should be the folder that an interrupted run left; there is no folder {named}."
            )
        return ResumeFolder.beside(output, str(named or ""))


@dataclass(frozen=True)
class MatchedModel:
    """A diffusion model and the raster it is used on.

    Attributes:
        file: Of the model.
        header: What the file says before its tensors.
        numbers: The raster's bands (from 1) in the model's order.
    """

    file: Path
    header: Mapping[str, Any]
    numbers: tuple[int, ...]

    @classmethod
    def read(cls, file: Path, source: RasterSource) -> MatchedModel:
        """Look into the file, and find its bands in the raster.

        Raises:
            FileFormatError: It is no model.
            SceneError: The raster lacks bands of the model.
        """
        from ...mtmsd_qgis.io.model_file import read_model_header
        from ...mtmsd_qgis.transfer.band_matching import match_model_bands

        header = read_model_header(file)
        bands = [Band(**band) for band in header["bands"]]
        target = source.visible
        positions = match_model_bands(bands, target, header.get("source_band_count"), len(source.bands))
        return cls(file, header, tuple(target[position].number for position in positions))

    @property
    def preset(self) -> str:
        """That the model was trained with."""
        return str(self.header["preset"])

    @property
    def last_timestep(self) -> int:
        """The last one that it was trained at."""
        from ...mtmsd_qgis.io.model_file import last_trained_timestep

        return last_trained_timestep(self.header)

    @property
    def components(self) -> int:
        """Principal components that the network sees."""
        return int(self.header.get("components", len(self.numbers)))

    @property
    def base_width(self) -> int:
        """Channels of the network's first level."""
        from ...mtmsd_qgis.io.model_file import base_width

        return base_width(self.header)


def read_training_layer(values: ParameterValues, source: RasterSource) -> LabelLayer | None:
    """The labelled features of TRAINING, where it is given.

    Raises:
        QgsProcessingException: CLASS_FIELD is missing, or the layer or its field cannot be used.
    """
    from ..bridge.vector.labels import refuse_two_spellings

    if not values.is_given("TRAINING"):
        return None
    if not values.is_given("CLASS_FIELD"):
        raise QgsProcessingException(
            "A training layer needs a class field; CLASS_FIELD is empty. Choose the field that names the class."
        )
    labels = read_label_layer(values, "TRAINING", source)
    refuse_two_spellings(labels, "Write them alike.")
    return labels
