# SPDX-License-Identifier: GPL-2.0-or-later
"""The classifier auto learnt from single labelled pixels whose feature sets are known already.

Enters: labelled pixels, each a group of its own, and their feature sets. Leaves: the ensemble
that the shipped classifier has with SPLIT='spatial'.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mtmsd_qgis.classification.auto.cross_validation import TrainingSet
from mtmsd_qgis.classification.auto.ensemble import Ensemble, Purpose, cross_validate_ensemble
from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader
from mtmsd_qgis.classification.auto.feature_sets import FeatureSet
from mtmsd_qgis.classification.auto.model_library import CONTEXTUAL, OVERLAPPING, available_models, feature_sets_of
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.groups import block_ids, spatial_groups
from mtmsd_qgis.sampling.sample_table import SampleTable

_BLOCK = 32  # pixels


def wanted_feature_sets(reader: FeatureSetReader) -> list[FeatureSet]:
    """All that the ensemble may learn from."""
    models = available_models((*CONTEXTUAL, *OVERLAPPING), reader.available)
    return list(feature_sets_of(models))


def fitted_auto(table: SampleTable, features: Mapping[FeatureSet, Tensor], seed: int) -> Ensemble:
    """The ensemble learnt from pixels (N,) of classes 0 to K - 1, each of which has some."""
    groupings = {"groups": spatial_groups(table, _BLOCK), "blocks": block_ids(table.rows, table.cols, _BLOCK)}
    purpose = Purpose(False, None, groupings, seed)
    training = TrainingSet(dict(features), table.class_index, int(table.class_index.max()) + 1)
    return cross_validate_ensemble(training, purpose, silent).fit(training, seed, silent)
