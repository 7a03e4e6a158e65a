# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists of whole numbers as a user writes them.

Enters: text of a parameter. Leaves: numbers, or one sentence on what is wrong.
"""

from __future__ import annotations

from ...errors import SettingsError

AUTO = "auto"  # in the place of a list of timesteps: as few of the preset's as stand for all


def parse_whole_numbers(text: str, what: str, instead: str = "") -> tuple[int, ...]:
    """Read a list such as "50,100,150".

    Args:
        text: Of the parameter.
        what: Its name.
        instead: For the error: a word that may stand in the place of the list.

    Raises:
        SettingsError: Something in the list is not a whole number.
    """
    try:
        return tuple(sorted({int(part) for part in text.replace(";", ",").split(",") if part.strip()}))
    except ValueError:
        raise SettingsError(
            f"{what} must be whole numbers separated by commas, for example 0,1,2"
            + (f", or {instead}" if instead else "")
            + f'; found "{text}".'
        ) from None


def parse_timesteps(text: str, what: str) -> tuple[int, ...] | None:
    """Read timesteps; None where they are to be chosen ("auto").

    Args:
        text: Of the parameter.
        what: Its name.

    Raises:
        SettingsError: It is neither "auto" nor a list of whole numbers.
    """
    return None if text.strip().lower() == AUTO else parse_whole_numbers(text, what, AUTO)
