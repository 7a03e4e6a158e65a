# SPDX-License-Identifier: GPL-2.0-or-later
"""A classifier from a file: on its own scene the same bytes, on others the same classes or one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtmsd_qgis.errors import Cancelled, MtmsdError
from mtmsd_qgis.io.array_file import KIND_CLASSIFIER, KIND_MODEL, read_arrays, read_summary, write_file
from mtmsd_qgis.io.classifier_file import read_classifier_description
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import CLASSIFIERS, ClassificationSettings, ExtractionSettings, PretrainSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run as run_task
from mtmsd_qgis.transfer import scene_comparison
from tests.scenes import CLASSES, cube_of, fields, sample_table

PRETRAIN = PretrainSettings(components=4, patch_size=16, iterations=6, batch_size=4)
EXTRACT = ExtractionSettings(timesteps=(50, 100), stages=(1, 5), keep=20)
SIDE = 32


@pytest.fixture(scope="module", autouse=True)
def small_tiles():
    """Several tiles in a small scene."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mtmsd_qgis.io.windows.MOST_CORE", 16)
        yield


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> tuple[Path, Cube]:
    """A job folder with a scene, samples and a model m.mtmsd."""
    folder = tmp_path_factory.mktemp("job")
    values, index = fields(SIDE, SIDE, bands=6)
    np.save(folder / "samples.npy", sample_table(index))
    cube = cube_of(folder, values)
    job = Job("pretrain", to_json(PRETRAIN), cube.description, outputs={"model": str(folder / "m.mtmsd")})
    run_task(job, folder, silent)
    return folder, cube


def classification(classifier: str, **changes) -> dict:
    settings = ClassificationSettings(classifier=classifier, split="random", ensemble=1, epochs=2, block_size=8)
    return to_json(replace(settings, **changes))


def map_of(folder: Path) -> bytes:
    return b"".join((folder / f"{name}.raw").read_bytes() for name in ("map", "confidence"))


def learn(scene, out: Path, classifier: str = "linear", **options) -> tuple[Path, bytes]:
    """Map the scene; gives the classifier's file and the map."""
    folder, cube = scene
    job = Job(
        "mapscene",
        {"extract": to_json(EXTRACT), "classify": classification(classifier)},
        cube.description,
        samples="samples.npy",
        classes=CLASSES,
        inputs={"model": str(folder / "m.mtmsd")},
        outputs={"classifier": str(out / "c.mtmsdc")},
        options=options,
    )
    run_task(job, folder, silent)
    return out / "c.mtmsdc", map_of(folder)


@pytest.fixture(scope="module")
def learnt(scene, tmp_path_factory):
    """A linear classifier with its model inside, and the map that it comes from."""
    return learn(scene, tmp_path_factory.mktemp("linear"), include_model=True, source_name="scene.tif")


def apply_to(folder: Path, cube: Cube, classifier: Path, **parts):
    job = Job("applyclassifier", {"adapt": parts.pop("adapt", "none")}, cube.description, **parts)
    inputs = {"classifier": str(classifier), **parts.get("inputs", {})}
    return run_task(replace(job, inputs=inputs), folder, silent)


