# SPDX-License-Identifier: GPL-2.0-or-later
"""A table of classes as QGIS opens it, and what it makes of layers and maps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from label_layers import labels_of
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsRasterLayer,
    QgsVectorLayer,
)
from scenes import CLASSIFY, Log, box_of_pixels, class_of_pixel, legend, point_in_pixel, read_raster, run, vector_layer


def rows_of(tmp_path, text):
    """The table of a CSV file."""
    from mtmsd.algorithms.bridge.choices.class_table import read_class_table

    path = tmp_path / "legend.csv"
    path.write_text(text, "utf-8")
    layer, context = QgsVectorLayer(str(path), "legend", "ogr"), QgsProcessingContext()
    return read_class_table(QgsProcessingFeatureSource(layer, context))


def numbered(values=(1, 2, 3)):
    shapes = [(point_in_pixel(4 * i, 4 * j), value) for j, value in enumerate(values) for i in range(2)]
    return labels_of(vector_layer(shapes, "Point", field_type="integer", name="samples"))


def test_a_file_of_text_names_colours_merges_and_leaves_out_classes_of_numbers(tmp_path):
    from mtmsd.algorithms.bridge.choices.class_table import apply_class_table
    from mtmsd.algorithms.bridge.vector.labels import make_classes

    table = rows_of(
        tmp_path,
        'Value,Name,Color,Merged into,left_out\n1,wood,darkgreen,,\n2,,,1,no\n3,cloud,,,yes\n4,,"10,20,30",,\n',
    )
    chosen = apply_class_table(table, numbered((1, 2, 3, 4, 5)), numbered((2, 5)))
    entries = make_classes(chosen.training)
    assert [(key, entry.id, entry.name, entry.color) for key, entry in entries.items()][:2] == [
        (1, 1, "wood", "#006400"),
        (4, 4, "4", "#0a141e"),
    ]
    assert [key for _, key in chosen.training.shapes] == [1, 1, 1, 1, 4, 4, 5, 5]
    assert [key for _, key in chosen.reference.shapes] == [1, 1, 5, 5]
    assert chosen.training.skipped.text == "2 of a class that the class table leaves out (features 5 and 6)"
    assert chosen.sentences == (
        "Classes merged: '2' into 'wood'.",
        "Left out by the table legend: 'cloud' (2 training features). The map gives their pixels other classes, and "
        "the accuracy holds for the classes that are left.",
    )
    assert chosen.warnings == ()


def test_what_is_merged_in_the_validation_layer_alone_is_told(tmp_path):
    from mtmsd.algorithms.bridge.choices.class_table import apply_class_table

    table = rows_of(tmp_path, "value,name,merged_into\n11,,3\n3,wood,\n1,,2\n")
    chosen = apply_class_table(table, numbered((1, 2, 3)), numbered((1, 3, 11)))
    assert [key for _, key in chosen.reference.shapes] == [2, 2, 3, 3, 3, 3]
    assert chosen.sentences == (
        "Classes merged: '1' into '2'.",
        "Classes merged in the validation layer: '11' into 'wood'.",
    )


@pytest.mark.parametrize(
    ("text", "values", "names"),
    [
        ("class,value,colour\n3,1,#0000ff\n1,2,#ffff00\n", ["1", "2"], ["", ""]),
        ("Label,Class,Name,Value\na,Water,b,1\n", ["1"], ["b"]),
        ("label,class\na,Water\n", ["Water"], ["a"]),
    ],
)
def test_of_two_columns_for_one_thing_value_and_name_are_meant(tmp_path, text, values, names):
    rows = rows_of(tmp_path, text).rows
    assert [row.value for row in rows] == values
    assert [row.name for row in rows] == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,colour\nwood,red\n", r"should have a column 'value' .*Its columns are: name, colour"),
        ("value\n1\n", r"at least one of name, colour, merged_into, left_out"),
        ("value,name\n1,wood\n,meadow\n", "the row with meadow has none"),
        ("value,colour\n1,reddish\n", "colour of the class '1' in the table legend should be .* found 'reddish'"),
        ('value,colour\n1,"256,0,0"\n', "found '256,0,0'"),
        (f'value,colour\n1,"{"9" * 5000},0,0"\n', "found '9999"),
        ("value,left_out\n1,perhaps\n", "left_out of the class '1' .* found 'perhaps'"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(tmp_path, text, words):
    with pytest.raises(QgsProcessingException, match=words):
        rows_of(tmp_path, text)


def test_every_class_left_out_is_refused(tmp_path):
    from mtmsd.algorithms.bridge.choices.class_table import apply_class_table

    table = rows_of(tmp_path, "value,left_out\n1,1\n2,1\n3,1\n")
    with pytest.raises(QgsProcessingException, match="leaves out every class of the layer samples"):
        apply_class_table(table, numbered(), None)


@pytest.mark.usefixtures("torch_python")
def test_a_map_with_two_classes_merged_has_them_in_legend_report_and_accuracy(scene, features, tmp_path):
    table = tmp_path / "legend.csv"
    table.write_text("value,name,colour,merged_into\nforest,,,land\nmeadow,,,land\nland,Dry land,#8c510a,\nice,,red,\n")
    reference = vector_layer(
        [(box_of_pixels(30, 60, 34, 62), "forest"), (box_of_pixels(30, 2, 34, 4), "water")], "Polygon"
    )
    log = Log()
    results = run(
        "classify",
        {
            "INPUT": str(features),
            "TRAINING": str(scene.polygons),
            "CLASS_FIELD": "cover",
            "CLASS_TABLE": str(table),
            "VALIDATION": reference,
            "OUTPUT": str(tmp_path / "map.tif"),
            "REPORT": str(tmp_path / "report.html"),
            **CLASSIFY,
        },
        log,
    )
    rows = legend(QgsRasterLayer(str(tmp_path / "map.tif"), "map"))
    assert [row[:2] for row in rows] == [(1, "Dry land"), (2, "water")]
    assert rows[0][2] == "#8c510a"
    expected = np.where(class_of_pixel() == 0, 2, 1)
    assert (read_raster(tmp_path / "map.tif")[0] == expected).mean() > 0.9
    assert results["OA"] == 100
    assert "No sample has these values of the table legend: 'ice'." in log.warnings
    sentence = "Classes merged: 'forest', 'meadow' into 'Dry land'."
    assert sentence in log.lines
    report = json.loads((tmp_path / "report.json").read_text())
    assert sentence in report["notes"]
    assert sum(map(sum, report["accuracy"]["matrix"])) == 16
    assert sentence.replace("'", "&#x27;") in (tmp_path / "report.html").read_text()
