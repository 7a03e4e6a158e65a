# SPDX-License-Identifier: GPL-2.0-or-later
"""What the worker's tasks, and the assessment of a map, have found: the content of result messages and reports.

Enters: figures. Leaves: frozen dataclasses; json_dataclasses turns them into the JSON of a message or report and back.
Accuracies are in percent, None where undefined; an interval is (low, high) at 95 %, (None, None) where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Union

from .accuracy_results import AccuracyFigures
from .choice_results import ChoiceFacts
from .data_model import ClassEntry, CubeFile, FeatureLayout
from .explanation.pixel_explanation import PixelExplanation
from .extras.extra_rasters import ExtraFacts
from .feature_gain import FeatureGain
from .json_dataclasses import INLINE, OMITTED_IF_NONE, json_name
from .settings import ApplySettings, ClassificationSettings, PretrainSettings
from .suggestions import Suggestion
from .timesteps.timestep_choice import TimestepChoice
from .transfer_results import TransferFacts


@dataclass(frozen=True)
class Computation:
    """On what a task ran, and how long.

    Attributes:
        device: Name of the device.
        device_reason: Why it was chosen.
        torch: Version.
    """

    device: str
    device_reason: str
    torch: str


@dataclass(frozen=True)
class BandLeftOut:
    """A band that is not used: its number in the user's raster (from 1), its name, and why."""

    number: int
    name: str
    reason: str


@dataclass(frozen=True)
class DenoisedPatch:
    """A patch of the scene before and after denoising.

    Attributes:
        patch: Number of the patch, from 0.
        timestep: Of the noise that was added.
        clean: PNG as a data URI, as are the following.
        noised: With noise.
        denoised: As the model restores it.
    """

    patch: int
    timestep: int
    clean: str
    noised: str
    denoised: str


@dataclass(frozen=True)
class GalleryPicture:
    """Features of a timestep and stage as colours.

    Attributes:
        timestep: Noise level.
        stage: Of the decoder.
        shown: Share of the variance of the features that the picture shows, 0 to 1.
        draw_correlation: Of two noise draws; None where the features do not vary.
        picture: PNG as a data URI.
    """

    timestep: int
    stage: int
    shown: float
    draw_correlation: float | None
    picture: str


@dataclass(frozen=True)
class PretrainResult:
    """A trained diffusion model.

    Attributes:
        model: Path of the model file.
        final_loss: Mean of the last twentieth of the loss curve.
        iterations: Optimiser steps.
        rollbacks: How often the training diverged, went back and halved the learning rate.
        loss_curve: (iteration, loss).
        components: Principal components.
        explained_share: Of the variance, by the components, 0 to 1.
        bands_used: Numbers in the user's raster.
        bands_left_out: And why.
        denoised: For the report.
        settings: Of the training.
        computation: Device and versions.
        seconds: The task took.
        scene_pixels: (S,) valid pixels of each scene; patches are drawn in proportion to them.
        gallery: Pictures of features, stage by stage; empty where none are asked for.
        gone_on_after: Iterations that an earlier run had done; they are not in the seconds.
        loss_by_timestep: (first, last, loss) of intervals of t, in the last tenth; empty after an old checkpoint.
    """

    model: str
    final_loss: float
    iterations: int
    rollbacks: int
    loss_curve: tuple[tuple[float, float], ...]
    components: int
    explained_share: float
    bands_used: tuple[int, ...]
    bands_left_out: tuple[BandLeftOut, ...]
    denoised: tuple[DenoisedPatch, ...]
    settings: PretrainSettings
    computation: Computation = field(metadata=INLINE)
    seconds: float = 0.0
    scene_pixels: tuple[int, ...] = ()
    gallery: tuple[GalleryPicture, ...] = ()
    gone_on_after: int = 0
    loss_by_timestep: tuple[tuple[int, int, float], ...] = ()


@dataclass(frozen=True)
class ExtractionResult:
    """A feature raster.

    Attributes:
        folder: That holds the raster.
        raster: In that folder.
        layout: What its bands are.
        bands_written: Number of bands.
        computation: Device and versions.
        seconds: The task took.
    """

    folder: str
    raster: CubeFile
    layout: FeatureLayout
    bands_written: int
    computation: Computation = field(metadata=INLINE)
    seconds: float = 0.0


