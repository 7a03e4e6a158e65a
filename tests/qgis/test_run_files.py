# SPDX-License-Identifier: GPL-2.0-or-later
"""No output of a run replaces what the run reads, or another output: by files, however they are spelled."""

from __future__ import annotations

import os
import zipfile

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from scenes import Log, box_of_pixels, plus_one, run, save_layer, spectra, vector_layer, write_raster
from split_layers import points, split

SAMPLES = [(box_of_pixels(6 * row, 6 * column, 6 * row + 4, 6 * column + 4), "abc"[row]) for row in range(3)
           for column in range(4)]  # fmt: skip


@pytest.fixture
def files(tmp_path):
    """A scene and everything a run may read beside it, each in a folder "in"; their bytes must stay what they are."""
    folder = tmp_path / "in"
    folder.mkdir()
    write_raster(folder / "scene.tif", spectra())
    write_raster(folder / "mask.tif", np.zeros((1, 64, 64), np.uint8))
    save_layer(vector_layer(SAMPLES, "Polygon"), folder / "training.gpkg")
    save_layer(vector_layer(SAMPLES, "Polygon"), folder / "validation.gpkg")
    (folder / "scene.mtmsd").write_bytes(b"a model")
    virtual = gdal.BuildVRT(str(folder / "scene.vrt"), [str(folder / "scene.tif")])
    virtual.FlushCache()
    virtual = gdal.BuildVRT(str(folder / "nested.vrt"), [str(folder / "scene.vrt")])
    virtual.FlushCache()
    del virtual
    with zipfile.ZipFile(folder / "scene.zip", "w") as archive:
        archive.write(folder / "scene.tif", "scene.tif")
    return folder


def refusal(algorithm, **parameters):
    with pytest.raises(QgsProcessingException) as caught:
        run(algorithm, parameters)
    return str(caught.value)


def test_a_file_is_named_before_what_goes_with_it(files):
    """Statistics beside a raster are read with it, and listed first."""
    (files / "scene.tif.aux.xml").write_text("<PAMDataset/>")
    raster = str(files / "scene.tif")
    told = refusal("mapscene", INPUT=raster, OUTPUT=raster, **sample_layers(files))
    assert told.startswith(f"OUTPUT would replace {raster}, which INPUT reads")


def sample_layers(files):
    return {"TRAINING": str(files / "training.gpkg"), "CLASS_FIELD": "cover"}


CASES = [
    ("mapscene", {"MASK": "mask.tif"}, "OUTPUT", "mask.tif"),
    ("mapscene", {"MODEL": "scene.mtmsd"}, "REPORT", "scene.mtmsd"),
    ("mapscene", {}, "CONFIDENCE", "scene.tif"),
    ("mapscene", {"VALIDATION": "validation.gpkg"}, "REPORT", "validation.gpkg"),
    ("classify", {"INPUT": "nested.vrt"}, "OUTPUT", "scene.tif"),
    ("classify", {}, "REPORT", "scene.tif"),
    ("pretraindiffusion", {"MASK": "training.gpkg"}, "OUTPUT", "training.gpkg"),
    ("pretraindiffusion", {"MASK": "mask.tif"}, "REPORT", "mask.tif"),
    ("pretraindiffusion", {"RESUME": "scene.mtmsd"}, "OUTPUT", "scene.mtmsd"),
    ("extractfeatures", {"MODEL": "scene.mtmsd", "INPUT": "scene.vrt"}, "OUTPUT", "scene.tif"),
    ("assessaccuracy", {"INPUT": "mask.tif", "REFERENCE": "training.gpkg"}, "OUTPUT_JSON", "training.gpkg"),
    ("splitsamples", {"INPUT": "training.gpkg", "RASTER": "scene.tif"}, "OUTPUT_VALIDATION", "scene.tif"),
    ("importscene", {"INPUT": "scene.mtmsd"}, "OUTPUT", "scene.mtmsd"),
]


@pytest.mark.parametrize(("algorithm", "inputs", "output", "name"), CASES)
@pytest.mark.parametrize("spelling", ["plain", "dots", "link", "hard link"])
def test_an_output_that_is_an_input(files, torch_python, algorithm, inputs, output, name, spelling):
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    out = files.parent / "out"
    out.mkdir()
    known = QgsApplication.processingRegistry().createAlgorithmById(f"mtmsd:{algorithm}")
    parameters = {"INPUT": str(files / "scene.tif"), **sample_layers(files)}
    parameters.update({key: str(files / value) for key, value in inputs.items()})
    places = {"dots": files / ".." / "in" / "." / name, "link": out / "link", "hard link": out / "hard"}
    if spelling == "link":
        places["link"].symlink_to(files / name)
    if spelling == "hard link":
        os.link(files / name, places["hard link"])
    for definition in known.destinationParameterDefinitions():
        if not definition.flags() & definition.FlagOptional:
            parameters[definition.name()] = str(out / f"{definition.name()}.tif")
    parameters[output] = str(places.get(spelling, files / name))
    words = refusal(algorithm, **parameters)
    assert f"{output} would replace " in words, words
    assert name in words
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before


