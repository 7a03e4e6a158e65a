# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from mtmsd_qgis.errors import SceneError
from mtmsd_qgis.io.matlab_scene import read_ground_truth, read_scene, write_ground_truth, write_scene
from mtmsd_qgis.io.windows import whole

CUBE = np.arange(2 * 3 * 4, dtype=np.uint16).reshape(2, 3, 4)


def saved(tmp_path, **arrays):
    scipy.io.savemat(tmp_path / "s.mat", arrays)
    return tmp_path / "s.mat"


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "float32", "float64"])
def test_a_cube_keeps_its_values(tmp_path, dtype):
    array = read_scene(saved(tmp_path, scene=CUBE.astype(dtype)), None)
    cube = write_scene(array, tmp_path)
    assert np.array_equal(cube.read(whole(2, 3)), CUBE.transpose(2, 0, 1))


def test_the_variable_is_chosen_by_name(tmp_path):
    path = saved(tmp_path, one=CUBE, two=CUBE + 1)
    assert read_scene(path, "two")[0, 0, 0] == 1
    with pytest.raises(SceneError, match=r"found: one \(2, 3, 4\), two .* VARIABLE"):
        read_scene(path, None)
    with pytest.raises(SceneError, match="no numeric array 'three'"):
        read_scene(path, "three")


def test_public_class_names_are_known(tmp_path):
    ids, names = read_ground_truth(saved(tmp_path, indian_pines_gt=np.array([[0, 2], [16, 2]], dtype=np.uint8)))
    assert names == {2: "Corn-notill", 16: "Stone-Steel-Towers"}
    assert write_ground_truth(ids, tmp_path).read(whole(2, 2))[0, 1, 0] == 16


def test_other_ground_truth_gets_plain_names(tmp_path):
    assert read_ground_truth(saved(tmp_path, gt=np.array([[0, 3]])))[1] == {3: "Class 3"}


def test_of_several_arrays_the_ground_truth_is_the_one_of_the_scenes_size(tmp_path):
    gt = np.array([[0, 3, 1], [2, 2, 0]])
    path = saved(tmp_path, gt=gt, classes=3, wavelength=np.linspace(400, 900, 4), colours=np.zeros((4, 3)), cube=CUBE)
    assert np.array_equal(read_ground_truth(path, CUBE.shape[:2])[0], gt)
    with pytest.raises(SceneError, match=r"2 dimensions and 5 x 3 pixels, as the scene has, found: gt \(2, 3\)"):
        read_ground_truth(path, (5, 3))
    with pytest.raises(SceneError, match=r"found: one .*, two .*\. Save it to a file of its own"):
        read_ground_truth(saved(tmp_path, one=gt, two=gt), (2, 3))


@pytest.mark.parametrize(
    "gt", [np.array([[0.5, 1]]), np.array([[-1, 1]]), np.array([[70000, 1]]), np.array([[np.nan]])]
)
def test_ground_truth_that_holds_no_class_ids_is_refused(tmp_path, gt):
    with pytest.raises(SceneError, match="whole class ids"):
        read_ground_truth(saved(tmp_path, gt=gt))


@pytest.mark.parametrize("content", [b"", b"no matlab", b"\0" * 200])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "s.mat").write_bytes(content)
    with pytest.raises(SceneError, match=r"s\.mat should"):
        read_scene(tmp_path / "s.mat", None)
    with pytest.raises(SceneError, match="cannot be read"):
        read_scene(tmp_path / "none.mat", None)


def test_hdf5_files_are_named(tmp_path):
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (tmp_path / "s.mat").write_bytes(header.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(SceneError, match=r"7\.3 \(HDF5\).*-v7"):
        read_scene(tmp_path / "s.mat", None)
