# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of a campaign by workers of this machine: one for each graphics card, or some that share the processor.

Enters: a campaign folder and a Pool. Leaves: what the steps write. A worker that dies is started again, as on a
cluster: what it had finished counts. Workers get no word from QGIS but SIGTERM, and tell by their progress files.
"""

from __future__ import annotations

import os
import subprocess  # nosec B404  # the worker is a process of its own
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from qgis.core import QgsProcessingException

from ....mtmsd_qgis.campaign.folder import Campaign
from ....mtmsd_qgis.campaign.steps import PRETRAIN, WHOLE, Shard, Step, is_done, progress_file, state_of, units_of
from ....mtmsd_qgis.errors import FileFormatError
from ....mtmsd_qgis.jobs.protocol import EXIT_CANCELLED, EXIT_DONE, Message, decode
from ..feedback import ProgressRange
from ..worker import interpreter
from ..worker.worker_failures import cause_in, cause_of_death

_POLL_SECONDS = 0.2
_GRACE_SECONDS = 60.0  # to save a training's state after SIGTERM
_DEATHS = 3  # of workers in a row without a finished unit between them; then something is wrong
_TAIL_BYTES = 4000
_LONGEST_SHARE = 64  # workers on one machine
_WORKER_BYTES = 10**9  # of memory that a worker takes, about


@dataclass(frozen=True)
class Pool:
    """Workers of this machine.

    Attributes:
        python: That runs them.
        workers: How many work at a step that is cut.
        threads: Of the processor.
        cards: Graphics cards; empty where the processor computes.
    """

    python: Path
    workers: int
    threads: int
    cards: int = 0

    @classmethod
    def of(cls, python: Path, facts: Mapping[str, object], device: str, wanted: int) -> Pool:
        """The pool that suits a machine.

        Args:
            python: Of the workers.
            facts: What interpreter.probe says of it.
            device: Of the campaign's settings.
            wanted: Workers that the user asks for; 0 leaves it to the machine.
        """
        devices, threads = facts.get("devices"), facts.get("cpu_threads")
        cores = threads if isinstance(threads, int) and threads > 0 else os.cpu_count() or 1
        cards = len(devices) if isinstance(devices, list) and device == "auto" else 0
        if device.startswith("cuda"):
            cards = 1
        free = facts.get("free_memory_bytes")
        fitting = max(1, free // _WORKER_BYTES) if isinstance(free, int) else cores
        # A worker uses a core well and a second one badly: one for each core, as far as memory goes.
        usual = cards or min(cores, fitting)
        return cls(python, min(wanted or usual, _LONGEST_SHARE), cores, cards)

    def command(self, folder: Path, step: Step, shard: Shard) -> list[str]:
        """What is started for a worker's share of a step."""
        worker = [str(self.python), "-I", "-X", "utf8", str(interpreter.WORKER), "--batch", str(folder)]
        worker += ["--step", step.name]
        if step.cut != WHOLE:
            return [*worker, "--shard", f"{shard.index}/{shard.count}"]
        if step.name == PRETRAIN and self.cards > 1 and sys.platform.startswith("linux"):
            start = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={self.cards}"]
            return [str(self.python), "-I", *start, "--max-restarts=3", "--no-python", *worker]
        return worker

    def environment(self, step: Step, shard: Shard) -> dict[str, str]:
        """Of a worker: its share of the processor, and its card."""
        environment = interpreter.clean_environment()
        environment["OMP_NUM_THREADS"] = str(max(1, self.threads // shard.count))
        if self.cards > 1 and step.cut != WHOLE:
            # A list that is set already, as on a shared machine, says which cards are ours, and how they are called.
            own = [name.strip() for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
            card = shard.index % self.cards
            environment["CUDA_VISIBLE_DEVICES"] = own[card] if card < len(own) else str(card)
        return environment


def run_step(folder: Path, campaign: Campaign, step: Step, pool: Pool, progress: ProgressRange) -> None:
    """Do what is left of a step.

    Args:
        folder: Of the campaign.
        campaign: What it says.
        step: Whose forerunners are complete.
        pool: Who works.
        progress: The step's part of the bar.

    Raises:
        QgsProcessingException: Cancelled, or a worker failed; what is done is kept.
    """
    units = units_of(campaign, step)
    waiting = sum(not is_done(folder, campaign, unit) for unit in units)
    count = max(1, min(pool.workers, waiting)) if step.cut != WHOLE else 1
    workers = [_Worker(folder, step, Shard(index, count), pool) for index in range(count)]
    deaths, done = 0, len(units) - waiting
    try:
        for worker in workers:
            worker.start()
        while any(worker.runs for worker in workers):
            sleep(_POLL_SECONDS)
            for worker in workers:
                worker.listen(progress)
            try:
                progress.advance(sum(worker.fraction for worker in workers) / count)
            except QgsProcessingException:
                raise QgsProcessingException(f"Cancelled. {_KEPT}") from None
            dead = [worker for worker in workers if worker.died]
            if not dead:
                continue
            now = sum(is_done(folder, campaign, unit) for unit in units)
            deaths = 1 if now > done else deaths + 1
            done = now
            for worker in dead:
                sentence = worker.death
                if deaths > _DEATHS:
                    raise QgsProcessingException(f"{sentence} {_KEPT}")
                progress.feedback.pushWarning(f"{sentence} It is started again.")
                worker.start()
    finally:
        _end(workers, progress)
    if not state_of(folder, campaign, step).complete:
        raise QgsProcessingException(f"The step '{step.name}' is not complete, though its workers have ended. {_KEPT}")


_KEPT = "What is done is kept in the campaign folder; run this again to go on."


class _Worker:
    """A process that does a share of a step, as often as it has to be started."""

    def __init__(self, folder: Path, step: Step, shard: Shard, pool: Pool) -> None:
        self._folder, self._step, self._shard, self._pool = folder, step, shard, pool
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        self._file = progress_file(folder, step.name, shard)
        self._read = 0
        self._error: Message | None = None
        self.fraction = 0.0

    def start(self) -> None:
        with suppress(OSError):  # what an earlier run told
            self._file.unlink()
        self._read, self._error = 0, None
        command = self._pool.command(self._folder, self._step, self._shard)
        try:
            self._process = subprocess.Popen(  # nosec B603  # no shell; the Python that the user set up, our own file
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=self._pool.environment(self._step, self._shard),
                **interpreter.own_process_group(),
            )
        except OSError as error:
            raise QgsProcessingException(f"The worker {command[0]} cannot be started: {error.strerror}.") from None

    @property
    def runs(self) -> bool:
        """Whether it has anything left to do."""
        return self._process is not None and self._process.poll() != EXIT_DONE

    @property
    def died(self) -> bool:
        """Whether it has ended before its work was done."""
        return self._process is not None and self._process.poll() not in (None, EXIT_DONE)

    @property
    def death(self) -> str:
        """Why, as a sentence.

        Raises:
            QgsProcessingException: It has said that going on makes no sense.
        """
        if self._error is not None and self._error.kind != "cancelled":
            known = cause_in(self._error.text) if self._error.kind != "memory" else ""
            raise QgsProcessingException(f"{known or self._error.text} What is done is kept in the campaign folder.")
        status = self._process.returncode if self._process else None
        name = f"Worker {self._shard.index + 1} of the step '{self._step.name}'"
        if status == EXIT_CANCELLED:
            return f"{name} was told to stop by somebody else."
        return f"{name} ended. {cause_of_death(status, self._tail())}"

    def listen(self, progress: ProgressRange) -> None:
        """Take what it has told since."""
        ended = self._process is not None and self._process.poll() is not None
        with suppress(OSError), self._file.open("rb") as file:
            file.seek(self._read)
            text = file.read()
            whole = text if ended else text[: text.rfind(b"\n") + 1]
            self._read += len(whole)
            for line in whole.decode("utf-8", "replace").splitlines():
                self._take(line, progress)
        if ended and not self.died:
            self.fraction = 1.0

    def _take(self, line: str, progress: ProgressRange) -> None:
        try:
            message = decode(line)
        except FileFormatError:  # half a line of a worker that was killed
            return
        if message is None:
            return
        if message.type == "progress":
            self.fraction = max(self.fraction, message.fraction)
        elif message.type == "error":
            self._error = message
        elif message.type == "log" and (self._shard.index == 0 or message.level == "warning"):
            tell = progress.feedback.pushWarning if message.level == "warning" else progress.feedback.pushInfo
            tell(message.text)

    def signal(self, *, forced: bool) -> None:
        if self._process is not None and self._process.poll() is None:
            interpreter.signal_group(self._process, forced=forced)

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def close(self) -> None:
        if self._process is not None:
            self._process.wait()
        self._errors.close()

    def _tail(self) -> str:
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - _TAIL_BYTES))
        return self._errors.read().decode("utf-8", "replace").strip()


def _end(workers: Sequence[_Worker], progress: ProgressRange) -> None:
    """Let all workers end, or make them end; the window stays alive meanwhile."""
    deadline = monotonic() + _GRACE_SECONDS
    for worker in workers:
        worker.signal(forced=False)
    while monotonic() < deadline and not all(worker.has_ended for worker in workers):
        sleep(_POLL_SECONDS / 2)
        progress.beat()
    for worker in workers:
        worker.signal(forced=True)
        worker.close()
