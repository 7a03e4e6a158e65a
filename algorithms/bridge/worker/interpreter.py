# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds the Python that has torch, and gives it an environment that QGIS has not changed.

Nothing is imported from that Python: it is asked in a process of its own what it has.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..feedback import keep_window_alive, refuse_when_cancelled
from . import python_locations

SETTING = "MTMSD_PYTHON"  # name of the Processing option and of the environment variable
WORKER = Path(__file__).resolve().parents[3] / "mtmsd_qgis" / "worker.py"

_PROBE_SECONDS = 120.0  # a first import of torch from a network disk takes a minute
_DROPPED = frozenset(
    "PYTHONHOME PYTHONPATH PYTHONEXECUTABLE PYTHONSTARTUP PYTHONUSERBASE VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX "
    "QGIS_PREFIX_PATH QGIS_PLUGINPATH PROJ_LIB PROJ_DATA GDAL_DATA GDAL_DRIVER_PATH LD_PRELOAD".split()
)
_QGIS_FOLDER = re.compile(r"[/\\](grass|qgis)(?![a-z])")  # "/grass84", "/qgis.app", not "/grassmann"
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_WHERE_TO_SET = (
    "Run 'Set up environment' from the toolbox; or give the path of a Python with torch, numpy and scipy under "
    f"Settings > Options > Processing > Providers > MTMSD, or in the environment variable {SETTING}. "
    "'Check environment' shows what was found."
)

_probed: dict[str, Mapping[str, Any]] = {}


@dataclass(frozen=True)
class Candidate:
    """A Python that may run the worker, and who named it."""

    path: Path
    origin: str
    is_qgis_python: bool = False


def candidates() -> list[Candidate]:
    """The Pythons in the order they are considered; an explicit one stands alone."""
    explicit = _explicit()
    if explicit is not None:
        return [explicit]
    managed = [
        Candidate(python_locations.python_of_environment(folder), "the plugin's own environment")
        for folder in python_locations.complete_environments()
    ]
    own = python_locations.interpreter_below(Path(sys.prefix), sys.platform)
    return managed + ([Candidate(own, "the Python of QGIS", is_qgis_python=True)] if own else [])


def missing_interpreter(module: str) -> str:
    """A sentence for the user when no Python can be the worker's, as far as can be told without starting one."""
    found = candidates()
    if not found or (found[0].is_qgis_python and find_spec(module) is None):
        return f"No Python with {module} was found. {_WHERE_TO_SET}"
    if not found[0].path.is_file():
        return f"{found[0].origin} should name a Python; there is no file {found[0].path}. {_WHERE_TO_SET}"
    return ""


def find(module: str, feedback: QgsProcessingFeedback) -> Candidate:
    """The Python that runs the worker.

    Args:
        module: "torch" or "scipy", what the task needs.
        feedback: Asked for cancelling while a Python answers.

    Raises:
        QgsProcessingException: None was found, or it lacks the module.
    """
    trouble = missing_interpreter(module)
    if trouble:
        raise QgsProcessingException(trouble)
    chosen = candidates()[0]
    facts = probe(chosen, feedback)
    if not facts.get(module):
        reason = facts.get(f"{module}_error") or f"{module} is not installed there"
        raise QgsProcessingException(
            f"A Python with {module} was expected; {chosen.path} ({chosen.origin}) cannot import it: {reason}. "
            + _WHERE_TO_SET
        )
    return chosen


def probe(candidate: Candidate, feedback: QgsProcessingFeedback, *, fresh: bool = False) -> Mapping[str, Any]:
    """What a Python has: versions, devices; asked once in a session, in a process of its own.

    Args:
        candidate: The Python.
        feedback: Asked for cancelling.
        fresh: Ask again, whatever it said earlier.

    Raises:
        QgsProcessingException: It does not start or does not answer.
    """
    key = str(candidate.path)
    if fresh or key not in _probed:
        _probed.pop(key, None)
        facts = _ask(candidate, feedback)
        if not facts.get("torch"):  # may be installed while QGIS runs
            return facts
        _probed[key] = facts
    return _probed[key]


