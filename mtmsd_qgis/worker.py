# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker: reads a job, runs its task, sends messages, ends with a status.

    python -I worker.py FOLDER            do the job in FOLDER, and listen to QGIS
    python -I worker.py --batch FOLDER    do the job or campaign in FOLDER, and listen to nobody
    python -I worker.py --probe           print what this Python has, as one line of JSON

With --batch a campaign takes --step NAME, and --shard I/N for one of N workers; docs/campaign_folder.md says more.

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
    # torchrun starts without -I, and then searches this folder for modules: it has a jobs and a progress.
    sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != _folder]
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

import argparse
import contextlib
import json
import logging
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from .errors import Cancelled, DeviceError, MtmsdError
from .jobs import protocol

_ORPHAN_GRACE_SECONDS = 3.0  # to end in order after standard input has closed
_PROGRESS_SECONDS = 0.1  # shortest time between two progress messages
_BATCH_PROGRESS_SECONDS = 1.0  # likewise with --batch
_PROGRESS_FILE = "progress.log"  # in a job folder, with --batch
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
    if arguments[:1] == ["--batch"]:
        return _serve_batch(arguments)
    if len(arguments) != 1:
        sys.stderr.write("usage: worker.py FOLDER | --batch FOLDER [--step NAME] [--shard I/N] | --probe\n")
        return protocol.EXIT_ERROR
    folder = Path(arguments[0])
    return QgisLine(channel).serve(lambda progress: _run_task(protocol.read_job(folder), folder, progress))


class Line:
    """The worker's end of the line to whoever has started it."""

    progress_seconds = _PROGRESS_SECONDS  # shortest time between two progress messages

    def __init__(self) -> None:
        """Nobody has asked to stop yet."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._orphaned = False
        self._last_progress = 0.0

    def serve(self, work: Callable[[Callable[[float, str], None]], dict[str, Any]]) -> int:
        """Do the work and say how it ended; returns the exit status.

        Args:
            work: Is given the progress, and gives the values of the result message.
        """
        try:
            self._log_to_line()
            self.send(protocol.Message("result", values=work(self.progress)))
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
            Cancelled: The worker was asked to stop, or QGIS is gone.
        """
        if self._stop.is_set():
            self.send(protocol.Message(protocol.STOPPING))
            raise Cancelled("Cancelled.")
        now = time.monotonic()
        if now - self._last_progress >= self.progress_seconds or fraction >= 1:
            self._last_progress = now
            self.send(protocol.Message("progress", fraction=min(max(fraction, 0.0), 1.0), text=text))

    def send(self, message: protocol.Message) -> None:
        """Write a message."""
        raise NotImplementedError

    def _log_to_line(self) -> None:
        handler = _LineHandler(self)
        root = logging.getLogger(__package__)
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        root.propagate = False


class QgisLine(Line):
    """The line to QGIS: messages to standard output, the word to stop from standard input."""

    def __init__(self, channel: BinaryIO) -> None:
        """Start to listen.

        Args:
            channel: Where messages go.
        """
        super().__init__()
        self._channel = channel
        threading.Thread(target=self._listen, daemon=True).start()

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


class BatchLine(Line):
    """Lines for people to standard error, messages to a file; a signal is the word to stop."""

    progress_seconds = _BATCH_PROGRESS_SECONDS

    def __init__(self, path: Path | None) -> None:
        """Listen to signals.

        Args:
            path: Of the file, written anew; None: nothing is told but errors, as another process tells the rest.
        """
        super().__init__()
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: self._stop.set())

    def send(self, message: protocol.Message) -> None:
        """Write a message; work does not end because it cannot be told of."""
        if self._path is None and message.type != "error":
            return
        words = {"progress": f"{100 * message.fraction:.1f} %", "log": message.level, "result": "done"}
        text = message.text or (json.dumps(message.values) if message.type == "result" else "")
        with self._lock, contextlib.suppress(OSError):
            sys.stderr.write(f"{words.get(message.type, message.type)}: {text}\n{message.details}")
            sys.stderr.flush()
            if self._path is not None:
                with self._path.open("ab") as file:
                    file.write(protocol.encode(message).encode("ascii") + b"\n")


