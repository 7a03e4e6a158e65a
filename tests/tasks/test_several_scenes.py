# SPDX-License-Identifier: GPL-2.0-or-later
"""A diffusion model of several scenes: what it is made of, and that one scene alone gives what it always gave."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.diffusion.model import load_model
from mtmsd_qgis.diffusion.patch_sampler import PatchSampler
from mtmsd_qgis.diffusion.preprocessing import fit_preprocessor
from mtmsd_qgis.errors import Cancelled, FileFormatError, SceneError
from mtmsd_qgis.io.array_file import read_arrays, read_header
from mtmsd_qgis.io.bands import inspect_rasters
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.jobs.data_model import Band
from mtmsd_qgis.jobs.protocol import Job, read_job, write_job
from mtmsd_qgis.jobs.settings import ExtractionSettings, PretrainSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run
from mtmsd_qgis.transfer.band_matching import same_sensor_bands
from tests.scenes import cube_of, fields

PRETRAIN = to_json(PretrainSettings(components=4, patch_size=16, iterations=8, batch_size=4))


def flat(folder, value: float, height: int, width: int, name: str) -> Cube:
    return cube_of(folder, np.full((2, height, width), value, np.float32), name=name)


def trained(folder, scene: Cube, *extra: Cube, progress=silent, resume=None, name="m"):
    model = str(folder / f"{name}.mtmsd")
    job = Job(
        "pretrain",
        PRETRAIN,
        scene.description,
        inputs={"resume": resume} if resume else {},
        outputs={"model": model, "checkpoint": f"{model}.checkpoint"},
        extra_scenes=tuple(cube.description for cube in extra),
    )
    write_job(job, folder)
    return run(read_job(folder), folder, progress)


def test_patches_are_drawn_by_valid_area(tmp_path):
    one, two = flat(tmp_path, 1, 32, 48, "one"), flat(tmp_path, 2, 64, 32, "two")
    hole = np.ones((64, 32), bool)
    hole[:40] = False
    sampler = PatchSampler(one, np.ones((32, 48), bool), 16, [(two, hole)])
    assert sampler.pixels == (32 * 48, 24 * 32)
    patches, _ = sampler.draw(0, 3, 3000)
    from_two = (patches == 2).any(axis=(1, 2, 3))
    assert not ((patches == 1).any(axis=(1, 2, 3)) & from_two).any()
    assert from_two.mean() == pytest.approx(768 / (1536 + 768), abs=0.03)


def test_one_scene_gives_the_patches_that_it_always_gave(tmp_path):
    """The draws are part of what a model file is made of: they must not change with what several scenes need."""
    values, _ = fields(40, 56, bands=3)
    cube, valid = cube_of(tmp_path, values.astype(np.float32)), np.ones((40, 56), bool)
    valid[:16] = False
    rng = np.random.default_rng([5, 2])
    counts = np.array([[0, 0, 0, 0], [256, 256, 256, 128], [128, 128, 128, 64]])
    places = np.flatnonzero(counts)
    blocks = rng.choice(places, size=6, p=counts.reshape(-1)[places] / counts.sum())
    centres = np.stack([blocks // 4, blocks % 4], axis=1) * 16 + rng.integers(0, 16, size=(6, 2))
    origins = np.clip(centres - 8, -4, np.array([40, 56]) - 16 + 4)
    turns, mirrored = rng.integers(0, 4, size=6), rng.integers(0, 2, size=6)
    padded = np.pad(values.astype(np.float32), ((0, 0), (4, 4), (4, 4)))
    expected = []
    for (row, col), turn, mirror in zip(origins, turns, mirrored):
        patch = np.rot90(padded[:, row + 4 : row + 20, col + 4 : col + 20], turn, axes=(1, 2))
        expected.append(patch[:, :, ::-1] if mirror else patch)
    assert np.array_equal(PatchSampler(cube, valid, 16).draw(5, 2, 6)[0], np.stack(expected))


def test_without_a_further_scene_the_model_file_is_that_of_the_scene(tmp_path):
    scene = cube_of(tmp_path, fields(40, 44, bands=6)[0])
    result = trained(tmp_path, scene)
    assert result.scene_pixels == (40 * 44,)
    names = set(read_arrays(tmp_path / "m.mtmsd"))
    assert not [name for name in names if name.startswith("statistics.patches.")]
    assert "scene" not in " ".join(read_header(tmp_path / "m.mtmsd"))


def test_components_are_those_of_the_scenes_put_together(tmp_path):
    values = fields(40, 48, bands=6)[0].astype(np.float32)
    whole, _ = fit_preprocessor(cube_of(tmp_path, values, name="whole"), 3)
    top, below = cube_of(tmp_path, values[:, :16], name="top"), cube_of(tmp_path, values[:, 16:], name="below")
    joint, left_out = fit_preprocessor(top, 3, others=[below])
    assert left_out == []
    np.testing.assert_allclose(joint.mean, whole.mean)
    np.testing.assert_allclose(joint.axes, whole.axes, atol=1e-9)
    np.testing.assert_allclose(joint.deviation, whole.deviation)


def test_a_band_must_be_usable_in_every_scene(tmp_path):
    one, two = (fields(20, 20, bands=4, seed=seed)[0] for seed in (0, 1))
    one[1], two[2] = 7, 9
    preprocessor, left_out = fit_preprocessor(
        cube_of(tmp_path, one, name="one"), 3, others=[cube_of(tmp_path, two, name="two")]
    )
    assert [band.number for band in preprocessor.bands] == [1, 4]
    assert [(band.number, band.reason) for band in left_out] == [
        (2, "constant (7)"),
        (3, "constant (9) in raster number 1 of EXTRA_INPUTS"),
    ]


@pytest.mark.parametrize(("times", "told"), [(1e-4, True), (0.03, False), (30, False), (100, True)])
def test_a_further_scene_in_another_unit_is_told_of(tmp_path, times, told):
    """Its middle band decides: one that is 0 nearly everywhere, or that only one scene has, does not."""
    values, _ = fields(40, 56, bands=5)
    values = values.astype(np.float32)
    values[0, 1:], values[1] = 0, np.nan
    one, two = cube_of(tmp_path, values, name="one"), cube_of(tmp_path, times * values[:, ::-1], name="two")
    warnings = inspect_rasters([one, two]).warnings
    sentence = f"The values of raster number 1 of EXTRA_INPUTS are {times:.2g} times those of the first raster"
    assert [warning.startswith(sentence) for warning in warnings] == [True] * told
    assert inspect_rasters([one]).warnings == []


def test_a_model_of_two_scenes_and_its_statistics_hold_for_each_of_them(tmp_path, caplog):
    one = cube_of(tmp_path, fields(40, 44, bands=6)[0], name="one")
    two = cube_of(tmp_path, fields(56, 32, bands=6, seed=1)[0], name="two")
    other = cube_of(tmp_path, fields(40, 44, bands=6, seed=2)[0], name="other")
    result = trained(tmp_path, one, two)
    assert result.scene_pixels == (40 * 44, 56 * 32)
    assert len(load_model(tmp_path / "m.mtmsd").statistics.scenes) == 2
    caplog.set_level("INFO")
    for cube, known in ((one, True), (two, True), (other, False)):
        caplog.clear()
        settings = to_json(ExtractionSettings(timesteps=(50, 200), stages=(1, 5), keep=20))
        run(Job("extract", settings, cube.description, inputs={"model": result.model}), tmp_path, silent)
        assert ("Statistics of the scene: from the model, which was trained on it." in caplog.messages) == known


def test_a_training_on_two_scenes_goes_on_to_the_same_bytes(tmp_path):
    one = cube_of(tmp_path, fields(40, 44, bands=6)[0], name="one")
    two = cube_of(tmp_path, fields(56, 32, bands=6, seed=1)[0], name="two")

    def stop(fraction, text):
        if "iteration 4" in text:
            raise Cancelled

    with pytest.raises(Cancelled):
        trained(tmp_path, one, two, progress=stop)
    checkpoint = str(tmp_path / "m.mtmsd.checkpoint")
    three = cube_of(tmp_path, fields(56, 32, bands=6, seed=2)[0], name="three")
    for others in ((), (three,), (three, two)):
        with pytest.raises(FileFormatError, match=r"training on other rasters\. Give the same INPUT, BANDS, MASK and"):
            trained(tmp_path, one, *others, resume=checkpoint)
    with pytest.raises(FileFormatError, match="training on other rasters"):
        trained(tmp_path, two, one, resume=checkpoint)
    trained(tmp_path, one, two, resume=checkpoint)
    trained(tmp_path, one, two, name="whole")
    assert (tmp_path / "m.mtmsd").read_bytes() == (tmp_path / "whole.mtmsd").read_bytes()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (fields(40, 40, bands=5)[0], "Raster number 1 of EXTRA_INPUTS should have the 6 bands"),
        (fields(40, 12, bands=6)[0], "raster number 1 of EXTRA_INPUTS must be at least as large as a training patch"),
    ],
)
def test_a_further_scene_that_cannot_be_learnt_from_is_refused(tmp_path, values, message):
    scene = cube_of(tmp_path, fields(40, 44, bands=6)[0])
    with pytest.raises(SceneError, match=message):
        trained(tmp_path, scene, cube_of(tmp_path, values, name="extra"))
    assert not (tmp_path / "m.mtmsd").exists()


def bands(*wavelengths: float | None, name: str = "B", fwhm: float | None = None) -> list[Band]:
    return [Band(f"{name}{i}", nm, number=i, fwhm_nm=fwhm) for i, nm in enumerate(wavelengths, 1)]


def test_bands_of_the_same_sensor_are_found_wherever_they_lie():
    asked = (bands(450, 550, 650), 3, ("a", "b"))
    assert same_sensor_bands(asked[0], bands(649, 900, 451, 551), *asked[1:]) == ("wavelength", [2, 3, 0])
    named = [Band(name) for name in ("B3", "B1", "B2")]
    assert same_sensor_bands(bands(None, None, None), named, *asked[1:]) == ("name", [1, 2, 0])
    unnamed = bands(None, None, None, name="x")
    assert same_sensor_bands(bands(None, None, None), unnamed, *asked[1:]) == ("order", [0, 1, 2])
    assert same_sensor_bands(bands(None, None, None)[1:], unnamed, *asked[1:]) == ("order", [1, 2])


@pytest.mark.parametrize(
    ("target", "trouble"),
    [
        (bands(450, 550), "it has no band for B3 (650 nm)"),
        (bands(450, 570, 650, fwhm=30), "wavelengths that are off by more than half a width: B2 (550 nm)"),
        (bands(450, 550, 650, fwhm=80), "widths that differ"),
        (bands(None, None, name="x"), "it has 2 bands instead of 3"),
    ],
)
def test_another_sensor_is_refused_in_one_sentence(target, trouble):
    with pytest.raises(SceneError) as refusal:
        same_sensor_bands(bands(450, 550, 650, fwhm=30), target, 3, ("May", "June"))
    assert "the same sensor as May was expected, June is of another one" in str(refusal.value)
    assert trouble in str(refusal.value)