@dataclass(frozen=True)
class ImportResult:
    """A scene of a MATLAB file.

    Attributes:
        cube: In the job folder.
        reference: Raster of class ids in the job folder, where there is a ground truth.
        class_names: By class id.
        seconds: The task took.
    """

    cube: CubeFile
    reference: CubeFile | None
    class_names: Mapping[str, str]
    seconds: float = 0.0


@dataclass(frozen=True)
class SplitFacts:
    """How samples were held out.

    Attributes:
        method: "layer", "none", "random", "spatial" or "scene".
        sentence: What the way of holding out does to the accuracy.
        not_held_out: Names of classes of which nothing could be held out.
        training_samples: (K,) by class.
        validation_samples: (K,) by class.
        validation_outside_map: Validation samples where the map has no class.
    """

    method: str
    sentence: str
    not_held_out: tuple[str, ...]
    training_samples: tuple[int, ...]
    validation_samples: tuple[int, ...]
    validation_outside_map: int


@dataclass(frozen=True)
class PurificationFacts:
    """What features were chosen with.

    Attributes:
        raster: "classes", "clusters" or "none".
        note: For the report.
        after_split: True where held-out samples had no part in it for certain.
    """

    raster: str
    note: str
    after_split: bool | None = field(default=None, metadata=OMITTED_IF_NONE)


@dataclass(frozen=True)
class ModelSummary:
    """A model of the default classifier, its weight in the ensemble and its cross-validated accuracy, 0 to 1."""

    name: str
    weight: float
    accuracy: float


@dataclass(frozen=True)
class ContextSummary:
    """Whether spatial context is used.

    Attributes:
        reliable: Whether held-out samples are told better with spatial context.
        brier_with: Brier score (0 to 2, lower is better) of held-out samples with it; None in older files.
        brier_without: The same without it.
    """

    RETIRED: ClassVar = ("cross_class_affinity",)

    reliable: bool
    brier_with: float | None = field(default=None, metadata=OMITTED_IF_NONE)
    brier_without: float | None = field(default=None, metadata=OMITTED_IF_NONE)

    @property
    def scores(self) -> str:
        """The Brier scores in words; empty where they are not known."""
        if self.brier_with is None or self.brier_without is None:
            return ""
        return f"Brier score {self.brier_with:.3f} with it and {self.brier_without:.3f} without (lower is better)"


@dataclass(frozen=True)
class EnsembleSummary:
    """What the default classifier chose.

    Attributes:
        models: All that were cross-validated.
        accuracy: Of the ensemble under cross-validation, 0 to 1.
        folds: What was held out: "samples", "groups" or "blocks".
        split: "random" for more pixels of the fields that have samples, "spatial" for fields without.
        context: None for "random", where it is always used.
        feature_gain: What the diffusion features add; None where the raster does not hold features and spectra.
    """

    models: tuple[ModelSummary, ...] = field(metadata=json_name("trials"))
    accuracy: float = field(metadata=json_name("trial_accuracy"))
    folds: str = field(metadata=json_name("trial_folds"))
    split: str = field(metadata=json_name("for"))
    context: ContextSummary | None = None
    feature_gain: FeatureGain | None = field(default=None, metadata=OMITTED_IF_NONE)


