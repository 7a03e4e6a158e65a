# SPDX-License-Identifier: GPL-2.0-or-later
"""Wavelengths as files write them: numbers, lists of numbers, units; and whether they can be any.

Enters: texts of metadata, or the wavelengths that one place gives. Leaves: numbers in nanometres, and a sentence where
they had to be mended or left out: bands of two scenes are matched by them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

_NM_PER_UNIT = (  # by how the unit begins; "micrometers" and "mm" before "m", "unknown" is none
    ("mi", 1e3),
    ("mm", 1e6),
    ("n", 1.0),
    ("u", 1e3),
    ("µ", 1e3),
    ("μ", 1e3),
    ("m", 1e9),
    ("a", 0.1),
    ("å", 0.1),
)
_NO_UNIT = "unknown"  # as ENVI writes it
_NO_LENGTHS = ("wavenumber", "index", "ghz", "mhz")
_LARGEST_MICROMETRES = 100.0  # a number without unit below this is taken as micrometres
_SHORTEST_NM, _LONGEST_NM = 100.0, 30_000.0  # of what optical and thermal sensors measure
_OTHER_UNITS = (1e-3, 1e3, 1e-9, 1e-6, 1e6)  # by which a wavelength is wrong where the unit is another one
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_LARGEST_WHOLE_PART = 20  # of numbers in micrometres with decimal commas, in a list that is parted by commas too


@dataclass(frozen=True)
class CheckedWavelengths:
    """Wavelengths of one place, in nanometres.

    Attributes:
        values: One entry a band, None where nothing is known, or what there was cannot be.
        mended: What was changed, for the log; empty where nothing.
        refused: Why they were left out; empty where they were not.
    """

    values: Sequence[float | None]
    mended: str = ""
    refused: str = ""


def check_wavelengths(values: Sequence[float | None]) -> CheckedWavelengths:
    """Those of one place, mended where another unit makes sense of all of them; else all are left out."""
    known = [value for value in values if value is not None]
    if not known:
        return CheckedWavelengths(values)
    text = f"{min(known):.4g} to {max(known):.4g} nm"
    if len(known) > 1 and len(set(known)) == 1:
        return _refused(values, f"all bands have the same one, {known[0]:.4g} nm")
    if all(_SHORTEST_NM <= value <= _LONGEST_NM for value in known):
        return CheckedWavelengths(values)
    for factor in _OTHER_UNITS if len(known) == len(values) else ():  # of some bands alone it could be chance
        if all(_SHORTEST_NM <= value * factor <= _LONGEST_NM for value in known):
            low, high = min(known) * factor, max(known) * factor
            return CheckedWavelengths(
                [None if value is None else value * factor for value in values],
                mended=f"The wavelengths are {text} with the unit that the metadata declares, which cannot be; they "
                f"are taken as {low:.4g} to {high:.4g} nm.",
            )
    return _refused(values, f"they are {text}, which no optical sensor measures")


def to_nm(value: float, unit: str) -> float | None:
    """A length in nanometres; None where the unit is of no length.

    Args:
        value: In that unit.
        unit: As metadata write it; where it says nothing, the value tells micrometres from nanometres.
    """
    unit = unit.strip().lower()
    if unit in _NO_LENGTHS:
        return None
    for start, factor in _NM_PER_UNIT if unit != _NO_UNIT else ():
        if unit.startswith(start):
            return value * factor
    return value * 1000 if value < _LARGEST_MICROMETRES else value


def number_in(text: str | None) -> float | None:
    """The number that a text is, with a decimal point or a comma; None where it is none, or infinite."""
    plain = (text or "").strip()
    if _DECIMAL_COMMA.fullmatch(plain):
        plain = plain.replace(",", ".")
    try:
        value = float(plain)
    except ValueError:
        return None
    return value if isfinite(value) else None


def nm_in_name(number: str, unit: str) -> float | None:
    """The wavelength in the name of a band, such as "450.5" or "450,5", "nm"; "1,450" is 1450 nm."""
    thousands = number.replace(",", "")
    if re.fullmatch(r"\d{1,3},\d{3}", number) and unit.lower().startswith("n") and float(thousands) <= _LONGEST_NM:
        return float(thousands)
    return to_nm(float(number.replace(",", ".")), unit)


def numbers_in(text: str, count: int) -> list[float]:
    """The numbers of a list such as "{0.45, 0.55}", also with decimal commas; empty where they are not so many.

    Args:
        text: Of the list.
        count: Of bands; a list of another length belongs to something else.
    """
    plain = text.strip().strip("{}").strip().rstrip(",;")
    for separator in (r"\s*,\s*", r"\s*;\s*", r",\s+", r"\s+"):
        values = [number_in(part) for part in re.split(separator, plain)]
        found = [value for value in values if value is not None]
        if len(found) == len(values) == count:
            return found
    parts = plain.split(",")
    if len(parts) == 2 * count and all(part.strip().isdigit() for part in parts):  # "0,45,0,55"
        pairs = list(zip(parts[::2], parts[1::2]))
        if all(int(whole) <= _LARGEST_WHOLE_PART for whole, _ in pairs):
            return [float(f"{whole.strip()}.{part.strip()}") for whole, part in pairs]
    return []


def _refused(values: Sequence[float | None], reason: str) -> CheckedWavelengths:
    return CheckedWavelengths(
        [None] * len(values),
        refused=f"The wavelengths in the metadata are left out: {reason}. Bands are matched by name or order instead.",
    )
