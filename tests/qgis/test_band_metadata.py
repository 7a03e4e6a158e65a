# SPDX-License-Identifier: GPL-2.0-or-later
"""Wavelengths, widths and bad bands from every place where the field writes them, each with a small file."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsRasterLayer
from scenes import spectra, write_raster

CENTRES, WIDTHS = [450.5, 550.0, 2200.0], [6.5, 7.0, 11.25]


def described(layer):
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    return describe_raster(layer if isinstance(layer, QgsRasterLayer) else QgsRasterLayer(str(layer), "in"))


def facts(source):
    return [band.wavelength_nm for band in source.bands], [band.fwhm_nm for band in source.bands], set(source.bad)


def plain(folder, name="in.tif"):
    """Three bands that say nothing of themselves."""
    path = write_raster(folder / name, spectra(bands=3, height=4, width=4))
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number in (1, 2, 3):
        dataset.GetRasterBand(number).SetDescription("")
    return path, dataset


def in_envi(folder):
    """An ENVI file with its header, in micrometres."""
    path = folder / "in.bsq"
    np.ones((3, 4, 4), "<i2").tofile(path)
    (folder / "in.hdr").write_text(
        "ENVI\nsamples = 4\nlines = 4\nbands = 3\nheader offset = 0\nfile type = ENVI Standard\ndata type = 2\n"
        "interleave = bsq\nbyte order = 0\nwavelength units = Micrometers\nwavelength = {\n 0.4505, 0.55,\n 2.2 }\n"
        "fwhm = { 0.0065, 0.007, 0.01125 }\nbbl = { 1, 0, 1 }\n"
    )
    return path


def in_envi_header_beside_a_geotiff(folder):
    path, _ = plain(folder)
    (folder / "in.hdr").write_text(
        "ENVI\nbands = 3\nwavelength units = Nanometers\nwavelength = {450.5, 550, 2200}\nfwhm = {6.5,7,11.25}\n"
        "bbl = {1,0,1}\n"
    )
    return path


def in_band_items(folder):
    path, dataset = plain(folder)
    for number, (centre, width, good) in enumerate(zip(CENTRES, WIDTHS, (1, 0, 1)), 1):
        band = dataset.GetRasterBand(number)
        for key, value in (("wavelength", centre), ("fwhm", width), ("bbl", good)):
            band.SetMetadataItem(key, str(value))
        band.SetMetadataItem("wavelength_units", "Nanometers")
    return path


def in_data_set_items(folder):
    path, dataset = plain(folder)
    dataset.SetMetadataItem("wavelength", "{450.5, 550, 2200}")
    dataset.SetMetadataItem("wavelength_units", "Nanometers")
    dataset.SetMetadataItem("fwhm", "{6.5, 7, 11.25}")
    dataset.SetMetadataItem("bbl", "{1, 0, 1}")
    return path


def in_qgis_properties(folder):
    """As EnMAP-Box writes them."""
    path, dataset = plain(folder)
    del dataset
    layer = QgsRasterLayer(str(path), "in")
    for number, (centre, width, good) in enumerate(zip(CENTRES, WIDTHS, (1, 0, 1)), 1):
        for key, value in (("wavelength", centre / 1000), ("fwhm", width / 1000), ("bbl", good)):
            layer.setCustomProperty(f"QGISPAM/band/{number}//{key}", value)
        layer.setCustomProperty(f"QGISPAM/band/{number}//wavelength_units", "Micrometers")
    return layer


@pytest.mark.parametrize(
    "make", [in_envi, in_envi_header_beside_a_geotiff, in_band_items, in_data_set_items, in_qgis_properties]
)
def test_wavelengths_widths_and_bad_bands(tmp_path, make):
    centres, widths, bad = facts(described(make(tmp_path)))
    assert centres == pytest.approx(CENTRES)
    assert widths == pytest.approx(WIDTHS)
    assert bad == {2}


def in_enmap_xml(folder):
    stem = "ENMAP01-____L2A-DT0000001867_20220724T104526Z_008_V010302_20230628T165614Z"
    path, _ = plain(folder, f"{stem}-SPECTRAL_IMAGE.TIF")
    bands = "".join(
        f'<bandID number="{number}"><wavelengthCenterOfBand>{centre}</wavelengthCenterOfBand><FWHMOfBand>{width}'
        "</FWHMOfBand><GainOfBand>0.0001</GainOfBand><OffsetOfBand>0</OffsetOfBand></bandID>"
        for number, (centre, width) in enumerate(zip(CENTRES, WIDTHS), 1)
    )
    (folder / f"{stem}-METADATA.XML").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><level_X><specific><qualityFlag><bandID number="9"/></qualityFlag>'
        f"<bandCharacterisation>{bands}</bandCharacterisation></specific></level_X>"
    )
    return path


def in_prisma_table(folder):
    """As prismaread writes it, with R's quotes and row names."""
    path, _ = plain(folder, "PRS_L2D_HCO_FULL.tif")
    rows = [f'"{n}" {n} {n + 3} {c} {w}' for n, (c, w) in enumerate(zip(CENTRES, WIDTHS), 1)]
    (folder / "PRS_L2D_HCO_FULL.wvl").write_text("\n".join(['"band" "orig_band" "wl" "fwhm"', *rows]) + "\n")
    return path


