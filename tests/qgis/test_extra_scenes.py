# SPDX-License-Identifier: GPL-2.0-or-later
"""Pretraining on several rasters: matched bands, masks, the report, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException
from scenes import PRETRAIN, Log, box_of_pixels, job_folders, run, spectra, vector_layer, write_raster

FAR = (200000.0, 20.0, 0.0, 5900000.0, 0.0, -20.0)  # another place, in pixels of another size


def described(path: Path, wavelengths: list[float], bad: int = 0) -> Path:
    """The raster with centre wavelengths, and one band marked as bad."""
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number, wavelength in enumerate(wavelengths, 1):
        dataset.GetRasterBand(number).SetMetadataItem("wavelength", str(wavelength))
        dataset.GetRasterBand(number).SetMetadataItem("wavelength_units", "Nanometers")
    if bad:
        dataset.GetRasterBand(bad).SetMetadataItem("bbl", "0")
    return path


def trained(tmp_path, raster, extra, log=None, **parameters):
    given = {"INPUT": str(raster), "EXTRA_INPUTS": [str(path) for path in extra], "OUTPUT": str(tmp_path / "m.mtmsd")}
    return run("pretraindiffusion", {**given, **PRETRAIN, **parameters}, log)


@pytest.mark.usefixtures("torch_python")
def test_the_bands_of_a_further_raster_are_matched_and_its_pixels_counted(tmp_path):
    values = spectra()
    nm = [400.0 + 40 * i for i in range(12)]
    raster = described(write_raster(tmp_path / "may.tif", values), nm)
    june = write_raster(tmp_path / "june.tif", values[::-1, :, :32], transform=FAR, epsg=32633)
    described(june, nm[::-1], bad=3)  # 760 nm
    mask = vector_layer([(box_of_pixels(0, 0, 32, 64), "x")], "Polygon", name="clouds")
    log, report = Log(), tmp_path / "report.html"
    extra = [june, raster]
    results = trained(tmp_path, raster, extra, log, MASK=mask, REPORT=str(report))
    assert 0 < results["FINAL_LOSS"] < 2
    assert "Further raster: june, 32 x 64 pixels, 12 bands; bands matched by wavelength." in log.lines
    assert "may was given twice; it counts once." in log.warnings
    assert "Marked as bad in a further raster, left out: 10." in log.warnings
    shares = "2048 (50.0 %) from may, 2048 (50.0 %) from june"
    assert f"Valid pixels: {shares}." in log.lines
    assert shares in report.read_text()
    from mtmsd.mtmsd_qgis.io.array_file import read_arrays, read_header

    assert [band["number"] for band in read_header(results["OUTPUT"])["bands"]] == [*range(1, 10), 11, 12]
    # The same ground twice, with its bands the other way round: both have the same mean where they are matched.
    expected = values[:, 32:].reshape(12, -1).sum(axis=1) + values[:, :, :32].reshape(12, -1).sum(axis=1)
    mean = read_arrays(results["OUTPUT"])["preprocessor.mean"]
    assert mean == pytest.approx([*(expected / 4096)[:9], *(expected / 4096)[10:]], rel=1e-6)
    assert job_folders() == []


@pytest.mark.parametrize(
    ("bands", "wavelengths", "message"),
    [
        (11, None, "scene was expected, other is of another one"),
        (12, [1400.0 + 40 * i for i in range(12)], "no band for b1 (400 nm), b2 (440 nm)"),
    ],
)
def test_a_raster_of_another_sensor_is_refused(tmp_path, bands, wavelengths, message):
    raster = write_raster(tmp_path / "scene.tif", spectra())
    other = write_raster(tmp_path / "other.tif", spectra(bands))
    if wavelengths:
        described(raster, [400.0 + 40 * i for i in range(12)])
        described(other, wavelengths)
    with pytest.raises(QgsProcessingException, match="same sensor") as refusal:
        trained(tmp_path, raster, [other])
    assert message in str(refusal.value)
    assert not (tmp_path / "m.mtmsd").exists()


def test_a_further_raster_is_not_replaced_and_must_hold_a_patch(tmp_path):
    raster = write_raster(tmp_path / "scene.tif", spectra())
    small = write_raster(tmp_path / "small.tif", spectra(width=12))
    with pytest.raises(QgsProcessingException, match="small has 12 x 64"):
        trained(tmp_path, raster, [small])
    with pytest.raises(QgsProcessingException, match=r"OUTPUT would replace .*small\.tif, which EXTRA_INPUTS reads"):
        trained(tmp_path, raster, [small], OUTPUT=str(small))
