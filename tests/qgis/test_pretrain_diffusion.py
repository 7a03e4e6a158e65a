# SPDX-License-Identifier: GPL-2.0-or-later
"""Pretraining with the real worker: outputs, bands, masks, and a run that goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from osgeo import gdal
from qgis.core import (
    QgsProcessingException,
)
from scenes import (
    EXTRACT,
    PRETRAIN,
    Log,
    box_of_pixels,
    job_folders,
    run,
    spectra,
    vector_layer,
    write_raster,
)

pytestmark = pytest.mark.usefixtures("torch_python")


def with_unusable_bands(path: Path) -> Path:
    """A raster whose second band is marked as bad and whose fifth is constant."""
    raster = write_raster(path, spectra())
    dataset = gdal.Open(str(raster), gdal.GA_Update)
    dataset.GetRasterBand(2).SetMetadataItem("bbl", "0")
    dataset.GetRasterBand(5).Fill(17)
    return raster


def test_pretraining_returns_every_output_and_says_what_it_does(scene, tmp_path):
    log = Log()
    report = tmp_path / "report.html"
    results = run(
        "pretraindiffusion",
        {"INPUT": str(scene.raster), "OUTPUT": str(tmp_path / "m.mtmsd"), "REPORT": str(report), **PRETRAIN, "SEED": 7},
        log,
    )
    assert set(results) == {"OUTPUT", "REPORT", "FINAL_LOSS", "SECONDS", "DEVICE_USED"}
    assert 0 < results["FINAL_LOSS"] < 2
    assert Path(results["OUTPUT"]).stat().st_size > 1_000_000
    assert "<html" in report.read_text()
    assert "Raster: scene, 64 x 64 pixels, 12 bands." in log.lines
    assert any("Preset quick, 3 iterations" in line and "seed 7" in line for line in log.lines)
    assert any(line.startswith("Device: CPU") and line.endswith(", asked for.") for line in log.lines)
    assert log.values[-1] == 100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.mtmsd", "report.html"]
    assert job_folders() == []


def test_bad_bands_and_mask(tmp_path):
    raster = with_unusable_bands(tmp_path / "in.tif")
    mask = vector_layer([(box_of_pixels(0, 0, 10, 64), "x")], "Polygon", name="clouds")
    log, outputs = Log(), {"OUTPUT": str(tmp_path / "m.mtmsd"), "REPORT": str(tmp_path / "r.html")}
    run("pretraindiffusion", {"INPUT": str(raster), "MASK": mask, **outputs, **PRETRAIN}, log)
    assert '>Left out by the mask</th><td class="fact">clouds</td>' in (tmp_path / "r.html").read_text()
    assert "Marked as bad in the metadata, left out: 2." in log.lines
    assert "Mask clouds: 640 of 4096 pixels are left out." in log.lines
    assert any("5 constant (17)" in line for line in log.warnings)
    from mtmsd.mtmsd_qgis.io.array_file import read_header

    assert [band["number"] for band in read_header(tmp_path / "m.mtmsd")["bands"]] == [1, 3, 4, *range(6, 13)]


@pytest.mark.parametrize("masked", [False, True])
def test_statistics_of_the_scene_come_from_the_model_unless_training_saw_less_of_it(tmp_path, masked):
    """A band that is left out, and a constant one: extraction reads fewer bands than training did."""
    raster = with_unusable_bands(tmp_path / "in.tif")
    mask = vector_layer([(box_of_pixels(0, 0, 10, 64), "x")], "Polygon", name="clouds")
    training = {"INPUT": str(raster), "OUTPUT": str(tmp_path / "m.mtmsd"), "MASK": mask if masked else None}
    model = run("pretraindiffusion", {**training, **PRETRAIN})["OUTPUT"]
    log = Log()
    output = str(tmp_path / "features.tif")
    run("extractfeatures", {"INPUT": str(raster), "MODEL": model, "OUTPUT": output, **EXTRACT}, log)
    assert any("Statistics of the scene: from the model" in line for line in log.lines) != masked


def test_a_cancelled_pretraining_goes_on_to_the_same_model(scene, tmp_path):
    parameters = {"INPUT": str(scene.raster), "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN, "ITERATIONS": 120}
    log = Log(cancel_at_percent=30)
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("pretraindiffusion", parameters, log)
    checkpoint = tmp_path / "m.mtmsd.checkpoint"
    assert any(str(checkpoint) in line for line in log.lines)
    resumed = run("pretraindiffusion", {**parameters, "RESUME": str(checkpoint)})
    whole = run("pretraindiffusion", {**parameters, "OUTPUT": str(tmp_path / "whole.mtmsd")})
    assert resumed["FINAL_LOSS"] == whole["FINAL_LOSS"]
    assert (tmp_path / "m.mtmsd").read_bytes() == (tmp_path / "whole.mtmsd").read_bytes()
