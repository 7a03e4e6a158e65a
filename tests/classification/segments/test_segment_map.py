# SPDX-License-Identifier: GPL-2.0-or-later
"""The class of a segment by hand, the size that samples choose, and segments through the whole tasks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.classification.predict_map import MapFiles
from mtmsd_qgis.classification.predictor import MapGrid
from mtmsd_qgis.classification.segments import segment_table
from mtmsd_qgis.classification.segments.segment_table import classify_segments
from mtmsd_qgis.classification.segments.segmentation import Segmentation
from mtmsd_qgis.classification.segments.size_choice import MOST_ASTRAY, SIZES, share_astray
from mtmsd_qgis.errors import Cancelled, SettingsError
from mtmsd_qgis.io.array_file import KIND_CLASSIFIER, read_arrays
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.run_directory import RunDirectory
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.map_choices import MapFinish
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable
from mtmsd_qgis.tasks.run import run
from tests.scenes import CLASSES, cube_of, fields, sample_table

IDS = np.array([0, *(entry.id for entry in CLASSES)], np.uint16)


def decided(folder, probabilities, segment, size=None):
    """The map by segments of given probabilities (3, H, W), negative where there is no class."""
    shape = segment.shape
    has_class = probabilities[0] >= 0
    index = np.where(has_class, probabilities.argmax(axis=0), -1)
    files = MapFiles(
        cube_of(folder, IDS[index + 1][None], nodata=0, name="map"),
        cube_of(folder, probabilities.max(axis=0)[None].astype(np.float32), nodata=-1, name="confidence"),
        cube_of(folder, probabilities.astype(np.float32), nodata=-1, name="probabilities"),
    )
    raster = cube_of(folder, segment[None].astype(np.uint32), nodata=0, name="segments")
    grid = MapGrid(shape, CLASSES, RunDirectory(folder))
    return classify_segments(files, grid, Segmentation(raster, 4, int(segment.max())), size or shape, silent)


def test_a_segment_has_the_mean_of_its_pixels(tmp_path):
    probabilities = np.array([[[0.9, 0.4, 0.4, 0.1]], [[0.05, 0.5, 0.5, 0.2]], [[0.05, 0.1, 0.1, 0.7]]])
    result = decided(tmp_path, probabilities, np.array([[1, 1, 1, 2]]))
    mean = probabilities[:, 0, :3].mean(axis=1)
    assert result.table.probabilities[0] == pytest.approx(mean, abs=1e-5)
    assert result.table.probabilities[1] == pytest.approx(probabilities[:, 0, 3], abs=1e-5)
    assert result.table.class_index.tolist() == [0, 2]  # two of three pixels are of class 1, but hardly
    assert result.table.agreeing.tolist() == [1, 1]
    assert result.table.purity == pytest.approx([1 / 3, 1])
    assert result.changed == 2
    assert result.files.classes.stored(whole(1, 4))[0].tolist() == [[1, 1, 1, 5]]
    assert result.files.confidence.stored(whole(1, 4))[0, 0] == pytest.approx([mean[0]] * 3 + [0.7], abs=1e-5)
    assert result.files.probabilities.stored(whole(1, 4))[:, 0, 1] == pytest.approx(mean, abs=1e-5)


def test_pixels_without_class_or_segment_are_left_as_they_are(tmp_path):
    probabilities = np.tile(np.array([0.2, 0.5, 0.3])[:, None, None], (1, 2, 3))
    probabilities[:, 0, 0] = -1  # no class
    probabilities[:, 1, :] = -1
    probabilities[:, 0, 1] = 0.9, 0.05, 0.05
    result = decided(tmp_path, probabilities, np.array([[1, 1, 0], [2, 2, 2]]))
    assert result.files.classes.stored(whole(2, 3))[0].tolist() == [[0, 1, 2], [0, 0, 0]]
    assert result.files.confidence.stored(whole(2, 3))[0] == pytest.approx(np.array([[-1, 0.9, 0.5], [-1, -1, -1]]))
    assert result.table.pixels.tolist() == [1, 0]
    assert result.table.class_index.tolist() == [0, -1]
    assert result.table.probabilities[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("bytes_per_pixel", [1 << 19, 1 << 30])
def test_strips_change_nothing_and_what_is_not_the_users_does_not_count(tmp_path, monkeypatch, bytes_per_pixel):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([1, 1, 1], (40, 33)).transpose(2, 0, 1)
    segment = np.kron(np.arange(1, 89).reshape(8, 11), np.ones((5, 3), int))

    def rasters(size=None):
        result = decided(tmp_path, probabilities, segment, size)
        return [cube.files[0].read_bytes() for cube in result.files.rasters], result

    expected, first = rasters()
    monkeypatch.setattr(segment_table, "_BYTES_PER_PIXEL", bytes_per_pixel)
    found, second = rasters((20, 33))
    assert found == expected
    assert np.array_equal(first.table.agreeing, second.table.agreeing)
    assert 0 < second.changed < first.changed


def test_without_probabilities_there_is_no_class_of_a_segment(tmp_path):
    cube = cube_of(tmp_path, np.ones((1, 3, 3), np.uint16), nodata=0, name="map")
    grid = MapGrid((3, 3), CLASSES, RunDirectory(tmp_path))
    with pytest.raises(ValueError, match="need the probabilities"):
        classify_segments(MapFiles(cube, cube), grid, Segmentation(cube, 4, 1), (3, 3), silent)


def test_samples_in_segments_of_mostly_another_class_are_astray(tmp_path):
    raster = cube_of(tmp_path, np.array([[1, 1, 1, 2, 2, 0]], np.uint32)[None], nodata=0, name="segments")
    table = np.array([[0, 0, 0, 0], [0, 1, 0, 1], [0, 2, 1, 2], [0, 3, 1, 3], [0, 5, 2, 4]])
    samples = SampleTable.from_array(table.astype(np.int64))
    segments = Segmentation(raster, 3, 2)
    assert share_astray(segments, samples) == pytest.approx(1 / 4)
    assert share_astray(segments, samples.subset(np.array([4]))) == 0
    assert segments.at(np.array([0, 0]), np.array([3, 5])).tolist() == [2, 0]


SETTINGS = ClassificationSettings(classifier="linear", split="random", block_size=8)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Fields so noisy that their pixels are often mistaken, and samples of them."""
    folder = tmp_path_factory.mktemp("scene")
    values, index = fields(80, 88)
    noise = np.random.default_rng(1).normal(0, 1800, values.shape)
    np.save(folder / "samples.npy", sample_table(index, 5))
    return folder, cube_of(folder, (values + 6000 + noise).astype(np.float32))


