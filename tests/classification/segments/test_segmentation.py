# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments: connected, of the wanted size, along the borders that there are; whatever the windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from mtmsd_qgis.classification.segments import competition, loose_parts, segment_features
from mtmsd_qgis.classification.segments.log_derivative import LogDerivative
from mtmsd_qgis.classification.segments.segment_features import NO_FEATURE, SegmentFeatures
from mtmsd_qgis.classification.segments.segmentation import segment_scene
from mtmsd_qgis.errors import Cancelled
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.run_directory import RunDirectory
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.data_model import Band, FeatureLayout
from mtmsd_qgis.jobs.disk_sizes import SEGMENT_FEATURES
from mtmsd_qgis.progress import silent
from tests.scenes import cube_of

CPU = torch.device("cpu")


def made_fields(size=(120, 132), side=40, noise=0.3, seed=0):
    """Values (6, H, W) of fields of a side, with noise of a share of the contrast, and the field (H, W) of each."""
    rng = np.random.default_rng(seed)
    rows, cols = np.indices(size)
    field = (rows // side) * 8 + cols // side
    spectra = rng.permutation(np.linspace(1000, 3000, 6))[rng.permuted(np.tile(np.arange(6), (64, 1)), axis=1)]
    values = spectra[field].transpose(2, 0, 1)
    contrast = spectra.std()
    return (values + rng.normal(0, noise * contrast, values.shape)).astype(np.float32), field


def features_of(folder, values, *, nodata=-1.0, wavelengths=None):
    cube = cube_of(folder, values, nodata=nodata)
    bands = [Band("", None if wavelengths is None else float(w)) for w in wavelengths or range(len(values))]
    return SegmentFeatures.fit(cube, FeatureLayout(features=len(values)), bands, CPU)


def segmented(folder, values, pixels, **options):
    """The segment of each pixel, and what was found."""
    raster = features_of(folder, values, **options).write(RunDirectory(folder), silent)
    segments = segment_scene(raster, pixels, silent)
    return segments.raster.stored(whole(*values.shape[1:]))[0].astype(np.int64), segments


def achievable_accuracy(segment, truth):
    table = np.zeros((segment.max() + 1, truth.max() + 1))
    np.add.at(table, (segment, truth), 1)
    return table.max(axis=1).sum() / table.sum()


def edges(index):
    found = np.zeros(index.shape, bool)
    for axis in (0, 1):
        here, there = np.moveaxis(found, axis, 0), np.moveaxis(index, axis, 0)
        here[1:] |= there[1:] != there[:-1]
        here[:-1] |= there[1:] != there[:-1]
    return found


def boundary_recall(segment, truth):
    """Share of the true borders that have one of a segment within two pixels."""
    near = ndimage.binary_dilation(edges(segment), np.ones((5, 5)))
    return near[edges(truth)].mean()


def test_segments_follow_the_borders_of_fields(tmp_path):
    values, field = made_fields()
    segment, segments = segmented(tmp_path, values, 100)
    assert achievable_accuracy(segment, field) >= 0.98
    assert boundary_recall(segment, field) >= 0.95
    assert segments.count == pytest.approx(segment.size / 100, rel=0.2)


@pytest.mark.parametrize("pixels", [25, 64, 200])
def test_every_valid_pixel_is_in_one_connected_segment(tmp_path, pixels):
    values, _ = made_fields((90, 77), 18)
    values[:, 20:40, 10:50] = -1
    values[:, np.random.default_rng(3).random((90, 77)) < 0.01] = -1
    segment, segments = segmented(tmp_path, values, pixels)
    valid = values[0] != -1
    assert np.array_equal(segment > 0, valid)
    found, first = np.unique(segment[valid], return_index=True)
    assert np.array_equal(found, np.arange(1, segments.count + 1))
    assert (np.diff(first) > 0).all()  # numbered in the order of their first pixels
    assert all(ndimage.label(segment == number)[1] == 1 for number in found)
    assert segments.count == pytest.approx(valid.sum() / pixels, rel=0.2)
    assert np.bincount(segment[valid])[1:].min() >= pixels / 4


def test_parts_without_a_large_neighbour_join_the_largest_beside_them(tmp_path):
    values, _ = made_fields((60, 60), 30)
    values[:, 5:20, 5:20] = -1
    values[:, 8:12, 8:12] = 2000  # an island of 16 pixels, of segments of 400
    segment, _ = segmented(tmp_path, values, 400)
    assert len(np.unique(segment[8:12, 8:12])) == 1
    assert (segment == segment[8, 8]).sum() == 16


def bytes_of(folder, values, pixels=64):
    segmented(folder, values, pixels)
    return (folder / "segments.raw").read_bytes()


def test_windows_change_nothing(tmp_path, monkeypatch):
    values, _ = made_fields((90, 77), 18)
    (tmp_path / "large").mkdir()
    expected = bytes_of(tmp_path / "large", values)
    monkeypatch.setattr(segment_features, "_SIDE", 48)
    monkeypatch.setattr(competition, "_STRIP_BYTES", 77 * 4 * 12 * 20)
    monkeypatch.setattr(loose_parts, "_BYTES_PER_PIXEL", 64 << 14)
    (tmp_path / "small").mkdir()
    assert bytes_of(tmp_path / "small", values) == expected


def test_a_run_that_is_stopped_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(segment_features, "_SIDE", 32)
    values, _ = made_fields((90, 77), 18)
    (tmp_path / "scene").mkdir()
    features = features_of(tmp_path / "scene", values)

    def written(folder, progress):
        folder.mkdir(exist_ok=True)
        raster = features.write(RunDirectory(folder, persistent=True), progress)
        segment_scene(raster, 64, silent)
        return (folder / "segments.raw").read_bytes()

    def stopping(fraction, text):
        if "window 4" in text:
            raise Cancelled

    with pytest.raises(Cancelled):
        written(tmp_path / "stopped", stopping)
    texts = []
    resumed = written(tmp_path / "stopped", lambda fraction, text: texts.append(text))
    assert 0 < len(texts) < 9
    assert resumed == written(tmp_path / "whole", silent)


def shaded_materials(size=(96, 96)):
    """Two materials of one brightness in squares of 32 pixels, lit 0.5 to 1.5 times as much from left to right."""
    one, other = np.array([900, 1100, 1000, 1000.0]), np.array([1100, 900, 1000, 1000.0])
    rows, cols = np.indices(size)
    material = ((rows + 12) // 32 + (cols + 12) // 32) % 2
    light = np.linspace(0.5, 1.5, size[1])
    values = np.where(material, other[:, None, None], one[:, None, None]) * light
    noise = np.random.default_rng(0).normal(0, 15, values.shape)
    return (values + noise).astype(np.float32), material


def test_the_slope_of_the_logarithm_tells_materials_apart_that_light_hides(tmp_path):
    values, material = shaded_materials()
    features = features_of(tmp_path, values)
    raster = features.write(RunDirectory(tmp_path), silent)
    with_slope = segment_scene(raster, 64, silent).raster.stored(whole(96, 96))[0].astype(int)
    assert achievable_accuracy(with_slope, material) >= 0.95
    assert boundary_recall(with_slope, material) >= 0.95
    brightness = values.mean(axis=0, keepdims=True)
    (tmp_path / "plain").mkdir()
    without = segmented(tmp_path / "plain", brightness, 64)[0]
    assert achievable_accuracy(without, material) < 0.85


def test_light_does_not_change_the_derivative_and_wavelengths_weigh_it():
    rng = np.random.default_rng(0)
    spectra = rng.uniform(500, 3000, (5, 20, 20)).astype(np.float32)

    class Memory:
        bands = 5

        def read(self, window):
            return spectra

    windows = [whole(20, 20)]
    derivative = LogDerivative.fit(Memory(), [None] * 5, windows)
    assert derivative(spectra * np.float32(1.7)) == pytest.approx(derivative(spectra), abs=1e-4)
    components = derivative(spectra)
    assert np.square(components).mean() == pytest.approx(1, abs=0.01)
    uneven = LogDerivative.fit(Memory(), [400.0, 500.0, 600.0, 2000.0, 2010.0], windows)
    slopes = np.diff(np.log(spectra.astype(float)), axis=0)
    strongest = np.abs(np.corrcoef(uneven(spectra)[0].ravel(), slopes[3].ravel())[0, 1])
    assert strongest > 0.99  # the step of 10 nm, whose slope is the steepest
    spectra[0] = -spectra[0]
    assert LogDerivative.fit(Memory(), [None] * 5, windows) is None


def test_features_that_stand_for_spectra_have_no_derivative(tmp_path):
    values = np.random.default_rng(0).uniform(1, 2, (8, 40, 40)).astype(np.float32)
    cube = cube_of(tmp_path, values)
    layout = FeatureLayout(timesteps=(50, 100), features=4, names=tuple(f"s{n} c0" for n in range(4)))
    features = SegmentFeatures.fit(cube, layout, cube.description.bands, CPU)
    assert features.derivative is None
    assert features.columns == features.reader.guide_channels


def test_segments_are_made_of_no_more_than_is_told_before_a_run(tmp_path):
    values = np.random.default_rng(0).uniform(1, 2, (40, 40, 40)).astype(np.float32)
    cube = cube_of(tmp_path, values)
    bands = [replace(band, wavelength_nm=400 + 10 * i) for i, band in enumerate(cube.description.bands)]
    assert SegmentFeatures.fit(cube, FeatureLayout(features=40), bands, CPU).columns == SEGMENT_FEATURES


def test_a_scene_without_data_in_places_has_no_features_there(tmp_path):
    values, _ = made_fields((60, 60), 30)
    values[:, :20] = -1
    raster = features_of(tmp_path, values).write(RunDirectory(tmp_path), silent)
    stored = raster.stored(whole(60, 60))
    assert isinstance(raster, Cube)
    assert np.array_equal((stored == NO_FEATURE).all(axis=0), values[0] == -1)
    assert np.array_equal((stored == NO_FEATURE).any(axis=0), values[0] == -1)
