# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark of the accuracy: its page, its results, and its runs."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter

import numpy as np
import pytest

from benchmarks import features
from benchmarks.accuracy import page as accuracy_page
from benchmarks.accuracy import summary
from benchmarks.accuracy.command_line import Scenes, read_options
from benchmarks.accuracy.spread import Components, Figure, components, spread
from benchmarks.features import Training, make_features
from benchmarks.results import KEY, Results, as_json
from benchmarks.scenes import (
    MatlabSource,
    Scene,
)
from mtmsd_qgis.jobs.settings import ExtractionSettings, PretrainSettings
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.scenes import CLASSES, cube_of, fields, sample_table


def run(method: str, seed: int, oa: float, split: str = "groups", scene: str = "indian_pines", **more) -> dict:
    key = {"scene": scene, "preset": "quick", "split": split, "seed": seed, "model_seed": 0, "method": method}
    entry = {"oa": oa, "aa": oa - 1, "kappa": oa - 2, "calibration_error": None, "seconds": 1.0}
    return {**key, **entry, "training": 10, "test": 90, "classes_tested": 3, **more}


def document(*runs: dict) -> dict:
    facts = {"height": 9, "width": 8, "bands": 7, "labelled": [60, 40], "groups": 5, "device": "CPU"}
    about = {"classifiers": ["auto"], "commits": ["abc"], "cores": 2, "versions": {"torch": "1"}}
    steps = {"pretrain_seconds": 61.0, "extract_seconds": None}
    return {"about": about, "scenes": {"indian_pines/quick": {**facts, **steps}}, "runs": list(runs)}


TWO_SEEDS = document(
    run("auto", 0, 50, calibration_error=0.2),
    run("auto", 1, 54, calibration_error=0.1),
    run("svm", 0, 49),
    run("svm", 1, 47),
    run("forest", 0, 55),
    run("forest", 1, 53),
    run("auto", 0, 99, split="random10"),
    run("svm", 0, 90, split="random10"),
    run("linear", 0, 1, split="random10", error="no memory"),
)


def test_gain_is_over_the_baseline_with_the_best_mean_and_paired_by_seed():
    random10, groups = summary.cases(TWO_SEEDS)
    gain = groups.gain("auto")
    assert gain.baseline == "forest"
    assert (gain.figure.mean, gain.figure.draws) == (-2, 2)
    assert gain.figure.deviation == pytest.approx(18**0.5)  # of -5 and 1
    assert random10.gain("auto").figure == Figure(9, None, 1)


def test_gain_counts_seeds_that_all_have():
    found = summary.cases(document(run("auto", 0, 50), run("auto", 1, 90), run("svm", 0, 49)))
    assert found[0].gain("auto").figure == Figure(1, None, 1)


# Means of trainings 60 and 66, of draws 52, 62 and 75; residuals -1, 0, 1 and 1, 0, -1.
TWO_TRAININGS = {(0, 5): 48, (0, 6): 59, (0, 7): 73, (1, 5): 56, (1, 6): 65, (1, 7): 77}


def test_spread_is_divided_between_trainings_and_draws():
    figure = spread(TWO_TRAININGS)
    assert (figure.mean, figure.trainings, figure.draws) == (63, 2, 3)
    assert figure.deviation == pytest.approx(133**0.5)  # of 52, 62, 75: (121 + 1 + 144) / 2
    assert figure.deviation_of_trainings == pytest.approx(18**0.5)  # of 60, 66
    # Residuals: 4 / (1 * 2) = 2; trainings: 18 - 2 / 3; draws: 133 - 2 / 2.
    parts = figure.components
    assert (parts.training, parts.draw, parts.remainder) == pytest.approx((18 - 2 / 3, 132, 2))
    assert parts.shares == pytest.approx((52 / 454, 396 / 454, 6 / 454))
    assert figure.standard_error == pytest.approx(((18 - 2 / 3) / 2 + 132 / 3 + 2 / 6) ** 0.5)


