# SPDX-License-Identifier: GPL-2.0-or-later
"""Wheels of the pinned versions that pip installs like real ones: a torch of twenty lines, empty numpy and scipy."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import zipfile
from pathlib import Path

TORCH = '''
"""Can add nine ones."""
import types
__version__ = "{version}"
OutOfMemoryError = MemoryError
version = types.SimpleNamespace(cuda={cuda!r})


class _Sum:
    def sum(self):
        return 36.0


def ones(*shape, device=None):
    return _Sum()


def device(*name):
    return ":".join(str(part) for part in name)


def get_num_threads():
    return 1


nn = types.SimpleNamespace(functional=types.SimpleNamespace(conv2d=lambda image, kernel: image))
cuda = types.SimpleNamespace(is_available=lambda: False, device_count=lambda: 0)
{more}
'''


def make_wheels(folder: Path, requirements: Path, *, build: str = "+cpu", cuda: str | None = None, more: str = ""):
    """A folder of wheels that satisfies the requirements in this Python; `more` is appended to torch."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, version in pinned(requirements).items():
        if name == "torch":
            version += build
            make_wheel(folder, name, version, TORCH.format(version=version, cuda=cuda, more=more))
        else:
            make_wheel(folder, name, version, f'__version__ = "{version}"\n')
    return folder


def make_index(folder: Path, wheels: list[Path]) -> str:
    """A package index of some wheels; gives its address."""
    for wheel in wheels:
        page = folder / wheel.name.split("-")[0]
        page.mkdir(parents=True, exist_ok=True)
        (page / "index.html").write_text(f'<a href="{wheel.as_uri().replace("+", "%2B")}">{wheel.name}</a>')
    return folder.as_uri()


def pinned(requirements: Path) -> dict[str, str]:
    """The versions that hold for this Python."""
    found = {}
    for line in requirements.read_text().splitlines():
        match = re.match(r"(\w+)==([\w.]+)(?:; python_version (>=|<) \"3\.(\d+)\")?", line)
        if match and (not match[3] or (match[3] == ">=") == (sys.version_info[1] >= int(match[4]))):
            found[match[1]] = match[2]
    return found


def make_wheel(folder: Path, name: str, version: str, code: str) -> Path:
    """A wheel of one module, for any Python."""
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": code,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={digest(text)},{len(text.encode())}\n" for path, text in files.items())
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for place, text in files.items():
            archive.writestr(place, text)
    return path


def digest(text: str) -> str:
    """As a wheel's RECORD has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
