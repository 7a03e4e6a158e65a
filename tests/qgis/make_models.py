# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the models that the provider ships: run it in QGIS's Python after an algorithm's parameters have changed.

Usage: python tests/qgis/make_models.py      (with the environment of scripts/environment.sh)
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["QT_HASH_SEED"] = "0"  # else Qt writes the attributes in another order each time

from qgis.core import (
    QgsApplication,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterDefinition,
)
from qgis.PyQt.QtCore import QPointF

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import ROOT, make_importable, start_qgis

FROM_USER = QgsProcessingModelChildParameterSource.fromModelParameter
FROM_STEP = QgsProcessingModelChildParameterSource.fromChildOutput

# Parameter of the model -> the steps that it goes to.
SHARED = {
    "INPUT": ("pretrain", "extract"),
    "TRAINING": ("classify",),
    "CLASS_FIELD": ("classify",),
    "PRESET": ("pretrain",),
    "SPLIT": ("classify",),
    "CLASSIFIER": ("classify",),
    "ITERATIONS": ("pretrain",),
    "TIMESTEPS": ("extract",),
    "SEED": ("pretrain", "extract", "classify"),
    "DEVICE": ("pretrain", "extract", "classify"),
}
# On the canvas of the designer: each above the step that it goes to.
PLACES = {
    "INPUT": (180, 50), "PRESET": (180, 110), "ITERATIONS": (180, 170),
    "SEED": (510, 50), "DEVICE": (510, 110), "TIMESTEPS": (510, 170),
    "TRAINING": (840, 50), "CLASS_FIELD": (840, 110), "SPLIT": (840, 170), "CLASSIFIER": (1070, 170),
}  # fmt: skip
STEPS = {
    "pretrain": ("mtmsd:pretraindiffusion", "Pretrain diffusion model", {"OUTPUT": "MODEL"}),
    "extract": ("mtmsd:extractfeatures", "Extract diffusion features", {}),
    "classify": (
        "mtmsd:classify",
        "Classify diffusion features",
        {"OUTPUT": "CLASS_MAP", "CONFIDENCE": "CONFIDENCE", "REPORT": "REPORT"},
    ),
}


def main() -> None:
    """Write the models."""
    make_importable()
    application = start_qgis()
    model = scene_to_class_map()
    if not model.toFile(str(ROOT / "models" / "scene_to_class_map.model3")):
        sys.exit("The model could not be written.")
    del model
    application.exitQgis()


def scene_to_class_map() -> QgsProcessingModelAlgorithm:
    """The three steps in one."""
    from mtmsd.algorithms.shipped_model import ABOUT, SCENE_TO_CLASS_MAP

    model = QgsProcessingModelAlgorithm(SCENE_TO_CLASS_MAP, "Map a scene", "mapscene")
    for parameter in parameters():
        component = QgsProcessingModelParameter(parameter.name())
        component.setPosition(QPointF(*PLACES[parameter.name()]))
        model.addModelParameter(parameter, component)
    for number, (step, (algorithm, title, outputs)) in enumerate(STEPS.items()):
        child = QgsProcessingModelChildAlgorithm(algorithm)
        child.setChildId(step)
        child.setDescription(title)
        child.setPosition(QPointF(180 + 330 * number, 330))
        for name, steps in SHARED.items():
            if step in steps:
                child.addParameterSources(name, [FROM_USER(name)])
        if step == "extract":
            child.addParameterSources("MODEL", [FROM_STEP("pretrain", "OUTPUT")])
        if step == "classify":
            child.addParameterSources("INPUT", [FROM_STEP("extract", "OUTPUT")])
        child.setModelOutputs({name: model_output(step, output, name) for output, name in outputs.items()})
        model.addChildAlgorithm(child)
    # QGIS 3.22 does not keep a parameter's own help in the file.
    explained = {parameter.name(): parameter.help() for parameter in parameters()}
    model.setHelpContent({"ALG_DESC": ABOUT, "ALG_CREATOR": "MTMSD for QGIS developers", **explained})
    model.setParameterOrder([parameter.name() for parameter in parameters()])
    model.updateDestinationParameters()
    return model


def parameters() -> list[QgsProcessingParameterDefinition]:
    """What the user is asked: the steps' own parameters, each as it is in the first step that it goes to."""
    found = []
    for name, steps in SHARED.items():
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(STEPS[steps[0]][0])
        found.append(algorithm.parameterDefinition(name).clone())
    return found


def model_output(step: str, output: str, name: str) -> QgsProcessingModelOutput:
    """An output of a step that the model hands out."""
    result = QgsProcessingModelOutput(name, name.replace("_", " ").capitalize())
    result.setChildId(step)
    result.setChildOutputName(output)
    return result


if __name__ == "__main__":
    main()