def test_a_training_that_varies_less_than_the_remainder_has_no_part():
    parts = components(np.array([[1.0, 3.0], [3.0, 1.0]]))  # all means are 2, all residuals 1
    assert parts == Components(0, 0, 4)
    assert parts.shares == (0, 0, 1)
    assert components(np.ones((2, 2))).shares == (0, 0, 0)


def test_spread_of_one_training_has_no_components():
    figure = spread({(0, 1): 10, (0, 2): 14})
    assert figure == Figure(12, pytest.approx(8**0.5), 2)
    assert figure.standard_error == pytest.approx(2)
    assert spread({(0, 1): 10}).standard_error is None


def test_spread_counts_draws_that_all_trainings_have():
    assert spread({**TWO_TRAININGS, (0, 8): 0}) == spread(TWO_TRAININGS)
    assert spread({(0, 1): 10, (0, 2): 14, (1, 3): 99}).mean == 12


def test_gain_compares_every_training_with_the_one_run_of_a_baseline():
    ours = [run("auto", seed, oa, model_seed=training) for (training, seed), oa in TWO_TRAININGS.items()]
    (case,) = summary.cases(document(*ours, run("svm", 5, 50), run("svm", 6, 50), run("svm", 9, 99)))
    gain = case.gain("auto").figure
    assert (gain.mean, gain.trainings, gain.draws) == (7, 2, 2)  # -2 and 9, 6 and 15
    assert gain.deviation_of_trainings == pytest.approx(24.5**0.5)  # of 3.5 and 10.5


def test_page_says_what_part_of_the_spread_is_the_trainings():
    ours = [run("auto", seed, oa, model_seed=training) for (training, seed), oa in TWO_TRAININGS.items()]
    page = accuracy_page.page(document(*ours, *(run("svm", seed, 50) for seed in (5, 6, 7))))
    assert (
        "| auto | 63.00 ± 11.53 | 4.24 | 11 % | – | – | 50.00 ± 0.00, RBF-SVM on spectra | **+13.00 ± 11.53, win** |"
        in page
    )
    assert "| 2 x 3 |" in page
    assert "accounts for 11 %, the draw of the split for 87 %, both together for the remaining 1 %" in page
    assert "| RBF-SVM on spectra | 50.00 ± 0.00 | 49.00 ± 0.00 | 48.00 ± 0.00 | – | – |" in page


def test_page_says_what_features_add_with_the_standard_error_of_the_difference():
    ours = [run("auto", seed, oa, model_seed=training) for (training, seed), oa in TWO_TRAININGS.items()]
    without = [run(summary.WITHOUT_FEATURES, seed, oa) for seed, oa in ((5, 50), (6, 60), (7, 70), (8, 0))]
    found = document(*ours, *without, run("svm", 5, 99), run("linear", 5, 1))
    (case,) = summary.cases(found)
    assert case.ours == ["auto", "linear"]
    added = case.added_by_features("auto")
    assert (added.mean, added.trainings, added.draws) == (3, 2, 3)  # -2, -1, 3 and 6, 5, 7
    assert case.added_by_features("linear") is None
    assert case.gain("auto").baseline == "svm"
    page = accuracy_page.page(found)
    assert f"| 45.00 ± 31.09 | +3.00 ± {added.standard_error:.2f} |" in page
    assert "mean of the scenes: whole fields or polygons +3.00 (least +3.00)" in page
    assert "| MTMSD, classifier auto on spectra alone | 45.00 ± 31.09 |" in page
    assert "mean of the scenes" not in accuracy_page.page(TWO_SEEDS)


