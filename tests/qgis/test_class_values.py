# SPDX-License-Identifier: GPL-2.0-or-later
"""Values that are the same class though their types differ: in a field, in categories, in a second layer."""

from __future__ import annotations

import numpy as np
import pytest
from label_layers import labels_of, placed
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingUtils,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from scenes import (
    CLASSIFY,
    Log,
    box_of_pixels,
    categorize,
    class_of_pixel,
    point_in_pixel,
    run,
    save_layer,
    vector_layer,
    write_raster,
)

NUMBERED = {1: "#1f78b4", 2: "#b2df8a", 3: "#33a02c"}
NAMED = {1: "water", 2: "meadow", 3: "forest"}


def numbered_layer(folder, field="cover"):
    """Points with whole numbers, saved."""
    shapes = [(point_in_pixel(4 * i, 20 * index + 4), index + 1) for index in range(3) for i in range(6)]
    layer = vector_layer(shapes, "Point", field=field, field_type="integer")
    return save_layer(layer, folder / "samples.gpkg")


def with_names(layer, field="cover", values=NUMBERED):
    return categorize(layer, field=field, colors=values, label=lambda value: NAMED[int(value)])


def beside_the_file(path):
    with_names(QgsVectorLayer(str(path), "l", "ogr")).saveNamedStyle(str(path.with_suffix(".qml")))


def inside_the_geopackage(path):
    layer = with_names(QgsVectorLayer(str(path), "l", "ogr"))
    assert layer.saveStyleToDatabase("names", "", True, "") in ("", None)


@pytest.mark.parametrize("keep", [beside_the_file, inside_the_geopackage], ids=lambda f: f.__name__)
def test_categories_of_a_file_name_the_classes_of_numbers(tmp_path, keep):
    path = numbered_layer(tmp_path)
    keep(path)
    context = QgsProcessingContext()  # owns the layer
    _, classes = placed(QgsProcessingUtils.mapLayerFromString(str(path), context))
    assert {(entry.id, entry.name, entry.color) for entry in classes.values()} == {
        (number, NAMED[number], color) for number, color in NUMBERED.items()
    }


def test_categories_of_a_saved_project_name_the_classes(tmp_path):
    project = QgsProject()
    project.addMapLayer(with_names(QgsVectorLayer(str(numbered_layer(tmp_path)), "samples", "ogr")))
    assert project.write(str(tmp_path / "p.qgs"))
    again = QgsProject()
    assert again.read(str(tmp_path / "p.qgs"))
    layer = next(iter(again.mapLayers().values()))
    assert isinstance(layer.renderer(), QgsCategorizedSymbolRenderer)
    _, classes = placed(layer)
    assert [entry.name for entry in classes.values()] == list(NAMED.values())


@pytest.mark.parametrize(
    ("field_type", "values", "categories"),
    [("string", ["1", "2"], [1, 2]), ("integer", [1, 2], ["1", "2"]), ("double", [1.0, 2.0], ["1", "2"])],
)
def test_a_field_of_another_type_than_its_categories(field_type, values, categories):
    shapes = [(point_in_pixel(i, i), value) for i, value in enumerate(values)]
    layer = vector_layer(shapes, "Point", field_type=field_type)
    with_names(layer, values={value: NUMBERED[int(value)] for value in categories})
    _, classes = placed(layer)
    assert [entry.name for entry in classes.values()] == ["water", "meadow"]


@pytest.mark.parametrize("drawn_by", ["COVER", '"cover"', "land cover", " cover "])
def test_the_field_as_qgis_finds_it_when_it_draws(drawn_by):
    layer = vector_layer([(point_in_pixel(0, 0), 1), (point_in_pixel(1, 1), 2)], "Point", field_type="integer")
    layer.setFieldAlias(0, "land cover")
    with_names(layer, field=drawn_by)
    _, classes = placed(layer)
    assert [entry.name for entry in classes.values()] == ["water", "meadow"]


