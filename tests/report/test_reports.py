# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import re
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest

from mtmsd_qgis.accuracy.calibration import evaluate_confidence
from mtmsd_qgis.accuracy.metrics import evaluate
from mtmsd_qgis.report.charts import bar_chart, line_chart, png
from mtmsd_qgis.report.reports import classification_report, pretraining_report

CLASSES = [{"id": 1, "name": "water <deep>", "color": "#0000ff"}, {"id": 7, "name": "wood", "color": "#008800"}]


def classification(**changes):
    reference, mapped = np.repeat([0, 1], 50), np.repeat([0, 1, 0, 1], [40, 10, 20, 30])
    judged = evaluate(reference, mapped, np.arange(100) // 5, 2)
    right = np.arange(100) % 10 < 7
    judged |= evaluate_confidence(np.full(100, 0.85), right, np.arange(100) // 5)
    return {
        "accuracy": judged,
        "split": {
            "method": "spatial",
            "sentence": "Whole polygons were held out.",
            "not_held_out": [],
            "training_samples": [5, 6],
            "validation_samples": [50, 50],
            "validation_outside_map": 0,
        },
        "classes": CLASSES,
        "mapped_pixels": [300, 100],
        "timesteps": [50, 100],
        "timestep_weights": {"50": 0.25, "100": 0.75},
        "stage_weights": {"spectra": 0.5, "3": 0.2, "5": 0.3},
        "pool": {
            "for": "spatial",
            "trials": [
                {"name": "discriminant on spectra", "weight": 0.7, "accuracy": 0.61},
                {"name": "kernel on boxes", "weight": 0.0, "accuracy": 0.5},
            ],
            "trial_accuracy": 0.63,
            "trial_folds": "groups",
            "agreement": {"likeness": 0.15, "mixed": 0.043, "guides": 16},
        },
        "features_per_timestep": 12,
        "purification": {"raster": "clusters", "note": ""},
        "settings": {"classifier": "mtmsd", "seed": 0},
        "device": "CPU (2 threads)",
        "device_reason": "asked for",
        "torch": "2.13.0",
        "seconds": 12.3,
        **changes,
    }


def pretraining():
    return {
        "final_loss": 0.37,
        "iterations": 100,
        "components": 25,
        "explained_share": 0.9901,
        "loss_curve": [[1, 1.0], [50, 0.5], [100, 0.37]],
        "rollbacks": 2,
        "bands_used": [1, 2],
        "bands_left_out": [{"number": 3, "name": "", "reason": "constant (7)"}],
        "denoised": [
            {"patch": 0, "timestep": 50, "clean": "data:a", "noised": "data:b", "denoised": "data:c"},
        ],
        "settings": {
            "preset": "quick", "base_width": 32, "patch_size": 32, "iterations": 100, "batch_size": 8,
            "learning_rate": 1e-3, "seed": 0,
        },
        "device": "CPU", "device_reason": "asked for", "torch": "2.13.0", "seconds": 1.0,
    }  # fmt: skip


class Balanced(HTMLParser):
    """Fails on tags that are not closed in order."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self):
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    "page",
    [
        classification_report(classification(), {"Raster": "a&b.tif"}),
        classification_report(classification(accuracy=None), {}),
        pretraining_report(pretraining(), {"Raster": "x"}),
    ],
)
def test_pages_are_whole_and_stand_alone(page):
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert not re.search(r"https?://|src=\"(?!data:)|@import|<script", page)


def test_names_and_figures_are_there_and_escaped():
    page = classification_report(classification(), {"Raster": "a&b.tif"})
    for text in ("70.0", "water &lt;deep&gt;", "a&amp;b.tif", "Rows: reference", "Whole polygons were held out."):
        assert text in page
    assert "<deep>" not in page


def test_areas_are_in_hectares_where_a_pixel_has_metres():
    assert "Area (ha)" not in classification_report(classification(), {})
    page = classification_report(classification(), {}, pixel_area_m2=400.0)
    assert "<td>300</td><td>75.0</td><td>12.0</td>" in page
    assert "<td>3.000</td>" in classification_report(classification(), {}, pixel_area_m2=100.0)


def test_a_random_split_is_a_warning_and_class_purification_before_a_split_too():
    split = {**classification()["split"], "method": "random", "sentence": "This overstates."}
    purified = {"raster": "classes", "note": ""}
    assert '<p class="warn">This overstates.' in classification_report(classification(split=split), {})
    assert "slightly too good" in classification_report(classification(split=split, purification=purified), {})
    after = {**purified, "after_split": True}
    assert "slightly too good" not in classification_report(classification(split=split, purification=after), {})
    assert "slightly too good" not in classification_report(classification(), {})


def test_one_timestep_has_no_weights_to_show():
    page = classification_report(classification(timesteps=[0], timestep_weights={"0": 1.0}, stage_weights={}), {})
    assert "rests on" not in page


def test_a_map_of_spectra_alone_says_so():
    alone = classification(timesteps=[50, 100], timestep_weights={"spectra": 1.0}, stage_weights={"spectra": 1.0})
    page = classification_report(alone, {})
    assert "The spectra alone: no model that looks at diffusion features" in page
    assert "rests on: timesteps" not in page
    assert "The spectra alone" not in classification_report(classification(), {})


def test_it_says_what_the_map_rests_on_and_how_its_models_were_chosen():
    page = classification_report(classification(), {})
    for text in ("rests on: timesteps", "rests on: stages", "discriminant on spectra", "places that have no samples"):
        assert text in page
    assert page.index("discriminant on spectra") < page.index("kernel on boxes")
    assert "held out by groups" in page
    random = {**classification()["pool"], "for": "random"}
    assert "more pixels of the same fields" in classification_report(classification(pool=random), {})
    assert "How the models were chosen" not in classification_report(classification(pool=None), {})


def test_it_says_whether_neighbours_decided_together():
    pool = classification()["pool"]
    together, alone, known = (
        classification_report(classification(pool={**pool, **change}), {})
        for change in ({}, {"agreement": None}, {"for": "random", "agreement": None})
    )
    assert "decided together" in together
    assert "4.3 %" in together
    assert "Each pixel decided alone" in alone
    assert "<h2>Neighbours" not in known


def test_it_says_how_common_the_classes_were_found_to_be():
    pool = classification()["pool"]
    shares = [{"name": "wood & field", "share": 0.8125}, {"name": "lake", "share": 0.1875}]
    page = classification_report(classification(pool={**pool, "shares": shares}), {})
    assert "wood &amp; field" in page
    assert "<td>81.2</td>" in page
    assert "How common the classes are" not in classification_report(classification(), {})


def test_the_calibration_is_shown():
    page = classification_report(classification(), {})
    assert "<td>0.85</td><td>0.70</td><td>100</td>" in page


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "lies in 20 places (polygons, or squares of 32 x 32 pixels)"),
        ({}, "would show 0.054 on average, by chance, and more than 0.120 in one of twenty cases"),
        ({"calibration_error_by_chance_at_most": 0.2}, "nothing here says that the confidence is wrong"),
        ({"calibration_error_by_chance_at_most": 0.1}, "the map is surer of itself than it should be"),
        (
            {"calibration_error": 0.3, "calibration": [{"samples": 100, "confidence": 0.5, "accuracy": 0.8}]},
            "less sure",
        ),
    ],
)
def test_the_calibration_error_is_held_against_chance(changes, expected):
    judged = classification()["accuracy"]
    chance = {"calibration_error_by_chance": 0.054, "calibration_error_by_chance_at_most": 0.12}
    page = classification_report(classification(accuracy={**judged, **chance, **changes}), {})
    assert expected in page
    assert "; 0.05 by chance" in page


def test_pretraining_names_bands_left_out():
    page = pretraining_report(pretraining(), {})
    assert "3 (constant (7))" in page
    assert "halved 2 times as the training diverged" in page


def test_png_is_read_back_by_its_definition():
    colours = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    data = png(colours)
    start = data.index(b"IDAT") + 4
    length = int.from_bytes(data[start - 8 : start - 4], "big")
    lines = np.frombuffer(zlib.decompress(data[start : start + length]), np.uint8).reshape(5, 22)
    assert np.array_equal(lines[:, 1:].reshape(5, 7, 3), colours)
    assert (lines[:, 0] == 0).all()


def test_charts_hold_their_points():
    assert line_chart([[0, 1.0], [10, 0.5]], "x", "y").count("L") == 1
    assert bar_chart(["a", "b<"], [1.0, 0.0], "x", "y").count("<rect") == 2
    assert "b&lt;" in bar_chart(["b<"], [1.0], "x", "y")
    assert line_chart([[5, 0.0]], "x", "y")


def test_ticks_are_round_numbers():
    ticks = re.findall(r'class="tick" [^>]*>([^<]+)<', line_chart([[12, 1.0], [1200, 0.4]], "iteration", "loss"))
    assert ticks == ["0", "200", "400", "600", "800", "1000", "1200"]
    late = re.findall(r'class="tick" [^>]*>([^<]+)<', line_chart([[500, 1.0], [1000, 0.4]], "iteration", "loss"))
    assert late == ["500", "600", "700", "800", "900", "1000"]
