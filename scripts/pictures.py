# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the guide's pictures, docs/pictures/*.png, of the screenshots that the tests in QGIS leave.

    python pictures.py SCREENSHOTS

Takes the pictures that are listed here, with few colours so that each is small. Runs in QGIS's own Python.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QImage

PLACE = Path(__file__).resolve().parent.parent / "docs" / "pictures"
LARGEST_BYTES = 60_000
_PALETTES = (128, 64, 32, 16)  # colours; fewer where the file would be too large


def main() -> int:
    """Write all pictures; 1 where a screenshot is missing."""
    folder = Path(sys.argv[1])
    PLACE.mkdir(parents=True, exist_ok=True)
    screenshots = sorted([*folder.glob("dialog_*.png"), *folder.glob("desktop_*.png")])
    if not screenshots:
        print(f"No screenshots in {folder}: run the tests in QGIS with MTMSD_SCREENSHOTS set to it.", file=sys.stderr)
        return 1
    for path in screenshots:
        target = PLACE / path.name
        colors = write_small(QImage(str(path)), target)
        print(f"{target.name}: {target.stat().st_size / 1000:.0f} kB, {colors} colours")
    return 0


def write_small(image: QImage, target: Path) -> int:
    """Save it with as many colours as the size allows; returns how many."""
    for count in _PALETTES:
        few = image.convertToFormat(
            QImage.Format.Format_Indexed8,
            frequent_colors(image, count),
            Qt.ImageConversionFlag.ThresholdDither | Qt.ImageConversionFlag.AvoidDither,
        )
        few.save(str(target), "PNG", 0)
        if target.stat().st_size <= LARGEST_BYTES:
            return count
    raise SystemExit(f"{target.name} has more than {LARGEST_BYTES} bytes with {count} colours: make it smaller.")


def frequent_colors(image: QImage, count: int) -> list[int]:
    """The colours that most pixels have or come near to, as 0xFFRRGGBB."""
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels = plain.constBits()
    pixels.setsize(plain.sizeInBytes())
    rgb = np.frombuffer(pixels, np.uint8).reshape(-1, 4)[:, 2::-1].astype(np.int64)
    # Colours that agree in their upper bits count as one: the mean of the pixels.
    key = (rgb >> 4) @ (256, 16, 1)
    number = np.bincount(key, minlength=4096)
    mean = np.stack([np.bincount(key, rgb[:, band], 4096) for band in range(3)]) / np.maximum(number, 1)
    chosen = np.argsort(-number)[: min(count, np.count_nonzero(number))]
    return [int(0xFF000000 | r << 16 | g << 8 | b) for r, g, b in mean[:, chosen].T.round().astype(np.int64)]


if __name__ == "__main__":
    sys.exit(main())