def test_samples_that_were_split_keep_the_names(tmp_path):
    path = numbered_layer(tmp_path)
    beside_the_file(path)
    run(
        "splitsamples",
        {
            "INPUT": str(path), "CLASS_FIELD": "cover", "METHOD": "random",
            "OUTPUT_TRAINING": str(tmp_path / "t.gpkg"), "OUTPUT_VALIDATION": str(tmp_path / "v.gpkg"),
        },
    )  # fmt: skip
    context = QgsProcessingContext()
    _, classes = placed(QgsProcessingUtils.mapLayerFromString(str(tmp_path / "t.gpkg"), context))
    assert [entry.name for entry in classes.values()] == list(NAMED.values())


def test_a_reference_by_path_is_held_against_names(tmp_path):
    """Ids of the map are others than those of the layer: only the names in the layer's .qml tell."""
    ids = (class_of_pixel() * 10 + 10)[None].astype(np.uint8)
    path = write_raster(tmp_path / "map.tif", ids)
    (tmp_path / "map.tif.aux.xml").write_text(
        "<PAMDataset><PAMRasterBand band='1'><CategoryNames>"
        + "".join(f"<Category>{ {10: 'water', 20: 'meadow', 30: 'forest'}.get(i, '') }</Category>" for i in range(31))
        + "</CategoryNames></PAMRasterBand></PAMDataset>"
    )
    samples = numbered_layer(tmp_path)
    beside_the_file(samples)
    found = run("assessaccuracy", {"INPUT": str(path), "REFERENCE": str(samples), "CLASS_FIELD": "cover"})
    assert (found["OA"], found["SAMPLES"]) == (100.0, 18)


def patches(values, field_type, top=0):
    shapes = [
        (box_of_pixels(top + row, 21 * index + 4, top + row + 4, 21 * index + 12), value)
        for index, value in enumerate(values)
        for row in (4, 30)
    ]
    return vector_layer(shapes, "Polygon", field_type=field_type, name="samples")


PAIRS = [
    pytest.param(("integer", [1, 2, 3]), ("string", ["1", " 2 ", "03"]), id="text against numbers"),
    pytest.param(("string", ["1", "2", "3"]), ("integer", [1, 2, 3]), id="numbers against text"),
    pytest.param(("double", [1.0, 2.0, 3.0]), ("string", ["1.0", "2", "3."]), id="text against floats"),
    pytest.param(("string", ["oak", "ash", "fir"]), ("string", ["Oak", "ash ", "fir"]), id="capitals"),
]


@pytest.mark.parametrize(("training", "validation"), PAIRS)
def test_validation_of_another_type_has_the_classes_of_training(training, validation):
    from mtmsd.algorithms.bridge.vector.labels import as_classes_of

    layers = [labels_of(patches(values, field_type)) for field_type, values in (training, validation)]
    matched = as_classes_of(*layers)
    assert [key for _, key in matched.shapes] == [key for _, key in layers[0].shapes]
    assert matched.notes == ()


@pytest.mark.parametrize("values", [["1", "1.0", "2"], ["Oak", "oak", "ash"], ["Bu\u0308sche", "B\u00fcsche", "ash"]])
def test_two_spellings_are_refused_until_a_table_merges_them(values):
    from mtmsd.algorithms.bridge.choices.class_table import apply_class_table
    from mtmsd.algorithms.bridge.vector.labels import refuse_two_spellings
    from mtmsd.mtmsd_qgis.sampling.class_table import ClassRow, ClassTable

    labels = labels_of(patches(values, "string"))
    with pytest.raises(QgsProcessingException, match=f"several: '{values[0]}', '{values[1]}'"):
        refuse_two_spellings(labels)
    table = ClassTable("legend", (ClassRow(values[1], merged_into=values[0]),))
    chosen = apply_class_table(table, labels, None)
    refuse_two_spellings(chosen.training)
    assert {key for _, key in chosen.training.shapes} == {values[0], values[2]}
    assert chosen.sentences == (f"Classes merged: '{values[1]}' into '{values[0]}'.",)


