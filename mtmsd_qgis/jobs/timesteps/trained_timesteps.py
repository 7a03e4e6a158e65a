# SPDX-License-Identifier: GPL-2.0-or-later
"""Which timesteps a model has seen in its training (TRAIN_UP_TO); features of others mean nothing.

Enters: timesteps, and the last one that was trained. Leaves: those that were trained, or one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import SettingsError


def trained_timesteps(timesteps: Sequence[int], last: int) -> tuple[int, ...]:
    """Those of some timesteps that were trained; the last one trained where none of them was.

    Args:
        timesteps: Ascending.
        last: The last one that was trained.
    """
    return tuple(t for t in timesteps if t <= last) or (last,)


def refuse_untrained(timesteps: Sequence[int], last: int) -> None:
    """All timesteps must have been trained.

    Args:
        timesteps: Ascending.
        last: The last one that was trained.

    Raises:
        SettingsError: One was not.
    """
    untrained = [str(t) for t in timesteps if t > last]
    if untrained:
        raise SettingsError(
            f"TIMESTEPS should be 0 to {last}, as the model was trained up to there (TRAIN_UP_TO); found "
            f"{', '.join(untrained[:5])}. Choose smaller ones, or train a model with a larger TRAIN_UP_TO."
        )
