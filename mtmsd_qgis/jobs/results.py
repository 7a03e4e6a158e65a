# SPDX-License-Identifier: GPL-2.0-or-later
"""What the worker's tasks, and the assessment of a map, have found: the content of result messages and reports.

Enters: figures. Leaves: frozen dataclasses; json_dataclasses turns them into the JSON of a message or report and back.
Accuracies are in percent, None where undefined; an interval is (low, high) at 95 %, (None, None) where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

from .data_model import ClassEntry, CubeFile, FeatureLayout
from .json_dataclasses import INLINE, OMITTED_IF_NONE, json_name
from .settings import ClassificationSettings, PretrainSettings


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
class CalibrationBin:
    """Reference samples of similar confidence: how many, their mean confidence, and the share that is right."""

    samples: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class CalibrationFigures:
    """Whether the confidence of a map can be trusted; errors and shares 0 to 1.

    Attributes:
        error: Expected calibration error.
        expected_error: Of a map with perfect calibration, at as few spatial groups.
        expected_error_at_most: What that error stays under in 19 of 20 cases.
        groups: Spatial groups that the reference samples lie in.
        bins: That hold samples.
    """

    error: float = field(metadata=json_name("calibration_error"))
    expected_error: float = field(metadata=json_name("calibration_error_by_chance"))
    expected_error_at_most: float = field(metadata=json_name("calibration_error_by_chance_at_most"))
    groups: int = field(metadata=json_name("calibration_places"))
    bins: tuple[CalibrationBin, ...] = field(metadata=json_name("calibration"))


@dataclass(frozen=True)
class AccuracyFigures:
    """Accuracy of a map at reference samples; lists are in the order of the K classes.

    Attributes:
        samples: Reference pixels.
        matrix: (K, K) of them, rows reference, columns map.
        oa: Overall accuracy.
        oa_interval: Of samples that are independent.
        aa: Average accuracy: mean of the producer's accuracies.
        aa_interval: Of it.
        kappa: Agreement beyond chance.
        kappa_interval: Of it.
        users: (K,) user's accuracies.
        users_interval: (K,) of them.
        producers: (K,) producer's accuracies.
        producers_interval: (K,) of them.
        f1: (K,) harmonic means of the two.
        f1_interval: (K,) of them.
        features: Polygons or points of the reference layer that the samples come from.
        oa_interval_by_feature: Of the overall accuracy where whole features are what was sampled; None where each
            sample is a feature of its own.
        calibration: None where the map has no confidence.
    """

    samples: int
    matrix: tuple[tuple[int, ...], ...]
    oa: float | None
    oa_interval: tuple[float | None, ...]
    aa: float | None
    aa_interval: tuple[float | None, ...]
    kappa: float | None
    kappa_interval: tuple[float | None, ...]
    users: tuple[float | None, ...]
    users_interval: tuple[tuple[float | None, ...], ...]
    producers: tuple[float | None, ...]
    producers_interval: tuple[tuple[float | None, ...], ...]
    f1: tuple[float | None, ...]
    f1_interval: tuple[tuple[float | None, ...], ...]
    features: int
    oa_interval_by_feature: tuple[float | None, ...] | None
    calibration: CalibrationFigures | None = field(default=None, metadata=INLINE)


@dataclass(frozen=True)
class SplitFacts:
    """How samples were held out.

    Attributes:
        method: "layer", "none", "random" or "spatial".
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
class SmoothingSummary:
    """How class probabilities are smoothed within fields.

    Attributes:
        sigma: Range sigma of the joint bilateral filter.
        cross_class_share: Share of its weight that joins training samples of different classes, 0 to 1.
        guides: Channels of the guidance image.
    """

    sigma: float = field(metadata=json_name("likeness"))
    cross_class_share: float = field(metadata=json_name("mixed"))
    guides: int = 0


@dataclass(frozen=True)
class EnsembleSummary:
    """What the default classifier chose.

    Attributes:
        models: All that were cross-validated.
        accuracy: Of the ensemble under cross-validation, before probabilities are smoothed, 0 to 1.
        folds: What was held out: "samples", "groups" or "blocks".
        split: "random" for more pixels of the fields that have samples, "spatial" for fields without.
        smoothing: None where each pixel is decided alone.
    """

    models: tuple[ModelSummary, ...] = field(metadata=json_name("trials"))
    accuracy: float = field(metadata=json_name("trial_accuracy"))
    folds: str = field(metadata=json_name("trial_folds"))
    split: str = field(metadata=json_name("for"))
    smoothing: SmoothingSummary | None = field(default=None, metadata=json_name("agreement"))


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
class MapClass:
    """A class of an assessed map: its id, None where the reference alone has it, its name and its colour (#rrggbb)."""

    id: int | None
    name: str
    color: str = ""


@dataclass(frozen=True)
class SamplingFacts:
    """How reference samples were drawn: one of settings.SAMPLINGS, and what follows from it."""

    method: str
    sentence: str


@dataclass(frozen=True)
class Stratum:
    """A stratum: its name, its pixels, and the reference samples in it."""

    name: str
    pixels: int
    samples: int


@dataclass(frozen=True)
class AreaFigures:
    """Accuracies and areas estimated for the mapped area; lists are in the order of the K classes.

    Attributes:
        strata: That the samples were drawn from.
        pixels: Of all strata with samples.
        oa: Overall accuracy, of the area.
        oa_error: Its standard error, percent points; the same for the other errors.
        oa_interval: Of it.
        users: (K,) user's accuracies.
        users_error: (K,) of them.
        users_interval: (K,) of them.
        producers: (K,) producer's accuracies.
        producers_error: (K,) of them.
        producers_interval: (K,) of them.
        area: (K,) of the area, percent.
        area_error: (K,) of them.
        area_interval: (K,) of them.
        area_pixels: (K,) the same in pixels.
        area_pixels_error: (K,) of them.
        area_pixels_interval: (K,) of them.
        cells: (K, K) of the area, percent, rows reference, columns map.
    """

    strata: tuple[Stratum, ...]
    pixels: int
    oa: float | None
    oa_error: float | None
    oa_interval: tuple[float | None, ...]
    users: tuple[float | None, ...]
    users_error: tuple[float | None, ...]
    users_interval: tuple[tuple[float | None, ...], ...]
    producers: tuple[float | None, ...]
    producers_error: tuple[float | None, ...]
    producers_interval: tuple[tuple[float | None, ...], ...]
    area: tuple[float | None, ...]
    area_error: tuple[float | None, ...]
    area_interval: tuple[tuple[float | None, ...], ...]
    area_pixels: tuple[float | None, ...]
    area_pixels_error: tuple[float | None, ...]
    area_pixels_interval: tuple[tuple[float | None, ...], ...]
    cells: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class AccuracyResult:
    """A class map of any program, assessed with reference samples.

    Attributes:
        accuracy: Of the samples as counted.
        adjusted: Estimates for the area.
        sampling: How the samples were drawn.
        mapped_pixels: (K,) of each class on the whole map.
        notes: What the figures cannot say.
        classes: Of map and reference.
        left_out: Reason -> number of pixels or features that became no sample.
    """

    accuracy: AccuracyFigures
    adjusted: AreaFigures
    sampling: SamplingFacts
    mapped_pixels: tuple[int, ...]
    notes: tuple[str, ...] = ()
    classes: tuple[MapClass, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


TaskResult = Union[PretrainResult, ExtractionResult, ImportResult, MapResult]
