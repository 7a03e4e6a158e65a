# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzzes the line between QGIS and the worker: job file, messages, feature layout, and what is read of a stream.

python tests/fuzz/fuzz_protocol.py --seconds 60
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

with atheris.instrument_imports(include=["mtmsd_qgis"]):
    from mtmsd_qgis.errors import MtmsdError
    from mtmsd_qgis.io.cube import Cube
    from mtmsd_qgis.jobs import data_model, protocol
    from mtmsd_qgis.jobs.line_reader import LONGEST_NOISE, read_lines
    from mtmsd_qgis.jobs.settings import (
        ClassificationSettings,
        ExtractionSettings,
        PretrainSettings,
        from_json,
        to_json,
    )

from campaign import Campaign, arguments
from edits import edited

BAND = data_model.Band("b1", 500.0, -1.0, 0.5, 2.0, 1)
LAYOUT = data_model.FeatureLayout(
    timesteps=(50, 100), features=2, names=("s0 c001", "s5 c002"), window=48, stages=(0, 5)
)
SETTINGS = (PretrainSettings(), ExtractionSettings(), ClassificationSettings())
JOBS = [
    json.loads(json.dumps({"protocol": 1, **asdict(job)}))
    for job in (
        protocol.Job(
            task,
            to_json(settings),
            data_model.CubeFile("s.raw", 2, 3, "int16", (BAND,), "mask.raw"),
            "samples.npy",
            "reference.npy",
            (data_model.ClassEntry(4, "Wald ä", "#00ff00"),),
            LAYOUT,
            {"model": "/m.mtmsd"},
            {"model": "/n.mtmsd"},
            {"probabilities": True},
        )
        for task, settings in zip(("pretrain", "extract", "classify"), SETTINGS)
    )
]
MESSAGES = [
    {"version": 1, **asdict(message)}
    for message in (
        protocol.Message("progress", fraction=0.5, text="half"),
        protocol.Message("result", values={"oa": 97.5, "list": [1, None]}),
        protocol.Message("error", kind="input", text="x", details="trace"),
    )
]
LAYOUT_VALUES = json.loads(data_model.layout_to_json(LAYOUT))


class ProtocolTarget:
    """Everything that reads what came over the line."""

    def __init__(self, folder: Path) -> None:
        """Store where the job file goes."""
        self._folder = folder

    def __call__(self, data: bytes) -> None:
        """Hand the input to one of the readers."""
        provider = atheris.FuzzedDataProvider(data)
        choice = provider.ConsumeIntInRange(0, 6)
        try:
            if choice == 0:
                self._job(provider.ConsumeBytes(1 << 14))
            elif choice == 1:
                job = JOBS[provider.ConsumeIntInRange(0, len(JOBS) - 1)]
                self._job(_encoded(edited(job, provider)))
            elif choice == 2:
                _message(protocol.PREFIX + provider.ConsumeUnicode(4000))
            elif choice == 3:
                message = MESSAGES[provider.ConsumeIntInRange(0, len(MESSAGES) - 1)]
                _message(protocol.PREFIX + json.dumps(edited(message, provider)))
            elif choice == 4:
                data_model.layout_from_json(provider.ConsumeUnicode(4000))
            elif choice == 5:
                data_model.layout_from_json(json.dumps(edited(LAYOUT_VALUES, provider)))
            else:
                _stream(provider.ConsumeBytes(1 << 14))
        except MtmsdError as error:
            str(error).encode("utf-8")  # must be fit to print

    def _job(self, content: bytes) -> None:
        (self._folder / protocol.JOB_FILE).write_bytes(content)
        job = protocol.read_job(self._folder)
        for kind in (PretrainSettings, ExtractionSettings, ClassificationSettings):
            try:
                from_json(kind, job.settings)
            except MtmsdError as error:
                str(error).encode("utf-8")
        if job.scene is not None:
            Cube(self._folder, job.scene)


def _encoded(document: dict) -> bytes:
    return json.dumps(document).encode("utf-8")


def _message(line: str) -> None:
    message = protocol.decode(line)
    if message is not None:
        again = protocol.decode(protocol.encode(message))
        assert again is not None
        assert again.type == message.type
        assert 0 <= message.fraction <= 1
        assert all(isinstance(text, str) for text in (message.text, message.kind, message.level, message.details))


def _stream(content: bytes) -> None:
    for line in read_lines(io.BytesIO(content)):
        assert line.startswith(protocol.PREFIX) or len(line) <= LONGEST_NOISE
        protocol.decode(line)


def seeds() -> list[bytes]:
    """Inputs that are right, one a reader; the choice is read from an input's end."""
    job, layout = _encoded(JOBS[0]), _encoded(LAYOUT_VALUES)
    line = protocol.encode(protocol.Message("log", text="x")).encode("ascii")
    plain = [(0, job), (2, b"\2" + line[len(protocol.PREFIX) :]), (4, b"\2" + layout), (6, b"noise\n" + line + b"\n")]
    return [content + bytes([choice]) for choice, content in plain] + [
        bytes(range(64)) * 4 + bytes([choice]) for choice in (1, 3, 5)
    ]


if __name__ == "__main__":
    seconds, where = arguments("protocol")
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as scratch:
        Campaign("protocol", ProtocolTarget(Path(scratch)), seconds, where).start(seeds())
