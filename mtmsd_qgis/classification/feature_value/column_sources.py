# SPDX-License-Identifier: GPL-2.0-or-later
"""What each column of a feature set comes from: a timestep and a stage, or the spectra.

Enters: a reader of feature sets. Leaves: a Source for each column, for the importance of timesteps and stages.
"""

from __future__ import annotations

from typing import NamedTuple

from ..auto.feature_reader import FeatureSetReader
from ..auto.feature_sets import FeatureSet, Quantity

ALL_STAGES = "all stages"  # of components that features of several stages contribute to


class Source(NamedTuple):
    """What a column of a feature set comes from: timestep and stage, or a word where there are none."""

    timestep: str
    stage: str


def column_sources(reader: FeatureSetReader, feature_set: FeatureSet) -> list[Source]:
    """The source of each column of a feature set."""
    quantity = feature_set.quantity
    if quantity in (Quantity.GUIDE, Quantity.EXTRAS):
        word = "guide" if quantity is Quantity.GUIDE else quantity.value
        return [Source(word, word)] * reader.columns(feature_set)
    if quantity is Quantity.FEATURES:
        return [_of_band(reader, band) for band in reader.plan.features] * (1 + len(feature_set.boxes))
    if quantity is Quantity.COMPONENTS or reader.scaling.reduction is not None:
        return [_of_components(reader)] * reader.columns(feature_set)
    return [_of_band(reader, band) for band in reader.plan.base]


def _of_components(reader: FeatureSetReader) -> Source:
    """Of a component, to which all base bands contribute; without spectra these are of one timestep."""
    first, *others = dict.fromkeys(_of_band(reader, band) for band in reader.plan.base)
    return first._replace(stage=ALL_STAGES) if others else first


def _of_band(reader: FeatureSetReader, band: int) -> Source:
    layout = reader.layout
    if not reader.plan.features or band >= layout.diffusion_bands:
        return Source("spectra", "spectra")
    stage = str(layout.feature_stages[band % layout.features]) if layout.names else "features"
    return Source(str(layout.timesteps[band // layout.features]), stage)
