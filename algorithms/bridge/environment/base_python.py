# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python that an environment is made from: found, asked what it is, and refused where it will not do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingException

from ..worker import interpreter, python_locations
from .torch_builds import NEWEST_PYTHON, OLDEST_PYTHON, torch_version

_SECONDS = 60.0
_QUESTION = """
import importlib, json, platform, struct, sys
missing = []
for name in ("venv", "ensurepip", "ssl", "ctypes"):
    try:
        importlib.import_module(name)
    except Exception as error:
        missing.append(name)
print(json.dumps({"version": sys.version_info[:3], "bits": 8 * struct.calcsize("P"), "missing": missing}))
"""
_NAME_ANOTHER = "Name another Python in BASE_PYTHON, for instance one from python.org or from your distribution."


@dataclass(frozen=True)
class BasePython:
    """A Python that an environment can be made from."""

    path: Path
    version: tuple[int, int, int]

    @property
    def version_text(self) -> str:
        """E.g. "3.11.2"."""
        return ".".join(str(part) for part in self.version)


def find_base(chosen: str) -> BasePython:
    """The Python to make an environment from.

    Args:
        chosen: Path given by the user; empty for the Python of QGIS.

    Raises:
        QgsProcessingException: None is there, or it will not do.
    """
    path = Path(chosen).expanduser() if chosen else python_locations.interpreter_below(Path(sys.prefix), sys.platform)
    if path is None:
        raise QgsProcessingException(
            f"This QGIS has no Python that can be started on its own (none below {sys.prefix}; QGIS 4 for macOS comes "
            f"so). {_span()} {_NAME_ANOTHER}"
        )
    facts = _ask(path)
    trouble = trouble_with(facts, path)
    if trouble:
        raise QgsProcessingException(trouble)
    major, minor, micro = facts["version"]
    return BasePython(path, (major, minor, micro))


def trouble_with(facts: Mapping[str, Any], path: Path) -> str:
    """Why a Python will not do, with what to do about it; empty where it will.

    Args:
        facts: "version", "bits" and "missing", as the Python itself said.
        path: Of that Python.
    """
    version = tuple(facts["version"])
    text = ".".join(str(part) for part in version)
    if not OLDEST_PYTHON <= version[:2] <= NEWEST_PYTHON:
        return f"{path} is Python {text}. {_span()} {_NAME_ANOTHER}"
    if facts["bits"] != 64:
        return f"{path} is a {facts['bits']}-bit Python; torch needs one of 64 bits. {_NAME_ANOTHER}"
    missing = facts["missing"]
    if "ensurepip" in missing or "venv" in missing:
        return (
            f"{path} cannot make environments: its part {' and '.join(missing)} is missing. On Debian and Ubuntu "
            f"install it with 'sudo apt install python3-venv' (or python{version[0]}.{version[1]}-venv) and try again. "
            f"{_NAME_ANOTHER}"
        )
    if missing:
        return f"{path} is not complete: it cannot import {' and '.join(missing)}. {_NAME_ANOTHER}"
    return ""


def build_environment_variables() -> dict[str, str]:
    """The environment of venv and pip: clean, but with the libraries that a Python of OSGeo4W keeps beside QGIS."""
    environment = interpreter.clean_environment()
    root = os.environ.get("OSGEO4W_ROOT")
    if sys.platform == "win32" and root:  # at the end, where it shadows nothing
        environment["PATH"] = os.pathsep.join([environment.get("PATH", ""), str(Path(root) / "bin")])
    return environment


def _span() -> str:
    oldest, newest = (".".join(str(part) for part in version) for version in (OLDEST_PYTHON, NEWEST_PYTHON))
    return f"torch {torch_version()} needs Python {oldest} to {newest}."


def _ask(path: Path) -> Mapping[str, Any]:
    flags = {"creationflags": subprocess.CREATE_NO_WINDOW} if sys.platform == "win32" else {}
    try:
        completed = subprocess.run(  # nosec B603  # no shell; a Python that was found or named, and our own question
            [str(path), "-I", "-c", _QUESTION],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=build_environment_variables(),
            timeout=_SECONDS,
            **flags,
        )
        facts: Mapping[str, Any] = json.loads(completed.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        raise QgsProcessingException(f"{path} should be a Python; it does not answer as one. {_NAME_ANOTHER}") from None
    return facts