def test_classes_of_the_validation_layer_alone_are_named():
    from mtmsd.algorithms.bridge.vector.labels import as_classes_of

    layers = [labels_of(patches(values, "string")) for values in (["oak", "ash"], ["oak", "yew"])]
    assert as_classes_of(*layers).notes == ("Classes of the layer samples that the training layer lacks: 'yew'.",)


@pytest.mark.usefixtures("torch_python")
def test_validation_of_another_type_gives_an_accuracy(scene, tmp_path):
    parameters = {
        "INPUT": str(scene.raster), "CLASS_FIELD": "cover", "OUTPUT": str(tmp_path / "map.tif"), **CLASSIFY,
        "CLASSIFIER": "linear", "TRAINING": patches([1, 2, 3], "integer"),
    }  # fmt: skip
    found = run("classify", {**parameters, "VALIDATION": patches(["1", "02", "3.0"], "string", top=10)})
    assert found["OA"] > 90
    with pytest.raises(QgsProcessingException, match=r"values 'a', 'b', 'c'; in the layer samples it has '1', '2'"):
        run("classify", {**parameters, "VALIDATION": patches(["a", "b", "c"], "string")})


def test_unsaved_features_are_later_and_announced():
    shapes = [(box_of_pixels(0, 0, 4, 4), "old")]
    layer = vector_layer(shapes, "Polygon")
    layer.startEditing()
    for value, left in (("new", 2), ("newest", 3)):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(box_of_pixels(0, left, 4, left + 3))
        feature.setAttributes([value])
        layer.addFeature(feature)
    labels = labels_of(layer)
    assert [key for _, key in labels.shapes] == ["old", "new", "newest"]
    samples, classes = placed(layer, overlaps="later")
    names = [entry.name for entry in classes.values()]
    by_column = {column: names[index] for _, column, index, _ in samples.table.to_array().tolist()}
    assert by_column == {0: "old", 1: "old", 2: "new", 3: "newest", 4: "newest", 5: "newest"}
    assert labels.notes == ("The layer training has edits that are not saved; they are used as they are now.",)
    log = Log()
    with pytest.raises(QgsProcessingException):  # one polygon a class cannot be split
        run(
            "splitsamples",
            {"INPUT": layer, "CLASS_FIELD": "cover", "OUTPUT_TRAINING": "memory:", "OUTPUT_VALIDATION": "memory:"},
            log,
        )
    assert "has edits that are not saved" in log.text
    layer.rollBack()


def test_the_first_of_several_layers_in_a_file_is_announced(tmp_path):
    path = tmp_path / "samples.gpkg"
    layer = vector_layer([(box_of_pixels(0, 0, 4, 4), "a")], "Polygon")
    options = QgsVectorFileWriter.SaveVectorOptions()
    for name in ("training", "checks"):
        options.layerName = name
        QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(path), QgsCoordinateTransformContext(), options)
        options.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
        with_style = QgsVectorLayer(f"{path}|layername={name}", name, "ogr")
        with_style.saveStyleToDatabase("drawn", "", True, "")
        assert labels_of(with_style).notes == ()
        del with_style
    whole = QgsVectorLayer(str(path), "samples", "ogr")
    assert labels_of(whole).notes == (
        "The file of the layer samples holds several layers: training, checks. The first one, 'training', is used. For "
        "another one, write |layername= and its name behind the file's name.",
    )
    alone = QgsVectorLayer(str(save_layer(layer, tmp_path / "alone.gpkg")), "alone", "ogr")
    alone.saveStyleToDatabase("drawn", "", True, "")
    assert labels_of(alone).notes == ()


def test_signs_that_nobody_sees_are_told_where_they_make_another_spelling():
    from mtmsd.algorithms.bridge.vector.labels import refuse_two_spellings

    shapes = [(point_in_pixel(row, 1), key) for row, key in enumerate(("water", "water\u200b", "\u200b", "meadow"))]
    labels = labels_of(vector_layer(shapes, "Point"))
    assert labels.skipped.text == "1 without a class (feature 3)"
    with pytest.raises(QgsProcessingException, match=r"has several: 'water', 'water\\u200b'\."):
        refuse_two_spellings(labels)