class _LineHandler(logging.Handler):
    """Sends log records as messages."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        level = "warning" if record.levelno >= logging.WARNING else "info"
        self._line.send(protocol.Message("log", level=level, text=record.getMessage()))


def _serve_batch(arguments: list[str]) -> int:
    """Do a job or a campaign that nobody waits for; returns the exit status."""
    parser = argparse.ArgumentParser("worker.py", description="Do a job or a campaign without listening to QGIS.")
    parser.add_argument("--batch", type=Path, required=True, metavar="FOLDER", help="of a job or a campaign")
    parser.add_argument("--step", metavar="NAME", help="of the campaign; all that are not complete without it")
    parser.add_argument("--shard", metavar="I/N", help="the units of worker I, from 0, of N that share the step")
    try:
        given = parser.parse_args(arguments)
    except SystemExit as ended:  # argparse has said why, or printed its help
        return protocol.EXIT_ERROR if ended.code else protocol.EXIT_DONE
    folder: Path = given.batch
    is_first = os.environ.get("RANK", "0") == "0"
    try:
        from .campaign import folder as campaign_folder
        from .campaign import steps

        if campaign_folder.is_campaign(folder):
            shard, name = given.shard or "0/1", steps.step_named(given.step).name if given.step else None
            file = steps.progress_file(folder, name or "all", steps.Shard.parse(shard))
            line = BatchLine(file if is_first else None)
            return line.serve(lambda progress: _run_campaign(folder, name, shard, progress))
        if given.step or given.shard:
            raise MtmsdError(f"{folder} is no campaign; --step and --shard are for campaigns.")
    except (MtmsdError, ImportError) as error:
        sys.stderr.write(f"error: {error}\n")
        return protocol.EXIT_ERROR
    path = folder / _PROGRESS_FILE if folder.is_dir() else None
    line = BatchLine(path if is_first else None)
    return line.serve(lambda progress: _run_task(protocol.going_on(protocol.read_job(folder)), folder, progress))


def _run_task(job: protocol.Job, folder: Path, progress: Callable[[float, str], None]) -> dict[str, Any]:
    with _words_if_libraries_are_missing():
        from .jobs.json_dataclasses import to_json
        from .runtime import memory
        from .tasks.run import run as run_task
    memory.keep_freed_memory()
    return to_json(run_task(job, folder, progress))


def _run_campaign(folder: Path, step: str | None, shard: str, progress: Callable[[float, str], None]) -> dict[str, Any]:
    with _words_if_libraries_are_missing():
        from .campaign import steps
        from .runtime import memory
        from .tasks.campaign.run_steps import run_campaign
    memory.keep_freed_memory()
    wanted = None if step is None else steps.step_named(step)
    return run_campaign(folder, wanted, steps.Shard.parse(shard), progress)


@contextlib.contextmanager
def _words_if_libraries_are_missing() -> Iterator[None]:
    try:
        yield
    except (ImportError, OSError) as error:
        raise MtmsdError(
            f"The Python {sys.executable} cannot load what the computing needs: {error}. torch, numpy and scipy were "
            "expected. Run 'Check environment' and choose another Python in Processing's options."
        ) from error


def _set_stdout_aside() -> BinaryIO:
    """Keep the real standard output for messages; point file descriptor 1 at standard error."""
    sys.stdout.flush()
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return channel


def _probe() -> dict[str, Any]:
    """What this Python has; every part is asked for on its own, so that one that fails hides no other."""
    from .runtime.memory import free_memory

    found: dict[str, Any] = {
        "python": ".".join(str(n) for n in sys.version_info[:3]),
        "executable": sys.executable,
        "torch": None,
        "torch_error": None,
        "cuda": None,
        "driver": None,
        "devices": [],
        "cpu_threads": os.cpu_count(),
        "free_memory_bytes": free_memory(),
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
