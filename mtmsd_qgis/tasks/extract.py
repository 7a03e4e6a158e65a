# SPDX-License-Identifier: GPL-2.0-or-later
"""Raster and model -> feature raster.

Enters: a job with a scene and a model file, and samples or none. Leaves: the feature raster, its layout.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..diffusion.batch_plan import memory_guard
from ..diffusion.device import Device
from ..diffusion.model import load_model
from ..diffusion.patch_sampler import PatchSampler
from ..features.extraction_run import ExtractionRun, scene_tiles
from ..features.extractor import FeatureExtractor
from ..features.quantization import QuantisedSpectra
from ..features.raster_writer import write_features
from ..features.selection import cluster_samples, labelled_layout, select_features
from ..features.statistics_pass import STATISTICS_TILES
from ..features.tile_cache import TileCache
from ..features.timestep_intervals.chosen_extractor import PatchSource, at_chosen_timesteps
from ..io.array_file import KIND_MODEL, read_summary
from ..io.cube import Cube
from ..io.run_directory import open_run_directory
from ..jobs.data_model import FeatureLayout
from ..jobs.protocol import Job
from ..jobs.results import ExtractionResult
from ..jobs.settings import ExtractionSettings, from_json
from ..jobs.timesteps.trained_timesteps import refuse_untrained
from ..progress import Progress, span
from ..sampling.sample_table import SampleTable, read_samples
from .job_device import announce_device, computation
from .scene_input import OTHER_MODEL, check_bands, check_size, check_valid, open_scene, standardised

log = logging.getLogger(__name__)


def extract(job: Job, folder: Path, progress: Progress) -> ExtractionResult:
    """Raster + model -> feature raster."""
    settings = from_json(ExtractionSettings, job.settings)
    device = announce_device(settings.device, settings.seed)
    model = load_model(Path(job.inputs["model"]))
    refuse_untrained(settings.timesteps, model.settings.last_timestep)
    cube = open_scene(job, folder)
    side = model.settings.patch_size
    check_size(cube, side, OTHER_MODEL)
    check_bands(cube, model.preprocessor)
    components, valid = standardised(cube, None, model.preprocessor, folder, span(progress, 0.0, 0.03))
    check_valid(cube, model.preprocessor.bands, valid)

    extractor = FeatureExtractor(model.network.to(device.torch_device), settings)
    tiles = scene_tiles(components, valid)
    directory = open_run_directory(job, folder)
    selected = 0.03 + 0.97 * _statistics_share(len(tiles), device)
    selecting, writing = span(progress, 0.03, selected), span(progress, selected, 1.0)
    with memory_guard(device, "Choose fewer TIMESTEPS, or DEVICE 'cpu'."):
        samples, layout = _purification_samples(job, folder, settings, components, valid)
        sampler = PatchSampler(components, valid, side)
        extractor.learn_statistics(sampler.for_statistics(settings.seed), span(selecting, 0.0, 0.1), model.statistics)
        places = PatchSource(sampler, directory, tiles[0].window.height)
        extractor, choice = at_chosen_timesteps(extractor, places, span(selecting, 0.1, 0.2))
        run = ExtractionRun(extractor, components, valid, tiles, directory)
        log.info("%s, %d timesteps.", run.tiles_text, len(extractor.settings.timesteps))
        cache = TileCache(folder, device.torch_device, _result_bytes(extractor, cube))
        layout = replace(layout, window=side, timestep_choice=choice)
        selection = select_features(run, samples, layout, cache, span(selecting, 0.2 if choice else 0.1, 1.0))
        spectra = QuantisedSpectra.of(cube, tiles) if settings.spectra else None
        raster = write_features(run, selection.features, spectra, cache, writing)

    return ExtractionResult(
        folder=str(run.run_directory.folder),
        raster=raster.description,
        layout=replace(
            selection.layout,
            spectra=cube.bands if settings.spectra else 0,
            model=read_summary(job.inputs["model"], KIND_MODEL).sha256,
        ),
        bands_written=raster.bands,
        computation=computation(device),
    )


def _result_bytes(extractor: FeatureExtractor, cube: Cube) -> int:
    """Of the feature raster on disk: raw, and as the output."""
    settings, features = extractor.settings, len(extractor.feature_names)
    bands = min(settings.keep or features, features) * len(settings.timesteps) + (cube.bands if settings.spectra else 0)
    return 2 * 2 * bands * cube.height * cube.width


def _statistics_share(tiles: int, device: Device) -> float:
    """Share of the statistics pass in the time of an extraction.

    A processor computes a tile of the pass once; storing a tile costs a quarter of computing it.
    """
    passed = min(tiles, STATISTICS_TILES)
    computed_again = tiles - (passed if device.torch_device.type == "cpu" else 0)
    return passed / (passed + computed_again + 0.25 * tiles)


def _purification_samples(
    job: Job, folder: Path, settings: ExtractionSettings, components: Cube, valid: NDArray[np.bool_]
) -> tuple[SampleTable, FeatureLayout]:
    """Samples for the class means, and a layout that says where their classes come from."""
    if job.samples is None:
        log.info("No training samples: the class part of the purification uses clusters of the spectra.")
        note = "Features were chosen without labels, by clusters of the spectra."
        clusters = cluster_samples(components, valid, settings.clusters, settings.seed)
        return clusters, FeatureLayout(purification="clusters", note=note)
    samples = read_samples(folder, job.samples)
    on_data = samples.subset(valid[samples.rows, samples.cols])
    return on_data, labelled_layout(on_data, job.classes)
