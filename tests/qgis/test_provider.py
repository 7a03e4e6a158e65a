# SPDX-License-Identifier: GPL-2.0-or-later
"""What QGIS sees before anything is run."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
from harness import plugin_folder
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
)

IDS = {
    "pretraindiffusion", "extractfeatures", "classify", "assessaccuracy", "importscene", "splitsamples",
    "checkenvironment", "describefile", "applyclassifier", "setupenvironment", "scenetoclassmap", "mapscene",
    "mapanotherscene", "clusterscene", "nameclusters", "explorefeatures",
    "preparecampaign", "runcampaign", "collectcampaign",
}  # fmt: skip
OUTPUTS = {
    "pretraindiffusion": {"OUTPUT", "REPORT", "FINAL_LOSS", "SECONDS", "DEVICE_USED"},
    "extractfeatures": {"OUTPUT", "BANDS_WRITTEN", "TIMESTEPS_USED", "SECONDS", "DEVICE_USED"},
    "classify": {
        "OUTPUT", "CONFIDENCE", "PROBABILITIES", "UNCERTAINTY", "SUGGESTIONS", "REPORT", "OUTPUT_CLASSIFIER", "TOKENS",
        "TOKEN_POLYGONS", "OA", "AA", "KAPPA", "SECONDS", "DEVICE_USED",
    },
    "applyclassifier": {
        "OUTPUT", "CONFIDENCE", "PROBABILITIES", "UNCERTAINTY", "APPLICABILITY", "TOKENS", "TOKEN_POLYGONS", "REPORT",
        "INSIDE_SHARE", "SHIFT_AUC", "SECONDS", "DEVICE_USED",
    },
    "mapscene": {
        "OUTPUT", "CONFIDENCE", "PROBABILITIES", "UNCERTAINTY", "SUGGESTIONS", "REPORT", "OUTPUT_MODEL",
        "OUTPUT_CLASSIFIER", "TOKENS", "TOKEN_POLYGONS", "OA", "AA", "KAPPA", "SECONDS", "DEVICE_USED",
    },
    "clusterscene": {
        "OUTPUT", "CONFIDENCE", "OUTPUT_LEVELS", "SUGGESTIONS", "REPORT", "OUTPUT_MODEL", "CLUSTERS_USED", "MATCHED_OA",
        "ARI", "NMI", "SECONDS", "DEVICE_USED",
    },
    "explorefeatures": {"REPORT", "GALLERY", "BEST_TIMESTEP", "BEST_STAGE", "BEST_ACCURACY", "SECONDS", "DEVICE_USED"},
    "nameclusters": {"OUTPUT", "CLASSES", "NAMED_SHARE"},
    "assessaccuracy": {"REPORT", "OUTPUT_JSON", "OUTPUT_CSV", "OA", "AA", "KAPPA", "OA_BY_AREA", "SAMPLES"},
    "importscene": {"OUTPUT", "OUTPUT_REFERENCE", "OUTPUT_SAMPLES"},
    "splitsamples": {"OUTPUT_TRAINING", "OUTPUT_VALIDATION"},
    "checkenvironment": {"OUTPUT_HTML", "OUTPUT_JSON", "READY"},
    "describefile": {"REPORT", "KIND", "VERSION", "FINGERPRINT", "BANDS", "CLASSES", "OA"},
    "setupenvironment": {"PYTHON", "TORCH_VERSION"},
}  # fmt: skip
# Loads the plugin in a fresh Python and names what came along.
LOAD = """
import sys
from types import SimpleNamespace
sys.path[:0] = [sys.argv[1], "/usr/share/qgis/python/plugins"]
import mtmsd.mtmsd_qgis.jobs.settings
from qgis.core import QgsApplication
before = set(sys.modules)
import mtmsd.plugin
came = {name.split(".")[0] for name in set(sys.modules) - before}
print(sorted(came & {"torch", "numpy", "scipy"}), [m for m in sys.modules if m.startswith("mtmsd.algorithms.bridge.")])
"""


def algorithm(name):
    return QgsApplication.processingRegistry().createAlgorithmById(f"mtmsd:{name}")


def test_provider_lists_its_algorithms_and_the_model():
    provider = QgsApplication.processingRegistry().providerById("mtmsd")
    assert {item.name() for item in provider.algorithms()} == IDS


def test_qgis_process_lists_them_too(qgis_process):
    listed = qgis_process("list").stdout
    assert all(f"mtmsd:{name}\t" in listed for name in IDS)


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_every_output_is_declared(name):
    item = algorithm(name)  # owns its definitions
    assert {output.name() for output in item.outputDefinitions()} == OUTPUTS[name]


def test_rare_knobs_are_advanced():
    flag = QgsProcessingParameterDefinition.Flag.FlagAdvanced
    item = algorithm("pretraindiffusion")
    plain = {p.name() for p in item.parameterDefinitions() if not p.flags() & flag}
    assert plain == {"INPUT", "BANDS", "MASK", "PRESET", "OUTPUT", "REPORT"}


def test_files_are_found_whatever_they_are_called(tmp_path):
    """A model written by a script as "scene" was refused by QGIS, without a reason."""
    path = tmp_path / "scene"
    path.write_bytes(b"")
    for item in QgsApplication.processingRegistry().providerById("mtmsd").algorithms():
        for definition in item.parameterDefinitions():
            if isinstance(definition, QgsProcessingParameterFile) and definition.fileFilter():
                assert definition.checkValueIsAcceptable(str(path)), (item.name(), definition.name())


def test_loading_the_plugin_brings_no_arrays_and_no_bridge():
    completed = subprocess.run(
        [sys.executable, "-c", LOAD, str(plugin_folder())], capture_output=True, text=True, check=True
    )
    assert completed.stdout.split("\n")[0].endswith("[]")
    assert "torch" not in completed.stdout
    assert "scipy" not in completed.stdout


def test_provider_leaves_and_comes_back(qgis):
    registry = QgsApplication.processingRegistry()
    qgis.mtmsd_plugin.unload()
    assert registry.providerById("mtmsd") is None
    qgis.mtmsd_plugin.initGui()
    assert registry.providerById("mtmsd") is not None
    assert registry.algorithmById("mtmsd:scenetoclassmap") is not None


def test_only_the_setup_is_marked_as_a_risk_where_qgis_has_such_a_mark(monkeypatch):
    from mtmsd.algorithms.base import newer_qgis

    some_flag = QgsProcessingAlgorithm.Flag.FlagHideFromToolbox
    for risk in (None, some_flag):
        monkeypatch.setattr(
            newer_qgis, "Qgis", SimpleNamespace(ProcessingAlgorithmFlag=SimpleNamespace(SecurityRisk=risk))
        )
        marked = {name for name in IDS if algorithm(name).flags() & some_flag}
        assert marked == ({"setupenvironment"} if risk else set())
    real = getattr(Qgis, "ProcessingAlgorithmFlag", None)
    monkeypatch.setattr(newer_qgis, "Qgis", Qgis)
    if hasattr(real, "SecurityRisk"):  # QGIS 3.40 and later
        assert {name for name in IDS if algorithm(name).flags() & real.SecurityRisk} == {"setupenvironment"}


def test_a_split_says_that_features_may_be_counted_anew(monkeypatch):
    from mtmsd.algorithms.base import newer_qgis

    kinds = SimpleNamespace(RegeneratesPrimaryKeyInSomeScenarios=2)
    monkeypatch.setattr(newer_qgis, "Qgis", SimpleNamespace(ProcessingAlgorithmDocumentationFlag=kinds))
    assert algorithm("splitsamples").documentationFlags() == 2
    monkeypatch.setattr(newer_qgis, "Qgis", Qgis)
    real = getattr(Qgis, "ProcessingAlgorithmDocumentationFlag", None)
    if real is not None:  # QGIS 3.40 and later
        flag = getattr(real, "RegeneratesPrimaryKeyInSomeScenarios")  # noqa: B009 - a name that older ones lack
        assert algorithm("splitsamples").documentationFlags() == flag


@pytest.mark.parametrize("name", sorted(IDS - {"scenetoclassmap", "mapanotherscene"}))
def test_an_output_that_the_batch_panel_leaves_empty_is_not_wanted(name):
    from mtmsd.algorithms.base.parameters import ParameterValues

    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"mtmsd:{name}")
    outputs = [d.name() for d in algorithm.parameterDefinitions() if d.isDestination()]
    context = QgsProcessingContext()
    empty = ParameterValues(algorithm, {n: QgsProcessingOutputLayerDefinition("") for n in outputs}, context)
    assert [n for n in outputs if empty.is_given(n) or empty.output_raster(n)] == []
    filled = ParameterValues(algorithm, {n: QgsProcessingOutputLayerDefinition("/x.tif") for n in outputs}, context)
    assert [n for n in outputs if not filled.is_given(n)] == []
