# SPDX-License-Identifier: GPL-2.0-or-later
"""The shipped models: in step with the algorithms they chain, whatever this QGIS calls their outputs."""

from __future__ import annotations

import pytest
from make_models import SHARED, STEPS, scene_to_class_map
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingModelAlgorithm,
    QgsProcessingOutputLayerDefinition,
    QgsVectorLayer,
)
from scenes import EXPECTED_LEGEND, categorize, legend, loaded


@pytest.fixture
def shipped():
    return QgsApplication.processingRegistry().createAlgorithmById("mtmsd:scenetoclassmap")


def words(parameter):
    options = parameter.options() if hasattr(parameter, "options") else None
    return parameter.name(), parameter.description(), parameter.help(), parameter.type(), options


def test_shipped_model_asks_in_the_words_of_its_steps(shipped):
    made_now = scene_to_class_map()
    asked, expected = (
        [words(p) for p in model.parameterDefinitions() if not p.isDestination()] for model in (shipped, made_now)
    )
    assert asked == expected, "run tests/qgis/make_models.py"


def test_shipped_model_chains_the_three_steps(shipped):
    assert isinstance(shipped, QgsProcessingModelAlgorithm)
    assert {key: child.algorithmId() for key, child in shipped.childAlgorithms().items()} == {
        step: algorithm for step, (algorithm, _, _) in STEPS.items()
    }
    for name, steps in SHARED.items():
        takers = {key for key, child in shipped.childAlgorithms().items() if name in child.parameterSources()}
        assert set(steps) <= takers
    assert {name.split(":")[-1] for name in (d.name() for d in shipped.destinationParameterDefinitions())} == {
        "CLASS_MAP", "CONFIDENCE", "REPORT", "MODEL",
    }  # fmt: skip


def test_shipped_model_maps_a_scene(scene, tmp_path, project, torch_python):
    training = categorize(QgsVectorLayer(str(scene.polygons), "training", "ogr"))
    project.addMapLayer(training)
    model = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:scenetoclassmap")
    assert isinstance(model, QgsProcessingModelAlgorithm)
    assert model.displayName() == "Scene to class map"
    context = QgsProcessingContext()
    context.setProject(project)
    destinations = {d.name(): d.name().split(":")[-1] for d in model.destinationParameterDefinitions()}
    assert set(destinations.values()) == {"CLASS_MAP", "CONFIDENCE", "REPORT", "MODEL"}
    names = {short: full for full, short in destinations.items()}
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
