# SPDX-License-Identifier: GPL-2.0-or-later
"""Every setting of the three steps, with its unit, reason or source, and the presets.

Enters: numbers and words from the algorithms' parameters. Leaves: frozen, validated dataclasses that go into the
job file and, for pretraining, into the model file.

Source of all that is marked "paper": Zhou et al., IEEE TGRS 62, 5519516 (2024), doi 10.1109/TGRS.2024.3407206,
and the settings of its published code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from ..errors import SettingsError
from . import json_dataclasses
from .json_dataclasses import OMITTED_IF_NONE, shown
from .map_choices import MapFinish, check_segments
from .timesteps.number_lists import AUTO

TRAINING_TIMESTEPS = 1000  # length of the diffusion schedule (paper)
PAPER_TIMESTEPS = tuple(range(50, 1000, 50))  # 19 timesteps: 50, 100, ... 950 (paper)
PAPER_STAGES = (0, 1, 2, 3, 5)  # decoder blocks whose outputs are features (paper)
LEVEL_WIDTHS = (1, 2, 2)  # channels of each level of the U-Net, in base widths (paper)
LEVEL_BLOCKS = 2  # its residual blocks a level; the decoder has one more (paper)
CLASSIFIERS = ("auto", "mtmsd", "transformer3d", "linear", "hyperfeatures")
SPLITS = ("none", "random", "spatial", "block", "scene")
CLASS_WEIGHTS = ("even", "samples", "area")  # how probable classes are beforehand; None: as the classifier has it
SAMPLINGS = ("unknown", "random", "stratified")  # how reference samples were drawn
ADAPTATIONS = ("none", "scale")
PRESET_NAMES = ("quick", "standard", "paper")

LARGEST_SEED = 2**31 - 1

_MOST_COMPONENTS = 65_536  # bands that GDAL opens
_MOST_STEPS = 10**9  # of anything that is counted; a hundred thousand times what a long training takes
_LARGEST_PATCH = 4096  # pixels
_GRID = 4  # the U-Net halves twice: sides and origins of patches and tiles are multiples of this

Settings = TypeVar("Settings", "PretrainSettings", "ExtractionSettings", "ClassificationSettings", "ApplySettings")


def _require(condition: bool, expected: str, found: object) -> None:
    if not condition:
        raise SettingsError(f"{expected} Found: {found if isinstance(found, tuple) else shown(found)}.")


def _ascends(numbers: tuple[int, ...], largest: int) -> bool:
    return len(numbers) > 0 and list(numbers) == sorted(set(numbers)) and 0 <= numbers[0] and numbers[-1] <= largest


def check_device(device: str) -> None:
    """A device must have a name that torch knows.

    Raises:
        SettingsError: It has not.
    """
    number = device[5:] if device.startswith("cuda:") else ""
    known = device in ("auto", "cpu", "cuda") or (number.isascii() and number.isdecimal() and len(number) < 4)
    _require(known, "The device must be auto, cpu, cuda or cuda:N with the number of the card.", shown(device))


def check_seed(seed: int) -> None:
    """A seed must be a number that torch and numpy take.

    Raises:
        SettingsError: It is not.
    """
    _require(0 <= seed <= LARGEST_SEED, f"The seed must be a whole number from 0 to {LARGEST_SEED}.", seed)


@dataclass(frozen=True)
class PretrainSettings:
    """How the diffusion model is trained on a scene.

    Attributes:
        preset: Name of the preset these settings started from; stored, so that extraction finds its defaults.
        components: Principal components kept at most; a scene with fewer usable bands keeps as many as it has.
        base_width: Channels of the U-Net's first level; 32, 64 or 128 (128: paper).
        patch_size: Side of patches, of tiles and of the window of global features; a multiple of 4 (48: paper).
        iterations: Optimiser steps.
        batch_size: Patches a step.
        learning_rate: Peak rate of AdamW.
        final_learning_rate_share: The rate falls along a half cosine to this share of its peak; 1 keeps it constant.
        warmup_iterations: Steps over which the rate rises from 0, so that Adam's first, noisy steps are small.
        weight_decay: Of AdamW (0: default of the diffusion code that the paper builds on).
        ema_decay: Decay, at most, of the moving average of the weights that the model keeps; see training_loop.
        band_scaling: "none" centres the bands before PCA (paper); "standard" also divides by their deviation.
        seed: Of initial weights, patches, timesteps and noise.
        device: "auto", "cpu", "cuda" or "cuda:N".
        checkpoint_seconds: Longest time between two checkpoints.
        train_up_to: Largest timestep that is drawn in training; None: all 1000 (paper).
    """

    preset: str = "quick"
    components: int = 25
    base_width: int = 32
    patch_size: int = 32
    iterations: int = 600
    batch_size: int = 8
    learning_rate: float = 1e-3
    final_learning_rate_share: float = 1.0
    warmup_iterations: int = 50
    weight_decay: float = 0.0
    ema_decay: float = 0.995
    band_scaling: str = "none"
    seed: int = 0
    device: str = "auto"
    checkpoint_seconds: float = 30.0
    train_up_to: int | None = field(default=None, metadata=OMITTED_IF_NONE)

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            SettingsError: A value is outside its range.
        """
        _require(self.preset in PRESET_NAMES, f"The preset must be one of {', '.join(PRESET_NAMES)}.", self.preset)
        components = self.components
        _require(1 <= components <= _MOST_COMPONENTS, "The number of components must be at least 1.", components)
        _require(self.base_width in (32, 64, 128), "The base width must be 32, 64 or 128.", self.base_width)
        side = self.patch_size
        fits = 16 <= side <= _LARGEST_PATCH and side % _GRID == 0
        _require(fits, f"The patch size must be 16 to {_LARGEST_PATCH} pixels and a multiple of {_GRID}.", side)
        _require(1 <= self.iterations <= _MOST_STEPS, "The number of iterations must be at least 1.", self.iterations)
        _require(1 <= self.batch_size <= _MOST_STEPS, "The batch size must be at least 1.", self.batch_size)
        _require(0 < self.learning_rate <= 1, "The learning rate must lie between 0 and 1.", self.learning_rate)
        _require(0 <= self.ema_decay < 1, "The decay of the weight average must lie in [0, 1).", self.ema_decay)
        share = self.final_learning_rate_share
        _require(0 <= share <= 1, "The final share of the learning rate must lie in [0, 1].", share)
        _require(0 <= self.warmup_iterations <= _MOST_STEPS, "The warm-up must be 0 or more.", self.warmup_iterations)
        _require(0 <= self.weight_decay <= 1, "The weight decay must lie in [0, 1].", self.weight_decay)
        _require(self.band_scaling in ("none", "standard"), "Band scaling must be none or standard.", self.band_scaling)
        seconds = self.checkpoint_seconds
        _require(seconds >= 0, "The time between checkpoints must be 0 or more.", seconds)
        last = TRAINING_TIMESTEPS - 1
        _require(1 <= self.last_timestep <= last, f"TRAIN_UP_TO must be 1 to {last}.", self.train_up_to)
        if self.train_up_to == last:  # says nothing: the same settings, and the same bytes in files
            object.__setattr__(self, "train_up_to", None)
        check_seed(self.seed)
        check_device(self.device)

    @property
    def last_timestep(self) -> int:
        """Largest timestep that the model has seen."""
        return TRAINING_TIMESTEPS - 1 if self.train_up_to is None else self.train_up_to