def test_goals_are_evaluated_and_what_was_not_measured_is_said_so():
    verdicts = {verdict.goal: verdict for verdict in summary.verdicts(summary.cases(TWO_SEEDS))}
    fields = verdicts["Indian Pines, whole fields or polygons, quick: OA at least 5 points above the best baseline"]
    assert (fields.measured, fields.reached) == ("−2.00 points", False)
    assert verdicts["Indian Pines, random 10 % of each class, quick: OA at least 98.3"].reached is True
    assert verdicts["Indian Pines, random 10 % of each class, standard: OA at least 99"].reached is None
    floor = verdicts["Any scene, any split: OA never more than 1 point under the best baseline"]
    assert floor.reached is False
    assert floor.measured.endswith("missed in 1 of 2")
    calibration = verdicts["Any scene, whole fields or polygons: calibration error (mean of the draws) at most 0.10"]
    assert calibration.reached is False
    assert calibration.measured.startswith("worst 0.150")


def test_calibration_of_all_draws_lets_chance_cancel_and_keeps_what_is_wrong_throughout():
    def bins(right: float, sure: float) -> list[dict]:
        said = {"confidence": 0.55, "samples": 60, "accuracy": right}
        return [said, {"confidence": 0.95, "samples": 40, "accuracy": sure}]

    runs = [run("auto", 0, 50, calibration=bins(0.75, 0.85)), run("auto", 1, 50, calibration=bins(0.35, 0.75))]
    (case,) = summary.cases(document(*runs))
    assert case.calibration_of_all("auto") == pytest.approx(0.4 * 0.15)  # of +0.20 and -0.20, -0.10 and -0.20
    assert "| 0.060 |" in accuracy_page.page(document(*runs))
    verdicts = {verdict.goal: verdict for verdict in summary.verdicts([case])}
    goal = verdicts["Any scene, whole fields or polygons: calibration error (of all draws together) at most 0.10"]
    assert goal.reached is True
    assert goal.measured.startswith("worst 0.060 (Indian Pines, whole fields or polygons)")
    (case,) = summary.cases(document(*runs, run("auto", 2, 50)))
    assert case.calibration_of_all("auto") is None


def test_the_calibration_error_stands_beside_that_of_perfect_calibration():
    runs = [run("auto", n, 50, calibration_error=0.2, calibration_error_by_chance=0.1 + n / 10) for n in (0, 1)]
    text = accuracy_page.page(document(*runs))
    assert "| 0.200 ± 0.000 | 0.150 | – |" in text
    assert "worst 0.200 (Indian Pines, whole fields or polygons; 0.150 expected under perfect calibration)" in text


def test_page_shows_losses_as_bold_as_wins_and_failures_too():
    page = accuracy_page.page(TWO_SEEDS)
    assert "**−2.00 ± 4.24, loss**" in page
    assert "**+9.00, win**" in page
    assert "**MTMSD, classifier linear: 1 of 1 runs failed: no memory**" in page
    assert "| **MTMSD, classifier auto** | 52.00 ± 2.83 | 51.00 ± 2.83 | 50.00 ± 2.83 | – | – | 0.150 ± 0.071 |" in page
    assert "pretraining 61 s, on CPU" in page


def test_page_prints_the_note_of_the_results_once_and_nothing_without_one():
    note = "Measured with an earlier classifier."
    annotated = {**TWO_SEEDS, "about": {**TWO_SEEDS["about"], "note": note}}
    page = accuracy_page.page(annotated)
    assert page.count(f"\n\n{note}\n\n## In short\n") == 1
    assert page.replace(f"{note}\n\n", "") == accuracy_page.page(TWO_SEEDS)


def test_every_table_of_the_page_has_rows_as_wide_as_its_head():
    widths = []
    for line in accuracy_page.page(TWO_SEEDS).splitlines():
        if line.startswith("|---"):
            widths[-1].append(line.count("|"))
        elif line.startswith("|"):
            widths = [*widths, []] if not widths or widths[-1] is None else widths
            widths[-1].append(line.count("|"))
        elif widths and widths[-1] is not None:
            widths.append(None)
    tables = [table for table in widths if table]
    assert len(tables) == 4
    assert all(len(set(table)) == 1 for table in tables)


