# SPDX-License-Identifier: GPL-2.0-or-later
"""The shipped models: in step with the algorithms they chain, whatever this QGIS calls their outputs."""

from __future__ import annotations

import pytest
from make_models import MAP_ANOTHER_SCENE, PLANS, SCENE_TO_CLASS_MAP, made
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingModelAlgorithm,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterDefinition,
    QgsVectorLayer,
)
from scenes import (
    EXPECTED_LEGEND,
    Log,
    box_of_pixels,
    categorize,
    legend,
    loaded,
    read_raster,
    spectra,
    vector_layer,
    write_raster,
)

HANDED_OUT = {
    "scene_to_class_map": {"CLASS_MAP", "CONFIDENCE", "REPORT", "MODEL"},
    "map_another_scene": {
        "CLASS_MAP", "REPORT", "OUTPUT_CLASSIFIER", "TARGET_MAP", "APPLICABILITY", "TARGET_REPORT",
    },
}  # fmt: skip
SUFFIXES = {"REPORT": ".html", "TARGET_REPORT": ".html", "MODEL": ".mtmsd", "OUTPUT_CLASSIFIER": ".mtmsdc"}


def shipped(plan):
    return QgsApplication.processingRegistry().createAlgorithmById(f"mtmsd:{plan.file.replace('_', '')}")


def words(parameter):
    options = parameter.options() if hasattr(parameter, "options") else None
    return parameter.name(), parameter.description(), parameter.help(), parameter.type(), options


def names_of(model):
    """Full name of each output by its short one; QGIS 3.22 puts the step before it."""
    return {d.name().split(":")[-1]: d.name() for d in model.destinationParameterDefinitions()}


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.file)
def test_shipped_model_asks_in_the_words_of_its_steps(plan):
    asked, expected = (
        [words(p) for p in model.parameterDefinitions() if not p.isDestination()]
        for model in (shipped(plan), made(plan))
    )
    assert asked == expected, "run tests/qgis/make_models.py"


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.file)
def test_shipped_model_chains_its_steps(plan):
    model = shipped(plan)
    assert isinstance(model, QgsProcessingModelAlgorithm)
    children = model.childAlgorithms()
    assert {key: child.algorithmId() for key, child in children.items()} == {
        key: step.algorithm for key, step in plan.steps.items()
    }
    for name in plan.shared:
        for step, own in plan.takers(name):
            assert [source.parameterName() for source in children[step].parameterSources()[own]] == [name]
    for key, step in plan.steps.items():
        for own, (earlier, output) in step.inputs.items():
            (source,) = children[key].parameterSources()[own]
            assert (source.outputChildId(), source.outputName()) == (earlier, output)
    assert names_of(model).keys() == HANDED_OUT[plan.file]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.file)
def test_shipped_model_asks_for_what_a_later_step_needs(plan):
    """Else it would fail there, after the training."""
    model = shipped(plan)
    needed = {step.outputs[output] for step, output in links(plan) if output in step.outputs}
    assert needed == ({"MODEL"} if plan is SCENE_TO_CLASS_MAP else {"OUTPUT_CLASSIFIER"})
    for short, name in names_of(model).items():
        if short in needed:
            assert not model.parameterDefinition(name).flags() & QgsProcessingParameterDefinition.Flag.FlagOptional


def links(plan):
    """Steps and their outputs that later steps take."""
    return [(plan.steps[step], output) for later in plan.steps.values() for step, output in later.inputs.values()]


@pytest.fixture
def asked(scene, tmp_path, project, fake_worker):
    """A function that starts a shipped model as a script does: what the dialog says before, and the log."""
    fake_worker("sys.exit(3)")

    def run_model(plan, **changes):
        model = shipped(plan)
        names = names_of(model)
        files = {short: str(tmp_path / f"{short}{SUFFIXES.get(short, '.tif')}") for short in names}
        given = {"INPUT": str(scene.raster), "TARGET": str(scene.raster), "TRAINING": str(scene.polygons)}
        parameters = {names.get(name, name): value for name, value in {**given, **files, **changes}.items()}
        parameters.setdefault("CLASS_FIELD", "cover")
        context = QgsProcessingContext()
        context.setProject(project)
        _, message = model.checkParameterValues(parameters, context)
        log = Log()
        _, fine = model.run(parameters, context, log)
        assert not fine
        return message, log.text

    return run_model


LATE_SETTINGS = [
    ({"TIMESTEPS": "foo"}, "TIMESTEPS must be whole numbers"),
    ({"CLASS_MAP": "map.png"}, "OUTPUT should be a GeoTIFF (.tif); found map.png"),
    ({"DEVICE": "gpu"}, "The device must be auto"),
]


@pytest.mark.parametrize(
    ("plan", "change", "words"),
    [
        *((plan, *late) for plan in PLANS for late in LATE_SETTINGS),
    ],
)
def test_shipped_model_refuses_the_settings_of_its_last_step_before_the_first(asked, plan, change, words):
    message, log = asked(plan, **change)
    assert words in message
    assert words in log
    assert "Reading the raster" not in log


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.file)
def test_shipped_model_offers_the_splits_of_a_single_scene(plan):
    assert shipped(plan).parameterDefinition("SPLIT").options() == ["none", "random", "spatial", "block"]


