# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters that are set for nothing, as they count with another one alone, are told of."""

from __future__ import annotations

import pytest
from qgis.core import QgsApplication, QgsProcessingContext, QgsProcessingException, QgsProcessingParameterEnum
from scenes import CLASSIFY, Log, run


def told(name, **parameters):
    """What the log says of these parameters, those that are not given having their defaults, as from a dialog."""
    from mtmsd.algorithms.base.dependent_parameters import unused_parameters
    from mtmsd.algorithms.base.parameters import ParameterValues

    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"mtmsd:{name}")
    defaults = {each.name(): each.defaultValue() for each in algorithm.parameterDefinitions()}
    values = ParameterValues(algorithm, {**defaults, **parameters}, QgsProcessingContext())
    return list(unused_parameters(algorithm, values, algorithm.DEPENDENCES))


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("classify", {"REACHABLE": "roads"}, "REACHABLE is used with SUGGESTIONS alone"),
        ("classify", {"SUGGESTION_COUNT": 5}, "SUGGESTION_COUNT is used with SUGGESTIONS alone"),
        (
            "classify",
            {"REACHABLE_DISTANCE": 5, "SUGGESTIONS": "memory:"},
            "REACHABLE_DISTANCE is used with REACHABLE alone",
        ),
        ("classify", {"EXTRA_USE": "always"}, "EXTRA_USE is used with EXTRA or TEXTURE alone"),
        ("classify", {"EPOCHS": 7}, "EPOCHS is used with CLASSIFIER 'mtmsd' or 'transformer3d' alone"),
        ("classify", {"KEEP": 7}, "KEEP is used with CLASSIFIER 'mtmsd' or 'linear' or 'hyperfeatures' alone"),
        ("classify", {"SPLIT": "random", "BLOCK_SIZE": 9}, "BLOCK_SIZE is used only without SPLIT 'random'"),
        ("classify", {"SPLIT": "none", "VALIDATION_SHARE": 0.5}, "VALIDATION_SHARE is used only without SPLIT 'none'"),
        ("classify", {"VALIDATION": "x", "VALIDATION_SHARE": 0.5}, "VALIDATION_SHARE is used only without VALIDATION"),
        ("classify", {"CLASS_AREA_FIELD": "ha"}, "CLASS_AREA_FIELD is used with CLASS_WEIGHTS 'area' alone"),
        ("applyclassifier", {"SIEVE_UNIT": "m2"}, "SIEVE_UNIT is used with SIEVE alone"),
        ("mapscene", {"INCLUDE_MODEL": False}, "INCLUDE_MODEL is used with OUTPUT_CLASSIFIER alone"),
        ("mapscene", {"MODEL": "m.mtmsd", "ITERATIONS": 9}, "ITERATIONS is used only without MODEL"),
        ("preparecampaign", {"MODEL": "m.mtmsd", "PRESET": "paper"}, "PRESET is used only without MODEL"),
        ("clusterscene", {"FEATURES": "bands", "PRESET": "paper"}, "PRESET is used only without FEATURES 'bands'"),
        ("clusterscene", {"CLASS_FIELD": "cover"}, "CLASS_FIELD is used with REFERENCE alone"),
        ("extractfeatures", {"CLASS_FIELD": "cover"}, "CLASS_FIELD is used with TRAINING alone"),
        ("splitsamples", {"OVERLAPS": "drop"}, "OVERLAPS is used with RASTER alone"),
        ("splitsamples", {"COUNT": 5, "SHARE": 0.5}, "SHARE is used only without COUNT"),
        ("setupenvironment", {"WHEELS": "w", "INDEX_URL": "https://x"}, "INDEX_URL is used only without WHEELS"),
    ],
)
def test_a_parameter_that_is_set_for_nothing_is_told_of(name, given, sentence):
    assert told(name, **given) == [f"{sentence}; it is not used here."]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("classify", {"REACHABLE": "roads", "REACHABLE_DISTANCE": 50, "SUGGESTIONS": "memory:"}),
        ("classify", {"EXTRA_USE": "always", "TEXTURE": True}),
        ("classify", {"CLASSIFIER": "mtmsd", "EPOCHS": 7, "KEEP": 9}),
        ("classify", {"SIEVE": "4", "SIEVE_UNIT": "m2", "CLASS_WEIGHTS": "area", "CLASS_AREA_FIELD": "ha"}),
        ("mapscene", {"KEEP": 9, "ITERATIONS": 9, "OUTPUT_CLASSIFIER": "c.mtmsdc", "INCLUDE_MODEL": False}),
        ("splitsamples", {"CLASS_FIELD": "cover", "OVERLAPS": "drop", "RASTER": "r.tif", "SHARE": "0.4"}),
        ("assessaccuracy", {"REFERENCE": "r", "CLASS_FIELD": "cover", "OVERLAPS": "drop"}),
    ],
)
def test_parameters_that_count_are_not(name, given):
    assert told(name, **given) == []


def test_defaults_are_not_told_of_in_any_algorithm():
    for algorithm in QgsApplication.processingRegistry().providerById("mtmsd").algorithms():
        if hasattr(algorithm, "DEPENDENCES"):
            assert told(algorithm.name()) == []


def test_each_rule_is_about_parameters_that_there_are():
    from mtmsd.algorithms.base.dependent_parameters import DEPENDENCES

    algorithms = QgsApplication.processingRegistry().providerById("mtmsd").algorithms()
    names = [{each.name() for each in algorithm.parameterDefinitions()} for algorithm in algorithms]
    for rule in DEPENDENCES:
        for parameter in rule.parameters:
            assert any(parameter in known and known & set(rule.others) for known in names), (parameter, rule)
        assert all(any(other in known for known in names) for other in rule.others), rule
        for algorithm in algorithms if rule.words else ():  # to ask another parameter for its word takes QGIS down
            found = {each.name(): each for each in algorithm.parameterDefinitions()}
            asked = [found[other] for other in rule.others if other in found and set(rule.parameters) & set(found)]
            assert all(isinstance(other, QgsProcessingParameterEnum) for other in asked), (algorithm.id(), rule)


def test_the_log_says_it_before_the_work(scene, tmp_path, fake_worker):
    fake_worker("sys.exit(9)")
    log = Log()
    parameters = {"INPUT": str(scene.raster), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **CLASSIFY}
    with pytest.raises(QgsProcessingException):
        run("classify", {**parameters, "OUTPUT": str(tmp_path / "m.tif"), "SUGGESTION_COUNT": 3}, log)
    assert "SUGGESTION_COUNT is used with SUGGESTIONS alone; it is not used here." in log.warnings
