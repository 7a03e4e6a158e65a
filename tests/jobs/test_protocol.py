# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtmsd_qgis.errors import FileFormatError
from mtmsd_qgis.jobs import data_model, protocol
from mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile, FeatureLayout
from mtmsd_qgis.jobs.protocol import Job, Message, decode, encode

JOB = Job(
    task="classify",
    settings={"seed": 3},
    scene=CubeFile("s.raw", 2, 3, "int16", (Band("a", 500.0, -1.0, 0.5, 2.0, 7, 6.5, ((0.0, 1.0),)),), "mask.raw"),
    samples="samples.npy",
    classes=(ClassEntry(4, "Wald ä", "#00ff00"),),
    layout=FeatureLayout(timesteps=(50, 100), features=2, names=("x", "y"), window=48, stages=(0, 5)),
    options={"probabilities": True},
)


def test_a_job_is_read_as_it_was_written(tmp_path):
    protocol.write_job(JOB, tmp_path)
    assert protocol.read_job(tmp_path) == JOB


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol": 2}, "protocol version 2, this worker speaks version 1"),
        ({"scene": {"file": "x"}}, "not a complete job"),
        ({"scene": 5}, "not a complete job"),
        ({"classes": [{"id": 1}]}, "not a complete job"),
        ({"colour": "red"}, "not a complete job"),
        ({"layout": {"version": 99}}, "version 99"),
    ],
)
def test_other_jobs_are_refused(tmp_path, change, message):
    protocol.write_job(JOB, tmp_path)
    path = tmp_path / protocol.JOB_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(FileFormatError, match=message):
        protocol.read_job(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"task": "x"}'])
def test_no_job_at_all(tmp_path, text):
    (tmp_path / protocol.JOB_FILE).write_text(text)
    with pytest.raises(FileFormatError, match="should be a job file"):
        protocol.read_job(tmp_path)


@pytest.mark.parametrize(
    "message",
    [
        Message("progress", fraction=0.25, text="tile 1 of 4"),
        Message("log", level="warning", text="ä\n\u2028"),
        Message("result", values={"oa": 97.5, "nothing": None, "list": [1, 2]}),
        Message("error", kind="input", text="x", details="trace"),
    ],
)
def test_a_message_is_one_line_and_comes_back(message):
    line = encode(message)
    assert "\n" not in line
    assert line.isascii()
    assert decode(line) == message


def test_numbers_that_json_lacks_become_nothing():
    message = decode(encode(Message("result", values={"a": float("nan"), "b": [float("inf"), 1.0]})))
    assert message is not None
    assert message.values == {"a": None, "b": [None, 1.0]}


@given(st.text())
def test_noise_is_no_message(text):
    assert decode(text) is None or text.startswith(protocol.PREFIX)


@given(st.one_of(st.text(), st.builds(json.dumps, st.recursive(st.none() | st.floats() | st.text(), st.lists))))
def test_anything_behind_the_prefix_is_a_message_or_noise(text):
    decode(protocol.PREFIX + text)


@pytest.mark.parametrize(
    "body",
    [
        '{"version": 1, "type": "progress", "fraction": 7}',
        '{"version": 1, "type": "progress", "fraction": "half"}',
        '{"version": 1, "type": "result", "values": [1]}',
        '{"version": 1, "kind": "x"}',
        '{"type": "progress"}',
        "[" * 100_000,
    ],
)
def test_broken_messages_are_noise(body):
    assert decode(protocol.PREFIX + body) is None


def test_another_version_is_said():
    line = encode(Message("log", text="x")).replace('"version": 1', '"version": 2')
    with pytest.raises(FileFormatError, match="protocol version 2, the plugin version 1"):
        decode(line)


def test_a_layout_travels_as_text_and_newer_ones_are_refused():
    assert JOB.layout is not None
    assert data_model.layout_from_json(data_model.layout_to_json(JOB.layout)) == JOB.layout
    for text in ("", "{}", '{"version": "x"}', '{"version": 1, "colour": 2}'):
        with pytest.raises(FileFormatError, match="description cannot be read"):
            data_model.layout_from_json(text)
    with pytest.raises(FileFormatError, match="version 4, this plugin reads up to 3"):
        data_model.layout_from_json('{"version": 4}')


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (encode(Message("stopping")), "stopping"),
        (encode(Message("error", kind="cancelled", text="Cancelled.")), "error"),
        (encode(Message("log", text='"stopping" is what "error" says')), ""),
        (encode(Message("progress", 0.5, "training")), ""),
        (protocol.PREFIX + '{"version": 2, "type": "error"}', ""),
        ('a library prints "error"', ""),
    ],
)
def test_which_lines_say_how_a_cancelled_worker_ends(line, kind):
    assert protocol.ending_type(line) == kind
