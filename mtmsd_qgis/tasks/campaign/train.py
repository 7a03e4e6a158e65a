# SPDX-License-Identifier: GPL-2.0-or-later
"""The step "pretrain": the diffusion model of all scenes, by one process or by several that torchrun has started.

Enters: moments, scenes. Leaves: model.mtmsd in shared/, on the way its checkpoint.
"""

from __future__ import annotations

import logging

from ...campaign import folder as names
from ...campaign.steps import Unit
from ...diffusion.model import load_checkpoint
from ...diffusion.preprocessing import preprocessor_of
from ...diffusion.ranks import joined_ranks
from ...diffusion.training_state import new_training
from ...io.run_directory import digest
from ...progress import Progress
from ..job_device import announce_device
from ..pretrain import ModelTraining, TrainingStart, train_to_end
from .campaign_run import CampaignRun, UnitWork

log = logging.getLogger(__name__)


def train_together(run: CampaignRun) -> UnitWork:
    """How the model is trained."""

    def train_model(unit: Unit, progress: Progress) -> None:
        settings = run.campaign.pretrain
        with joined_ranks(settings.device) as device_name:
            device = announce_device(device_name, settings.seed)
            model = run.folder / unit.file
            checkpoint = model.with_name(f"{model.name}.checkpoint")
            rasters = [digest([run.shared(names.MOMENTS)])]
            if checkpoint.is_file():
                state, preprocessor = load_checkpoint(checkpoint, settings, device.torch_device, rasters)
                log.info("Going on after iteration %d of %d.", state.iteration, settings.iterations)
            else:
                found = run.moments
                bands = [run.bands[i] for i in found.used]
                preprocessor = preprocessor_of(found.moments, bands, settings.components, settings.band_scaling)
                state = new_training(preprocessor.components, settings, device.torch_device)
            sampler = run.sampler(preprocessor, settings.patch_size)
            count = run.source_band_count
            training = ModelTraining(settings, device, run.folder, model, checkpoint, source_band_count=count)
            train_to_end(training, TrainingStart(state, preprocessor, sampler, rasters=rasters), progress)

    return train_model