def classified(scene, settings=SETTINGS, folder=None, progress=silent, **job):
    home, cube = scene
    parts = {"scene": cube.description, "samples": "samples.npy", "classes": CLASSES, **job}
    return run(Job("classify", to_json(settings), **parts), folder or home, progress)


def band(scene, cube_file):
    return Cube(scene[0], cube_file).stored(whole(cube_file.height, cube_file.width))


def test_settings_without_segments_are_what_they_were():
    assert "segments" not in to_json(SETTINGS)
    for wrong in (-1, 10**6 + 1):
        with pytest.raises(SettingsError, match="mean size of segments"):
            ClassificationSettings(segments=wrong)


def test_segments_of_a_pixel_change_no_byte(scene):
    plain = classified(scene)
    expected = band(scene, plain.map).tobytes(), band(scene, plain.confidence).tobytes()
    result = classified(scene, replace(SETTINGS, segments=1))
    assert (band(scene, result.map).tobytes(), band(scene, result.confidence).tobytes()) == expected
    assert result.choices is None


def test_a_map_by_segments_has_their_classes_and_accuracy(scene, tmp_path):
    plain = classified(scene, outputs={"classifier": str(tmp_path / "plain")})
    before = band(scene, plain.map)[0]
    outputs = {"classifier": str(tmp_path / "segments")}
    result = classified(scene, replace(SETTINGS, segments=50), outputs=outputs, options={"tokens": True})
    ids, segment, facts = band(scene, result.map)[0], band(scene, result.tokens)[0], result.choices.segments
    table = band(scene, result.token_table)[:, :, 0]
    assert facts.used
    assert facts.count == segment.max() == table.shape[1]
    assert facts.changed == (ids != before).sum() > 100
    assert (facts.accuracy, facts.mapped_pixels) == (plain.accuracy, plain.mapped_pixels)
    assert result.accuracy.oa > plain.accuracy.oa
    assert "as given" in facts.sentence
    class_id, confidence, runner_up, share, pixels, purity = table
    assert np.array_equal(class_id[segment - 1], ids)
    assert np.array_equal(confidence[segment - 1].astype(np.float32), band(scene, result.confidence)[0])
    assert np.array_equal(pixels, np.bincount(segment.ravel())[1:])
    assert (runner_up != class_id).all()
    assert ((share > 0) & (share <= confidence)).all()
    agreeing = np.bincount(segment[before == ids], minlength=facts.count + 1)[1:]
    assert purity == pytest.approx(agreeing / pixels)
    by_pixels, by_segments = (
        read_arrays(tmp_path / name, KIND_CLASSIFIER) for name in ("plain", "segments")
    )  # what was learnt is the same
    assert by_pixels.keys() == by_segments.keys()
    assert all(np.array_equal(values, by_segments[name]) for name, values in by_pixels.items())


