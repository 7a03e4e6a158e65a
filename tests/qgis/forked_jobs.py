# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker in tests: a fork of a process that has imported torch, which costs more than the jobs of most tests.

    python forked_jobs.py --serve     import all that a worker may need; fork at each call
    python forked_jobs.py FOLDER      what the plugin starts in the place of worker.py: has a fork do it
    python forked_jobs.py --batch ... the same of a campaign

The fork reads and writes the descriptors of the process that asked and ends with it; that process ends as the fork
does. Anything but a job or a campaign, and a Python that is not the server's, gets the worker itself.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import pkgutil
import select
import signal
import socket
import sys
from pathlib import Path

SOCKET, WORKER, PYTHON = (f"MTMSD_TEST_{part}" for part in ("SOCKET", "WORKER", "PYTHON"))  # environment variables
_POLL_SECONDS = 0.02
_MESSAGE_BYTES = 1 << 17


class Server:
    """Forks a worker for each connection."""

    def __init__(self, place: str, package: str) -> None:
        """Listen.

        Args:
            place: Of the socket.
            package: Name of the worker's package, imported.
        """
        self._package = package
        self._running: dict[int, socket.socket] = {}  # by process id
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listening.bind(place)
        self._listening.listen(16)

    def serve(self) -> None:
        """Until standard input ends."""
        while True:
            waiting = [0, self._listening, *self._running.values()]
            ready = select.select(waiting, [], [], _POLL_SECONDS if self._running else None)[0]
            if 0 in ready:
                break
            self._report_ends()
            for process, connection in list(self._running.items()):
                if connection in ready:  # it says nothing more: it has ended
                    os.kill(process, signal.SIGKILL)
            if self._listening in ready:
                self._fork(self._listening.accept()[0])
        for process in self._running:
            os.kill(process, signal.SIGKILL)

    def _report_ends(self) -> None:
        for process, connection in list(self._running.items()):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                del self._running[process]
                try:
                    connection.send(str(os.waitstatus_to_exitcode(status)).encode())
                except OSError:
                    pass  # it is gone, and the fork was ended for that
                connection.close()

    def _fork(self, connection: socket.socket) -> None:
        data, descriptors, _, _ = socket.recv_fds(connection, _MESSAGE_BYTES, 3)
        if len(descriptors) != 3:
            connection.close()
            return
        process = os.fork()
        if process:
            self._running[process] = connection
            for descriptor in descriptors:
                os.close(descriptor)
            return
        try:
            status = self._work(json.loads(data), descriptors, connection)
        except BaseException:  # a fork never goes back into the server's loop
            sys.excepthook(*sys.exc_info())
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    def _work(self, call: dict, descriptors: list[int], connection: socket.socket) -> int:
        for held in (self._listening, connection, *self._running.values()):
            held.close()
        for standard, descriptor in enumerate(descriptors):
            os.dup2(descriptor, standard)
            os.close(descriptor)
        os.chdir(call["folder"])
        os.environ.clear()
        os.environ.update(call["environment"])
        return int(sys.modules[f"{self._package}.worker"].main(call["arguments"]))


def serve(place: str, worker: Path) -> None:
    """Import the worker's package by its file, as the worker does, with all its modules; then serve."""
    name = worker.parent.name
    spec = importlib.util.spec_from_file_location(
        name, worker.parent / "__init__.py", submodule_search_locations=[str(worker.parent)]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        importlib.import_module(module.name)
    importlib.import_module("torch._dynamo")  # which an optimiser imports when it is made
    Server(place, name).serve()


def call(arguments: list[str]) -> int:
    """Have a fork do a job, or a share of a campaign; its exit status."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(os.environ[SOCKET])
        asked = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
        socket.send_fds(connection, [json.dumps(asked).encode()], [0, 1, 2])
        return int(connection.recv(64) or 1)


def main(arguments: list[str]) -> int:
    """As the first lines say."""
    if arguments[:1] == ["--serve"]:
        serve(os.environ[SOCKET], Path(os.environ[WORKER]))
        return 0
    is_job = len(arguments) == 1 and not arguments[0].startswith("-")
    if not (is_job or arguments[:1] == ["--batch"]) or os.environ.get(PYTHON) != sys.executable:
        os.execv(sys.executable, [sys.executable, "-I", "-X", "utf8", os.environ[WORKER], *arguments])
    status = call(arguments)
    if status < 0:
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