@pytest.mark.parametrize(
    ("source", "read"),
    [
        (lambda f: QgsRasterLayer(f"/vsizip/{f}/scene.zip/scene.tif", "zipped"), ["scene.zip"]),
        (lambda f: QgsRasterLayer(str(f / "nested.vrt"), "nested"), ["nested.vrt", "scene.tif", "scene.vrt"]),
        (lambda f: QgsRasterLayer((f / "nested.vrt").read_text().replace('relativeToVRT="1">', f'>{f}/'), "inline"),
         ["scene.tif", "scene.vrt"]),
        (lambda f: QgsVectorLayer(f"{f}/training.gpkg|layername=training", "t", "ogr"), ["training.gpkg:training"]),
        (lambda f: QgsVectorLayer(f"{f}/training.gpkg", "t", "ogr"), ["training.gpkg:training"]),
        (lambda f: QgsVectorLayer(f"?layer=ogr:{f}/training.gpkg:v&query=SELECT * FROM v", "v", "virtual"),
         ["training.gpkg:training"]),
        (lambda f: vector_layer(SAMPLES, "Polygon"), []),
    ],
)  # fmt: skip
def test_the_files_of_a_layer(files, source, read):
    from mtmsd.algorithms.bridge.files.input_files import places_of_layer

    layer = source(files)
    assert layer.isValid()
    found = {f"{place.path.name}{':' if place.table else ''}{place.table}" for place in places_of_layer(layer)}
    assert sorted(found) == read


def test_the_files_of_a_calculation(files, project):
    from mtmsd.algorithms.bridge.files.input_files import places_of_layer

    layer = plus_one(files / "scene.vrt", 64, 64)
    assert {place.path.name for place in places_of_layer(layer)} == {"scene.vrt", "scene.tif"}


def test_the_files_of_shapes_and_what_lies_beside_a_raster(files):
    from mtmsd.algorithms.bridge.files.input_files import places_of_layer
    from qgis.core import QgsVectorFileWriter

    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "ESRI Shapefile"
    context = QgsProject.instance().transformContext()
    QgsVectorFileWriter.writeAsVectorFormatV3(points(4), str(files / "shapes.shp"), context, options)
    (files / "shapes.qml").write_text("<qgis/>")
    (files / "scene.hdr").write_text("ENVI")
    layers = QgsVectorLayer(str(files / "shapes.shp"), "s", "ogr"), QgsRasterLayer(str(files / "scene.tif"), "r")
    shapes, raster = ({place.path.name for place in places_of_layer(layer)} for layer in layers)
    assert {"shapes.shp", "shapes.dbf", "shapes.shx", "shapes.prj", "shapes.qml"} <= shapes
    assert raster == {"scene.tif", "scene.hdr"}


@pytest.mark.parametrize(
    ("algorithm", "one", "other"),
    [
        ("classify", "OUTPUT", "CONFIDENCE"),
        ("classify", "OUTPUT", "REPORT"),
        ("mapscene", "OUTPUT", "OUTPUT_MODEL"),
        ("pretraindiffusion", "OUTPUT", "REPORT"),
        ("importscene", "OUTPUT", "OUTPUT_REFERENCE"),
        ("checkenvironment", "OUTPUT_HTML", "OUTPUT_JSON"),
    ],
)
@pytest.mark.parametrize("spelling", ["same.tif", "./same.tif", "x/../same.tif", "link.tif"])
def test_two_outputs_in_one_file(files, tmp_path, torch_python, algorithm, one, other, spelling):
    (tmp_path / "x").mkdir()
    (tmp_path / "link.tif").symlink_to(tmp_path / "same.tif")
    parameters = {"INPUT": str(files / "scene.tif"), **sample_layers(files)}
    words = refusal(algorithm, **parameters, **{one: str(tmp_path / "same.tif"), other: f"{tmp_path}/{spelling}"})
    assert f"Two files were expected for {one} and {other}" in words
    assert not (tmp_path / "same.tif").exists()


def test_a_part_of_the_way_of_an_output_is_no_place_for_others(files, tmp_path, torch_python):
    work = tmp_path / "map.tif.checkpoint"
    work.mkdir()
    (work / "run.json").write_text("{}")
    (work / "model.mtmsd").write_bytes(b"a model")
    parameters = {"INPUT": str(files / "scene.tif"), **sample_layers(files), "OUTPUT": str(tmp_path / "map.tif")}
    assert "REPORT should not lie in" in refusal("mapscene", **parameters, REPORT=str(work / "report.html"))
    assert "MODEL should not lie in" in refusal("mapscene", **parameters, MODEL=str(work / "model.mtmsd"))
    words = refusal("mapscene", **{**parameters, "OUTPUT": str(work / "map.tif")}, RESUME=str(work))
    assert "OUTPUT should not lie in" in words
    assert sorted(path.name for path in work.iterdir()) == ["model.mtmsd", "run.json"]


