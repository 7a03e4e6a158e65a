# SPDX-License-Identifier: GPL-2.0-or-later
"""Cards of the channels that purification ranks first.

Enters: features of all stages, one after the other. Leaves: ChannelCards.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...features.exploration.channels import (
    RESEMBLES,
    correlations,
    extreme_places,
    first_channels,
    separation,
)
from ...features.exploration.inspection import InspectedPixels, Inspection, StageFeatures
from ...jobs.exploration.exploration import ChannelCard, Place
from ...progress import Progress
from .pictures import channel_picture


class FirstChannels:
    """The channels that tell classes apart, chosen when all stages are known."""

    def __init__(self, inspection: Inspection, pixels: InspectedPixels) -> None:
        """Know of no stage yet."""
        self._inspection, self._pixels = inspection, pixels
        self._class_index = inspection.samples.class_index
        self._means: list[NDArray[np.float64]] = []
        self._separation: list[NDArray[np.float64]] = []

    def add_stage(self, at_samples: StageFeatures) -> None:
        """Hear of the next stage: its features (n, T, C) at the samples."""
        present = np.unique(self._class_index)
        means = [at_samples[self._class_index == index].mean(axis=0, dtype=np.float64) for index in present]
        self._means.append(np.stack(means))
        flat = separation(at_samples.reshape(len(at_samples), -1), self._class_index)
        self._separation.append(flat.reshape(at_samples.shape[1:]))

    def cards(self, progress: Progress) -> tuple[ChannelCard, ...]:
        """One for each of the first channels, in their order.

        Args:
            progress: Told after each stage.
        """
        counts = [means.shape[2] for means in self._means]
        starts = np.cumsum([0, *counts])
        first = first_channels(np.concatenate(self._means, axis=2)).tolist()
        stage_of = [int(np.searchsorted(starts, channel, side="right")) - 1 for channel in first]
        made: dict[int, ChannelCard] = {}
        for stage in sorted(set(stage_of)):
            features = self._inspection.features(stage)
            for channel, of_stage in zip(first, stage_of):
                if of_stage == stage:
                    made[channel] = self._card(stage, channel - int(starts[stage]), features)
            progress((stage + 1) / len(counts), "channels")
        return tuple(made[channel] for channel in first)

    def _card(self, stage: int, channel: int, features: StageFeatures) -> ChannelCard:
        settings, pixels = self._inspection.scene.run.extractor.settings, self._pixels
        by_timestep = self._separation[stage][:, channel]
        timestep = int(by_timestep.argmax())
        values = features[:, timestep, channel]
        found = correlations(values, pixels.quantities, pixels.names)
        strong = [name for name in found if abs(found[name]) >= RESEMBLES]
        return ChannelCard(
            name=f"s{settings.stages[stage]} c{channel:03d}",
            stage=settings.stages[stage],
            timestep=settings.timesteps[timestep],
            separation=round(float(by_timestep[timestep]), 4),
            correlations={name: round(value, 3) for name, value in found.items()},
            resembles=tuple(sorted(strong, key=lambda name: (-abs(found[name]), name))),
            highest=self._places(extreme_places(values, pixels.rows, pixels.cols, high=True)),
            lowest=self._places(extreme_places(values, pixels.rows, pixels.cols, high=False)),
            picture=channel_picture(values, pixels.places),
        )

    def _places(self, chosen: NDArray[np.int64]) -> tuple[Place, ...]:
        pixels = self._pixels
        return tuple(
            Place(int(pixels.rows[i]), int(pixels.cols[i]), *(int(n) for n in pixels.places[i])) for i in chosen
        )
