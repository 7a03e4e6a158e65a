# SPDX-License-Identifier: GPL-2.0-or-later
"""What a campaign takes: disk and time, estimated before it begins.

Enters: a Campaign and the size of its files. Leaves: an Effort. The times are one core's, of the preset quick, the
network's part scaled by its multiply-adds: a training step by docs/performance.md, a mapped pixel by
benchmarks/campaign/pool.py, whose figures are in docs/cluster.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..jobs.disk_sizes import map_bytes
from .folder import Campaign

_STEP_SECONDS = 0.31  # one core's, for a training step of 8 patches of 32 x 32 pixels at width 32
_STEP_PIXELS = 8 * 32 * 32
_WIDTH = 32
_NETWORK_SECONDS = 40e-6  # one core's, for the features of a pixel at two timesteps, at width 32
_CLASSIFIER_SECONDS = 60e-6  # one core's, to smooth and classify a pixel; and for each of its bands:
_BAND_SECONDS = 0.45e-6
_LEARN_SECONDS = 60.0  # one core's, for statistics, features of samples, and the classifier


@dataclass(frozen=True)
class Effort:
    """An estimate.

    Attributes:
        disk_bytes: Of the folder at the end, with the maps.
        train_seconds: One core's, for the model; several cores share a step.
        map_seconds: One core's, for all that is cut into units; workers share it.
    """

    disk_bytes: int
    train_seconds: float
    map_seconds: float

    def hours(self, cores: int) -> float:
        """On so many cores, where nothing else runs."""
        return (self.train_seconds + self.map_seconds) / max(cores, 1) / 3600


def effort_of(campaign: Campaign, bands: int, band_bytes: int, *, model_width: int | None = None) -> Effort:
    """What a campaign takes.

    Args:
        campaign: The campaign.
        bands: Of each scene.
        band_bytes: Of a number.
        model_width: Of the network of a model that is given; None where one is trained.
    """
    pixels = sum(scene.height * scene.width for scene in campaign.scenes)
    probabilities = len(campaign.classes) if campaign.probabilities else 0
    settings = campaign.pretrain
    scale = ((model_width or settings.base_width) / _WIDTH) ** 2
    step = _STEP_SECONDS * scale * settings.batch_size * settings.patch_size**2 / _STEP_PIXELS
    return Effort(
        disk_bytes=pixels * (bands * band_bytes + map_bytes(probabilities)),
        train_seconds=0.0 if model_width else step * settings.iterations,
        map_seconds=pixels * (_NETWORK_SECONDS * scale + _CLASSIFIER_SECONDS + _BAND_SECONDS * bands) + _LEARN_SECONDS,
    )
