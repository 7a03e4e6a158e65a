# SPDX-License-Identifier: GPL-2.0-or-later
"""What stops a task because of its data reaches the user in words of the data."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.campaign.steps import Shard
from mtmsd_qgis.errors import SceneError
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks import run as tasks
from mtmsd_qgis.tasks.campaign import run_steps
from tests.campaigns import WHOLE, campaign_of
from tests.scenes import CLASSES, cube_of, fields, sample_table


def test_a_matrix_that_cannot_be_decomposed_is_told_of_in_words_of_the_data(tmp_path):
    """Values whose squares 32 bits cannot hold: the singular values of the samples are no numbers."""
    values, index = fields(24, 24, bands=5)
    np.save(tmp_path / "samples.npy", sample_table(index, step=2))
    cube = cube_of(tmp_path, values.astype(np.float32) * 1e34)
    settings = ClassificationSettings(classifier="linear", split="none", device="cpu")
    job = Job("classify", to_json(settings), cube.description, samples="samples.npy", classes=CLASSES)
    with pytest.raises(SceneError, match="one value lies far beyond all others"):
        tasks.run(job, tmp_path, silent)


@pytest.mark.parametrize("error", [np.linalg.LinAlgError("Singular matrix"), torch.linalg.LinAlgError("no inverse")])
def test_of_either_library(tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setitem(tasks.TASKS, "pretrain", fail)
    with pytest.raises(SceneError, match="bands repeat each other"):
        tasks.run(Job("pretrain"), tmp_path, silent)


def test_in_a_campaign_too(tmp_path, monkeypatch):
    def fail(*_):
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setitem(run_steps.WORK, "moments", lambda run: fail)
    campaign_of(tmp_path, WHOLE)
    with pytest.raises(SceneError, match="bands repeat each other"):
        run_steps.run_campaign(tmp_path, None, Shard(), silent)
