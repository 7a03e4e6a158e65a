# SPDX-License-Identifier: GPL-2.0-or-later
"""What the header of a classifier file must say, checked without torch.

A classifier file is a file of arrays (array_file) whose description has the parts

    "classifier"     a ClassifierDescription
    "predictor"      how the fitted classifier is put together from the arrays "predictor.…"
    "model"          the description of the diffusion model's file, with its arrays "model.…"; where it is included

and the arrays "features.…", how the features of a scene are computed (of classifiers of scenes), and "source.…", on the
scene that it was learnt from.

An included model lies in it array by array and not as the bytes of its file: so the whole stays one file of plain
arrays that any tool of the safetensors library opens, and the readers of model files check its shapes before one array
is read. Its arrays keep their order, so that their fingerprint is that of the model's file.

Enters: a classifier file. Leaves: its ClassifierDescription.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import FileFormatError, MtmsdError
from ..jobs.classifier_description import ClassifierDescription
from .array_file import KIND_CLASSIFIER, FileSummary, read_summary

CLASSIFIER, PREDICTOR, MODEL = "classifier", "predictor", "model"
PREDICTOR_ARRAYS, FEATURE_ARRAYS, SOURCE_ARRAYS, MODEL_ARRAYS = "predictor.", "features.", "source.", "model."


def read_classifier_description(path: Path | str) -> ClassifierDescription:
    """What a classifier file says of itself.

    Raises:
        FileFormatError: No classifier file, broken, of a newer version, or incomplete.
    """
    return described(read_summary(path, KIND_CLASSIFIER), Path(path))


def described(summary: FileSummary, path: Path) -> ClassifierDescription:
    """What the header of a classifier file says of it.

    Raises:
        FileFormatError: It is incomplete.
    """
    try:
        return ClassifierDescription.from_json(summary.description.get(CLASSIFIER))
    except (ValueError, TypeError, MtmsdError) as error:
        raise FileFormatError(
            f"{path} is not a complete classifier ({error}). Use a copy, or learn the classifier anew."
        ) from None
