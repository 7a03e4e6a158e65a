# SPDX-License-Identifier: GPL-2.0-or-later
"""Every input that cannot work ends in one exception with its own words, and leaves nothing behind."""

from __future__ import annotations

import numpy as np
import processing
import pytest
from osgeo import gdal
from qgis.core import (
    NULL,
    QgsApplication,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProperty,
    QgsVectorLayer,
)
from scenes import (
    CLASSIFY,
    PRETRAIN,
    Log,
    box_of_pixels,
    point_in_pixel,
    save_layer,
    spectra,
    vector_layer,
    write_raster,
)


@pytest.fixture(autouse=True)
def no_torch_needed(fake_worker):
    """All of these are refused before a worker is asked."""
    fake_worker("sys.exit(9)")


def refusal(name, parameters):
    with pytest.raises(QgsProcessingException) as caught:
        processing.run(f"mtmsd:{name}", parameters, feedback=Log())
    return str(caught.value)


def pretrain(raster, folder, **more):
    return refusal(
        "pretraindiffusion", {"INPUT": str(raster), "OUTPUT": str(folder / "model.mtmsd"), **PRETRAIN, **more}
    )


def classify(raster, layer, folder, field="cover", **more):
    parameters = {"INPUT": str(raster), "TRAINING": layer, "CLASS_FIELD": field, "OUTPUT": str(folder / "map.tif")}
    return refusal("classify", {**parameters, **CLASSIFY, **more})


def squares(*values):
    """A polygon a value, four pixels each."""
    return vector_layer([(box_of_pixels(4 * i, 4, 4 * i + 2, 6), value) for i, value in enumerate(values)], "Polygon")


def left_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name not in ("fake_worker.py", "in.tif"))


def test_raster_smaller_than_a_patch(tmp_path):
    raster = write_raster(tmp_path / "in.tif", spectra(height=20, width=40))
    words = pretrain(raster, tmp_path, PATCH_SIZE=32)
    assert "at least as large as a training patch, 32 x 32 pixels" in words
    assert "40 x 20" in words
    assert left_in(tmp_path) == []


def test_no_band_that_can_be_used(tmp_path):
    raster = write_raster(tmp_path / "in.tif", spectra()[:2])
    dataset = gdal.Open(str(raster), gdal.GA_Update)
    dataset.SetMetadataItem("bbl", "{0, 0}", "ENVI")
    del dataset
    assert "at least one usable band was expected" in pretrain(raster, tmp_path)
    assert "at least one usable band was expected" in classify(raster, squares("a", "b"), tmp_path)
    assert left_in(tmp_path) == []


def test_a_band_that_is_not_there(scene, tmp_path):
    assert "BANDS should be numbers from 1 to 12" in pretrain(scene.raster, tmp_path, BANDS=[3, 13])


def test_mask_over_everything(scene, tmp_path):
    mask = vector_layer([(box_of_pixels(-1, -1, 99, 99), "x")], "Polygon", name="all of it")
    words = pretrain(scene.raster, tmp_path, MASK=mask)
    assert "No valid pixel is left: the mask all of it covers the whole raster" in words


def test_complex_numbers(tmp_path):
    raster = write_raster(tmp_path / "in.tif", spectra().astype(np.float32), code=gdal.GDT_CFloat32)
    assert "Band 1 of the raster in holds complex numbers" in pretrain(raster, tmp_path)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"PATCH_SIZE": 30}, "multiple of 4"),
        ({"BASE_WIDTH": 48}, "32, 64 or 128"),
        ({"DEVICE": "gpu"}, "auto, cpu, cuda or cuda:N"),
        ({"RESUME": "/nowhere/x.checkpoint"}, "RESUME should be the checkpoint"),
    ],
)
def test_settings_out_of_range(scene, tmp_path, more, words):
    assert words in pretrain(scene.raster, tmp_path, **more)