def another(tmp_path: Path, values: np.ndarray) -> Cube:
    return cube_of(tmp_path, values)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_the_same_scene_gives_the_same_bytes(scene, tmp_path, classifier):
    folder, cube = scene
    path, expected = learn(scene, tmp_path, classifier)
    result = apply_to(folder, cube, path, inputs={"model": str(folder / "m.mtmsd")})
    assert map_of(folder) == expected
    assert result.classes == CLASSES
    assert sum(result.mapped_pixels) == SIDE * SIDE
    assert result.transfer.matched_by == "order"  # names such as "Band 1" are made up


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_the_same_feature_raster_gives_the_same_bytes(scene, tmp_path, classifier):
    folder, cube = scene
    job = Job("extract", to_json(EXTRACT), cube.description, inputs={"model": str(folder / "m.mtmsd")})
    features = run_task(job, folder, silent)
    assert features.layout.model == read_summary(folder / "m.mtmsd", KIND_MODEL).sha256
    parts = {"samples": "samples.npy", "classes": CLASSES, "layout": features.layout}
    outputs = {"classifier": str(tmp_path / "c.mtmsdc")}
    run_task(Job("classify", classification(classifier), features.raster, **parts, outputs=outputs), folder, silent)
    expected = map_of(folder)
    apply_to(folder, Cube(folder, features.raster), tmp_path / "c.mtmsdc", layout=features.layout)
    assert map_of(folder) == expected


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_the_same_plain_bands_give_the_same_bytes(scene, tmp_path, classifier):
    folder, cube = scene
    outputs = {"classifier": str(tmp_path / "c.mtmsdc")}
    parts = {"samples": "samples.npy", "classes": CLASSES, "outputs": outputs}
    run_task(Job("classify", classification(classifier), cube.description, **parts), folder, silent)
    expected = map_of(folder)
    apply_to(folder, cube, tmp_path / "c.mtmsdc")
    assert map_of(folder) == expected


@pytest.mark.parametrize("split", ["spatial", "block", "none"])
def test_the_default_classifier_for_other_polygons_gives_the_same_bytes(scene, tmp_path, split):
    """With the guidance image and the smoothed spectra of such maps."""
    folder, cube = scene
    index = fields(SIDE, SIDE, bands=6)[1]
    table = sample_table(index)
    table[:, 3] = table[:, 2] * 2 + table[:, 0] // 8 % 2  # two polygons a class
    np.save(folder / "polygons.npy", table)
    parts = {"samples": "polygons.npy", "classes": CLASSES, "inputs": {"model": str(folder / "m.mtmsd")}}
    settings = {"extract": to_json(EXTRACT), "classify": classification("auto", split=split)}
    outputs = {"classifier": str(tmp_path / "c.mtmsdc")}
    run_task(Job("mapscene", settings, cube.description, **parts, outputs=outputs), folder, silent)
    expected = map_of(folder)
    apply_to(folder, cube, tmp_path / "c.mtmsdc", inputs=parts["inputs"])
    assert map_of(folder) == expected


def test_the_file_says_what_it_is(scene, learnt):
    folder, cube = scene
    description = read_classifier_description(learnt[0])
    assert (description.input, description.classes, description.source.name) == ("scene", CLASSES, "scene.tif")
    assert [band.name for band in description.bands] == [band.name for band in cube.description.bands]
    assert description.accuracy is not None
    assert description.split.method == "random"
    assert description.extraction == EXTRACT
    used = description.diffusion_model
    assert (used.sha256, used.included) == (read_summary(folder / "m.mtmsd", KIND_MODEL).sha256, True)


def test_a_model_inside_is_enough(learnt, tmp_path):
    path, expected = learnt
    values, _ = fields(SIDE, SIDE, bands=6)
    apply_to(tmp_path, another(tmp_path, values), path)
    assert map_of(tmp_path) == expected


def test_bands_in_another_order_are_found_by_name(scene, learnt, tmp_path):
    path, expected = learnt
    values, _ = fields(SIDE, SIDE, bands=6)
    cube = another(tmp_path, values[::-1])
    names = tuple(replace(band, name=f"Band {6 - i}") for i, band in enumerate(cube.description.bands))
    described = replace(cube.description, bands=names)
    apply_to(tmp_path, Cube(tmp_path, described), path)
    assert map_of(tmp_path) == expected


