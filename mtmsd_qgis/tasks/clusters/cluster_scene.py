# SPDX-License-Identifier: GPL-2.0-or-later
"""A scene parted into clusters, with no label at all.

Enters: a job with a scene or a feature raster, and a model or none. Leaves: the map's rasters, and what the report says
of them. A reference is looked up on the finished map alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...accuracy.map_accuracy import mapped_pixels, values_at
from ...classification.auto.feature_reader import FeatureSetReader
from ...classification.auto.feature_sets import BandPlan
from ...classification.clusters.cluster_map import ClusterFiles, ClusterMapper, write_cluster_map
from ...classification.clusters.cluster_scores import cluster_scores
from ...classification.clusters.extra_columns import used_extras
from ...classification.clusters.pixel_view import MARGIN, PixelView
from ...classification.clusters.scene_clusters import SceneClusters
from ...classification.clusters.suggestions import suggested_places
from ...diffusion.batch_plan import memory_guard
from ...diffusion.device import Device
from ...errors import NO_VALID_PIXEL, SceneError
from ...features.extras.extra_reader import ExtraReader
from ...io.cube import Cube, Raster, whole_size
from ...io.run_directory import RunDirectory, open_run_directory
from ...io.windows import row_strips
from ...jobs.clusters.cluster_map import ClusterResult, ClusterScores, SpectralBand, cluster_settings
from ...jobs.data_model import Band, FeatureLayout
from ...jobs.extras.extra_rasters import ExtraFacts
from ...jobs.protocol import Job
from ...jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings, from_json
from ...progress import Progress, span
from ...sampling.sample_table import read_samples
from ..job_device import announce_device, computation
from ..map_scene import MapRun, Steps, prepared_scene, scene_features
from ..scene_input import open_extras, open_scene

log = logging.getLogger(__name__)

_TRAINED = 0.75  # of the time where a model is trained, as are the following ends of stages of what is left
_DRAWN = 0.3
_PARTED = 0.6
_PIXEL_BYTES = 1024  # of the columns of extras while they are made


@dataclass(frozen=True)
class _Source:
    """What is clustered.

    Attributes:
        raster: Of features and spectra, or of plain bands.
        layout: What its bands are.
        bands: Of the spectra, or of what stands for them, as the user's raster describes them.
        strip_width: Width in pixels of the strips in which the raster is read; None: its own.
        model: Path of the model that was trained.
    """

    raster: Raster
    layout: FeatureLayout
    bands: tuple[Band, ...]
    strip_width: int | None = None
    model: str | None = None


def cluster_scene(job: Job, folder: Path, progress: Progress) -> ClusterResult:
    """Raster -> cluster map, its confidence, nested maps.

    Raises:
        MtmsdError: As the steps do; or the scene has fewer different pixels than clusters are wanted.
    """
    settings = cluster_settings(job.settings["cluster"])
    device = announce_device(settings.device, settings.seed)
    cube, directory = open_scene(job, folder), open_run_directory(job, folder)
    with memory_guard(device, "Choose DEVICE 'cpu'."):
        trained = _TRAINED if "pretrain" in job.settings else 0.1 if "extract" in job.settings else 0.0
        source = _source(job, folder, (cube, device, directory), span(progress, 0.0, trained))
        reader = FeatureSetReader.fit(source.raster, source.layout, device.torch_device)
        working = span(progress, trained, 1.0)
        given = open_extras(job, folder, source.raster)
        extras, findings = used_extras(given, reader) if given else (None, ())
        view = PixelView.fit(reader, span(working, 0.0, _DRAWN / 2), extras)
        source.raster.expect(view.bands)
        draw = view.draw(span(working, _DRAWN / 2, _DRAWN))
        if not len(draw):
            raise SceneError(NO_VALID_PIXEL)
        clusters = SceneClusters.find(draw, settings, span(working, _DRAWN, _PARTED))
        log.info("%s", clusters.sentence)
        mapper = ClusterMapper(view, clusters.cut, settings.levels)
        files = write_cluster_map(mapper, directory, source.strip_width, span(working, _PARTED, 1.0))
    rounded = np.round(clusters.spectra(clusters.cut.clusters), 6)
    classes = clusters.classes(source.bands)
    return ClusterResult(
        folder=str(directory.folder),
        map=files.clusters.description,
        confidence=files.confidence.description,
        levels_map=None if files.levels is None else files.levels.description,
        levels=clusters.levels(settings.levels, source.bands),
        classes=classes,
        mapped_pixels=mapped_pixels(files.clusters, classes),
        choice=clusters.choice,
        sentence=clusters.sentence,
        stability=clusters.stability.points,
        agreement=clusters.agreement,
        bands=tuple(SpectralBand(band.number, band.name, band.wavelength_nm) for band in source.bands),
        spectra=tuple(tuple(row) for row in rounded.tolist()),
        tree=clusters.merges(),
        suggestions=suggested_places(clusters.draw, clusters.cut),
        scores=_scores(job, folder, files),
        settings=settings,
        computation=computation(device),
        model=source.model,
        extras=ExtraFacts(findings, _share_without(files, extras)) if given else None,
    )


def _share_without(files: ClusterFiles, extras: ExtraReader | None) -> float:
    """Of the mapped pixels, those at which an extra in use has no data."""
    if extras is None:
        return 0.0
    mapped = without = 0
    for strip in row_strips(*whole_size(files.clusters), _PIXEL_BYTES):
        is_mapped = np.isfinite(files.clusters.read(strip)[0])
        mapped += int(is_mapped.sum())
        without += int((is_mapped & ~extras.read(strip)[1].numpy()).sum())
    return round(without / max(1, mapped), 6)


def _scores(job: Job, folder: Path, files: ClusterFiles) -> ClusterScores | None:
    """Of the finished map at the reference samples; None where there are none on it."""
    if job.validation is None:
        return None
    samples = read_samples(folder, job.validation)
    mapped = values_at(files.clusters, samples.rows, samples.cols)
    inside = np.isfinite(mapped)
    if not inside.any():
        log.warning("No reference sample lies on a mapped pixel, so there are no scores.")
        return None
    return cluster_scores(mapped[inside].astype(np.int64), samples.class_index[inside])


def _source(job: Job, folder: Path, run: tuple[Cube, Device, RunDirectory], progress: Progress) -> _Source:
    """The raster itself, or its features, computed where they are read."""
    cube, device, directory = run
    if "extract" not in job.settings:
        layout = job.layout or FeatureLayout(features=cube.bands)
        if layout.diffusion_bands + layout.spectra != cube.bands:
            raise SceneError(
                f"The feature raster should have {layout.diffusion_bands + layout.spectra} bands, it has {cube.bands}. "
                "Extract the features again."
            )
        base = BandPlan.of(layout, cube.bands).base
        return _Source(cube, layout, tuple(cube.description.bands[position] for position in base))
    steps = _steps(job.settings)
    scene_run = MapRun(job, folder, steps, device, cube, directory)
    scene = prepared_scene(scene_run, span(progress, 0.0, 0.95))
    features = scene_features(scene_run, scene, None, span(progress, 0.95, 1.0))
    bands = tuple(cube.description.bands[position] for position in scene.positions)
    width = features.raster.strip_width(128 + 2 * MARGIN)
    model = str(scene_run.model_file) if steps.pretrain else None
    return _Source(features.raster, features.layout, bands, width, model)


def _steps(values: Mapping[str, Any]) -> Steps:
    extraction = from_json(ExtractionSettings, values["extract"])
    pretrain = values.get("pretrain")
    return Steps(
        None if pretrain is None else from_json(PretrainSettings, pretrain),
        extraction,
        ClassificationSettings(seed=extraction.seed, device=extraction.device),
    )
