# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzzes the readers of model files and checkpoints: header, arrays, and the network that is made of them.

    python tests/fuzz/fuzz_model_file.py --seconds 60

A right file has 7 MB of weights and a checkpoint four times that; the input edits its header, which is padded with
blanks to one size, so that the arrays stay where they are on the disk.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

import numpy as np
import torch

with atheris.instrument_imports(include=["mtmsd_qgis"]):
    from mtmsd_qgis.diffusion import model as diffusion_model
    from mtmsd_qgis.diffusion.preprocessing import Preprocessor
    from mtmsd_qgis.diffusion.training_state import keep_anchor, new_training
    from mtmsd_qgis.diffusion.unet import UNet
    from mtmsd_qgis.errors import MtmsdError
    from mtmsd_qgis.features.extractor import FeatureExtractor
    from mtmsd_qgis.io import array_file, model_file
    from mtmsd_qgis.io.array_file import KIND_CHECKPOINT, KIND_MODEL
    from mtmsd_qgis.jobs.data_model import Band
    from mtmsd_qgis.jobs.settings import ExtractionSettings, PretrainSettings

from campaign import Campaign, arguments
from edits import edited

CPU = torch.device("cpu")
SETTINGS = PretrainSettings(components=2, device="cpu")
HEADER_BYTES = 1 << 16
ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((0, 4)), "c": np.array([1, 2])}


class Template:
    """A right file whose header is written anew for each input."""

    def __init__(self, path: Path, kind: str) -> None:
        """Keep the header, and move the arrays behind the space for one."""
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        self.header = json.loads(content[8 : 8 + length])
        self.description = json.loads(self.header["__metadata__"]["description"])
        self.path, self.kind = path, kind
        path.write_bytes(HEADER_BYTES.to_bytes(8, "little") + b" " * HEADER_BYTES + content[8 + length :])

    def write(self, header: dict, description: object) -> None:
        """The file with another header."""
        metadata = header.get("__metadata__")
        if isinstance(metadata, dict) and isinstance(metadata.get("description"), str):
            header = {**header, "__metadata__": {**metadata, "description": json.dumps(description)}}
        text = json.dumps(header).encode("utf-8")[:HEADER_BYTES].ljust(HEADER_BYTES)
        with self.path.open("r+b") as file:
            file.seek(8)
            file.write(text)

    def read(self) -> None:
        """Everything that opens such a file."""
        model_file.read_model_header(self.path, self.kind)
        if self.kind == KIND_MODEL:
            diffusion_model.load_model(self.path)
        else:
            diffusion_model.load_checkpoint(self.path, SETTINGS, CPU)


class ModelFileTarget:
    """All readers of model files, on raw bytes, on small files and on edited whole ones."""

    def __init__(self, folder: Path) -> None:
        """Write the right files."""
        bands = (Band("b1", 500.0, number=1), Band("b2", 600.0, number=2))
        preprocessor = Preprocessor(bands, np.zeros(2), np.ones(2), np.eye(2), np.ones(2), 1.0)
        state = new_training(2, SETTINGS, CPU)
        keep_anchor(state)
        description = diffusion_model.describe(SETTINGS, preprocessor, 2)
        self._raw = folder / "raw.mtmsd"
        model, checkpoint, small = folder / "m.mtmsd", folder / "c.checkpoint", folder / "small.mtmsd"
        extractor = FeatureExtractor(UNet(2, SETTINGS.base_width), ExtractionSettings((50, 300), (1,)))
        patches = np.random.default_rng(0).normal(size=(2, 2, 16, 16)).astype(np.float32)
        extractor.learn_statistics(patches)
        statistics = extractor.stored_statistics(patches)
        diffusion_model.save_model(model, state, description, preprocessor, statistics)
        diffusion_model.save_checkpoint(checkpoint, state, description, preprocessor)
        array_file.write_file(small, KIND_MODEL, description, ARRAYS)
        self.small = small.read_bytes()
        self._templates = (
            Template(small, KIND_MODEL),
            Template(model, KIND_MODEL),
            Template(checkpoint, KIND_CHECKPOINT),
        )

    def __call__(self, data: bytes) -> None:
        """Read what the input makes of a file."""
        provider = atheris.FuzzedDataProvider(data)
        choice = provider.ConsumeIntInRange(0, 15)
        try:
            if choice < 4:
                self._read_raw(provider.ConsumeBytes(1 << 14))
            elif choice < 7:
                self._read_raw(_with_length(provider))
            else:
                # A whole model costs a hundred times what the small file costs, a checkpoint five times as much again.
                template = self._templates[0 if choice < 14 else choice - 13]
                header, description = template.header, template.description
                if provider.ConsumeBool():
                    header = edited(header, provider)
                else:
                    description = edited(description, provider)
                template.write(header, description)
                if template is self._templates[0]:
                    array_file.read_arrays(template.path)
                template.read()
        except MtmsdError as error:
            str(error).encode("utf-8")  # must be fit to print

    def _read_raw(self, content: bytes) -> None:
        self._raw.write_bytes(content)
        for kind in (KIND_MODEL, KIND_CHECKPOINT):
            try:
                array_file.read_header(self._raw, kind)
                array_file.read_arrays(self._raw, kind)
                model_file.read_model_header(self._raw, kind)
            except MtmsdError as error:
                str(error).encode("utf-8")
        diffusion_model.load_model(self._raw)


def _with_length(provider: atheris.FuzzedDataProvider) -> bytes:
    """A header of the right length before as many bytes as it may ask for; the checksum is made right as well."""
    payload = bytes(provider.ConsumeIntInRange(0, 64))
    header = provider.ConsumeBytes(1 << 14).replace(b"SHA", hashlib.sha256(payload).hexdigest().encode())
    return len(header).to_bytes(8, "little") + header + payload


def seeds(target: ModelFileTarget) -> list[bytes]:
    """A right file, its header alone, and edits; the choice is read from an input's end."""
    length = int.from_bytes(target.small[:8], "little")
    header = target.small[8 : 8 + length]
    return [target.small + b"\0", header + b"\x3c\5"] + [bytes(range(64)) * 4 + bytes([n]) for n in range(7, 16)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    seconds, where = arguments("model_file")
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as scratch:
        target = ModelFileTarget(Path(scratch))
        Campaign("model_file", target, seconds, where).start(seeds(target))
