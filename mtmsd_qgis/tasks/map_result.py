# SPDX-License-Identifier: GPL-2.0-or-later
"""What a map task has found: the map's rasters, its accuracy, and what the classifier used.

Enters: the rasters of a map, what was learnt and from which samples. Leaves: a MapResult.
"""

from __future__ import annotations

from dataclasses import replace

from ..accuracy.map_accuracy import evaluate_map, mapped_pixels
from ..classification.choices.finished_map import FinishedMap, needs_probabilities
from ..classification.extras.extras_predictor import ExtrasPredictor
from ..classification.predictor import MapGrid
from ..classification.segments.segment_map import needs_probabilities as segments_need_them
from ..classification.training_task import CellWeights, FittedClassifier, TrainingTask
from ..diffusion.device import Device
from ..io.run_directory import RunDirectory
from ..jobs.choice_results import ChoiceFacts
from ..jobs.extras.extra_rasters import ExtraFacts
from ..jobs.protocol import Job
from ..jobs.results import MapResult, PurificationFacts
from ..jobs.settings import ClassificationSettings
from ..sampling.sample_split import SampleSplit
from .job_device import computation
from .uncertainty.suggested_samples import OPTION as SUGGESTIONS


def keeps_probabilities(settings: ClassificationSettings) -> bool:
    """Whether a map keeps the probabilities of all its pixels, for what is done with it afterwards."""
    return needs_probabilities(settings.finish) or segments_need_them(settings.segments)


def map_grid(job: Job, directory: RunDirectory, size: tuple[int, int], *, keep_probabilities: bool) -> MapGrid:
    """The grid of a map with the rasters that the job asks for.

    Args:
        job: Names classes and options.
        directory: For the rasters.
        size: Height and width, pixels.
        keep_probabilities: Whether they are needed although the job asks for none.
    """
    return MapGrid(
        size,
        job.classes,
        directory,
        with_probabilities=bool(job.options.get("probabilities")) or keep_probabilities,
        with_uncertainty=bool(job.options.get("uncertainty")) or SUGGESTIONS in job.options,
        with_runner_up=SUGGESTIONS in job.options,
    )


def map_result(
    finished: FinishedMap, task: TrainingTask, split: SampleSplit, classifier: FittedClassifier, device: Device
) -> MapResult:
    """The result of a map, which is evaluated at the validation samples.

    Args:
        finished: The map.
        task: What was classifier.
        split: The samples learnt from, and those held out.
        classifier: What the map is made by.
        device: That it was made on.
    """
    files, judged = finished.files, finished.is_sure(split.validation)
    accuracy, outside = evaluate_map(files.classes, files.confidence, task.classes, judged)
    return MapResult(
        map=files.classes.description,
        confidence=files.confidence.description,
        probabilities=None if files.probabilities is None else files.probabilities.description,
        uncertainty=None if files.uncertainty is None else files.uncertainty.description,
        accuracy=accuracy,
        split=split.facts(len(task.classes), outside),
        classes=task.classes,
        mapped_pixels=mapped_pixels(files.classes, task.classes, finished.size),
        timesteps=task.layout.timesteps,
        timestep_choice=task.layout.timestep_choice,
        timestep_weights={label: round(share, 6) for label, share in classifier.timesteps.items()},
        stage_weights={label: round(share, 6) for label, share in classifier.stages.items()},
        features_per_timestep=classifier.features,
        purification=PurificationFacts(task.layout.purification, task.layout.note),
        settings=task.settings,
        computation=computation(device),
        ensemble=classifier.ensemble,
        choices=_choices(finished.facts(split.validation), task, classifier),
        extras=None if classifier.extras is None else _extra_facts(finished, classifier),
        cell_weights=_rounded(classifier.cells),
        alignment_weights=_rounded(classifier.alignment),
    )


def _rounded(cells: CellWeights) -> CellWeights | None:
    """Shares for the result; None where there are none."""
    return {t: {stage: round(share, 6) for stage, share in row.items()} for t, row in cells.items()} or None


def _choices(finished: ChoiceFacts | None, task: TrainingTask, classifier: FittedClassifier) -> ChoiceFacts | None:
    """What was chosen for the finished map, and what for the classifier."""
    weights = task.weight_facts()
    if classifier.class_weights is None and weights is None:
        return finished
    return replace(finished or ChoiceFacts(), class_weights=classifier.class_weights, sample_weights=weights)


def _extra_facts(finished: FinishedMap, classifier: FittedClassifier) -> ExtraFacts:
    """What became of extras, and at how many mapped pixels one in use has no data."""
    findings, predictor = classifier.extras or (), classifier.predictor
    if not isinstance(predictor, ExtrasPredictor):
        return ExtraFacts(findings)
    return ExtraFacts(findings, predictor.share_without(finished.decided.classes))