@dataclass(frozen=True)
class ExtractionSettings:
    """Which features are taken from the U-Net.

    Attributes:
        timesteps: Noise levels, each 0 to 999, ascending.
        timestep_choice: "auto": as few of the timesteps as stand for all; None: all of them.
        stages: Decoder blocks, each 0 to 8, ascending.
        keep: Features kept per timestep after purification; 0 keeps all.
        noise_draws: Independent noise fields whose features are averaged (1: paper).
        spectra: Whether the bands themselves are stored behind the features, as one more "timestep".
        clusters: Classes by k-means where there are no samples; benchmark scenes of the field have 9 to 20.
        seed: Of the noise field and of the clusters.
        device: "auto", "cpu", "cuda" or "cuda:N".
    """

    timesteps: tuple[int, ...] = PAPER_TIMESTEPS
    stages: tuple[int, ...] = PAPER_STAGES
    keep: int = 192
    noise_draws: int = 1
    spectra: bool = True
    clusters: int = 16
    seed: int = 0
    device: str = "auto"
    timestep_choice: str | None = field(default=None, metadata=OMITTED_IF_NONE)

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            SettingsError: A value is outside its range.
        """
        choice = self.timestep_choice
        _require(choice in (None, AUTO), "The choice of timesteps must be auto, or left out.", choice)
        last = TRAINING_TIMESTEPS - 1
        expected = f"Timesteps must be different whole numbers from 0 to {last}, for example 50,100,150."
        _require(_ascends(self.timesteps, last), expected, self.timesteps)
        expected = "Stages must be different whole numbers from 0 to 8, for example 0,1,2,3,5."
        _require(_ascends(self.stages, 8), expected, self.stages)
        _require(self.keep >= 0, "The number of features to keep must be 0 (all) or more.", self.keep)
        _require(1 <= self.noise_draws <= 1000, "The number of noise draws must be 1 to 1000.", self.noise_draws)
        _require(2 <= self.clusters <= 10_000, "The number of clusters must be 2 to 10000.", self.clusters)
        check_seed(self.seed)
        check_device(self.device)

    def at(self, timesteps: Sequence[int]) -> ExtractionSettings:
        """The same at some timesteps, once they are chosen."""
        return replace(self, timesteps=tuple(timesteps), timestep_choice=None)


@dataclass(frozen=True)
class ClassificationSettings:
    """How the features are classified.

    Attributes:
        classifier: "auto" (discriminants and kernel ridge regression, cross-validated as the split says), "mtmsd"
            (purification, selective timestep fusion, ensemble), "transformer3d" (3-D convolution and transformer on
            patches), "linear" (logistic regression) or "hyperfeatures" (the same with weighed timesteps and stages).
        split: What the map is for, and how samples are held out where no validation layer is given: "random" (more
            pixels of the same fields), "spatial" (polygons without samples), "block" (blocks of the grid without
            samples) or "none" (nothing is held out; learnt as for "spatial").
        validation_share: Share of the samples that is held out.
        block_size: Side in pixels of the blocks that "block", and "spatial" where samples are points, keep together.
        buffer: Training samples at most so many pixels from a held-out one are left out.
        keep: Features kept per timestep by purification; 0 keeps all that the raster holds; None: 60 % (paper)
            of a raster that was not purified before, all of one that was.
        ensemble: Networks whose probabilities are averaged; None: 5 for "mtmsd" (paper), 2 for "transformer3d".
        epochs: Passes over the training samples; None: 100 for "mtmsd" (paper), 40 for "transformer3d".
        batch_size: Samples a step (64: paper).
        learning_rate: Peak rate of Adam, cosine to 5e-6 (1e-3: paper).
        dropout: Share of the fused features that is zeroed in training; the paper has none.
        seed: Of split, initial weights and shuffling.
        device: "auto", "cpu", "cuda" or "cuda:N".
        class_weights: One of CLASS_WEIGHTS; None: as the classifier has it.
        finish: What is done with the map afterwards; None: nothing.
        segments: Mean pixels of segments that are classified as one; 0: chosen by the samples; None: of no segment.
        sample_weight_field: Field of the training layer that says how much its samples count; None: all alike.
    """

    classifier: str = "auto"
    split: str = "spatial"
    validation_share: float = 0.3
    block_size: int = 32
    buffer: float = 0.0
    keep: int | None = None
    ensemble: int | None = None
    epochs: int | None = None
    batch_size: int = 64
    learning_rate: float = 1e-3
    dropout: float = 0.0
    seed: int = 0
    device: str = "auto"
    class_weights: str | None = field(default=None, metadata=OMITTED_IF_NONE)
    finish: MapFinish | None = field(default=None, metadata=OMITTED_IF_NONE)
    segments: int | None = field(default=None, metadata=OMITTED_IF_NONE)
    sample_weight_field: str | None = field(default=None, metadata=OMITTED_IF_NONE)

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            SettingsError: A value is outside its range.
        """
        weights = self.class_weights
        _require(weights is None or weights in CLASS_WEIGHTS, f"The class weights must be of {CLASS_WEIGHTS}.", weights)
        _require(self.classifier in CLASSIFIERS, f"The classifier must be one of {CLASSIFIERS}.", self.classifier)
        _require(self.split in SPLITS, f"The split must be one of {SPLITS}.", self.split)
        _require(0 < self.validation_share < 1, "The validation share must lie between 0 and 1.", self.validation_share)
        _require(self.block_size >= 1, "The block size must be at least 1 pixel.", self.block_size)
        _require(0 <= self.buffer < 1e6, "The buffer must be 0 or more pixels.", self.buffer)
        _require(self.keep is None or self.keep >= 0, "Features to keep must be 0 (all) or more.", self.keep)
        _require(1 <= self.networks <= 100, "The ensemble must have 1 to 100 networks.", self.ensemble)
        _require(1 <= self.passes <= _MOST_STEPS, "The number of epochs must be at least 1.", self.epochs)
        _require(2 <= self.batch_size <= _MOST_STEPS, "The batch size must be at least 2.", self.batch_size)
        _require(0 < self.learning_rate <= 1, "The learning rate must lie between 0 and 1.", self.learning_rate)
        _require(0 <= self.dropout < 1, "Dropout must lie in [0, 1).", self.dropout)
        check_segments(self.segments)
        check_seed(self.seed)
        check_device(self.device)

    @property
    def networks(self) -> int:
        """Networks of the ensemble, by the classifier where it is not set."""
        return (2 if self.classifier == "transformer3d" else 5) if self.ensemble is None else self.ensemble

    @property
    def passes(self) -> int:
        """Passes over the samples, by the classifier where it is not set: a transformer's takes ten times longer."""
        return (40 if self.classifier == "transformer3d" else 100) if self.epochs is None else self.epochs


