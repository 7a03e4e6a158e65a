# SPDX-License-Identifier: GPL-2.0-or-later
"""From a scene, or several, to a model file: band scaling and components, the training, its checkpoints.

Enters: Cubes of bands and PretrainSettings. Leaves: the model file, and what the report says of the training.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..diffusion.batch_plan import memory_guard
from ..diffusion.device import Device
from ..diffusion.model import describe, load_checkpoint, save_checkpoint, save_model
from ..diffusion.patch_sampler import PatchSampler
from ..diffusion.preprocessing import Preprocessor, fit_preprocessor
from ..diffusion.ranks import ranks
from ..diffusion.scene_statistics import StoredStatistics
from ..diffusion.training_loop import train
from ..diffusion.training_state import TrainingState, loss_by_timestep, new_training
from ..diffusion.unet import UNet
from ..errors import Cancelled, DeviceError
from ..features.extractor import FeatureExtractor
from ..io.bands import describe as describe_bands
from ..io.bands import inspect_rasters
from ..io.cube import Cube
from ..io.run_directory import digest
from ..jobs.protocol import Job
from ..jobs.results import BandLeftOut, PretrainResult
from ..jobs.settings import PretrainSettings, extraction_settings, from_json
from ..jobs.timesteps.trained_timesteps import trained_timesteps
from ..progress import Progress, span
from .denoising_preview import denoised_samples
from .job_device import announce_device, computation
from .scene_input import band_positions, check_size, open_extra_scenes, open_scene, source_band_count, standardised

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        state: After the last iteration.
        preprocessor: Of the bands.
        sampler: Of the patches it saw.
        left_out: Bands that could not be used.
        components: Of the first scene, standardised.
        valid: (H, W) where the first scene has data.
        gone_on_after: Iterations that an earlier run had done.
    """

    state: TrainingState
    preprocessor: Preprocessor
    sampler: PatchSampler
    left_out: list[BandLeftOut]
    components: Cube
    valid: NDArray[np.bool_]
    gone_on_after: int = 0

    @property
    def final_loss(self) -> float:
        """Mean of the last twentieth of the loss curve: single batches scatter."""
        losses = self.state.losses
        return float(np.mean([loss for _, loss in losses[-max(1, len(losses) // 20) :]]))


def pretrain(job: Job, folder: Path, progress: Progress) -> PretrainResult:
    """Raster -> diffusion model."""
    settings = from_json(PretrainSettings, job.settings)
    device = announce_device(settings.device, settings.seed)
    cube = open_scene(job, folder)
    check_size(cube, settings.patch_size)

    resume, checkpoint = job.inputs.get("resume"), job.outputs.get("checkpoint")
    training = ModelTraining(
        settings,
        device,
        folder,
        model_file=Path(job.outputs["model"]),
        checkpoint=Path(checkpoint) if checkpoint else None,
        resume=Path(resume) if resume else None,
        source_band_count=source_band_count(job, cube),
    )
    trained = train_model(training, cube, progress, open_extra_scenes(job, folder, cube))
    state, preprocessor = trained.state, trained.preprocessor
    state.network.load_state_dict(state.average)
    return PretrainResult(
        model=job.outputs["model"],
        final_loss=trained.final_loss,
        iterations=state.iteration,
        rollbacks=state.rollbacks,
        loss_curve=tuple(state.losses),
        components=preprocessor.components,
        explained_share=preprocessor.explained_share,
        bands_used=tuple(band.number for band in preprocessor.bands),
        bands_left_out=tuple(trained.left_out),
        denoised=denoised_samples(state.network, trained.sampler, settings),
        settings=settings,
        computation=computation(device),
        scene_pixels=trained.sampler.pixels,
        gone_on_after=trained.gone_on_after,
        loss_by_timestep=loss_by_timestep(state, settings.last_timestep),
    )


@dataclass(frozen=True)
class ModelTraining:
    """How a model is trained, and where it is saved.

    Attributes:
        settings: Of the training.
        device: To train on.
        folder: The job folder, for the components.
        model_file: Where the model goes.
        checkpoint: Where the state is saved on the way; removed at the end.
        resume: A checkpoint to go on from.
        source_band_count: Bands of the user's raster; the model file tells it to extraction.
    """

    settings: PretrainSettings
    device: Device
    folder: Path
    model_file: Path
    checkpoint: Path | None = None
    resume: Path | None = None
    source_band_count: int = 0


def train_model(training: ModelTraining, cube: Cube, progress: Progress, others: Sequence[Cube] = ()) -> Trained:
    """Train a model on a scene, or on several together, and write its file.

    Args:
        training: How, and where it is saved.
        cube: The scene's bands.
        progress: Told after each step.
        others: Further scenes, with the same bands in the same order.

    Raises:
        SceneError: The scene cannot be learnt from, or the checkpoint is of other bands.
        FileFormatError: The checkpoint cannot be read, or is of other settings or rasters.
        Cancelled: The state has been saved.
    """
    settings, device = training.settings, training.device
    cubes = [cube, *others]
    rasters = [_fingerprint(raster) for raster in cubes] if training.checkpoint or training.resume else []
    fitting = span(progress, 0.0, 0.02)
    if training.resume:
        state, preprocessor = load_checkpoint(training.resume, settings, device.torch_device, rasters)
        left_out = inspect_rasters(cubes, fitting).left_out
        log.info("Going on after iteration %d of %d.", state.iteration, settings.iterations)
    else:
        preprocessor, left_out = fit_preprocessor(cube, settings.components, settings.band_scaling, fitting, others)
        state = new_training(preprocessor.components, settings, device.torch_device)
    if left_out:
        log.warning("Bands left out: %s.", describe_bands(left_out))
    log.info(
        "%d components of %d bands explain %.2f %% of the variance.",
        preprocessor.components,
        len(preprocessor.bands),
        100 * preprocessor.explained_share,
    )
    used = band_positions(cube, preprocessor)
    scenes = _standardised_scenes(cubes, used, preprocessor, training.folder, span(progress, 0.02, 0.04))
    sampler = PatchSampler(*scenes[0], settings.patch_size, scenes[1:])
    samplers = [PatchSampler(*scene, settings.patch_size) for scene in scenes] if others else []
    start, gone_on_after = TrainingStart(state, preprocessor, sampler, samplers, rasters), state.iteration
    train_to_end(training, start, span(progress, 0.04, 1.0))
    return Trained(state, preprocessor, sampler, left_out, *scenes[0], gone_on_after)


def _fingerprint(raster: Cube) -> str:
    """Of a raster's values, and of what its bands say of them: no data, scale, wavelength."""
    return digest([json.dumps(asdict(raster.description), sort_keys=True), *raster.files])


@dataclass(frozen=True)
class TrainingStart:
    """What a training starts from.

    Attributes:
        state: New, or from a checkpoint.
        preprocessor: Of the bands.
        sampler: Of the patches.
        scenes: Samplers of each of several scenes alone, for which the statistics of all shall hold.
        rasters: Fingerprints, for the checkpoint.
    """

    state: TrainingState
    preprocessor: Preprocessor
    sampler: PatchSampler
    scenes: Sequence[PatchSampler] = ()
    rasters: Sequence[str] = ()


def train_to_end(training: ModelTraining, start: TrainingStart, progress: Progress) -> None:
    """Train from where it stands, and write the model's file; of several processes, the first one writes.

    Args:
        training: How, and where it is saved.
        start: Its state is changed.
        progress: Told after each step.

    Raises:
        Cancelled: The state has been saved.
    """
    settings, device, checkpoint = training.settings, training.device, training.checkpoint
    state, preprocessor = start.state, start.preprocessor
    description = describe(settings, preprocessor, training.source_band_count)
    is_first = ranks().is_first

    def save(reached: TrainingState) -> None:
        if checkpoint and is_first:
            try:
                save_checkpoint(checkpoint, reached, {**description, "rasters": list(start.rasters)}, preprocessor)
            except OSError as error:  # hours of work do not end because a copy of it cannot be kept
                log.warning("The checkpoint %s cannot be written (%s). Going on without.", checkpoint, error.strerror)

    with memory_guard(device, "Choose a smaller BATCH_SIZE, PATCH_SIZE or BASE_WIDTH."):
        train(state, start.sampler, settings, span(progress, 0.0, 0.98), save)
    if not is_first:
        return
    try:
        statistics = _statistics(state, start.sampler, settings, device, span(progress, 0.98, 0.99))
        if statistics and start.scenes:
            seed = statistics.conditions.seed
            statistics = statistics.of_scenes([alone.for_statistics(seed) for alone in start.scenes])
    except Cancelled:
        save(state)
        raise
    save_model(training.model_file, state, description, preprocessor, statistics)
    if checkpoint:
        with suppress(OSError):  # none, or a folder that is none any more
            checkpoint.unlink()


def _standardised_scenes(
    cubes: Sequence[Cube], used: list[int], preprocessor: Preprocessor, folder: Path, progress: Progress
) -> list[tuple[Cube, NDArray[np.bool_]]]:
    """Components of each scene, and where it is valid; those of further scenes in folders of their own."""
    scenes = []
    for number, cube in enumerate(cubes):
        place = folder / f"scene-{number}" if number else folder
        place.mkdir(exist_ok=True)
        part = span(progress, number / len(cubes), (number + 1) / len(cubes))
        scenes.append(standardised(cube, used, preprocessor, place, part))
    return scenes


def _statistics(
    state: TrainingState, sampler: PatchSampler, settings: PretrainSettings, device: Device, progress: Progress
) -> StoredStatistics | None:
    """Of the scenes at the preset's timesteps, so that extraction need not collect them; None where memory runs out."""
    network = UNet(state.network.in_channels, settings.base_width).to(device.torch_device)
    network.load_state_dict(state.average)
    usual = extraction_settings(settings.preset)
    extractor = FeatureExtractor(network, usual.at(trained_timesteps(usual.timesteps, settings.last_timestep)))
    patches = sampler.for_statistics(extractor.settings.seed)
    try:
        with memory_guard(device, "The model is complete without statistics of the scene."):
            extractor.learn_statistics(patches, progress)
    except DeviceError as error:
        log.warning("%s", error)
        return None
    return extractor.stored_statistics(patches)