def test_the_samples_choose_the_size(scene):
    result = classified(scene, replace(SETTINGS, segments=0))
    facts = result.choices.segments
    assert facts.used
    assert facts.pixels == facts.astray[-1][0]
    assert facts.astray[-1][1] <= MOST_ASTRAY
    assert all(share > MOST_ASTRAY for _, share in facts.astray[:-1])
    assert result.tokens is None  # not asked for
    assert "largest of the sizes tried" in facts.sentence


def mixed_scene(folder):
    """Classes drawn pixel by pixel: neighbours of one look belong to several."""
    rng = np.random.default_rng(0)
    index = rng.integers(0, 3, (60, 60))
    values = rng.normal(2000, 30, (6, 60, 60)) + 40 * index
    np.save(folder / "samples.npy", sample_table(index, 4))
    return folder, cube_of(folder, values.astype(np.float32))


def test_where_classes_mix_segments_decide_nothing(tmp_path):
    scene = mixed_scene(tmp_path)
    plain = classified(scene)
    expected = band(scene, plain.map).tobytes()
    result = classified(scene, replace(SETTINGS, segments=0), options={"tokens": True})
    facts = result.choices.segments
    assert not facts.used
    assert [pixels for pixels, _ in facts.astray] == list(SIZES)
    assert min(share for _, share in facts.astray) > 0.3
    assert (facts.pixels, facts.changed) == (SIZES[-1], 0)
    assert "do not decide the map: even of about 50 pixels" in facts.sentence
    assert band(scene, result.map).tobytes() == expected
    assert band(scene, result.tokens).max() == facts.count > 0  # shown all the same
    assert result.accuracy == plain.accuracy


def test_a_size_that_is_given_is_used_and_its_price_is_told(tmp_path, scene, caplog):
    facts = classified(mixed_scene(tmp_path), replace(SETTINGS, segments=50)).choices.segments
    assert facts.sentence in [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert facts.used
    ((pixels, share),) = facts.astray
    assert pixels == 50
    assert f"as given. {100 * share:.1f} % of the training samples lie in segments of mostly another" in facts.sentence
    caplog.clear()
    assert classified(scene, replace(SETTINGS, segments=50)).choices.segments.sentence.endswith("as given.")
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_patches_and_unsure_pixels_come_after_segments(scene):
    finish = MapFinish(sieve=200, least_confidence=0.5)
    segments = classified(scene, replace(SETTINGS, segments=50))
    result = classified(scene, replace(SETTINGS, segments=50, finish=finish))
    assert result.choices.segments == segments.choices.segments
    assert result.choices.sieve.accuracy == segments.accuracy
    assert result.choices.sieve.mapped_pixels == segments.mapped_pixels


def test_a_run_that_is_stopped_between_segments_comes_to_the_same_bytes(scene):
    expected = classified(scene, replace(SETTINGS, segments=50))
    wanted = [band(scene, cube).tobytes() for cube in (expected.map, expected.confidence)]

    def stopping(fraction, text):
        if "loose parts" in text:
            raise Cancelled

    with pytest.raises(Cancelled):
        classified(scene, replace(SETTINGS, segments=50), progress=stopping)
    result = classified(scene, replace(SETTINGS, segments=50))
    assert [band(scene, cube).tobytes() for cube in (result.map, result.confidence)] == wanted


def test_segments_of_several_rasters_keep_to_their_own(scene):
    folder, cube = scene
    np.save(folder / "samples2.npy", np.load(folder / "samples.npy"))
    more = {"extra_scenes": (cube.description,), "extra_samples": ("samples2.npy",)}
    result = classified(scene, replace(SETTINGS, segments=50), options={"tokens": True}, **more)
    segment, table = band(scene, result.tokens)[0], band(scene, result.token_table)[:, :, 0]
    assert segment.shape == (80, 88)
    assert table.shape[1] == segment.max()
    assert np.array_equal(table[4], np.bincount(segment.ravel())[1:])
    assert np.array_equal(table[0][segment - 1], band(scene, result.map)[0])
