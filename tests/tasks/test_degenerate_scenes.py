# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes and samples of which something is degenerate: a result, or a sentence about the data; never another error."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from mtmsd_qgis.campaign.folder import read_scene, scene_folder
from mtmsd_qgis.campaign.steps import Shard
from mtmsd_qgis.errors import MtmsdError
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import (
    CLASSIFIERS,
    ClassificationSettings,
    ExtractionSettings,
    PretrainSettings,
    to_json,
)
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.campaign.run_steps import run_campaign
from mtmsd_qgis.tasks.run import run as run_task
from tests.campaigns import SIZE, WHOLE, campaign_of
from tests.scenes import CLASSES, cube_of, fields, sample_table

SIDE, BANDS, NODATA = 32, 4, -9999.0
PRETRAIN = PretrainSettings(components=3, patch_size=16, iterations=2, batch_size=2, device="cpu")
EXTRACT = ExtractionSettings(timesteps=(100,), stages=(5,), keep=4, device="cpu")
Values = np.ndarray


def constant_band(values: Values, samples: Values) -> None:
    values[1] = 7


def all_constant(values: Values, samples: Values) -> None:
    values[:] = 7


def all_zero(values: Values, samples: Values) -> None:
    values[:] = 0


def repeated_bands(values: Values, samples: Values) -> None:
    values[:] = values[:1]


def one_pixel_beyond_all_others(values: Values, samples: Values) -> None:
    values[:, 5, 5] = 1e30


def one_band_beyond_all_others(values: Values, samples: Values) -> None:
    values[2] *= 1e30


def tiny_values(values: Values, samples: Values) -> None:
    values *= 1e-38


def large_offset(values: Values, samples: Values) -> None:
    values += 1e9


def two_valid_pixels(values: Values, samples: Values) -> None:
    values[:, 2:] = NODATA
    values[:, :, 1:] = NODATA


def no_valid_pixel(values: Values, samples: Values) -> None:
    values[:] = NODATA


def one_row_of_data(values: Values, samples: Values) -> None:
    values[:, 1:] = NODATA


def all_samples_the_same(values: Values, samples: Values) -> None:
    values[:, samples[:, 0], samples[:, 1]] = 1500


def samples_of_a_class_the_same(values: Values, samples: Values) -> None:
    of = samples[samples[:, 2] == 1]
    values[:, of[:, 0], of[:, 1]] = 1500


def two_values(values: Values, samples: Values) -> None:
    values[:] = values > np.median(values)


def infinite_at_a_sample(values: Values, samples: Values) -> None:
    values[:, samples[0, 0], samples[0, 1]] = np.inf


KINDS: tuple[Callable[[Values, Values], None], ...] = (
    constant_band,
    all_constant,
    all_zero,
    repeated_bands,
    one_pixel_beyond_all_others,
    one_band_beyond_all_others,
    tiny_values,
    large_offset,
    two_valid_pixels,
    no_valid_pixel,
    one_row_of_data,
    all_samples_the_same,
    samples_of_a_class_the_same,
    two_values,
    infinite_at_a_sample,
)
SAMPLES = {
    "all": slice(None),
    "one of a class": lambda table: np.concatenate([table[table[:, 2] != 1], table[table[:, 2] == 1][:1]]),
    "one of each": lambda table: np.stack([table[table[:, 2] == index][0] for index in range(len(CLASSES))]),
    "one class": lambda table: table[table[:, 2] == 0],
}


def scene_of(folder, kind, which="all"):
    values, index = fields(SIDE, SIDE, bands=BANDS)
    values = values.astype(np.float32)
    samples = sample_table(index, step=4)
    samples[:, 3] = samples[:, 0] // 8 * 100 + samples[:, 1] // 8
    if which != "all":
        samples = SAMPLES[which](samples)
    kind(values, samples)
    np.save(folder / "samples.npy", samples)
    return cube_of(folder, values, nodata=NODATA)


def ends_well(work: Callable[[], object]) -> None:
    """It gives a result, or a whole sentence."""
    sentence = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            work()
        except MtmsdError as error:
            sentence = str(error)
    assert sentence is None or (len(sentence) > 40 and sentence.endswith("."))


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_of_the_scene(tmp_path, kind):
    cube = scene_of(tmp_path, kind)
    classify = ClassificationSettings(split="spatial", device="cpu")
    parts = {"pretrain": to_json(PRETRAIN), "extract": to_json(EXTRACT), "classify": to_json(classify)}
    job = Job("mapscene", parts, cube.description, samples="samples.npy", classes=CLASSES)
    ends_well(lambda: run_task(job, tmp_path, silent))


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_classification(tmp_path, kind, classifier):
    cube = scene_of(tmp_path, kind)
    settings = ClassificationSettings(classifier=classifier, split="spatial", ensemble=1, epochs=1, device="cpu")
    job = Job("classify", to_json(settings), cube.description, samples="samples.npy", classes=CLASSES)
    ends_well(lambda: run_task(job, tmp_path, silent))


@pytest.mark.parametrize("split", ["random", "spatial", "none"])
@pytest.mark.parametrize("which", [name for name in SAMPLES if name != "all"])
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_few_samples(tmp_path, classifier, which, split):
    cube = scene_of(tmp_path, constant_band, which)
    settings = ClassificationSettings(classifier=classifier, split=split, ensemble=1, epochs=1, device="cpu")
    job = Job("classify", to_json(settings), cube.description, samples="samples.npy", classes=CLASSES)
    ends_well(lambda: run_task(job, tmp_path, silent))


@pytest.mark.parametrize("kind", KINDS)
def test_clusters(tmp_path, kind):
    cube = scene_of(tmp_path, kind)
    job = Job("clusterscene", {"cluster": {"clusters": 3, "features": "bands"}}, cube.description)
    ends_well(lambda: run_task(job, tmp_path, silent))


@pytest.mark.parametrize("content", [0, 7, -32768, 32767])
def test_a_campaign_of_a_scene_that_says_nothing(tmp_path, content):
    campaign = campaign_of(tmp_path, WHOLE, pretrain=PRETRAIN, extract=EXTRACT)
    scene = Cube(scene_folder(tmp_path, campaign.scenes[0]), read_scene(tmp_path, campaign.scenes[0]).scene)
    scene.write(whole(*SIZE), np.full((scene.bands, *SIZE), content, np.int16))
    scene.flush()
    ends_well(lambda: run_campaign(tmp_path, None, Shard(), silent))
