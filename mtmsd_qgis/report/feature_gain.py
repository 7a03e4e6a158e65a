# SPDX-License-Identifier: GPL-2.0-or-later
"""What the diffusion features add to a map, for its report, and what a classifier's file knows of their value.

Enters: a FeatureGain, or what a classifier's file says. Leaves: HTML.
"""

from __future__ import annotations

from html import escape

from ..jobs.classifier_description import ClassifierDescription
from ..jobs.feature_gain import FeatureGain
from .exploration.cell_weights import cell_weight_parts
from .html import percent_text, table, told_of

_SOURCE_SCENE = "the scene that was learnt from"

_UNITS = {"samples": "single samples", "groups": "whole polygons", "blocks": "whole blocks"}


def source_scene_parts(classifier: ClassifierDescription) -> list[str]:
    """What the features add and which of them count where a classifier was learnt; nothing where that is not known."""
    gain = classifier.ensemble.feature_gain if classifier.ensemble else None
    cells = cell_weight_parts(classifier.cell_weights, classifier.settings.classifier, _SOURCE_SCENE)
    return [*feature_gain_parts(gain, _SOURCE_SCENE), *cells]


def feature_gain_parts(gain: FeatureGain | None, scene: str = "") -> list[str]:
    """The sentence, both accuracies, and how they were measured; nothing where they were not.

    Args:
        gain: What they add.
        scene: That it was measured in, where it is not the one that the report is on.
    """
    if gain is None:
        return []
    rows = [
        ["With diffusion features", percent_text(gain.with_features)],
        ["Without", percent_text(gain.without_features)],
        ["Difference", gain.signed],
    ]
    return [
        f"<h2>What the diffusion features add{f' in {scene}' if scene else ''}</h2>",
        f"<p><strong>{escape(told_of(scene, gain.sentence))}</strong></p>",
        table(["Classifier", "Accuracy (%)"], rows),
        f"<p>The same classifier, cross-validated with and without the features on the same {gain.samples} training "
        f"samples; {_UNITS.get(gain.folds, escape(gain.folds))} were held out. ± is the standard error of the "
        "difference; what is held out together counts as one cluster. Measurable is one of more than "
        f"{gain.errors:.1f} standard errors. Validation samples had no part in it."
        f"{' It does not tell what they add in another scene.' if scene else ''}</p>",
    ]
