# SPDX-License-Identifier: GPL-2.0-or-later
"""The step "learn": one classifier from the features of all scenes.

Enters: what "statistics" has found and "gather" has read. Leaves: classifier.mtmsdc in shared/, with the model inside.
"""

from __future__ import annotations

import numpy as np
import torch

from ...campaign import folder as names
from ...campaign.folder import written_aside
from ...campaign.scene_moments import KIND
from ...campaign.steps import GATHER, STEPS, Unit, units_of
from ...classification.auto.default_classifier import fit_at_samples
from ...classification.auto.feature_reader import FeatureSetReader
from ...classification.auto.feature_sets import FeatureSet
from ...classification.classifier_file import StoredClassifier, save_classifier
from ...classification.feature_value.with_and_without import AtSamples
from ...classification.training_task import FittedClassifier
from ...errors import FileFormatError, SamplesError
from ...io.array_file import KIND_MODEL, read_arrays, read_summary
from ...jobs.classifier_description import SCENE, ClassifierDescription, SourceScene, UsedModel
from ...jobs.results import SplitFacts
from ...progress import Progress
from ...sampling.sample_table import SampleTable
from ..job_device import announce_device
from .campaign_run import CampaignRun, UnitWork
from .gather import ORDER, SPECTRA_ALONE, learning_task
from .mosaic_features import FoundFeatures, MosaicFeatures


def learn(run: CampaignRun) -> UnitWork:
    """How the classifier is learnt."""

    def learn_classifier(unit: Unit, progress: Progress) -> None:
        device = announce_device(run.campaign.classify.device, run.campaign.classify.seed)
        found, task, reader = learning_task(run, device)
        features, spectra_alone = _gathered(run, device.torch_device)

        def read(of: FeatureSetReader, samples: SampleTable, *_: object) -> AtSamples:
            return features if of is reader else (spectra_alone, np.arange(len(samples)))

        classifier = fit_at_samples(task, reader, read, progress)
        if classifier.rule is None:
            raise SamplesError("The classifier that was learnt cannot be written to a file.")
        model = run.shared(names.MODEL)
        stored = StoredClassifier(_description(run, found, classifier), classifier.rule, found.recipe)
        with written_aside(run.folder / unit.file) as aside:
            save_classifier(aside, stored, model)

    return learn_classifier


def _gathered(run: CampaignRun, device: torch.device) -> tuple[AtSamples, dict[FeatureSet, torch.Tensor]]:
    """Feature sets (N, F) of all scenes' samples, and those of the spectra alone.

    The first come with the samples' numbers (N,), scene after scene; the second are of the same samples in this order.

    Raises:
        FileFormatError: A file is damaged.
    """
    parts = []
    for unit in units_of(run.campaign, STEPS[GATHER]):
        parts.append(read_arrays(run.folder / unit.file, KIND))
        if parts[-1].keys() != parts[0].keys() or ORDER not in parts[-1]:
            raise FileFormatError(f"{run.folder / unit.file} is not complete. Remove it and run the step again.")
    together = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = together.pop(ORDER)
    found: dict[bool, dict[FeatureSet, torch.Tensor]] = {True: {}, False: {}}
    for name, values in together.items():
        plain = name.startswith(SPECTRA_ALONE)
        found[plain][FeatureSet[name.removeprefix(SPECTRA_ALONE)]] = torch.from_numpy(values).to(device)
    return (found[False], order), found[True]


def _description(run: CampaignRun, found: FoundFeatures, classifier: FittedClassifier) -> ClassifierDescription:
    campaign, features = run.campaign, MosaicFeatures.of_model(run)
    summary, classes = read_summary(run.shared(names.MODEL), KIND_MODEL), len(run.campaign.classes)
    return ClassifierDescription(
        input=SCENE,
        classes=campaign.classes,
        bands=features.model.preprocessor.bands,
        source_band_count=features.model.source_band_count,
        layout=found.layout,
        settings=campaign.classify,
        split=SplitFacts(
            found.split.method,
            found.split.sentence,
            found.split.not_held_out,
            tuple(found.training.count_by_class(classes).tolist()),
            tuple(found.validation.count_by_class(classes).tolist()),
            0,
        ),
        accuracy=None,  # known when the maps are there
        source=SourceScene(f"campaign of {len(campaign.scenes)} scenes", *campaign.size),
        torch=str(torch.__version__),
        extraction=campaign.extract.at(found.layout.timesteps),
        diffusion_model=UsedModel(summary.sha256, features.model.settings.preset, included=True),
        ensemble=classifier.ensemble,
        timestep_weights=classifier.timesteps,
        stage_weights=classifier.stages,
        cell_weights=classifier.cells or None,
    )