@dataclass(frozen=True)
class MapResult:
    """A class map.

    Attributes:
        map: Class ids.
        confidence: Probability of the mapped class.
        probabilities: One band a class, where asked for.
        accuracy: At the held-out samples; None where none was held out or none lies on the map.
        split: How samples were held out.
        classes: In the order of the class indices.
        mapped_pixels: (K,) of each class.
        timesteps: Of the features.
        timestep_weights: Share of each timestep, and of "spectra", in the decision; may be empty.
        stage_weights: Share of each stage likewise.
        features_per_timestep: That the classifier could use.
        purification: What features were chosen with.
        settings: Of the classification.
        computation: Device and versions.
        ensemble: Of the default classifier alone.
        seconds: The task took.
        choices: What the analyst's choices did; None where none was made.
        uncertainty: Entropy, margin and disagreement, where asked for.
        suggestions: Samples to take next, the most useful first, where asked for.
        extras: What became of extra rasters; None where none was asked for.
        cell_weights: Share of each timestep and, in it, of each stage in the decision; None where there are none.
        alignment_weights: Weight that "hyperfeatures" gave each timestep and, in it, each stage; None of others.
        tokens: Segments that are classified as one, where asked for.
        token_table: Of them, map_choices.SEGMENT_COLUMNS; row n is of segment n + 1.
        timestep_choice: How the timesteps were chosen among others; None where they were given.
        explanations: Why pixels have their classes, where asked for.
    """

    map: CubeFile
    confidence: CubeFile
    probabilities: CubeFile | None
    accuracy: AccuracyFigures | None
    split: SplitFacts
    classes: tuple[ClassEntry, ...]
    mapped_pixels: tuple[int, ...]
    timesteps: tuple[int, ...]
    timestep_weights: Mapping[str, float]
    stage_weights: Mapping[str, float]
    features_per_timestep: int
    purification: PurificationFacts
    settings: ClassificationSettings
    computation: Computation = field(metadata=INLINE)
    ensemble: EnsembleSummary | None = field(default=None, metadata={**json_name("pool"), **OMITTED_IF_NONE})
    seconds: float = 0.0
    choices: ChoiceFacts | None = field(default=None, metadata=OMITTED_IF_NONE)
    uncertainty: CubeFile | None = field(default=None, metadata=OMITTED_IF_NONE)
    suggestions: tuple[Suggestion, ...] | None = field(default=None, metadata=OMITTED_IF_NONE)
    extras: ExtraFacts | None = field(default=None, metadata=OMITTED_IF_NONE)
    cell_weights: Mapping[str, Mapping[str, float]] | None = field(default=None, metadata=OMITTED_IF_NONE)
    alignment_weights: Mapping[str, Mapping[str, float]] | None = field(default=None, metadata=OMITTED_IF_NONE)
    tokens: CubeFile | None = field(default=None, metadata=OMITTED_IF_NONE)
    token_table: CubeFile | None = field(default=None, metadata=OMITTED_IF_NONE)
    timestep_choice: TimestepChoice | None = field(default=None, metadata=OMITTED_IF_NONE)
    explanations: tuple[PixelExplanation, ...] | None = field(default=None, metadata=OMITTED_IF_NONE)


@dataclass(frozen=True)
class SceneMapResult(MapResult):
    """A class map of a scene, with no feature raster in between.

    Attributes:
        folder: That holds the rasters.
        model: Path of the model file that was trained; None where one was given.
    """

    folder: str = ""
    model: str | None = None


@dataclass(frozen=True)
class ApplyResult:
    """A class map by a classifier from a file.

    Attributes:
        folder: That holds the rasters.
        map: Class ids.
        confidence: Probability of the mapped class.
        probabilities: One band a class, where asked for.
        applicability: Dissimilarity index over its threshold, where asked for: up to 1 lies inside.
        classes: In the order of the class indices.
        mapped_pixels: (K,) of each class.
        transfer: How far the scene differs from the one that was learnt from.
        settings: Of the application.
        computation: Device and versions.
        seconds: The task took.
        choices: What the analyst's choices did; None where none was made.
        uncertainty: Entropy, margin and disagreement, where asked for.
        tokens: The number of each pixel's segment, where asked for.
        token_table: Figures of each segment, with it.
    """

    folder: str
    map: CubeFile
    confidence: CubeFile
    probabilities: CubeFile | None
    applicability: CubeFile | None
    classes: tuple[ClassEntry, ...]
    mapped_pixels: tuple[int, ...]
    transfer: TransferFacts
    settings: ApplySettings
    computation: Computation = field(metadata=INLINE)
    seconds: float = 0.0
    choices: ChoiceFacts | None = field(default=None, metadata=OMITTED_IF_NONE)
    uncertainty: CubeFile | None = field(default=None, metadata=OMITTED_IF_NONE)
    tokens: CubeFile | None = field(default=None, metadata=OMITTED_IF_NONE)
    token_table: CubeFile | None = field(default=None, metadata=OMITTED_IF_NONE)


@dataclass(frozen=True)
class MappedScene:
    """A scene of a campaign: its folder, its raster's name, and (K,) pixels of each class on its map."""

    folder: str
    name: str
    mapped_pixels: tuple[int, ...]


@dataclass(frozen=True)
class CampaignResult(MapResult):
    """The maps of a campaign's scenes, as one map.

    Its rasters map, confidence and probabilities have the size of the mosaic and the names that they have in each
    scene's folder; there is no such file of the whole.

    Attributes:
        scenes: In the order of the campaign; a pixel of several scenes counts in each, and once in mapped_pixels.
    """

    scenes: tuple[MappedScene, ...] = ()


TaskResult = Union[PretrainResult, ExtractionResult, ImportResult, MapResult, ApplyResult]
