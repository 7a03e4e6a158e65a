# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtmsd_qgis.errors import FileFormatError
from mtmsd_qgis.io.array_file import (
    KIND_CHECKPOINT,
    KIND_CLASSIFIER,
    KIND_MODEL,
    read_arrays,
    read_header,
    read_summary,
    write_file,
)

ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([1, 2], dtype=np.int64),
    "empty": np.zeros((0, 4), dtype=np.float64),
    "single": np.array(3, dtype=np.int64),
    "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
}


@pytest.fixture
def path(tmp_path):
    write_file(tmp_path / "m.mtmsd", KIND_MODEL, {"preset": "quick", "ä": [1, None]}, ARRAYS)
    return tmp_path / "m.mtmsd"


def safetensors(document: dict, payload: bytes = b"") -> bytes:
    header = json.dumps(document).encode()
    return len(header).to_bytes(8, "little") + header + payload


def metadata(**changes):
    return {
        "__metadata__": {
            "format": "mtmsd",
            "version": "1",
            "kind": "model",
            "sha256": "",
            "description": "{}",
            **changes,
        }
    }


def test_what_is_written_is_read(path):
    assert read_header(path) == {"preset": "quick", "ä": [1, None], "kind": "model", "version": 1}
    arrays = read_arrays(path)
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert np.array_equal(arrays[name], array)
        assert arrays[name].shape == array.shape
        assert arrays[name].dtype == array.dtype


def test_the_same_content_gives_the_same_bytes(path, tmp_path):
    write_file(tmp_path / "n.mtmsd", KIND_MODEL, {"ä": [1, None], "preset": "quick"}, ARRAYS)
    assert (tmp_path / "n.mtmsd").read_bytes() == path.read_bytes()