def one_class():
    return vector_layer([(box_of_pixels(0, 0, 4, 4), "a"), (box_of_pixels(9, 9, 14, 14), "a")], "Polygon")


def two_that_overlap():
    return vector_layer([(box_of_pixels(0, 0, 4, 4), "a"), (box_of_pixels(1, 1, 5, 5), "b")], "Polygon")


def two_outside():
    return vector_layer([(box_of_pixels(90, 90, 94, 94), "a"), (box_of_pixels(95, 95, 99, 99), "b")], "Polygon")


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.file)
@pytest.mark.parametrize(
    ("layer", "field", "words"),
    [
        (one_class, "nope", "has no field 'nope'"),
        (one_class, "cover", "At least two classes are needed"),
        (two_that_overlap, "cover", "overlap"),
        (two_outside, "cover", "outside the raster"),
    ],
)
def test_shipped_model_looks_at_the_samples_before_it_trains(asked, project, plan, layer, field, words):
    training = layer()
    project.addMapLayer(training)
    _, log = asked(plan, TRAINING=training.id(), CLASS_FIELD=field)
    assert words in log
    assert "Reading the raster" not in log


def test_shipped_model_looks_at_the_other_scene_before_it_trains(asked, tmp_path):
    target = write_raster(tmp_path / "few.tif", spectra(bands=6))
    _, log = asked(MAP_ANOTHER_SCENE, TARGET=str(target))
    assert "TARGET, few: The classifier needs 12 bands, of which this raster has none of these names: b7, b8" in log
    assert "Reading the raster" not in log


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.file)
def test_shipped_model_has_a_command_for_the_history(plan):
    model = shipped(plan)
    command = model.asPythonCommand({"INPUT": "scene.tif"}, QgsProcessingContext())
    assert command.startswith(f'processing.run("{model.id()}"')
    assert "scene.tif" in command


def test_shipped_model_maps_a_scene(scene, tmp_path, project, torch_python):
    training = categorize(QgsVectorLayer(str(scene.polygons), "training", "ogr"))
    project.addMapLayer(training)
    model = shipped(SCENE_TO_CLASS_MAP)
    assert model.displayName() == "Scene to class map"
    context = QgsProcessingContext()
    context.setProject(project)
    names = names_of(model)
    parameters = {
        "INPUT": str(scene.raster),
        "TRAINING": training.id(),
        "CLASS_FIELD": "cover",
        "ITERATIONS": 1,
        "TIMESTEPS": "200",
        "SPLIT": "random",
        names["CLASS_MAP"]: QgsProcessingOutputLayerDefinition(str(tmp_path / "map.tif"), project),
        names["MODEL"]: str(tmp_path / "scene.mtmsd"),
    }
    layers = loaded(model, parameters, context)
    (layer,) = layers.values()
    assert legend(layer) == EXPECTED_LEGEND
    assert layer.name() == "Class map – scene"
    assert (tmp_path / "scene.mtmsd").is_file()


def test_shipped_model_maps_another_scene(scene, tmp_path, project, torch_python):
    """Noise and stripes as in the first scene, with a border without data; named as in the first, and believed."""
    values = spectra(seed=0)
    values[:, :, :3] = 0
    target = write_raster(tmp_path / "target.tif", values, nodata=0)
    training = categorize(QgsVectorLayer(str(scene.polygons), "training", "ogr"))
    project.addMapLayer(training)
    model = shipped(MAP_ANOTHER_SCENE)
    assert model.displayName() == "Map another scene"
    context = QgsProcessingContext()
    context.setProject(project)
    names = names_of(model)
    parameters = {
        "INPUT": str(scene.raster),
        "TRAINING": training.id(),
        "CLASS_FIELD": "cover",
        "TARGET": str(target),
        "ITERATIONS": 1,
        "TIMESTEPS": "200",
        "SPLIT": "random",
        "CLASSIFIER": "linear",
        names["CLASS_MAP"]: str(tmp_path / "map.tif"),
        names["OUTPUT_CLASSIFIER"]: str(tmp_path / "fields.mtmsdc"),
        names["TARGET_MAP"]: QgsProcessingOutputLayerDefinition(str(tmp_path / "target_map.tif"), project),
        names["APPLICABILITY"]: str(tmp_path / "applicability.tif"),
        names["TARGET_REPORT"]: str(tmp_path / "target.html"),
    }
    layers = loaded(model, parameters, context)
    (layer,) = layers.values()
    assert legend(layer) == EXPECTED_LEGEND
    assert layer.name() == "Class map of the other scene – target"
    mapped, there = read_raster(tmp_path / "map.tif")[0], read_raster(tmp_path / "target_map.tif")[0]
    assert (there[:, :3] == 0).all()
    assert (there == mapped)[:, 3:].mean() > 0.95
    assert (read_raster(tmp_path / "applicability.tif")[0] == -1).sum() == 3 * 64
    assert (tmp_path / "fields.mtmsdc").is_file()
    assert "target" in (tmp_path / "target.html").read_text("utf-8")
