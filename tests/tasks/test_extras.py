# SPDX-License-Identifier: GPL-2.0-or-later
"""Extra rasters from the job to the map: what helps joins, what does not leaves no trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.jobs.extra_rasters import ExtraInputs, ExtraRaster
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run as run_task
from tests.scenes import CLASSES, cube_of

SIDE, FIELD = 80, 8  # pixels
SETTINGS = ClassificationSettings(split="spatial")


def two_heights(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spectra (4, H, W), class index (H, W) and height (H, W): classes 1 and 2 share a spectrum, not a height."""
    rng = np.random.default_rng(seed)
    of_field = rng.integers(0, 3, size=(SIDE // FIELD, SIDE // FIELD))
    index = np.kron(of_field, np.ones((FIELD, FIELD), dtype=np.int64))
    spectra = np.array([[900, 400, 300, 200], [1500, 1800, 2600, 2400], [1500, 1800, 2600, 2400]])
    values = spectra[index].transpose(2, 0, 1) + rng.normal(0, 60, size=(4, SIDE, SIDE))
    height = np.where(index == 2, 14.0, 2.0) + rng.normal(0, 1, size=index.shape)
    return values.astype(np.int16), index, height.astype(np.float32)


def field_samples(index: np.ndarray) -> np.ndarray:
    """Every other field is sampled: four pixels of it, in a group."""
    rows, cols = np.mgrid[1:SIDE:4, 1:SIDE:4].reshape(2, -1)
    group = rows // FIELD * (SIDE // FIELD) + cols // FIELD
    table = np.stack([rows, cols, index[rows, cols], group], axis=1).astype(np.int64)
    return table[(rows // FIELD + cols // FIELD) % 2 == 0]


@pytest.fixture
def scene(tmp_path) -> tuple[Path, Cube, np.ndarray, np.ndarray]:
    values, index, height = two_heights()
    np.save(tmp_path / "samples.npy", field_samples(index))
    return tmp_path, cube_of(tmp_path, values), index, height


def classified(scene, rasters: dict[str, np.ndarray], *, use: str = "auto", **parts):
    """The result, the map's bytes and its class index (H, W), 0 to K - 1."""
    folder, cube, *_ = scene
    extras = None
    if rasters or parts.get("texture"):
        described = tuple(
            ExtraRaster(name, parts.pop("kind", "values"), tuple(f"{name} {i}" for i in range(len(array))))
            for name, array in rasters.items()
        )
        together = cube_of(folder, np.concatenate(list(rasters.values())), name="extras") if rasters else None
        extras = ExtraInputs(use, bool(parts.pop("texture", False)), described, together and together.description)
    settings = parts.pop("settings", SETTINGS)
    job = Job("classify", to_json(settings), cube.description, "samples.npy", classes=CLASSES, extras=extras, **parts)
    result = run_task(job, folder, silent)
    content = b"".join((folder / f"{name}.raw").read_bytes() for name in ("map", "confidence"))
    ids = np.fromfile(folder / "map.raw", dtype=result.map.dtype).reshape(SIDE, SIDE)
    return result, content, np.searchsorted([entry.id for entry in CLASSES], ids)


def test_two_classes_of_one_spectrum_are_told_apart_by_their_heights(scene):
    *_, index, height = scene
    alike = index > 0
    _, _, without = classified(scene, {})
    result, _, found = classified(scene, {"heights": height[None]})
    assert (without == index)[alike].mean() <= 0.55
    assert (found == index)[alike].mean() >= 0.95
    (finding,) = result.extras.findings
    assert finding.joined
    assert finding.shifted_below == 19
    assert finding.gain > 1.5 * finding.standard_error
    assert "heights" not in finding.sentence
    assert any("extra rasters" in model.name for model in result.ensemble.models)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda h: np.full_like(h, 7), "same value"),
        (lambda h: np.full_like(h, np.nan), "no data"),
        (lambda h: np.random.default_rng(3).normal(size=h.shape).astype(np.float32), "shifted"),
    ],
)
def test_a_raster_that_says_nothing_leaves_the_same_bytes(scene, made, why):
    *_, height = scene
    _, plain, _ = classified(scene, {})
    result, content, _ = classified(scene, {"extra": made(height)[None]})
    assert content == plain
    (finding,) = result.extras.findings
    assert not finding.joined
    assert why in finding.sentence
    assert result.extras.share_without == 0


def test_pixels_without_the_extra_are_mapped_without_it(scene):
    *_, index, height = scene
    _, _, without = classified(scene, {})
    holed = height.copy()
    holed[:, 60:] = np.nan
    result, _, found = classified(scene, {"heights": holed[None]})
    assert result.extras.share_without == 0.25
    assert (found[:, 60:] == without[:, 60:]).all()
    assert (found == index)[:, :60].mean() >= 0.95