def in_imagery_domain(folder):
    path, dataset = plain(folder)
    for number, (centre, width) in enumerate(zip(CENTRES, WIDTHS), 1):
        dataset.GetRasterBand(number).SetMetadataItem("CENTRAL_WAVELENGTH_UM", str(centre / 1000), "IMAGERY")
        dataset.GetRasterBand(number).SetMetadataItem("FWHM_UM", str(width / 1000), "IMAGERY")
    return path


@pytest.mark.parametrize(
    ("imagery", "listed", "expected"),
    [
        ("0.451", "450.5", 450.5),  # as GDAL 3.10 and later round what an ENVI header says
        ("0.450", "450.5", 450.5),
        ("0.4507", "450.5", 450.5),
        ("0.452", "450.5", 452.0),  # a list of other bands, or in another order
        ("0.451", None, 451.0),
    ],
)
def test_a_wavelength_that_gdal_has_rounded_is_taken_as_it_was(tmp_path, imagery, listed, expected):
    path, dataset = plain(tmp_path)
    for number, value in enumerate((imagery, "0.550", "2.200"), 1):
        dataset.GetRasterBand(number).SetMetadataItem("CENTRAL_WAVELENGTH_UM", value, "IMAGERY")
    if listed:
        dataset.SetMetadataItem("wavelength_units", "Nanometers")
        dataset.SetMetadataItem("wavelength", f"{{{listed}, 550, 2200}}")
    del dataset
    centres, _, _ = facts(described(path))
    assert centres == pytest.approx([expected, 550, 2200])


@pytest.mark.parametrize("make", [in_enmap_xml, in_prisma_table, in_imagery_domain])
def test_wavelengths_and_widths(tmp_path, make):
    centres, widths, bad = facts(described(make(tmp_path)))
    assert centres == pytest.approx(CENTRES)
    assert widths == pytest.approx(WIDTHS)
    assert bad == set()


@pytest.mark.parametrize(
    "text",
    ["ENVI\nwavelength = {1, 2}\n", "samples = 3\nwavelength = {450.5, 550, 2200}\n", "\x00\xff", "ENVI\nwavelength ="],
)
def test_a_header_that_belongs_to_something_else_says_nothing(tmp_path, text):
    path, _ = plain(tmp_path)
    (tmp_path / "in.hdr").write_text(text)
    assert facts(described(path)) == ([None] * 3, [None] * 3, set())


def test_what_is_nearer_to_the_user_wins_and_the_rest_is_filled_in(tmp_path):
    in_envi_header_beside_a_geotiff(tmp_path)
    layer = QgsRasterLayer(str(tmp_path / "in.tif"), "in")
    layer.setCustomProperty("QGISPAM/band/1//wavelength", "460")
    layer.setCustomProperty("QGISPAM/band/2//bbl", "1")
    centres, widths, bad = facts(described(layer))
    assert centres == pytest.approx([460, 550, 2200])
    assert widths == pytest.approx(WIDTHS)
    assert bad == set()