@dataclass(frozen=True)
class ApplySettings:
    """How a classifier from a file is applied.

    Attributes:
        adapt: "none", or "scale": each band is brought to median and spread of the scene that was learnt from.
        device: "auto", "cpu", "cuda" or "cuda:N".
        finish: What is done with the map afterwards; None: nothing.
        segments: Mean pixels of a segment; 0: as in the run that the classifier comes from; None: no segments.
    """

    adapt: str = "none"
    device: str = "auto"
    finish: MapFinish | None = field(default=None, metadata=OMITTED_IF_NONE)
    segments: int | None = field(default=None, metadata=OMITTED_IF_NONE)

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            SettingsError: A value is outside its range.
        """
        check_segments(self.segments)
        _require(self.adapt in ADAPTATIONS, f"The adaptation must be one of {', '.join(ADAPTATIONS)}.", self.adapt)
        check_device(self.device)


@dataclass(frozen=True)
class Preset:
    """One answer to "how long may it take": settings of pretraining and of extraction that belong together."""

    pretrain: PretrainSettings
    extraction: ExtractionSettings


PRESETS: Mapping[str, Preset] = {
    # Minutes on two CPU cores.
    "quick": Preset(
        PretrainSettings(
            preset="quick",
            base_width=32,  # 1.67 M parameters; a patch costs 1/16 of the paper's network
            patch_size=32,  # 2.25 patches for the time of one of 48; more positions a step
            iterations=600,  # 2 minutes at 0.2 s a step; as accurate as twice as many (decision 7)
            batch_size=8,  # keeps a step short, so that there can be hundreds
            learning_rate=1e-3,  # ten times the paper's, as the schedule is short
            warmup_iterations=50,
            ema_decay=0.995,  # as below: never reached in so few steps, and the average spans the last 70
        ),
        ExtractionSettings(keep=192),  # 60 % of 320 (paper's share)
    ),
    # A laptop GPU, under half an hour: a quarter of the paper's network, a twentieth of its patches.
    "standard": Preset(
        PretrainSettings(
            preset="standard",
            base_width=64,  # 6.64 M parameters
            patch_size=48,  # (paper)
            iterations=8_000,  # a fifth of the paper's, each with a quarter of its patches
            batch_size=32,  # a quarter of the paper's, as is the memory it needs
            learning_rate=5e-4,  # between quick and paper, as the length of the schedule is
            final_learning_rate_share=0.05,
            warmup_iterations=200,
            ema_decay=0.999,  # hardly reached: the average spans the last 900 steps
        ),
        ExtractionSettings(keep=384),  # 60 % of 640 (paper's share)
    ),
    # The published network and schedule. Batch, rate and average are the defaults of the diffusion code it builds on.
    "paper": Preset(
        PretrainSettings(
            preset="paper",
            base_width=128,  # 26.5 M parameters (paper)
            patch_size=48,  # (paper)
            iterations=40_000,  # (name of the published checkpoint)
            batch_size=128,
            learning_rate=1e-4,
            warmup_iterations=0,
            ema_decay=0.9999,
        ),
        ExtractionSettings(keep=768),  # of 1280 (paper)
    ),
}


def pretrain_settings(preset: str, **overrides: Any) -> PretrainSettings:
    """The preset's pretraining settings with some replaced; an override of None keeps the preset's value.

    Raises:
        SettingsError: No such preset, or a value out of range.
    """
    _require(preset in PRESETS, f"The preset must be one of {', '.join(PRESET_NAMES)}.", preset)
    return replace(PRESETS[preset].pretrain, **{k: v for k, v in overrides.items() if v is not None})


def extraction_settings(preset: str, **overrides: Any) -> ExtractionSettings:
    """The preset's extraction settings with some replaced; an override of None keeps the preset's value.

    Raises:
        SettingsError: No such preset, or a value out of range.
    """
    _require(preset in PRESETS, f"The preset must be one of {', '.join(PRESET_NAMES)}.", preset)
    return replace(PRESETS[preset].extraction, **{k: v for k, v in overrides.items() if v is not None})


def to_json(settings: PretrainSettings | ExtractionSettings | ClassificationSettings | ApplySettings) -> dict[str, Any]:
    """The settings as JSON-ready values."""
    return json_dataclasses.to_json(settings)


def from_json(kind: type[Settings], values: Mapping[str, Any]) -> Settings:
    """Settings of the given kind from JSON values.

    Raises:
        SettingsError: An unknown name or a value out of range or of the wrong type.
    """
    unknown = set(values) - {f.name for f in fields(kind)}
    _require(not unknown, f"{kind.__name__} knows no setting of this name.", ", ".join(map(shown, sorted(unknown))))
    try:
        return json_dataclasses.from_json(kind, dict(values))
    except ValueError as error:
        raise SettingsError(f"A setting has the wrong type: {error}.") from None
