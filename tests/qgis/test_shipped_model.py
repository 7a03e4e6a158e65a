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
from scenes import EXPECTED_LEGEND, categorize, legend, loaded, read_raster, spectra, write_raster

HANDED_OUT = {
    "scene_to_class_map": {"CLASS_MAP", "CONFIDENCE", "REPORT", "MODEL"},
    "map_another_scene": {
        "CLASS_MAP", "REPORT", "OUTPUT_CLASSIFIER", "TARGET_MAP", "APPLICABILITY", "TARGET_REPORT",
    },
}  # fmt: skip


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
    mapped, there = read_raster(tmp_path / "map.tif")[0], read_raster(tmp_path / "target_map.tif")[0]
    assert (there[:, :3] == 0).all()
    assert (there == mapped)[:, 3:].mean() > 0.95
    assert (read_raster(tmp_path / "applicability.tif")[0] == -1).sum() == 3 * 64
    assert (tmp_path / "fields.mtmsdc").is_file()
    assert "target" in (tmp_path / "target.html").read_text("utf-8")
