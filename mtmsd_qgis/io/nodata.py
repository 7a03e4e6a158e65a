# SPDX-License-Identifier: GPL-2.0-or-later
"""Which stored values a declared nodata value means.

Enters: the nodata value of a band and the type of its numbers. Leaves: an interval of stored values.

Whole numbers are compared exactly. Floating-point numbers are compared as GDAL's mask band compares them, with a
tolerance of some units in the last place of a 32-bit number; and a declared value near the largest 32-bit number or
beyond it means all such numbers of its sign. Programs write that number in many ways: -3.4e38 is declared where
-3.4028235e38 is stored, or -1.797e308 for a raster of 32 bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_QUANTITY = 1e38  # no measured quantity is beyond this
_TOLERANCE = 4 * float(np.finfo(np.float32).eps)  # of the value; source: ARE_REAL_EQUAL in gcore/gdal_priv.h of GDAL


def nodata_range(nodata: float | None, dtype: str | np.dtype[Any]) -> tuple[Any, Any] | None:
    """Lowest and highest stored value that mean "no data", as numbers of the stored type.

    Args:
        nodata: As declared; None where nothing is.
        dtype: Of the stored values.

    Returns:
        None where no number means it: nothing is declared, or what the type cannot hold, or NaN or infinity, which
        mean "no data" in any case.
    """
    kind = np.dtype(dtype)
    if nodata is None or math.isnan(nodata):
        return None
    if kind.kind != "f":
        limits = np.iinfo(kind)
        if not math.isfinite(nodata) or nodata != int(nodata) or not limits.min <= nodata <= limits.max:
            return None
        return kind.type(int(nodata)), kind.type(int(nodata))
    if abs(nodata) >= LARGEST_QUANTITY:
        ends = (LARGEST_QUANTITY, math.inf) if nodata > 0 else (-math.inf, -LARGEST_QUANTITY)
    else:
        ends = (nodata - _TOLERANCE * abs(nodata), nodata + _TOLERANCE * abs(nodata))
    return kind.type(ends[0]), kind.type(ends[1])


def within(stored: NDArray[Any], ends: tuple[Any, Any]) -> NDArray[np.bool_]:
    """Where stored values lie between two ends, these included."""
    low, high = ends
    return np.asarray(stored == low) if low == high else np.asarray((stored >= low) & (stored <= high))