def test_results_survive_a_broken_run_and_failures_are_tried_again(tmp_path):
    results = Results.open(tmp_path / "results.json", resume=True)
    results.about({"commits": ["a"], "classifiers": ["auto"]})
    results.document["about"]["note"] = "old"
    for each in TWO_SEEDS["runs"]:
        results.add({part: each[part] for part in KEY}, {k: v for k, v in each.items() if k not in KEY})
    results.write()
    again = Results.open(tmp_path / "results.json", resume=True)
    again.about({"commits": ["b"], "classifiers": ["linear"]})
    assert again.document["about"] == {"commits": ["a", "b"], "classifiers": ["auto", "linear"], "note": "old"}
    assert again.has(scene="indian_pines", preset="quick", split="groups", seed=1, model_seed=0, method="svm")
    assert not again.has(scene="indian_pines", preset="quick", split="random10", seed=0, model_seed=0, method="linear")
    assert len(again.document["runs"]) == len(TWO_SEEDS["runs"]) - 1
    assert Results.open(tmp_path / "results.json", resume=False).document["runs"] == []


def test_results_written_before_there_were_trainings_are_those_of_training_0(tmp_path):
    runs = [{key: value for key, value in run("auto", 7, 50).items() if key != "model_seed"}]
    (tmp_path / "results.json").write_text(as_json({**document(), "runs": runs}), encoding="utf-8")
    results = Results.open(tmp_path / "results.json", resume=True)
    key = {"scene": "indian_pines", "preset": "quick", "split": "groups", "seed": 7, "method": "auto"}
    assert results.has(**key, model_seed=0)
    assert not results.has(**key, model_seed=1)


@pytest.mark.parametrize("source", [TWO_SEEDS, {**TWO_SEEDS, "runs": []}], ids=["runs", "empty"])
def test_results_are_json(source):
    assert json.loads(as_json(source)) == source


