# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker: reads a job, runs its task, sends messages, ends with a status.

    python -I worker.py FOLDER     do the job in FOLDER
    python -I worker.py --probe    print what this Python has, as one line of JSON

It is started by file path, so that nothing has to be installed or put on the search path. Standard output is set
aside before anything large is imported: what libraries print goes to standard error, messages alone go out.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path

if not __package__:  # started by file path: make the folder a package, then start over inside it
    _folder = Path(__file__).resolve().parent
    _spec = importlib.util.spec_from_file_location(
        _folder.name, _folder / "__init__.py", submodule_search_locations=[str(_folder)]
    )
    if _spec is None or _spec.loader is None:
        raise ImportError(f"A package was expected in {_folder}. Install the plugin anew.")
    sys.modules[_folder.name] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules[_folder.name])
    _status = importlib.import_module(f"{_folder.name}.worker").main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_status)  # all has been said and written; torch and its threads would take seconds to put themselves away

import json
import logging
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from .errors import Cancelled, DeviceError, MtmsdError
from .jobs import protocol

_ORPHAN_GRACE_SECONDS = 3.0  # to end in order after standard input has closed
_PROGRESS_SECONDS = 0.1  # shortest time between two progress messages
_SPIN_COUNT = "2000"  # how long an idle OpenMP thread spins before it sleeps; read when torch is loaded. The library's
# default spins so long that two busy programs on two cores slow each other down many times over.


def main(arguments: list[str]) -> int:
    """Run the worker; returns the exit status of protocol.EXIT_*."""
    channel = _set_stdout_aside()
    os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
    if arguments == ["--probe"]:
        channel.write(json.dumps(_probe()).encode("utf-8") + b"\n")
        channel.flush()
        return protocol.EXIT_DONE
    if len(arguments) != 1:
        sys.stderr.write("usage: worker.py FOLDER | --probe\n")
        return protocol.EXIT_ERROR
    return Line(channel).serve(Path(arguments[0]))


class Line:
    """The worker's end of the line to QGIS."""

    def __init__(self, channel: BinaryIO) -> None:
        """Start to listen.

        Args:
            channel: Where messages go.
        """
        self._channel = channel
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._orphaned = False
        self._last_progress = 0.0
        threading.Thread(target=self._listen, daemon=True).start()

    def serve(self, folder: Path) -> int:
        """Do the job in the folder and say how it ended."""
        try:
            job = protocol.read_job(folder)
            self._log_to_line()
            values = _run_task(job, folder, self.progress)
            self.send(protocol.Message("result", values=values))
            return protocol.EXIT_DONE
        except Cancelled:
            self.send(protocol.Message("error", kind="cancelled", text="Cancelled."))
            return protocol.EXIT_ORPHANED if self._orphaned else protocol.EXIT_CANCELLED
        except MtmsdError as error:
            kind = "memory" if isinstance(error, DeviceError) else "input"
            self.send(protocol.Message("error", kind=kind, text=str(error)))
        except MemoryError:
            text = "The computer ran out of memory. Close other programs, or choose smaller settings."
            self.send(protocol.Message("error", kind="memory", text=text))
        except OSError as error:
            text = f"A file could not be read or written: {error}. Check the disk's free space and permissions."
            self.send(protocol.Message("error", kind="input", text=text, details=traceback.format_exc()))
        except Exception as error:  # the end of the worker: whatever happened, QGIS is told
            text = f"Internal error: {type(error).__name__}: {error}."
            self.send(protocol.Message("error", kind="internal", text=text, details=traceback.format_exc()))
        return protocol.EXIT_ERROR

    def progress(self, fraction: float, text: str) -> None:
        """Tell how far the task is.

        Raises:
            Cancelled: QGIS asked to stop, or is gone.
        """
        if self._stop.is_set():
            raise Cancelled("Cancelled.")
        now = time.monotonic()
        if now - self._last_progress >= _PROGRESS_SECONDS or fraction >= 1:
            self._last_progress = now
            self.send(protocol.Message("progress", fraction=min(max(fraction, 0.0), 1.0), text=text))

    def send(self, message: protocol.Message) -> None:
        """Write a message; a closed channel means that QGIS is gone."""
        data = protocol.encode(message).encode("ascii") + b"\n"
        try:
            with self._lock:
                self._channel.write(data)
                self._channel.flush()
        except OSError:
            self._orphaned = True
            self._stop.set()

    def _listen(self) -> None:
        """Wait for the word to stop, or for the end of standard input."""
        heard = b""
        # Not through sys.stdin: a thread inside its buffer makes the interpreter abort at the end.
        while chunk := os.read(0, 4096):
            heard = (heard + chunk)[-4096:]
            if protocol.CANCEL_WORD.encode("ascii") in heard.split():
                self._stop.set()
        self._orphaned = True
        self._stop.set()
        time.sleep(_ORPHAN_GRACE_SECONDS)
        os._exit(protocol.EXIT_ORPHANED)

    def _log_to_line(self) -> None:
        handler = _LineHandler(self)
        root = logging.getLogger(__package__)
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        root.propagate = False


class _LineHandler(logging.Handler):
    """Sends log records as messages."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        level = "warning" if record.levelno >= logging.WARNING else "info"
        self._line.send(protocol.Message("log", level=level, text=record.getMessage()))


def _run_task(job: protocol.Job, folder: Path, progress: Callable[[float, str], None]) -> dict[str, Any]:
    try:
        from .jobs.json_dataclasses import to_json
        from .runtime import memory
        from .tasks.run import run as run_task
    except (ImportError, OSError) as error:
        raise MtmsdError(
            f"The Python {sys.executable} cannot load what the computing needs: {error}. torch, numpy and scipy were "
            "expected. Run 'Check environment' and choose another Python in Processing's options."
        ) from error
    memory.keep_freed_memory()
    return to_json(run_task(job, folder, progress))


def _set_stdout_aside() -> BinaryIO:
    """Keep the real standard output for messages; point file descriptor 1 at standard error."""
    sys.stdout.flush()
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return channel


def _probe() -> dict[str, Any]:
    """What this Python has; every part is asked for on its own, so that one that fails hides no other."""
    found: dict[str, Any] = {
        "python": ".".join(str(n) for n in sys.version_info[:3]),
        "executable": sys.executable,
        "torch": None,
        "torch_error": None,
        "cuda": None,
        "driver": None,
        "devices": [],
        "cpu_threads": os.cpu_count(),
        "convolution_ok": False,
    }
    for name in ("numpy", "scipy"):
        try:
            found[name] = str(importlib.import_module(name).__version__)
        except (ImportError, OSError):
            found[name] = None
    try:
        found.update(_probe_torch())
    except Exception as error:  # a broken torch can fail in any way; the probe's answer is that it did
        found["torch_error"] = f"{type(error).__name__}: {error}"
    return found


def _probe_torch() -> dict[str, Any]:
    import torch

    devices = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        card = torch.cuda.get_device_properties(index)
        devices.append(
            {
                "name": f"cuda:{index}",
                "label": card.name,
                "memory_bytes": card.total_memory,
                "capability": f"{card.major}.{card.minor}",
            }
        )
    small = torch.nn.functional.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3))
    return {
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "devices": devices,
        "cpu_threads": torch.get_num_threads(),
        "convolution_ok": bool(small.sum() == 36.0),
    }
