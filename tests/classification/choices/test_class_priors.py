# SPDX-License-Identifier: GPL-2.0-or-later
"""Class weights: the formula by hand, a made-up pair of classes with a known answer, and every classifier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.classification.choices.class_priors import with_other_prior
from mtmsd_qgis.classification.training_task import TrainingTask
from mtmsd_qgis.errors import SamplesError, SettingsError
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.data_model import ClassEntry
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ApplySettings, ClassificationSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.subsampling import subsample
from mtmsd_qgis.tasks.run import run
from tests.scenes import cube_of

PAIR = (ClassEntry(1, "low"), ClassEntry(2, "high"))
SETTINGS = ClassificationSettings(split="none", classifier="linear", ensemble=1, epochs=2, block_size=8)
APART = 2.0  # distance of the means, in standard deviations


def test_other_priors_by_hand():
    p = np.array([[0.8, 0.0], [0.2, 0.0]], np.float32)
    # shares 1 : 1 wanted in place of 4 : 1, which is what 0.8 and 0.2 came from: nothing is known of the pixel.
    assert with_other_prior(p, np.log([1 / 4, 1.0])).tolist() == [[0.5, 0.0], [0.5, 0.0]]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two classes, normal about 0 and 2 with deviation 1 in one band; three samples of low for each of high."""
    folder = tmp_path_factory.mktemp("pair")
    rng = np.random.default_rng(0)
    index = np.zeros((64, 64), np.int64)
    index[:, ::4] = 1
    values = rng.normal(APART * index, 1.0)
    values[0] = np.linspace(-2, 4, 64)  # a ramp, to see where the map changes; no samples
    rows, cols = np.mgrid[1:64, 0:64].reshape(2, -1)
    table = np.stack([rows, cols, index[rows, cols], np.arange(len(rows))], axis=1)
    np.save(folder / "samples.npy", table)
    return folder, cube_of(folder, values[None].astype(np.float32))


def mapped(pair, settings, areas=None, **job):
    options = {"probabilities": True, **({} if areas is None else {"class_areas": areas})}
    parts = {"samples": "samples.npy", "classes": PAIR, "options": options, **job}
    result = run(Job("classify", to_json(settings), pair[1].description, **parts), pair[0], silent)
    return result, Cube(pair[0], result.probabilities).read(whole(64, 64))


def border(probabilities):
    """Where along the ramp both classes are as probable."""
    return float(np.interp(0.5, probabilities[1, 0], np.linspace(-2, 4, 64)))


@pytest.mark.parametrize(
    ("weights", "areas", "ratio"),
    [(None, None, 3.0), ("samples", None, 3.0), ("even", None, 1.0), ("area", (90.0, 10.0), 9.0)],
)
def test_the_border_of_two_normal_classes_is_where_bayes_has_it(pair, weights, areas, ratio):
    _, probabilities = mapped(pair, replace(SETTINGS, class_weights=weights), areas)
    # p(high | x) = p(low | x) at x = m / 2 + ln(q(low) / q(high)) / m, for means 0 and m and deviation 1.
    assert border(probabilities) == pytest.approx(APART / 2 + np.log(ratio) / APART, abs=0.12)


@pytest.mark.parametrize("classifier", ["auto", "linear", "mtmsd", "transformer3d", "hyperfeatures"])
@pytest.mark.parametrize("split", ["random", "none"])
def test_every_classifier_has_the_wanted_priors_in_place_of_its_own(pair, classifier, split):
    if split == "none" and classifier != "auto":
        pytest.skip("the split matters to auto alone")
    settings = replace(SETTINGS, classifier=classifier, split=split)
    _, plain = mapped(pair, settings)
    result, probabilities = mapped(pair, replace(settings, class_weights="area"), (1.0, 4.0))
    facts = result.choices.class_weights
    assert facts.shares == (0.2, 0.8)
    assert sum(facts.presumed) == pytest.approx(1)
    expected = plain * (np.array(facts.shares) / np.array(facts.presumed))[:, None, None]
    assert np.allclose(probabilities, expected / expected.sum(axis=0), atol=2e-5)
    assert result.mapped_pixels[1] == (probabilities[1] > 0.5).sum()


def test_samples_means_their_shares_and_nothing_is_left_where_nothing_is_chosen(pair):
    settings = replace(SETTINGS, split="random")
    plain, probabilities = mapped(pair, settings)
    result, same = mapped(pair, replace(settings, class_weights="samples"))
    assert result.choices.class_weights.shares == pytest.approx((0.75, 0.25), abs=0.01)
    assert np.allclose(same, probabilities, atol=1e-6)
    assert plain.choices is None
    assert "class_weights" not in to_json(settings)


@pytest.mark.parametrize("classifier", ["auto", "linear"])
def test_a_classifier_presumes_the_shares_of_the_samples_that_memory_has_room_for(pair, classifier, monkeypatch):
    """Of too many samples as many of each class are taken, 100 and 100 here, where all have the shares 3 : 1."""

    def two_hundred(task, _):
        return task.training.subset(subsample(task.training.class_index, 200, 0, balanced=True))

    monkeypatch.setattr(TrainingTask, "samples_within", two_hundred)
    settings = replace(SETTINGS, classifier=classifier, split="random", class_weights="samples")
    result, probabilities = mapped(pair, settings)
    assert result.choices.class_weights.presumed == pytest.approx((0.5, 0.5))
    assert result.choices.class_weights.shares == pytest.approx((0.75, 0.25), abs=0.01)
    if classifier == "linear":
        assert border(probabilities) == pytest.approx(APART / 2 + np.log(3) / APART, abs=0.2)


def test_a_classifier_file_keeps_the_weights(pair, tmp_path):
    for classifier in ("auto", "linear"):
        file = tmp_path / classifier
        settings = replace(SETTINGS, classifier=classifier, class_weights="area")
        _, learnt = mapped(pair, settings, (1.0, 4.0), outputs={"classifier": str(file)})
        options = {"probabilities": True}
        job = Job(
            "applyclassifier",
            to_json(ApplySettings()),
            pair[1].description,
            inputs={"classifier": str(file)},
            options=options,
        )
        applied = run(job, pair[0], silent)
        assert np.array_equal(Cube(pair[0], applied.probabilities).read(whole(64, 64)), learnt)


@pytest.mark.parametrize("areas", [None, (1.0,), (1.0, 0.0), (1.0, float("nan"))])
def test_an_area_that_is_missing_is_refused(pair, areas):
    with pytest.raises(SamplesError, match="needs a positive area of every class"):
        mapped(pair, replace(SETTINGS, class_weights="area"), areas)


def test_a_word_that_is_none_is_refused():
    with pytest.raises(SettingsError, match="class weights must be"):
        ClassificationSettings(class_weights="heavy")
