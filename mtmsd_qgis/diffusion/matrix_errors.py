# SPDX-License-Identifier: GPL-2.0-or-later
"""A matrix that cannot be decomposed is told of in words of the data.

The libraries say "Singular matrix"; what the analyst can change is the raster and the samples.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import numpy as np
import torch

from ..errors import SceneError

log = logging.getLogger(__name__)


@contextlib.contextmanager
def matrix_errors_in_words() -> Iterator[None]:
    """Work in which numpy's and torch's errors of linear algebra become one of the data.

    Raises:
        SceneError: A matrix cannot be decomposed or inverted.
    """
    try:
        yield
    except (np.linalg.LinAlgError, torch.linalg.LinAlgError) as error:  # type: ignore[attr-defined]
        log.warning("%s", error)
        raise SceneError(
            "Values that differ, and do so within one range, were expected in the raster and at the samples. They lead "
            "to a matrix that cannot be inverted, as where one value lies far beyond all others, where bands repeat "
            "each other, or where all samples are the same. Leave such bands or pixels out."
        ) from error