def test_settings_are_checked_before_the_dialog_runs_anything(scene):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:extractfeatures")
    parameters = {"INPUT": str(scene.raster), "MODEL": "x.mtmsd", "TIMESTEPS": "50;abc", "OUTPUT": "TEMPORARY_OUTPUT"}
    fine, message = algorithm.checkParameterValues(parameters, QgsProcessingContext())
    assert not fine
    assert "TIMESTEPS must be whole numbers" in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"TIMESTEPS": [100, 200]}, "TIMESTEPS should be a text, as its help says; found [100, 200]."),
        ({"STAGES": ("5",)}, "STAGES should be a text"),
        ({"CREATION_OPTIONS": ["COMPRESS=ZSTD"]}, "CREATION_OPTIONS should be a text"),
        ({"KEEP": "all"}, "KEEP should be a number, with a point before its decimals; found all."),
        ({"KEEP": [5]}, "KEEP should be a number"),
        ({"KEEP": 2.5}, "KEEP should be a whole number, at most 2147483647; found 2.5."),
        ({"KEEP": "1.5"}, "KEEP should be a whole number"),
        ({"KEEP": 2**32 + 8}, "KEEP should be a whole number"),
        ({"KEEP": "nan"}, "KEEP should be a whole number"),
        ({"KEEP": 8.0, "SEED": NULL}, ""),
        ({"SPECTRA": "no"}, "SPECTRA should be true or false; found no."),
        ({"KEEP": "8", "SPECTRA": "False", "TIMESTEPS": 100, "STAGES": " 5 "}, ""),
        ({"KEEP": QgsProperty.fromExpression("'x'")}, "KEEP should be a number"),
        ({"KEEP": QgsProperty.fromField("cover")}, "KEEP should be an expression with a value; found "),
        ({"KEEP": QgsProperty.fromExpression("2 * 4"), "SEED": QgsProperty.fromValue(3)}, ""),
    ],
)
def test_values_that_qgis_would_read_as_another_one_are_refused(scene, change, words):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:extractfeatures")
    parameters = {"INPUT": str(scene.raster), "MODEL": "x.mtmsd", "OUTPUT": "TEMPORARY_OUTPUT", **change}
    fine, message = algorithm.checkParameterValues(parameters, QgsProcessingContext())
    assert fine == (not words)
    assert words in message


@pytest.mark.parametrize("split", [1, "1", "nope", ["spatial"], QgsProperty.fromExpression("'nope'")])
def test_choices_that_qgis_would_read_as_the_default_are_refused(scene, tmp_path, split):
    """A model hands over the number of a choice, or an expression's value, without asking whether it can be."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:classify")
    given = {"INPUT": str(scene.raster), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", "SPLIT": split}
    log = Log()
    _, fine = algorithm.run({**given, "OUTPUT": str(tmp_path / "map.tif")}, QgsProcessingContext(), log)
    assert not fine
    assert "SPLIT should be one of none, random, spatial, block, scene; found " in log.text


def test_a_mask_that_cannot_be_loaded_is_refused(scene, tmp_path):
    """In a model, whose steps are not asked, or as a layer whose file is gone; the run went on without a mask."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:pretraindiffusion")
    gone = str(tmp_path / "none.gpkg")
    for mask in (gone, QgsVectorLayer(gone, "gone", "ogr")):
        log = Log()
        given = {"INPUT": str(scene.raster), "MASK": mask, "OUTPUT": str(tmp_path / "model.mtmsd")}
        _, fine = algorithm.create().run(given, QgsProcessingContext(), log)
        assert not fine
        assert "MASK should be a raster or vector layer; " in log.text