def test_another_gain_and_offset_is_undone_on_request(scene, learnt, tmp_path):
    """A scene of other size; exactly, up to the rounding of 16-bit numbers."""
    path, _ = learnt
    values, _ = fields(SIDE, SIDE, bands=6)
    brighter = another(tmp_path, values.astype(np.float32) * 1.1 + 50)
    result = apply_to(tmp_path, brighter, path, adapt="scale")
    original = np.frombuffer(learnt[1][: 2 * SIDE * SIDE], "<u2")
    found = np.frombuffer((tmp_path / "map.raw").read_bytes(), "<u2")
    assert (original == found).mean() >= 0.999
    assert result.settings.adapt == "scale"
    assert result.transfer.shift_auc < 0.7
    plain = apply_to(tmp_path, brighter, path)
    assert plain.transfer.shift_auc == result.transfer.unadapted_auc > result.transfer.shift_auc
    assert [band.gain for band in result.transfer.bands] == pytest.approx([1 / 1.1] * 6, rel=1e-3)


def test_the_features_that_shift_are_named(scene, learnt, tmp_path):
    """Of each timestep and stage; the scene itself has features that cannot be told apart."""
    folder, cube = scene
    own = apply_to(folder, cube, learnt[0]).transfer.features
    assert {(shift.timestep, shift.stage) for shift in own} == {(50, 1), (50, 5), (100, 1), (100, 5)}
    assert max(shift.auc for shift in own) < 0.7
    noise = np.random.default_rng(1).normal(1500, 700, size=(6, SIDE, SIDE)).astype(np.float32)
    other = apply_to(tmp_path, another(tmp_path, noise), learnt[0]).transfer.features
    assert other[0].auc > 0.9
    assert [shift.auc for shift in other] == sorted((shift.auc for shift in other), reverse=True)


def test_sure_pixels_are_a_band_of_their_own(scene, tmp_path, monkeypatch):
    """As sure as three quarters of the samples that were held out when the classifier was learnt."""
    monkeypatch.setattr(scene_comparison, "_LEAST_SAMPLES", 10)
    folder, cube = scene
    path, _ = learn(scene, tmp_path, include_model=True)
    result = apply_to(folder, cube, path, options={"applicability": True})
    inside, _, sure = Cube(Path(result.folder), result.applicability).read(whole(SIDE, SIDE))
    assert result.applicability.bands[2].name == "inside and sure"
    confidence = Cube(Path(result.folder), result.confidence).read(whole(SIDE, SIDE))[0]
    np.testing.assert_array_equal(sure, inside * (confidence >= np.float32(result.transfer.least_confidence)))
    assert 0.3 < sure.mean() < inside.mean()


def test_without_held_out_samples_nothing_is_sure(scene, tmp_path):
    folder, cube = scene
    outputs = {"classifier": str(tmp_path / "c.mtmsdc")}
    parts = {"samples": "samples.npy", "classes": CLASSES, "outputs": outputs}
    run_task(Job("classify", classification("linear", split="none"), cube.description, **parts), folder, silent)
    result = apply_to(folder, cube, tmp_path / "c.mtmsdc", options={"applicability": True})
    assert result.transfer.least_confidence is None
    assert len(result.applicability.bands) == 2


def test_a_file_without_features_of_its_scene_says_nothing_of_them(scene, learnt, tmp_path):
    """As one that an earlier version has written."""
    folder, cube = scene

    def without(_, arrays):
        for name in [name for name in arrays if name.startswith("source.features.")]:
            arrays.pop(name)

    result = apply_to(folder, cube, edited(learnt[0], tmp_path, without))
    assert result.transfer.features == ()
    assert map_of(folder) == learnt[1]


def test_a_stopped_run_goes_on_to_the_same_map(scene, learnt, tmp_path):
    folder, cube = scene
    path, expected = learnt
    outputs = {"checkpoint": str(tmp_path / "unfinished")}
    job = Job("applyclassifier", {}, cube.description, inputs={"classifier": str(path)}, outputs=outputs)
    told = []

    def cancel_late(fraction: float, text: str) -> None:
        told.append(text)
        if text.startswith("map: window"):
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        run_task(job, folder, cancel_late)
    result = run_task(job, folder, silent)
    assert map_of(Path(result.folder)) == expected