def test_plot_is_the_same_for_the_same_results(tmp_path):
    pytest.importorskip("matplotlib")
    from benchmarks.accuracy.plots import draw_scene

    for name in ("a.svg", "b.svg"):
        draw_scene(summary.cases(TWO_SEEDS), "Scene", tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_draws_of_places_are_more_than_those_of_pixels_unless_seeds_are_given():
    pytest.importorskip("sklearn")
    from benchmarks.accuracy import run as accuracy

    def draws(*asked: str) -> Counter[str]:
        wanted = ["--out", "x", "--trainings", "1", "--baselines", "--split", "random5", "groups"]
        options = read_options(accuracy._parser(), [*wanted, *asked])
        return Counter(key["split"] for key in accuracy._keys("scene", options) if key["method"] == "auto")

    assert draws() == {"random5": 5, "groups": 10}
    assert draws("--seeds", "3") == {"random5": 3, "groups": 3}
    assert draws("--seeds", "7,9") == {"random5": 2, "groups": 2}


def test_ours_is_measured_with_every_training_and_a_baseline_once():
    pytest.importorskip("sklearn")
    from benchmarks.accuracy import run as accuracy

    def methods(*asked: str) -> Counter[str]:
        wanted = ["--out", "x", "--scene", "zion_landsat8", "--seeds", "1"]
        options = read_options(accuracy._parser(), [*wanted, *asked])
        return Counter(key["method"] for key in accuracy._keys("scene", options) if key["split"] == "groups")

    baselines = dict.fromkeys(("svm", "forest", "discriminant", "box_svm", "auto_without_features"), 1)
    assert methods() == {"auto": 3, **baselines}
    assert methods("--trainings", "2") == {"auto": 2, **baselines}
    assert methods("--model", "scene.mtmsd") == {"auto": 1, **baselines}
    with pytest.raises(SystemExit):
        methods("--model", "scene.mtmsd", "--trainings", "2")


@pytest.mark.parametrize(("asked", "failed"), [(None, False), (["maipo_crops"], True)])
def test_a_scene_without_files_is_left_out_and_fails_the_run_only_if_it_was_asked_for(tmp_path, asked, failed):
    source = MatlabSource(tmp_path / "cube.mat", tmp_path / "labels.mat")
    options = Namespace(scene=asked, sources={"maipo_crops": source}, folder=tmp_path, qgis_python=None)
    scenes = Scenes(options)
    assert list(scenes.ready(Results.open(tmp_path / "x.json", resume=False), lambda _: False)) == []
    assert "maipo_crops is left out: not found" in scenes.skipped[0]
    assert scenes.failed is failed


@pytest.fixture
def small_scene(tmp_path, monkeypatch):
    """A scene of 48 x 48 pixels, and settings with which its model takes a second."""
    small = {"components": 3, "patch_size": 16, "iterations": 2, "batch_size": 2}
    monkeypatch.setattr(features, "pretrain_settings", lambda _, **more: PretrainSettings(**small, **more))
    monkeypatch.setattr(
        features, "extraction_settings", lambda _, **more: ExtractionSettings(timesteps=(100,), keep=8, **more)
    )
    values, index = fields(48, 48, bands=6)
    cube = cube_of(tmp_path, values)
    samples = SampleTable.from_array(sample_table(index, step=2))
    return Scene("small", tmp_path, cube.description, CLASSES, cube.description.bands, samples, len(samples))


def test_trainings_differ_and_are_kept_for_the_next_run(small_scene, tmp_path, monkeypatch):
    first, other = (make_features(small_scene, Training("quick", "cpu", seed), tmp_path / "q") for seed in (0, 1))
    assert first.folder != other.folder
    assert (first.folder / first.cube.file).read_bytes() != (other.folder / other.cube.file).read_bytes()
    monkeypatch.delattr(features, "run_task")
    again = make_features(small_scene, Training("quick", "cpu", 1), tmp_path / "q")
    assert again == other


def test_a_draw_is_measured_with_every_training_and_only_once(small_scene, tmp_path):
    pytest.importorskip("sklearn")
    from benchmarks.accuracy import run as accuracy

    wanted = "--out x --trainings 2 --scene maipo_crops --classifiers linear --baselines discriminant --seeds 1".split()
    options = read_options(accuracy._parser(), [*wanted, "--split", "random5", "--device", "cpu", "--jobs", "1"])
    trained = [make_features(small_scene, Training("quick", "cpu", seed), tmp_path / "q") for seed in (0, 1)]
    results = Results(tmp_path / "r.json", {"about": {}, "scenes": {}, "runs": []})
    for _ in range(2):
        accuracy.measure(small_scene, trained, options, results)
    runs = [(run["method"], run["model_seed"]) for run in results.document["runs"]]
    assert runs == [("linear", 0), ("linear", 1), ("discriminant", 0)]
    assert all(run["oa"] > 50 and run["training"] == 15 for run in results.document["runs"])


@pytest.mark.parametrize("where", [[], ["--whole-map"]])
def test_auto_is_measured_on_the_spectra_alone_too_and_no_training_has_a_part_in_that(small_scene, tmp_path, where):
    pytest.importorskip("sklearn")
    from benchmarks.accuracy import run as accuracy

    wanted = ["--out", "x", "--trainings", "2", "--scene", "maipo_crops", "--baselines", "--seeds", "1", *where]
    options = read_options(accuracy._parser(), [*wanted, "--split", "random5", "--device", "cpu"])
    trained = [make_features(small_scene, Training("quick", "cpu", seed), tmp_path / "q") for seed in (0, 1)]
    found = []
    for trainings in (trained, trained[::-1]):
        results = Results(tmp_path / "r.json", {"about": {}, "scenes": {}, "runs": []})
        accuracy.measure(small_scene, trainings, options, results)
        found.append({(run["method"], run["model_seed"]): run for run in results.document["runs"]})
    places = [("auto", 0), ("auto", 1), (summary.WITHOUT_FEATURES, 0)]
    assert [list(runs) for runs in found] == [places, places]
    alone, again = ({**runs[places[2]], "seconds": 0} for runs in found)
    assert alone == again
    assert alone["oa"] > 50
    first, second = ([runs[place]["calibration"] for place in places] for runs in found)
    assert first[0] == second[1] != first[2]