def test_a_part_of_a_raster_is_no_place_for_others(files, tmp_path, torch_python):
    mask = write_raster(tmp_path / "map.tif.msk", np.zeros((1, 64, 64), np.uint8))
    before = mask.read_bytes()
    parameters = {"INPUT": str(files / "scene.tif"), **sample_layers(files), "OUTPUT": str(tmp_path / "map.tif")}
    assert "OUTPUT would replace" in refusal("mapscene", **parameters, MASK=str(mask))
    assert mask.read_bytes() == before
    words = refusal("classify", **parameters, REPORT=str(tmp_path / "map.tif.aux.xml"))
    assert "Two files were expected for OUTPUT and REPORT" in words


def test_every_algorithm_asks():
    """A new one gets the check from the base class: it must not go round it."""
    from mtmsd.algorithms.base.algorithm import MtmsdAlgorithm

    algorithms = QgsApplication.processingRegistry().providerById("mtmsd").algorithms()
    ours = [type(algorithm) for algorithm in algorithms if isinstance(algorithm, MtmsdAlgorithm)]
    assert len(ours) > 8
    for kind in ours:
        for name in ("prepareAlgorithm", "processAlgorithm", "postProcessAlgorithm", "checkParameterValues"):
            assert getattr(kind, name) is getattr(MtmsdAlgorithm, name), (kind, name)


def tables_of(path):
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    return {
        dataset.GetLayer(i).GetName(): dataset.GetLayer(i).GetFeatureCount() for i in range(dataset.GetLayerCount())
    }


def table(path, name):
    return f"ogr:dbname='{path}' table=\"{name}\" (geom)"


def test_tables_of_one_geopackage(tmp_path):
    """Another table of the input's file may be written; the input's own, or the whole file, may not."""
    path = save_layer(points(20), tmp_path / "all.gpkg")
    (tmp_path / "link.gpkg").symlink_to(path)
    outputs = {"OUTPUT_TRAINING": table(path, "training"), "OUTPUT_VALIDATION": table(path, "validation")}
    split(str(path), METHOD="random", **outputs)
    assert tables_of(path) == {"all": 40, "training": 28, "validation": 12}
    for place in (
        str(path), f"{tmp_path}/./all.gpkg", str(tmp_path / "link.gpkg"), table(path, "all"), table(path, "ALL"),
        table(tmp_path / "link.gpkg", "all"),
    ):  # fmt: skip
        with pytest.raises(QgsProcessingException, match="which INPUT reads"):
            split(str(path), METHOD="random", OUTPUT_TRAINING=place)
    with pytest.raises(QgsProcessingException, match="Two files were expected"):
        split(str(path), METHOD="random", OUTPUT_TRAINING=table(path, "x"), OUTPUT_VALIDATION=table(path, "X"))
    other = tmp_path / "other.gpkg"
    with pytest.raises(QgsProcessingException, match="Two files were expected"):  # the one replaces the whole file
        split(str(path), METHOD="random", OUTPUT_TRAINING=str(other), OUTPUT_VALIDATION=table(other, "v"))
    assert tables_of(path) == {"all": 40, "training": 28, "validation": 12}


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/proc/nowhere/report.html", "REPORT cannot be written to /proc/nowhere/report.html: "),
        ("{folder}/file/report.html", "file is a file, not a folder"),
        ("{folder}/file/deep/report.html", "file is a file, not a folder"),
        ("{folder}", "is a folder. Give a name for the file in it"),
        ("{folder}/" + "x" * 300 + "/report.html", "File name too long"),
        ("{folder}/" + "ж" * 120 + ".html", "File name too long. Choose a shorter name"),
    ],
)
def test_a_place_that_no_file_can_have(files, tmp_path, torch_python, place, words):
    (tmp_path / "file").write_text("")
    report = place.format(folder=tmp_path)
    parameters = {"INPUT": str(files / "scene.tif"), "OUTPUT": str(tmp_path / "scene.mtmsd")}
    said = refusal("pretraindiffusion", **parameters, REPORT=report)
    assert words in said
    assert "disk" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "in"]


def test_the_shipped_model_asks_too(files, torch_python):
    model = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:scenetoclassmap")
    names = {d.name().split(":")[-1]: d.name() for d in model.destinationParameterDefinitions()}
    parameters = {
        "INPUT": str(files / "scene.vrt"), **sample_layers(files), names["CLASS_MAP"]: str(files / "map.tif"),
        names["MODEL"]: str(files / "m.mtmsd"),
    }  # fmt: skip
    context, before = QgsProcessingContext(), (files / "scene.tif").read_bytes()
    context.setProject(QgsProject.instance())
    for change, words in (
        ({names["REPORT"]: str(files / "scene.tif")}, "would replace"),
        ({names["MODEL"]: str(files / "training.gpkg")}, "would replace"),
        ({names["REPORT"]: f"{files}/./map.tif"}, "Two files were expected"),
    ):
        log = Log()
        fine, message = model.checkParameterValues({**parameters, **change}, context)
        assert not fine
        assert words in message
        _, fine = model.run({**parameters, **change}, context, log)
        assert not fine
        assert words in log.text
    assert (files / "scene.tif").read_bytes() == before
    assert not (files / "map.tif").exists()
