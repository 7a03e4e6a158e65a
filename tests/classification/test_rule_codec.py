# SPDX-License-Identifier: GPL-2.0-or-later
"""Decision rules as arrays and JSON, and back: the same numbers, and one sentence where a file is not right."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.fusion.fusion_ensemble import FittedFusion
from mtmsd_qgis.classification.fusion.reader import FusionRule, Purified
from mtmsd_qgis.classification.fusion.timestep_fusion import FusionClassifier
from mtmsd_qgis.classification.logistic_regression import FittedLogistic
from mtmsd_qgis.classification.rule_codec import STORED, pack, unpack
from mtmsd_qgis.classification.standardizer import Standardizer
from mtmsd_qgis.classification.transformer.patch_classifier import FeatureProjection, FittedPatches
from mtmsd_qgis.classification.transformer.patch_reader import PatchRule
from mtmsd_qgis.classification.transformer.spectral_spatial_transformer import SpectralSpatialTransformer

CPU = torch.device("cpu")


def scaler(*shape: int) -> Standardizer:
    return Standardizer(torch.randn(shape), torch.rand(shape) + 0.5)


def fusion_rule() -> FusionRule:
    """Two networks for 3 timesteps of 4 features, 5 classes, trained in so far as their averages differ from 0."""
    networks = []
    for _ in range(2):
        network = FusionClassifier(3, 4, 5)
        network(torch.randn(8, 3, 4), torch.randn(8, 3, 4))  # moves the running statistics
        networks.append(network.eval())
    fitted = FittedFusion(scaler(3, 4), scaler(3, 4), tuple(networks))
    return FusionRule(fitted, Purified(torch.arange(4), torch.arange(1, 5)), 5)


def logistic_rule() -> FusionRule:
    fitted = FittedLogistic(scaler(3, 4), scaler(3, 4), torch.randn(24, 5), torch.randn(5), penalty=0.01)
    return FusionRule(fitted, Purified(torch.arange(4), torch.arange(4)), 5)


def patch_rule() -> PatchRule:
    projection = FeatureProjection(scaler(12), torch.randn(12, 6), torch.rand(6) + 0.5)
    return PatchRule(projection, FittedPatches((SpectralSpatialTransformer(6, 5).eval(),)), 5)


def through_json(rule):
    document, arrays = pack(rule, "predictor")
    return json.loads(json.dumps(document)), {name: array.copy() for name, array in arrays.items()}


def test_a_fusion_rule_comes_back():
    rule = fusion_rule()
    again = unpack(*through_json(rule), "predictor", CPU)
    local, around = torch.randn(9, 3, 6), torch.randn(9, 3, 6)
    ours, theirs = (r.classifier.predict(*r.purified(local, around)) for r in (rule, again))
    assert torch.equal(ours, theirs)
    assert again.n_classes == 5


def test_a_logistic_regression_comes_back():
    rule = logistic_rule()
    again = unpack(*through_json(rule), "predictor", CPU)
    local, around = torch.randn(9, 3, 4), torch.randn(9, 3, 4)
    assert torch.equal(rule.classifier.predict(local, around), again.classifier.predict(local, around))
    assert again.classifier.penalty == 0.01


def test_a_rule_of_patches_comes_back():
    rule = patch_rule()
    again = unpack(*through_json(rule), "predictor", CPU)
    window = torch.randn(12, 9, 9)
    assert torch.equal(rule.projection(window), again.projection(window))
    patches = torch.randn(3, 6, 9, 9)
    assert torch.equal(rule.classifier.predict(patches), again.classifier.predict(patches))
    assert not again.classifier.networks[0].training


def test_only_named_classes_are_stored():
    with pytest.raises(TypeError, match="a part of a decision rule that can be stored was expected, found set"):
        pack(FusionRule({1}, Purified(torch.arange(4), torch.arange(4)), 5), "predictor")
    with pytest.raises(TypeError, match="is not among the classes that are stored"):
        pack(torch.nn.Linear(1, 1), "predictor")
    with pytest.raises(TypeError, match="found torch"):
        pack(Standardizer(torch.zeros(1).half(), torch.zeros(1)), "predictor")
    assert all(name == each.kind.__name__ for name, each in STORED.items())


def place(document, path):
    for part in path[:-1]:
        document = document[part]
    return document, path[-1]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["class"], "Path", "predictor should be a EnsembleRule or FusionRule .* or ExtrasRule, found Path"),
        (["class"], None, "found None"),
        (["n_classes"], "5", "predictor.n_classes should be a whole number, found 5"),
        (["n_classes"], True, "n_classes should be a whole number"),
        (["purified"], [1], "predictor.purified should be an object, found a list of 1"),
        (["purified", "class"], "Standardizer", "predictor.purified should be a Purified, found Standardizer"),
        (["purified", "extra"], 1, "predictor.purified has no part extra"),
        (["purified", "local"], {"tensor": "predictor.other"}, "predictor.purified.local should name its tensor"),
        (["classifier", "networks"], {}, "networks should be a list"),
        (["classifier", "networks", 0, "sizes"], [3, 4, 5000], "should be .* found"),
        (["classifier", "networks", 0, "sizes"], [3, 0, 5], "should be a network with its sizes"),
        (["classifier", "networks", 0, "sizes"], [3, 4], "cannot be a network of the sizes"),
        (["classifier", "networks", 0, "sizes"], [1 << 20] * 3, "should be .* found"),
        (["classifier", "networks", 0, "network"], "Linear", "should be a FusionClassifier, found Linear"),
        (["classifier", "networks", 0], 7, "should be a network with its sizes, found 7"),
        (["classifier", "local_scaler", "mean"], 1.0, "should name its tensor"),
    ],
)
def test_a_wrong_document_is_refused(path, value, message):
    document, arrays = through_json(fusion_rule())
    parent, key = place(document, path)
    parent[key] = value
    with pytest.raises(ValueError, match=message):
        unpack(document, arrays, "predictor", CPU)


def test_a_missing_part_is_refused():
    document, arrays = through_json(fusion_rule())
    less = copy.deepcopy(document)
    del less["classifier"]["around_scaler"]
    with pytest.raises(ValueError, match="around_scaler is missing"):
        unpack(less, arrays, "predictor", CPU)


NETWORK = "predictor.classifier.networks.1.fusion.score.weight"
MEAN = "predictor.classifier.local_scaler.mean"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (MEAN, lambda a: None, "local_scaler.mean is missing"),
        (MEAN, lambda a: a[:2], r"scale should have the axes \*S, found"),
        (MEAN, lambda a: a.astype(np.int32), "should be of float32, float64, int64, found int32"),
        (MEAN, lambda a: a * np.nan, "holds something that is no number"),
        ("predictor.purified.local", lambda a: a[:3], "purified.around should have the axes D, found"),
        (NETWORK, lambda a: None, "score.weight is missing"),
        (NETWORK, lambda a: a[:1], r"score.weight should be \(3, 6, 4\) of torch.float32, found \(1, 6, 4\)"),
        (NETWORK, lambda a: a.astype(np.float64), "of torch.float32, found"),
    ],
)
def test_a_wrong_array_is_refused(name, change, message):
    document, arrays = through_json(fusion_rule())
    changed = change(arrays.pop(name))
    if changed is not None:
        arrays[name] = changed
    with pytest.raises(ValueError, match=message):
        unpack(document, arrays, "predictor", CPU)


def test_an_array_too_much_is_refused():
    document, arrays = through_json(patch_rule())
    with pytest.raises(ValueError, match=r"array predictor\.more belongs to nothing"):
        unpack(document, {**arrays, "predictor.more": np.zeros(1)}, "predictor", CPU)
