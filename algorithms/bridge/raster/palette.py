# SPDX-License-Identifier: GPL-2.0-or-later
"""Colours of classes that have none, chosen so that people with colour-blindness can tell them apart."""

from __future__ import annotations

import colorsys

# Source: Okabe & Ito, "Color Universal Design" (2008); its black is grey here, as black reads as "no data".
_FEW = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#f0e442", "#cc79a7", "#999999")
# Source: Paul Tol, "Colour Schemes" (SRON/EPS/TN/09-002, 2021), discrete rainbow of 23.
_MANY = (
    "#e8ecfb", "#d9cce3", "#caaccb", "#ba8db4", "#aa6f9e", "#994f88", "#882e72", "#1965b0", "#437dbf", "#6195cf",
    "#7bafde", "#4eb265", "#90c987", "#cae0ab", "#f7f056", "#f7cb45", "#f4a736", "#ee8026", "#e65518", "#dc050c",
    "#a5170e", "#72190e", "#42150a",
)  # fmt: skip
_PALE = 2  # the first ones of these are all but white: left for when all are needed
_GOLDEN_RATIO = 0.618033988749895


def palette(count: int) -> list[str]:
    """That many different colours, as #rrggbb."""
    if count <= len(_FEW):
        return list(_FEW[:count])
    if count <= len(_MANY):
        colors = _MANY[_PALE:] if count <= len(_MANY) - _PALE else _MANY
        step = (len(colors) - 1) / (count - 1)
        return [colors[round(i * step)] for i in range(count)]
    return [_spread(i) for i in range(count)]


def _spread(number: int) -> str:
    """Hues far apart for neighbours, in three lightnesses: better than repeats where no palette has enough colours."""
    value, saturation = ((0.95, 0.75), (0.7, 0.9), (0.85, 0.45))[number % 3]
    red, green, blue = colorsys.hsv_to_rgb((number * _GOLDEN_RATIO) % 1.0, saturation, value)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