def test_the_area_of_applicability_is_mapped(scene, learnt, tmp_path):
    """The scene itself lies mostly inside, white noise hardly; share and raster say the same."""
    folder, cube = scene
    result = apply_to(folder, cube, learnt[0], options={"applicability": True})
    raster = Cube(Path(result.folder), result.applicability).read(whole(SIDE, SIDE))
    assert [band.name for band in result.applicability.bands][1] == "dissimilarity index"
    assert set(np.unique(raster[0])) <= {0.0, 1.0}
    assert raster[0].mean() == pytest.approx(result.transfer.inside_share, abs=0.1)
    assert raster[0].mean() > 0.8
    noise = np.random.default_rng(1).normal(1500, 700, size=(6, SIDE, SIDE)).astype(np.float32)
    other = apply_to(tmp_path, another(tmp_path, noise), learnt[0])
    assert other.transfer.verdict == "not trusted"
    assert other.transfer.sentence.startswith("Do not believe this map")
    assert result.transfer.source_inside_share == pytest.approx(result.transfer.inside_share)
    assert other.transfer.inside_share < 0.3
    assert other.transfer.inside_share == pytest.approx(other.transfer.noise_inside_share, abs=0.3)


def edited(path: Path, to: Path, change) -> Path:
    """A copy whose description or arrays are changed."""
    summary, arrays = read_summary(path, KIND_CLASSIFIER), read_arrays(path, KIND_CLASSIFIER)
    description = dict(summary.description)
    change(description, arrays)
    write_file(to / "edited.mtmsdc", KIND_CLASSIFIER, description, arrays)
    return to / "edited.mtmsdc"


def refused(folder: Path, cube: Cube, classifier: Path, **parts) -> str:
    with pytest.raises(MtmsdError) as caught:
        apply_to(folder, cube, classifier, **parts)
    return str(caught.value)


def test_files_that_are_not_right_are_refused_with_one_sentence(scene, learnt, tmp_path):
    folder, cube = scene
    path, _ = learnt
    content = path.read_bytes()
    (tmp_path / "short").write_bytes(content[:-9])
    (tmp_path / "flipped").write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    (tmp_path / "newer").write_bytes(content.replace(b'"version": "1"', b'"version": "2"'))
    for name, words in (
        ("short", "is incomplete or damaged"),
        ("flipped", "is damaged: its content is not what was written"),
        ("newer", "is of version 2, this plugin reads up to 1. Update the plugin."),
    ):
        assert words in refused(folder, cube, tmp_path / name)
    assert "should be a classifier, it is a model" in refused(folder, cube, folder / "m.mtmsd")


