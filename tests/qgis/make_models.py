# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the models that the provider ships: run it in QGIS's Python after an algorithm's parameters have changed.

Usage: python tests/qgis/make_models.py      (with the environment of scripts/environment.sh)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True)
class Step:
    """An algorithm in a model.

    Attributes:
        algorithm: Its id.
        title: In the designer.
        outputs: Its outputs that the model hands out, by the name that they have there.
        inputs: Parameters that an earlier step gives: that step and its output.
    """

    algorithm: str
    title: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A model to be written.

    Attributes:
        file: Its name without suffix.
        texts: Names in shipped_model.py of its title and of what it does.
        steps: By id, in the order in which they run.
        shared: Parameter of the model -> the steps that it goes to, "step:NAME" where it has another name there.
        places: Of the parameters on the canvas of the designer: each above the step that it goes to.
    """

    file: str
    texts: tuple[str, str]
    steps: Mapping[str, Step]
    shared: Mapping[str, tuple[str, ...]]
    places: Mapping[str, tuple[int, int]]

    def takers(self, name: str) -> list[tuple[str, str]]:
        """The steps that a parameter of the model goes to, with its name there."""
        return [(step, own or name) for step, _, own in (taker.partition(":") for taker in self.shared[name])]


PRETRAIN = Step("mtmsd:pretraindiffusion", "Pretrain diffusion model")
SCENE_TO_CLASS_MAP = Plan(
    file="scene_to_class_map",
    texts=("SCENE_TO_CLASS_MAP", "ABOUT_SCENE_TO_CLASS_MAP"),
    steps={
        "pretrain": replace(PRETRAIN, outputs={"OUTPUT": "MODEL"}),
        "extract": Step(
            "mtmsd:extractfeatures", "Extract diffusion features", inputs={"MODEL": ("pretrain", "OUTPUT")}
        ),
        "classify": Step(
            "mtmsd:classify",
            "Classify diffusion features",
            outputs={"OUTPUT": "CLASS_MAP", "CONFIDENCE": "CONFIDENCE", "REPORT": "REPORT"},
            inputs={"INPUT": ("extract", "OUTPUT")},
        ),
    },
    shared={
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
    },
    places={
        "INPUT": (180, 50), "PRESET": (180, 110), "ITERATIONS": (180, 170),
        "SEED": (510, 50), "DEVICE": (510, 110), "TIMESTEPS": (510, 170),
        "TRAINING": (840, 50), "CLASS_FIELD": (840, 110), "SPLIT": (840, 170), "CLASSIFIER": (1070, 170),
    },
)  # fmt: skip
MAP_ANOTHER_SCENE = Plan(
    file="map_another_scene",
    texts=("MAP_ANOTHER_SCENE", "ABOUT_MAP_ANOTHER_SCENE"),
    steps={
        "pretrain": PRETRAIN,
        "map": Step(
            "mtmsd:mapscene",
            "Map a scene in one step",
            outputs={"OUTPUT": "CLASS_MAP", "REPORT": "REPORT", "OUTPUT_CLASSIFIER": "OUTPUT_CLASSIFIER"},
            inputs={"MODEL": ("pretrain", "OUTPUT")},
        ),
        "apply": Step(
            "mtmsd:applyclassifier",
            "Apply classifier",
            outputs={"OUTPUT": "TARGET_MAP", "APPLICABILITY": "APPLICABILITY", "REPORT": "TARGET_REPORT"},
            inputs={"CLASSIFIER": ("map", "OUTPUT_CLASSIFIER")},
        ),
    },
    shared={
        "INPUT": ("pretrain", "map"),
        "TRAINING": ("map",),
        "CLASS_FIELD": ("map",),
        "TARGET": ("apply:INPUT",),
        "PRESET": ("pretrain",),
        "SPLIT": ("map",),
        "CLASSIFIER": ("map",),
        "ADAPT": ("apply",),
        "ITERATIONS": ("pretrain",),
        "TIMESTEPS": ("map",),
        "SEED": ("pretrain", "map"),
        "DEVICE": ("pretrain", "map", "apply"),
    },
    places={
        "INPUT": (180, 50), "PRESET": (180, 110), "ITERATIONS": (180, 170),
        "SEED": (400, 50), "DEVICE": (400, 110), "TIMESTEPS": (400, 170),
        "TRAINING": (620, 50), "CLASS_FIELD": (620, 110), "SPLIT": (620, 170),
        "TARGET": (840, 50), "ADAPT": (840, 110), "CLASSIFIER": (840, 170),
    },
)  # fmt: skip
PLANS = (SCENE_TO_CLASS_MAP, MAP_ANOTHER_SCENE)


def main() -> None:
    """Write the models."""
    make_importable()
    application = start_qgis()
    for plan in PLANS:
        model = made(plan)
        if not model.toFile(str(ROOT / "models" / f"{plan.file}.model3")):
            sys.exit(f"The model {plan.file} could not be written.")
        del model
    application.exitQgis()


def made(plan: Plan) -> QgsProcessingModelAlgorithm:
    """The steps in one."""
    from mtmsd.algorithms import shipped_model

    title, about = (getattr(shipped_model, name) for name in plan.texts)
    model = QgsProcessingModelAlgorithm(title, "Map a scene", "mapscene")
    for parameter in parameters(plan):
        component = QgsProcessingModelParameter(parameter.name())
        component.setPosition(QPointF(*plan.places[parameter.name()]))
        model.addModelParameter(parameter, component)
    for number, (key, step) in enumerate(plan.steps.items()):
        child = QgsProcessingModelChildAlgorithm(step.algorithm)
        child.setChildId(key)
        child.setDescription(step.title)
        child.setPosition(QPointF(180 + 330 * number, 330))
        for name in plan.shared:
            for taker, own in plan.takers(name):
                if taker == key:
                    child.addParameterSources(own, [FROM_USER(name)])
        for name, (earlier, output) in step.inputs.items():
            child.addParameterSources(name, [FROM_STEP(earlier, output)])
        needed = [source for later in plan.steps.values() for source in later.inputs.values()]
        outputs = {name: model_output(key, output, name) for output, name in step.outputs.items()}
        for output, name in step.outputs.items():  # QGIS hands nothing on of an output that may be left out, and is
            outputs[name].setMandatory((key, output) in needed)
        child.setModelOutputs(outputs)
        model.addChildAlgorithm(child)
    # QGIS 3.22 does not keep a parameter's own help in the file.
    explained = {parameter.name(): parameter.help() for parameter in parameters(plan)}
    model.setHelpContent({"ALG_DESC": about, "ALG_CREATOR": "MTMSD for QGIS developers", **explained})
    model.setParameterOrder([parameter.name() for parameter in parameters(plan)])
    model.updateDestinationParameters()
    return model


def parameters(plan: Plan) -> list[QgsProcessingParameterDefinition]:
    """What the user is asked: the steps' own parameters, each as it is in the first step that it goes to.

    SPLIT is that of a single scene; Classify could hold out whole scenes too.
    """
    from mtmsd.algorithms.shipped_model import TARGET, TARGET_HELP

    found, registry = [], QgsApplication.processingRegistry()
    for name in plan.shared:
        step, own = plan.takers(name)[0]
        algorithm = registry.createAlgorithmById("mtmsd:mapscene" if name == "SPLIT" else plan.steps[step].algorithm)
        parameter = algorithm.parameterDefinition(own).clone()
        if own != name:  # the other scene is a raster as any
            parameter.setName(name)
            parameter.setDescription(TARGET)
            parameter.setHelp(TARGET_HELP)
        found.append(parameter)
    return found


def model_output(step: str, output: str, name: str) -> QgsProcessingModelOutput:
    """An output of a step that the model hands out."""
    result = QgsProcessingModelOutput(name, name.replace("_", " ").capitalize())
    result.setChildId(step)
    result.setChildOutputName(output)
    return result


if __name__ == "__main__":
    main()