def test_the_log_says_what_was_found(tmp_path):
    from mtmsd.algorithms.bridge.raster.band_metadata import spectral_sentence

    assert spectral_sentence(described(in_band_items(tmp_path)).bands) == (
        "Wavelengths: 450.5 to 2200 nm, width 6.5 to 11.2 nm."
    )
    assert spectral_sentence(()) == ""


def test_features_keep_the_wavelengths_of_their_spectra(tmp_path):
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.geotiff import RawRaster, write_many_bands
    from mtmsd.mtmsd_qgis.jobs.data_model import Band, CubeFile
    from scenes import Log

    source = described(in_band_items(tmp_path))
    np.ones((4, 3, 4), "<i2").tofile(tmp_path / "cube.raw")
    bands = tuple(Band(f"spectrum {b.number}", b.wavelength_nm, fwhm_nm=b.fwhm_nm) for b in source.bands)
    cube = CubeFile("cube.raw", 4, 4, "int16", bands)
    write_many_bands(RawRaster(cube, tmp_path, source.grid), tmp_path / "out.tif", ProgressRange(Log(), 0, 1))
    centres, widths, _ = facts(described(tmp_path / "out.tif"))
    assert centres == pytest.approx(CENTRES)
    assert widths == pytest.approx(WIDTHS)


def with_items(folder, wavelengths, unit, domain=""):
    path, dataset = plain(folder)
    dataset.SetMetadataItem("wavelength", wavelengths, domain)
    dataset.SetMetadataItem("wavelength_units", unit, domain)
    return path


@pytest.mark.parametrize(
    ("wavelengths", "unit", "words"),
    [
        ("{450.5, 550, 2200}", "Micrometers", "4.505e+05 to 2.2e+06 nm"),
        ("{0.4505, 0.55, 2.2}", "Nanometers", "0.4505 to 2.2 nm"),
        ("{450.5, 550, 2200}", "Meters", "4.505e+11 to 2.2e+12 nm"),
        ("{450.5, 550, 2200}", "mm", "4.505e+08 to 2.2e+09 nm"),
    ],
)
def test_a_wrong_unit_is_mended_and_told_of(tmp_path, wavelengths, unit, words):
    source = described(with_items(tmp_path, wavelengths, unit))
    assert facts(source)[0] == pytest.approx(CENTRES)
    assert len(source.notes) == 1
    assert words in source.notes[0]
    assert "taken as 450.5 to 2200 nm" in source.notes[0]


def test_a_width_is_mended_with_its_wavelength(tmp_path):
    path = with_items(tmp_path, "{450.5, 550, 2200}", "Micrometers")
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.SetMetadataItem("fwhm", "{6.5, 7, 11.25}")
    del dataset
    assert facts(described(path))[1] == pytest.approx(WIDTHS)


@pytest.mark.parametrize(
    ("wavelengths", "unit"),
    [
        ("{450,5, 550,0, 2200,0}", "Nanometers"),
        ("{450,5; 550; 2200}", "Nanometers"),
        ("{0,4505, 0,55, 2,2}", "Micrometers"),
        ("{0,4505,0,55,2,2}", "Micrometers"),
        ("{450.5 550 2200}", "Nanometers"),
        ("{4505, 5500, 22000}", "Angstroms"),
        ("{450.5, 550, 2200,}", "Nanometers"),
        ("{450.5, 550, 2200}", "Unknown"),  # as ENVI writes no unit
    ],
)
def test_ways_of_writing_wavelengths(tmp_path, wavelengths, unit):
    source = described(with_items(tmp_path, wavelengths, unit))
    assert facts(source)[0] == pytest.approx(CENTRES)
    assert source.notes == ()