def _one_feature_less(_, arrays) -> None:
    for name, axis in (("pixels", 1), ("quantiles", 0)):
        array = arrays[f"source.features.{name}"]
        arrays[f"source.features.{name}"] = np.ascontiguousarray(np.delete(array, 0, axis))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d, a: d.pop("predictor"), "predictor should be an object, found None"),
        (lambda d, a: d.pop("model"), "the description of its diffusion model is missing"),
        (lambda d, a: a.pop("features.mean"), "mean and scale of the features were expected"),
        (lambda d, a: a.update({"features.mean": a["features.mean"][:1]}), "mean of the features should be (2, 20)"),
        (lambda d, a: a.update({"more": np.zeros(1)}), "arrays that belong to no part"),
        (lambda d, a: a.update({"predictor.more": np.zeros(1)}), "belongs to nothing"),
        (lambda d, a: a.pop("model.preprocessor.axes"), "components of 6 bands"),
        (lambda d, a: a.pop("source.summary.pixels"), "pixels of the scene should be there"),
        (lambda d, a: a.pop("source.features.blocks"), "blocks of the scene should be there"),
        (lambda d, a: a.update({"source.least_confidence": np.array(2.0)}), "a share from 0 to 1"),
        (_one_feature_less, "keeps 39 features of its scene, its map uses 40"),
        (lambda d, a: a.update({"source.inside_share": np.array(2.0)}), "a share from 0 to 1"),
        (lambda d, a: a.pop("source.applicability.area.samples"), "samples of the applicability missing"),
        (lambda d, a: d["predictor"].update(n_classes=2), "is not a complete classifier"),
        (lambda d, a: d["classifier"]["classes"].pop(), "is not a complete classifier"),
        (lambda d, a: d["classifier"]["bands"].pop(), "bands"),
        (lambda d, a: a.pop(next(n for n in a if n.startswith("features.statistics."))), "statistics of"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(scene, learnt, tmp_path, change, words):
    folder, cube = scene
    assert words in refused(folder, cube, edited(learnt[0], tmp_path, change))


def test_another_model_and_a_missing_one_are_refused(scene, tmp_path):
    folder, cube = scene
    path, _ = learn(scene, tmp_path)
    assert "its file does not hold it. Choose the model with MODEL" in refused(folder, cube, path)
    summary, arrays = read_summary(folder / "m.mtmsd", KIND_MODEL), read_arrays(folder / "m.mtmsd")
    name = next(name for name in arrays if name.startswith("network."))
    write_file(tmp_path / "other.mtmsd", KIND_MODEL, summary.description, {**arrays, name: arrays[name] + 1})
    text = refused(folder, cube, path, inputs={"model": str(tmp_path / "other.mtmsd")})
    assert "The classifier was learnt from features of the diffusion model" in text
    assert summary.sha256[:12] in text


def test_a_raster_without_one_of_the_bands_is_refused(scene, learnt, tmp_path):
    values, _ = fields(SIDE, SIDE, bands=6)
    cube = another(tmp_path, values[:5])
    assert "expects a raster of 6 bands, this one has 5 bands and neither" in refused(tmp_path, cube, learnt[0])
    assert not (tmp_path / "map.raw").exists()


def test_other_features_and_other_kinds_of_rasters_are_refused(scene, learnt, tmp_path):
    folder, cube = scene
    settings = replace(EXTRACT, timesteps=(50,))
    job = Job("extract", to_json(settings), cube.description, inputs={"model": str(folder / "m.mtmsd")})
    features = run_task(job, folder, silent)
    raster = Cube(folder, features.raster)
    text = refused(folder, raster, learnt[0], layout=features.layout)
    assert "features that INPUT lacks: timestep 100" in text
    foreign = replace(features.layout, model="00" * 32)
    assert "(fingerprints)" in refused(folder, raster, learnt[0], layout=foreign)
    parts = {"samples": "samples.npy", "classes": CLASSES, "outputs": {"classifier": str(tmp_path / "c.mtmsdc")}}
    classify = Job("classify", classification("linear"), features.raster, layout=features.layout, **parts)
    run_task(classify, folder, silent)
    assert "INPUT has bands without features" in refused(folder, cube, tmp_path / "c.mtmsdc")
    text = refused(folder, raster, tmp_path / "c.mtmsdc", layout=features.layout, adapt="scale")
    assert "INPUT is a raster of diffusion features" in text
    run_task(Job("classify", classification("linear"), cube.description, **parts), folder, silent)
    text = refused(folder, raster, tmp_path / "c.mtmsdc", layout=features.layout)
    assert "was learnt from plain bands, INPUT is a feature raster" in text


def test_a_model_that_is_not_known_cannot_be_included(scene, tmp_path):
    folder, cube = scene
    parts = {"samples": "samples.npy", "classes": CLASSES, "outputs": {"classifier": str(tmp_path / "c.mtmsdc")}}
    job = Job("classify", classification("linear"), cube.description, **parts, options={"include_model": True})
    with pytest.raises(MtmsdError, match="INCLUDE_MODEL puts the diffusion model"):
        run_task(job, folder, silent)
    assert not (tmp_path / "c.mtmsdc").exists()
