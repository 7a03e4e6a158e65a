# SPDX-License-Identifier: GPL-2.0-or-later
"""The step "judge": the accuracy of all maps together, at the samples that were held out.

Enters: the maps, the classifier, the held-out samples. Leaves: result.json in shared/, a CampaignResult.
"""

from __future__ import annotations

import json
import shutil

import numpy as np

from ...accuracy.map_accuracy import evaluate_map, mapped_pixels
from ...campaign import folder as names
from ...campaign.folder import scene_folder, write_text
from ...campaign.mosaic import Mosaic
from ...campaign.steps import Unit
from ...classification.predict_map import map_rasters
from ...classification.training_task import weight_facts
from ...io.classifier_file import read_classifier_description
from ...io.cube import Raster
from ...io.windows import Window, touch
from ...jobs.choice_results import ChoiceFacts
from ...jobs.classifier_description import ClassifierDescription
from ...jobs.json_dataclasses import to_json
from ...jobs.results import CampaignResult, MappedScene, PurificationFacts, SplitFacts
from ...progress import Progress
from ...sampling.sample_table import SampleTable
from ..job_device import announce_device, computation
from .campaign_run import CampaignRun, UnitWork
from .find_features import reference_samples, sample_weights
from .mosaic_features import FoundFeatures


def judge(run: CampaignRun) -> UnitWork:
    """How the maps are judged."""

    def judge_maps(unit: Unit, progress: Progress) -> None:
        description = read_classifier_description(run.shared(names.CLASSIFIER))
        result = _result(run, description, progress)
        write_text(run.folder / unit.file, json.dumps(to_json(result), ensure_ascii=False, allow_nan=False, indent=1))
        for scene in run.campaign.scenes:
            shutil.rmtree(scene_folder(run.folder, scene) / "parts", ignore_errors=True)

    return judge_maps


def _result(run: CampaignRun, description: ClassifierDescription, progress: Progress) -> CampaignResult:
    campaign, classes = run.campaign, run.campaign.classes
    files = map_rasters(run.grid(campaign.size, run.folder))
    class_map, confidence = (Mosaic.of_maps(campaign, run.folder, files[n]) for n in ("classes", "confidence"))
    scenes, counted_once = [], np.zeros(len(classes), dtype=np.int64)
    for number, scene in enumerate(campaign.scenes):
        pixels = own = mapped_pixels(class_map.raster(number), classes)
        if earlier := _earlier_maps(class_map, number):
            own = mapped_pixels(class_map.raster(number), classes, without=earlier)
        scenes.append(MappedScene(scene.folder, scene.name, pixels))
        counted_once += own
        progress((number + 1) / len(campaign.scenes), f"counting pixels: scene {number + 1} of {len(campaign.scenes)}")
    device = announce_device(campaign.classify.device, campaign.classify.seed)
    held_out, split = _held_out(run, description)
    accuracy, outside = evaluate_map(class_map, confidence, classes, held_out)
    layout = description.layout
    return CampaignResult(
        map=files["classes"],
        confidence=files["confidence"],
        probabilities=files.get("probabilities"),
        accuracy=accuracy,
        split=SplitFacts(**{**vars(split), "validation_outside_map": outside}),
        classes=classes,
        mapped_pixels=tuple(counted_once.tolist()),
        timesteps=layout.timesteps,
        timestep_choice=layout.timestep_choice,
        timestep_weights=description.timestep_weights or {},
        stage_weights=description.stage_weights or {},
        features_per_timestep=layout.features,
        purification=PurificationFacts(layout.purification, layout.note, after_split=True),
        settings=description.settings,
        computation=computation(device),
        ensemble=description.ensemble,
        scenes=tuple(scenes),
        cell_weights=description.cell_weights,
        choices=_choices(run),
    )


def _earlier_maps(class_map: Mosaic, number: int) -> list[tuple[Window, Raster]]:
    """Maps of earlier scenes on a scene, and where they lie in its rows and columns: their pixels count already."""
    places, own = class_map.places, class_map.places[number]
    return [
        (Window(place.row - own.row, place.col - own.col, place.height, place.width), class_map.raster(earlier))
        for earlier, place in enumerate(places[:number])
        if touch(place, own)
    ]


def _held_out(run: CampaignRun, description: ClassifierDescription) -> tuple[SampleTable, SplitFacts]:
    """Samples that the classifier has not seen: those that this campaign held out, else its reference samples."""
    if run.shared(names.FEATURES).is_file():
        device = announce_device("cpu", run.campaign.classify.seed)
        return FoundFeatures.load(run.shared(names.FEATURES), device.torch_device).validation, description.split
    samples = reference_samples(run)
    counts = tuple(samples.count_by_class(len(description.classes)).tolist())
    sentence = "The classifier was learnt elsewhere; the reference samples of this campaign were used."
    if not len(samples):
        sentence = "The classifier was learnt elsewhere, and there are no reference samples: no accuracy is given."
    return samples, SplitFacts("layer", sentence, (), (0,) * len(counts), counts, 0)


def _choices(run: CampaignRun) -> ChoiceFacts | None:
    """What the weights of the samples were; None where all counted alike, or the classifier was learnt elsewhere."""
    weights = sample_weights(run)
    if weights is None or not run.shared(names.FEATURES).is_file():
        return None
    device = announce_device("cpu", run.campaign.classify.seed)
    training = FoundFeatures.load(run.shared(names.FEATURES), device.torch_device).training
    facts = weight_facts(weights.of(training), run.campaign.classify.sample_weight_field)
    return None if facts is None else ChoiceFacts(sample_weights=facts)