def clean_environment() -> dict[str, str]:
    """The environment of the worker: that of QGIS without what belongs to QGIS's own Python and libraries."""
    environment = {n: value for n, value in os.environ.items() if n not in _DROPPED and not n.startswith("DYLD_")}
    for name in _CERTIFICATES:
        place = environment.get(name, os.sep)
        if not Path(place).exists() or _of_qgis(place):
            del environment[name]
    for name in ("LD_LIBRARY_PATH", "PATH"):
        if name in environment:
            environment[name] = os.pathsep.join(p for p in environment[name].split(os.pathsep) if not _of_qgis(p))
    environment.update(PYTHONIOENCODING="utf-8", PYTHONUNBUFFERED="1", PYTHONNOUSERSITE="1")
    return environment


def own_process_group() -> dict[str, Any]:
    """Arguments of Popen that let the worker and its children be ended together, without a console window."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def signal_group(process: subprocess.Popen[bytes], *, forced: bool) -> None:
    """Ask a process and its children to end, or end them."""
    with suppress(OSError):
        if sys.platform == "win32":
            if forced:
                taskkill = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
                # No shell; a fixed program, and the number of a process that we started.
                subprocess.run(  # nosec B603
                    taskkill, check=False, capture_output=True, creationflags=subprocess.CREATE_NO_WINDOW
                )
            else:
                process.terminate()
        else:
            os.killpg(process.pid, signal.SIGKILL if forced else signal.SIGTERM)


def _explicit() -> Candidate | None:
    from processing.core.ProcessingConfig import ProcessingConfig

    setting = str(ProcessingConfig.getSetting(SETTING) or "").strip()
    if setting:
        return Candidate(Path(setting).expanduser(), "the Processing option MTMSD_PYTHON")
    variable = os.environ.get(SETTING, "").strip()
    if variable:
        return Candidate(Path(variable).expanduser(), f"the environment variable {SETTING}")
    return None


def _of_qgis(folder: str) -> bool:
    root = os.environ.get("OSGEO4W_ROOT")
    lowered = folder.lower()
    return bool(root and lowered.startswith(root.lower())) or bool(_QGIS_FOLDER.search(lowered))


def _ask(candidate: Candidate, feedback: QgsProcessingFeedback) -> Mapping[str, Any]:
    command = [str(candidate.path), "-I", "-X", "utf8", str(WORKER), "--probe"]
    try:
        process = subprocess.Popen(  # nosec B603  # no shell; the Python that the user set up, and our own file
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment(),
            **own_process_group(),
        )
    except OSError as error:
        raise QgsProcessingException(
            f"{candidate.path} ({candidate.origin}) cannot be started: {error.strerror}. {_WHERE_TO_SET}"
        ) from None
    with process:
        out, err = _communicate(process, feedback)
    for line in reversed(out.splitlines()):
        try:
            facts = json.loads(line)
        except ValueError:
            continue
        if isinstance(facts, dict) and "python" in facts:
            return facts
    last = (err.strip().splitlines() or ["no message"])[-1]
    raise QgsProcessingException(
        f"{candidate.path} ({candidate.origin}) should be a Python 3.9 or newer; it did not answer as one "
        f"(exit status {process.returncode}, {last}). {_WHERE_TO_SET}"
    )


def _communicate(process: subprocess.Popen[bytes], feedback: QgsProcessingFeedback) -> tuple[str, str]:
    deadline = monotonic() + _PROBE_SECONDS
    while True:
        try:
            out, err = process.communicate(timeout=0.1)
            return out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            keep_window_alive()
            if monotonic() > deadline or feedback.isCanceled():
                signal_group(process, forced=True)
                refuse_when_cancelled(feedback)
                return "", f"no answer within {_PROBE_SECONDS:.0f} seconds"