@pytest.mark.parametrize(
    ("wavelengths", "unit", "words"),
    [
        ("{1, 500, 40000}", "Nanometers", "which no optical sensor measures"),
        ("{-450, -550, -2200}", "Nanometers", "which no optical sensor measures"),
        ("{550, 550, 550}", "Nanometers", "all bands have the same one, 550 nm"),
    ],
)
def test_wavelengths_that_cannot_be_are_left_out_and_told_of(tmp_path, wavelengths, unit, words):
    source = described(with_items(tmp_path, wavelengths, unit))
    assert facts(source)[:2] == ([None] * 3, [None] * 3)
    assert len(source.notes) == 1
    assert words in source.notes[0]


@pytest.mark.parametrize("text", ["{nan, nan, nan}", "{inf, 550, 2200}", "{a, b, c}", ""])
def test_what_is_no_number_says_nothing(tmp_path, text):
    source = described(with_items(tmp_path, text, "Nanometers"))
    assert facts(source)[0] == [None] * 3
    assert source.notes == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("450,5 nm", 450.5), ("Band 1 (0,45 um)", 450.0), ("1,450 nm", 1450.0), ("450,125 nm", 450.125), ("B2", None)],
)
def test_a_comma_in_the_name_of_a_band(tmp_path, name, expected):
    path, dataset = plain(tmp_path)
    dataset.GetRasterBand(1).SetDescription(name)
    del dataset
    assert facts(described(path))[0][0] == (None if expected is None else pytest.approx(expected))


def test_an_envi_header_with_decimal_commas(tmp_path):
    """GDAL parts its list at every comma, so that single bands get nonsense; the list itself can be read."""
    path = in_envi(tmp_path)
    header = tmp_path / "in.hdr"
    text = header.read_text().replace("{\n 0.4505, 0.55,\n 2.2 }", "{ 0,4505, 0,55, 2,2 }")
    header.write_text(text.replace("fwhm = { 0.0065, 0.007, 0.01125 }\n", ""))
    assert facts(described(path))[0] == pytest.approx(CENTRES)


def test_numbers_of_bands_in_an_envi_header_are_no_wavelengths(tmp_path):
    """GDAL hands these numbers to the bands without the header's unit."""
    path = in_envi(tmp_path)
    header = tmp_path / "in.hdr"
    header.write_text(header.read_text().replace("Micrometers", "Index").replace("0.4505, 0.55,\n 2.2", "1, 2, 3"))
    assert facts(described(path)) == ([None] * 3, [None] * 3, {2})


def test_a_header_that_tells_of_bad_bands_alone(tmp_path):
    path, _ = plain(tmp_path)
    (tmp_path / "in.hdr").write_text("ENVI\nbands = 3\nbbl = {1, 0, 1}\n")
    assert facts(described(path)) == ([None] * 3, [None] * 3, {2})


def test_what_another_place_tells_rightly_needs_no_word(tmp_path):
    path = with_items(tmp_path, "{550, 550, 550}", "Nanometers")
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number, centre in enumerate(CENTRES, 1):
        dataset.GetRasterBand(number).SetDescription(f"{centre} nm")
    del dataset
    source = described(path)
    assert facts(source)[0] == pytest.approx(CENTRES)
    assert source.notes == ()


def test_the_log_tells_of_it(tmp_path):
    from mtmsd.algorithms.bridge.raster.scene_export import announce
    from scenes import Log

    log = Log()
    announce(described(with_items(tmp_path, "{450.5, 550, 2200}", "Micrometers")), log)
    assert len(log.warnings) == 1
    assert "Wavelengths: 450.5 to 2200 nm." in log.text


def test_files_beside_a_raster_with_decimal_commas(tmp_path):
    path = in_envi_header_beside_a_geotiff(tmp_path)
    header = tmp_path / "in.hdr"
    header.write_text(header.read_text().replace("{450.5, 550, 2200}", "{450,5; 550,0; 2200,0}"))
    assert facts(described(path))[0] == pytest.approx(CENTRES)
    table = in_prisma_table(tmp_path)
    rows = table.with_suffix(".wvl")
    rows.write_text(rows.read_text().replace(".", ","))
    centres, widths, _ = facts(described(table))
    assert centres == pytest.approx(CENTRES)
    assert widths == pytest.approx(WIDTHS)