def test_the_layout_is_that_of_safetensors(path):
    """As its documentation has it: length, header, arrays at their offsets from the end of the header."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    first, last = header["a"]["data_offsets"]
    assert header["a"]["dtype"] == "F32"
    assert np.array_equal(np.frombuffer(content[8 + length :][first:last], "<f4").reshape(2, 3), ARRAYS["a"])


def test_the_header_is_read_without_torch_or_scipy(path):
    code = (
        "import sys; from mtmsd_qgis.io.array_file import read_header; read_header(sys.argv[1]);"
        "print([m for m in ('torch', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(path):
    before = path.read_bytes()
    with pytest.raises(KeyError):
        write_file(path, KIND_MODEL, {}, {"c": np.zeros(1, dtype=np.complex64)})
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["m.mtmsd"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a diffusion model"),
        (b"PK\x03\x04" + b"\0" * 100, "not a diffusion model"),
        (pickle.dumps({"weights": [1, 2, 3]}), "not a diffusion model"),
        ((2**63).to_bytes(8, "little") + b"{}", "not a diffusion model"),
        ((20).to_bytes(8, "little") + b"[" * 20, "not a diffusion model"),
        (safetensors({"__metadata__": {"format": "pt"}}), "not a diffusion model"),
        (safetensors(metadata(version="2")), "version 2, this plugin reads up to 1"),
        (safetensors(metadata(version="x")), "version x"),
        (safetensors(metadata(version="²")), "version ²"),  # a digit that is no number
        (safetensors(metadata(version="9" * 5000)), "version 9999"),
        (safetensors({**metadata(), "a": {"dtype": "F32", "shape": [float("inf")], "data_offsets": [0, 0]}}), "not a"),
        (safetensors({**metadata(), "a": {"dtype": "F32", "shape": ["1"], "data_offsets": [0, 4]}}, b"1234"), "not a"),
        (safetensors({**metadata(), "a": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}}, b"1234"), "not a"),
        (safetensors({**metadata(), "a": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}}, b"1234"), "not a"),
        (
            safetensors({**metadata(), "a": {"dtype": "F32", "shape": [10**4000] * 400, "data_offsets": [0, 4]}}),
            "not a",
        ),
        (safetensors({**metadata(), "a": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0, 0]}}), "not a"),
        (safetensors(metadata(kind="checkpoint")), "should be a model, it is a checkpoint"),
        (
            safetensors({**metadata(), "a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
            "incomplete",
        ),
        (safetensors({**metadata(), "a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}}), "not a diffusion"),
        (safetensors({**metadata(), "a": {"dtype": "O", "shape": [1], "data_offsets": [0, 8]}}, b"\0" * 8), "not a"),
        (safetensors({**metadata(), "a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, b"\0" * 8), "not a"),
        (safetensors({**metadata(), "a": [1, 2]}), "not a diffusion model"),
        (safetensors(metadata(), b"more"), "incomplete or damaged"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "x.mtmsd"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        read_header(path)


@pytest.mark.parametrize("left", [45, 200, -1])
def test_a_file_that_is_cut_inside_its_header_is_incomplete(path, left):
    content = path.read_bytes()
    length = 8 + int.from_bytes(content[:8], "little")
    path.write_bytes(content[: left if left > 0 else length + left])
    with pytest.raises(FileFormatError, match=rf"incomplete or damaged: a header of {length - 8} bytes was expected"):
        read_summary(path, KIND_CLASSIFIER, KIND_MODEL)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.mtmsd", tmp_path):
        with pytest.raises(FileFormatError, match="cannot be opened"):
            read_header(path)


def test_a_flipped_bit_is_noticed(path):
    content = bytearray(path.read_bytes())
    content[-5] ^= 4
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="damaged"):
        read_arrays(path)


@given(st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_damage_is_an_error_of_ours_or_harmless(path, data):
    original = path.read_bytes()
    content = bytearray(original)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = path.with_name("damaged.mtmsd")
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_header(damaged, KIND_MODEL)
        arrays = read_arrays(damaged, KIND_MODEL)
    except FileFormatError:
        return
    assert all(np.isfinite(a).all() for a in arrays.values())


def test_kinds_are_told_apart(tmp_path):
    write_file(tmp_path / "c", KIND_CHECKPOINT, {}, {})
    assert read_header(tmp_path / "c", KIND_CHECKPOINT)["kind"] == "checkpoint"
    with pytest.raises(FileFormatError, match="should be a model"):
        read_header(tmp_path / "c")


def test_the_words_are_those_of_the_kind_that_was_expected(tmp_path):
    path = tmp_path / "x"
    path.write_text("a shopping list " * 9)
    for kind, words in (
        (KIND_CLASSIFIER, "is not a classifier. A .mtmsdc file written by 'Classify'"),
        (KIND_CHECKPOINT, "is not a checkpoint. A .checkpoint file"),
        ("unfinished", "is not a file of this plugin"),
    ):
        with pytest.raises(FileFormatError, match=words):
            read_header(path, kind)


def test_a_summary_is_of_any_of_several_kinds(path):
    summary = read_summary(path, KIND_CLASSIFIER, KIND_MODEL)
    assert (summary.kind, summary.version, summary.size_bytes) == ("model", 1, path.stat().st_size)
    assert summary.description == {"preset": "quick", "ä": [1, None]}
    assert summary.shapes == {
        "a": ("F32", 2, 3),
        "b": ("I64", 2),
        "empty": ("F64", 0, 4),
        "single": ("I64",),
        "turned": ("F32", 3, 2),
    }
    with pytest.raises(FileFormatError, match="should be a classifier or checkpoint, it is a model"):
        read_summary(path, KIND_CLASSIFIER, KIND_CHECKPOINT)


def test_the_fingerprint_is_that_of_the_arrays(path, tmp_path):
    """Of their content alone: a description does not change it, one number does."""
    write_file(tmp_path / "same", KIND_MODEL, {"preset": "paper"}, ARRAYS)
    write_file(tmp_path / "other", KIND_MODEL, {}, {**ARRAYS, "b": np.array([1, 3])})
    first, same, other = (read_summary(p, KIND_MODEL).sha256 for p in (path, tmp_path / "same", tmp_path / "other"))
    assert first == same != other


def test_sides_that_numpy_cannot_count_are_refused(tmp_path):
    content = safetensors({**metadata(), "a": {"dtype": "F32", "shape": [0, 2**50, 2**50], "data_offsets": [0, 0]}})
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(FileFormatError, match="not a diffusion model"):
        read_arrays(tmp_path / "x")
