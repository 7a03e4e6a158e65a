# SPDX-License-Identifier: GPL-2.0-or-later
"""What the diffusion features add to a map, for its report.

Enters: a FeatureGain. Leaves: HTML.
"""

from __future__ import annotations

from html import escape

from ..jobs.feature_gain import FeatureGain
from .html import percent_text, table

_UNITS = {"samples": "single samples", "groups": "whole polygons", "blocks": "whole blocks"}


def feature_gain_parts(gain: FeatureGain | None) -> list[str]:
    """The sentence, both accuracies, and how they were measured; nothing where they were not."""
    if gain is None:
        return []
    rows = [
        ["With diffusion features", percent_text(gain.with_features)],
        ["Without", percent_text(gain.without_features)],
        ["Difference", gain.signed],
    ]
    return [
        "<h2>What the diffusion features add</h2>",
        f"<p><strong>{escape(gain.sentence)}</strong></p>",
        table(["Classifier", "Accuracy (%)"], rows),
        f"<p>The same classifier, cross-validated with and without the features on the same {gain.samples} training "
        f"samples; {_UNITS.get(gain.folds, escape(gain.folds))} were held out. ± is the standard error of the "
        "difference; what is held out together counts as one cluster. Measurable is one of more than "
        f"{gain.errors:.1f} standard errors. Validation samples had no part in it.</p>",
    ]
