# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import torch

from mtmsd_qgis.classification.estimator import LabelledFeatures
from mtmsd_qgis.classification.logistic_regression import LogisticRegression, _fit_logistic, _flat
from mtmsd_qgis.progress import silent


def samples(count, features, seed=0) -> LabelledFeatures:
    """Three classes told apart by a feature each, at the second of three timesteps; everything else is noise."""
    generator = torch.Generator().manual_seed(seed)
    index = torch.arange(count) % 3
    local = torch.randn(count, 3, features, generator=generator)
    local[torch.arange(count), 1, index] += 8.0
    return LabelledFeatures(local, torch.randn(count, 3, features, generator=generator), index)


def test_it_equals_a_fit_in_all_features():
    """Where features outnumber samples it works in the samples' span, which must not change the result."""
    data = samples(count=20, features=12)
    fitted = LogisticRegression(3, seed=0).fit(data, silent)
    flat = _flat(fitted.local_scaler(data.local), fitted.around_scaler(data.around))
    weight, bias = _fit_logistic(flat, data.classes, 3, fitted.penalty)
    test = samples(count=9, features=12, seed=4)
    flat = _flat(fitted.local_scaler(test.local), fitted.around_scaler(test.around))
    expected = torch.softmax(flat @ weight + bias, dim=1)
    assert torch.allclose(fitted.predict(test.local, test.around), expected, atol=2e-3)
