# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:preparecampaign: rasters + training layer -> campaign folder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
)

from ...mtmsd_qgis.campaign.effort import effort_of
from ...mtmsd_qgis.campaign.folder import Campaign
from ...mtmsd_qgis.jobs.settings import PRESET_NAMES
from ..base.choices.class_table_parameter import ClassTableParameter
from ..base.choices.number_fields import SampleWeightField
from ..base.classification_parameters import ClassifierOptions, ClassifierParameters, SampleLayers
from ..base.extraction_parameters import ExtractionParameters, MatchedModel
from ..base.parameters import Device, ParameterValues, Seed
from ..base.pretraining_parameters import BandChoice, BandsAndMask, Preset, PretrainingParameters
from ..base.rasters.extra_scenes import matched_scenes
from .campaign_folder import CampaignAlgorithm


def _settings(values: ParameterValues, model: MatchedModel | None = None) -> Campaign:
    """Settings of all steps, as a campaign without scenes; with a model, where one is given."""
    pretraining = PretrainingParameters().read(values)
    trained = pretraining if model is None else model
    return Campaign(
        scenes=(),
        classes=(),
        pretrain=pretraining,
        extract=ExtractionParameters().read(values, trained.preset, trained.last_timestep, spectra=True),
        classify=ClassifierParameters(with_choice=False).read(values),
    )


class PrepareCampaign(CampaignAlgorithm):
    """Exports many scenes, one training layer and the settings into a folder that any machine can work on."""

    def name(self) -> str:
        """Fixed id."""
        return "preparecampaign"

    def displayName(self) -> str:
        """Title."""
        return self.tr("1 Prepare campaign")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("cluster,slurm,tiles,mosaic,many scenes,country,large,export,torch").split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Writes many scenes of one sensor, a training layer and the settings into one folder: a campaign. All "
            "scenes are then mapped as one raster, with one diffusion model and one classifier, and without seams "
            "between neighbours; by 'Run campaign on this computer' or by the jobs of a cluster, which need the "
            "folder, Python with torch, and no QGIS."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        self.declare(
            QgsProcessingParameterMultipleLayers("INPUTS", self.tr("Rasters"), QgsProcessing.SourceType.TypeRaster),
            self.tr(
                "The scenes to map: tiles of one raster, or scenes of one sensor. Bands are matched with those of the "
                "first raster by wavelength, else by name, else by order. Where two overlap, the first one counts."
            ),
        )
        self.declare_groups(SampleLayers(), ClassifierParameters(with_choice=False))
        self.declare(
            QgsProcessingParameterFile(
                "MODEL",
                self.tr("Diffusion model"),
                optional=True,
                fileFilter=self.tr("MTMSD model (*.mtmsd);;All files (*)"),
            ),
            self.tr("Of scenes with the same bands. Not given: the campaign trains one on all its scenes."),
        )
        self.declare_groups(Preset())
        BandsAndMask().declare_mask(self)
        self.declare_groups(
            PretrainingParameters(),
            ExtractionParameters(),
            ClassifierOptions(for_campaign=True),
            ClassTableParameter(),
            SampleWeightField(),
            Seed(),
            Device(),
        )
        self.declare(
            QgsProcessingParameterFolderDestination("OUTPUT", self.tr("Campaign folder")),
            self.tr("A new or empty folder, on a disk that all workers see. It holds the scenes, and later the maps."),
        )
        for name, title in (
            ("SCENES", self.tr("Scenes")),
            ("PIXELS", self.tr("Pixels")),
            ("SAMPLES", self.tr("Training samples")),
            ("CORE_HOURS", self.tr("Hours of one core, estimated")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, title))

    def check_settings(self, values: ParameterValues) -> None:
        """Make the settings once, for their own checks."""
        PretrainingParameters().read(values)
        ExtractionParameters().read(values, PRESET_NAMES[0], spectra=True)
        ClassifierParameters(with_choice=False).read(values)

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Look at rasters, model, mask and layers."""
        from ..bridge.campaign.campaign_export import CampaignScene
        from ..bridge.raster.source import describe_raster

        first, *others = [describe_raster(layer) for layer in values.rasters("INPUTS")] or [None]
        if first is None:
            raise QgsProcessingException("INPUTS should be one raster or more; it is empty. Choose the scenes to map.")
        model = values.file("MODEL")
        self._model = MatchedModel.read(model, first) if model is not None else None
        if self._model is not None:
            chosen = matched_scenes(first, BandChoice(self._model.numbers), others, fixed=True)
        else:
            chosen = matched_scenes(first, BandsAndMask().read_bands(values, first), others)
        self._settings = _settings(values, self._model)
        self._mask, self._notes = BandsAndMask().read_mask(values), chosen.notes
        rasters = [(first, chosen.bands.used), *((scene.source, scene.numbers) for scene in chosen.scenes)]
        self._scenes = []
        for source, numbers in rasters:
            samples = SampleLayers().read(values, source)
            self._scenes.append(CampaignScene(source, numbers, samples.training, samples.reference))
        self._sentences, self._warnings = (*samples.sentences, *samples.weight_sentences), samples.warnings

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Write the folder, and say what the campaign will take."""
        from ..bridge.campaign.campaign_export import CampaignExport, refuse_used_folder
        from ..bridge.feedback import ProgressRange
        from ..bridge.raster.disk_space import SceneNeed, bytes_text, campaign_need, check_space
        from ..bridge.raster.scene_export import announce
        from ..bridge.time_estimate import duration

        folder = self.outputs.file(values, "OUTPUT").absolute()
        refuse_used_folder(folder)
        first = self._scenes[0].source
        announce(first, feedback, f"{len(self._scenes)} scenes, {len(self._scenes[0].numbers)} bands.")
        for sentence in self._sentences:
            feedback.pushInfo(sentence)
        for sentence in (*self._notes, *self._warnings):
            feedback.pushWarning(sentence)
        needs = [SceneNeed(scene.source, scene.numbers) for scene in self._scenes]
        check_space(campaign_need(needs, folder), feedback)
        settings = replace(self._settings, source_band_count=len(first.bands))
        model = self._model.file if self._model else None
        field = SampleWeightField.named(values)
        export = CampaignExport(self._scenes, settings, self._mask, model, values.transforms, field)
        campaign = export.write(folder, ProgressRange(feedback, 0, 100))
        pixels = sum(scene.height * scene.width for scene in campaign.scenes)
        effort = effort_of(
            campaign,
            bands=len(self._scenes[0].numbers),
            band_bytes=max(need.band_bytes for need in needs),
            model_width=self._model.base_width if self._model else None,
        )
        height, width = campaign.size
        feedback.pushInfo(
            f"The mosaic: {width} x {height} pixels, {pixels} in scenes. With its maps the folder takes about "
            f"{bytes_text(effort.disk_bytes)}."
        )
        training = "" if self._model else f"{duration(effort.train_seconds)} to train the model and "
        feedback.pushInfo(
            f"Time of one core, about: {training}{duration(effort.map_seconds)} to map, shared by all workers. A "
            "graphics card trains many times faster."
        )
        return {
            "OUTPUT": str(folder),
            "SCENES": len(campaign.scenes),
            "PIXELS": pixels,
            "SAMPLES": sum(scene.samples for scene in campaign.scenes),
            "CORE_HOURS": effort.hours(1),
        }