@pytest.mark.parametrize("bands", ["1,2", "abc", ["Band 1"], 1.5, [2, "x"], "1;x"])
def test_bands_that_qgis_would_read_as_others_are_refused(scene, bands):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:pretraindiffusion")
    parameters = {"INPUT": str(scene.raster), "OUTPUT": "TEMPORARY_OUTPUT", "ITERATIONS": 1}
    fine, message = algorithm.checkParameterValues({**parameters, "BANDS": bands}, QgsProcessingContext())
    assert not fine
    assert message.startswith("BANDS should be numbers of bands, as a list, or as a text with semicolons")
    assert str(bands) in message
    for read in ("1; 2", [1, "2"], 3, "3", None, []):
        assert algorithm.checkParameterValues({**parameters, "BANDS": read}, QgsProcessingContext()) == (True, "")


def test_a_layer_with_the_wrong_crs_is_refused_with_that_in_mind(scene, tmp_path):
    wrong = vector_layer([(box_of_pixels(4, 4, 8, 8), "a")], "Polygon", crs="EPSG:4326", crs_of_shapes="EPSG:4326")
    words = classify(scene.raster, wrong, tmp_path)
    assert "1 outside the area of the raster's CRS (feature 1). Check that the layer's CRS, WGS 84, is" in words


def test_empty_training_layer(scene, tmp_path):
    words = classify(scene.raster, squares(), tmp_path)
    assert "no usable feature was found" in words
    assert "with 'Selected features only', select some" in words
    words = classify(scene.raster, squares(None, None), tmp_path)
    assert "2 without a class" in words
    words = classify(scene.raster, vector_layer([(QgsGeometry(), "a")], "Polygon"), tmp_path)
    assert "1 without a geometry" in words
    assert left_in(tmp_path) == []


def test_one_class(scene, tmp_path):
    words = classify(scene.raster, squares("maize", "maize"), tmp_path)
    assert "At least two classes are needed" in words
    assert "'maize'" in words


def test_a_class_with_one_sample(scene, tmp_path):
    points = [(point_in_pixel(row, 3), "maize") for row in range(5)] + [(point_in_pixel(9, 9), "hops")]
    words = classify(scene.raster, vector_layer(points, "Point"), tmp_path)
    assert "has one of 'hops'" in words


def test_samples_elsewhere(scene, tmp_path):
    far = vector_layer([(box_of_pixels(900, 900, 910, 910), v) for v in "ab"], "Polygon")
    words = classify(scene.raster, far, tmp_path)
    assert (
        "no feature of the layer training lies on a pixel with data (2 outside the raster (features 1 and 2))" in words
    )


def test_a_field_that_does_not_exist(scene, tmp_path):
    words = classify(scene.raster, squares("a", "b"), tmp_path, field="klass")
    assert "has no field 'klass'. Its fields are: cover" in words


def test_lines_are_no_training_samples(scene, tmp_path):
    line = vector_layer([(QgsGeometry.fromWkt("LINESTRING(500000 5799990, 500100 5799990)"), "a")], "LineString")
    assert "should hold points or polygons" in classify(scene.raster, line, tmp_path)


def test_a_table_of_coordinates_is_to_be_loaded_as_points(scene, tmp_path):
    table = tmp_path / "points.csv"
    table.write_text("x,y,cover\n500005,5799995,a\n500015,5799995,b\n")
    assert "load it as points first" in classify(scene.raster, str(table), tmp_path)


def test_output_over_the_input(tmp_path):
    raster = write_raster(tmp_path / "in.tif", spectra())
    before = raster.read_bytes()
    assert "which INPUT reads" in classify(raster, squares("a", "b"), tmp_path, OUTPUT=str(raster))
    assert raster.read_bytes() == before


def test_output_of_another_format(scene, tmp_path):
    assert "map.img" in classify(scene.raster, squares("a", "b"), tmp_path, OUTPUT=str(tmp_path / "map.img"))


def test_a_file_that_is_no_model(scene, tmp_path):
    (tmp_path / "text.mtmsd").write_text("a shopping list, long enough to hold a header, but not one at all")
    cases = (
        (tmp_path / "text.mtmsd", "is not a diffusion model"),
        (scene.raster, "is not a diffusion model"),
        (tmp_path / "gone.mtmsd", "cannot be opened"),
    )
    for path, words in cases:
        parameters = {"INPUT": str(scene.raster), "MODEL": str(path), "OUTPUT": str(tmp_path / "features.tif")}
        assert words in refusal("extractfeatures", parameters)


