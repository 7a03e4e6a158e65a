# SPDX-License-Identifier: GPL-2.0-or-later
"""Raster and model -> feature raster.

Enters: a job with a scene and a model file, and samples or none. Leaves: the feature raster, its layout.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diffusion.batch_plan import memory_guard
from ..diffusion.device import Device
from ..diffusion.model import load_model
from ..errors import SceneError
from ..features.extractor import FeatureExtractor
from ..features.quantization import QuantisedSpectra
from ..features.raster_writer import TileCache, learn_statistics, scene_tiles, tiles_text, write_features
from ..features.selection import STATISTICS_TILES, cluster_samples, labelled_layout, select_features
from ..io.cube import Cube
from ..io.run_directory import open_run_directory
from ..jobs.data_model import FeatureLayout
from ..jobs.protocol import Job
from ..jobs.settings import ExtractionSettings, from_json
from ..progress import Progress, span
from ..sampling.sample_table import SampleTable, read_samples
from .job_device import announce_device, device_values
from .scene_input import check_bands, check_size, open_scene, standardised

log = logging.getLogger(__name__)


def extract(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
    """Raster + model -> feature raster."""
    settings = from_json(ExtractionSettings, job.settings)
    device = announce_device(settings.device, settings.seed)
    model = load_model(Path(job.inputs["model"]))
    cube = open_scene(job, folder)
    side = model.settings.patch_size
    check_size(cube, side)
    check_bands(cube, model.preprocessor)
    components, valid = standardised(cube, None, model.preprocessor, folder, span(progress, 0.0, 0.03))
    if not valid.any():
        raise SceneError("No valid pixel was found: every pixel is nodata or masked. Check nodata and mask.")

    place = open_run_directory(job, folder)
    extractor = FeatureExtractor(model.network.to(device.torch_device), settings)
    scene = scene_tiles(components, valid)
    log.info("%s, %d timesteps.", tiles_text(scene), len(settings.timesteps))
    with memory_guard(device, "Choose fewer TIMESTEPS, or DEVICE 'cpu'."):
        samples, layout = _purification_samples(job, folder, components, valid, settings)
        kept_tiles = TileCache(folder, device.torch_device, _result_bytes(extractor, cube))
        surveyed = 0.03 + 0.97 * _survey_share(len(scene), device)
        surveying, writing = span(progress, 0.03, surveyed), span(progress, surveyed, 1.0)
        learn_statistics(extractor, components, valid, side, span(surveying, 0.0, 0.1), model.statistics)
        layout, surveying = replace(layout, window=side), span(surveying, 0.1, 1.0)
        chosen = select_features(extractor, components, scene, samples, layout, kept_tiles, place, surveying)
        spectra = QuantisedSpectra.of(cube, scene) if settings.spectra else None
        raster = write_features(extractor, components, scene, chosen.stored, kept_tiles, place, writing, spectra)

    return {
        "folder": str(place.folder),
        "raster": asdict(raster.description),
        "layout": asdict(replace(chosen.layout, spectra=cube.bands if settings.spectra else 0)),
        "bands_written": raster.bands,
        **device_values(device),
    }


def _result_bytes(extractor: FeatureExtractor, cube: Cube) -> int:
    """Of the feature raster on disk: raw, and as the output."""
    settings, every = extractor.settings, len(extractor.feature_names)
    bands = min(settings.keep or every, every) * len(settings.timesteps) + (cube.bands if settings.spectra else 0)
    return 2 * 2 * bands * cube.height * cube.width


def _survey_share(tiles: int, device: Device) -> float:
    """Of the time of an extraction: a processor computes a surveyed tile once; storing one costs a quarter of that."""
    surveyed = min(tiles, STATISTICS_TILES)
    computed_again = tiles - (surveyed if device.torch_device.type == "cpu" else 0)
    return surveyed / (surveyed + computed_again + 0.25 * tiles)


def _purification_samples(
    job: Job, folder: Path, components: Cube, valid: NDArray[np.bool_], settings: ExtractionSettings
) -> tuple[SampleTable, FeatureLayout]:
    """Samples for the class means, and a layout that says where they come from."""
    if job.samples is None:
        log.info("No training samples: the class part of the purification uses clusters of the spectra.")
        note = "Features were chosen without labels, by clusters of the spectra."
        return cluster_samples(components, valid, settings.clusters, settings.seed), FeatureLayout(
            purification="clusters", note=note
        )
    samples = read_samples(folder, job.samples)
    inside = samples.subset(valid[samples.rows, samples.cols])
    return inside, labelled_layout(inside, job.classes)