def test_training_layer_without_class_field(scene, tmp_path):
    from mtmsd.mtmsd_qgis.io import array_file

    model = tmp_path / "model.mtmsd"
    bands = [{"name": f"b{n}", "number": n} for n in range(1, 13)]
    array_file.write_file(model, "model", {"preset": "quick", "bands": bands, "source_band_count": 12}, {})
    parameters = {"INPUT": str(scene.raster), "MODEL": str(model), "OUTPUT": str(tmp_path / "features.tif")}
    assert "CLASS_FIELD is empty" in refusal("extractfeatures", {**parameters, "TRAINING": squares("a", "b")})
    other = write_raster(tmp_path / "in.tif", spectra(bands=5))
    words = refusal("extractfeatures", {**parameters, "INPUT": str(other)})
    assert "The model expects a raster of 12 bands, this one has 5 bands" in words


def test_no_mat_file(tmp_path):
    parameters = {"INPUT": str(tmp_path / "gone.mat"), "OUTPUT": str(tmp_path / "scene.tif")}
    assert "INPUT should be a MATLAB file" in refusal("importscene", parameters)


def test_a_worker_that_fails_leaves_what_was_there(scene, tmp_path, fake_worker):
    fake_worker("""
job = json.load(open(os.path.join(folder, "job.json")))
open(job["outputs"]["model"] + ".partial", "w").write("half")
os.kill(os.getpid(), 9)
""")
    (tmp_path / "model.mtmsd").write_text("of yesterday")
    assert "killed, most likely for lack of memory" in pretrain(scene.raster, tmp_path)
    assert left_in(tmp_path) == ["model.mtmsd"]
    assert (tmp_path / "model.mtmsd").read_text() == "of yesterday"


@pytest.mark.parametrize(
    ("algorithm", "parameters", "words"),
    [
        ("pretraindiffusion", {"INPUT": "{raster}", "PATCH_SIZE": 256, "OUTPUT": "{out}"}, "256 x 256 pixels"),
        ("extractfeatures", {"INPUT": "{raster}", "MODEL": "{raster}", "OUTPUT": "{out}.tif"}, "not a diffusion model"),
        (
            "classify",
            {"INPUT": "{raster}", "TRAINING": "{polygons}", "CLASS_FIELD": "klass", "OUTPUT": "{out}.tif"},
            "has no field 'klass'",
        ),
    ],
)
def test_qgis_process_fails_with_the_same_words(qgis_process, scene, tmp_path, algorithm, parameters, words):
    out = tmp_path / "out"
    places = {"raster": scene.raster, "polygons": scene.polygons, "out": out}
    completed = qgis_process.run(f"mtmsd:{algorithm}", **{k: str(v).format(**places) for k, v in parameters.items()})
    assert completed.returncode != 0
    assert words in completed.stderr
    assert left_in(tmp_path) == []


def test_qgis_process_without_torch(scene, bare_python, tmp_path):
    from harness import QgisProcess

    (tmp_path / "home").mkdir()
    completed = QgisProcess(tmp_path / "home", str(bare_python)).run(
        "mtmsd:pretraindiffusion", INPUT=scene.raster, OUTPUT=tmp_path / "model.mtmsd"
    )
    assert completed.returncode != 0
    assert f"A Python with torch was expected; {bare_python}" in completed.stderr
    assert not (tmp_path / "model.mtmsd").exists()


def test_a_layer_given_by_its_path_is_checked_too(scene, tmp_path):
    layer = str(save_layer(squares("a", "b"), tmp_path / "layer.gpkg"))
    assert "klass" in classify(scene.raster, layer, tmp_path, field="klass")
