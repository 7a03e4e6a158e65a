# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs algorithms of the plugin in qgis_process, as a user's own script would, and shows how far they are.

Runs in any Python 3.9. qgis_process prints results as JSON only without progress; here it prints for people, into a
pseudo-terminal so that nothing waits in a buffer, and the block "Results" at the end is read.
"""

from __future__ import annotations

import codecs
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

# 40 ticks a run, as GDAL's programs print them: 0...10...20 and so on.
_TICKS = [str(i * 10 // 4) if i % 4 == 0 else "." for i in range(41)]
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"  # another Python first on PATH would crash QGIS, which embeds the system's
_NOT_OURS = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "QGIS_CUSTOM_CONFIG_PATH"} | {
    f"XDG_{kind}_HOME" for kind in ("CONFIG", "DATA", "CACHE")
}


class RunError(Exception):
    """An algorithm ended with an error; the text is what it said."""


@dataclass(frozen=True)
class Run:
    """What a run returned: the algorithm's outputs as text, and how long it took with QGIS's own start."""

    results: dict[str, str]
    seconds: float


class Qgis:
    """A QGIS with a fresh profile in which the plugin is enabled."""

    def __init__(self, plugin: Path, worker_python: Path, folder: Path) -> None:
        """Set the profile up.

        Args:
            plugin: The plugin's folder.
            worker_python: The Python that has torch.
            folder: For profile and log; what it held is removed.
        """
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "plugins").mkdir(parents=True)
        (folder / "runtime").mkdir(mode=0o700)
        (folder / "plugins" / "mtmsd").symlink_to(plugin, target_is_directory=True)
        self.log = folder / "qgis_process.log"
        self._program = shutil.which("qgis_process.bin", path=_PATH) or "qgis_process"
        self._environment = {k: v for k, v in os.environ.items() if k not in _NOT_OURS}
        self._environment |= {
            "PATH": _PATH,
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder / "runtime"),
            "QT_QPA_PLATFORM": "offscreen",
            "QGIS_PLUGINPATH": str(folder / "plugins"),
            "MTMSD_PYTHON": str(worker_python),
        }
        self._call(["plugins", "enable", "mtmsd"], Display(""))

    def run(self, title: str, algorithm: str, **parameters: object) -> Run:
        """Run an algorithm and show its progress under the title.

        Raises:
            RunError: It ended with an error.
        """
        start = time.monotonic()
        arguments = [f"{name}={value}" for name, value in parameters.items()]
        lines = self._call(["run", algorithm, "--", *arguments], Display(title))
        seconds = time.monotonic() - start
        print(f"{title:<22} done in {seconds:.1f} s", flush=True)
        return Run(results_in(lines), seconds)

    def _call(self, arguments: list[str], display: Display) -> list[str]:
        terminal, its_end = pty.openpty()
        with self.log.open("a", encoding="utf-8") as log, tempfile.TemporaryFile("w+", errors="replace") as errors:
            log.write(f"\n$ qgis_process {' '.join(arguments)}\n")
            process = subprocess.Popen(
                [self._program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=its_end,
                stderr=errors,
                env=self._environment,
            )
            os.close(its_end)
            try:
                lines = _follow(terminal, display, log)
                status = process.wait()
            except KeyboardInterrupt:
                process.wait(timeout=20)  # Ctrl-C reached it as well; it cancels its worker
                raise
            finally:
                os.close(terminal)
                display.end()
            errors.seek(0)
            complaint = errors.read()
            log.write(complaint)
        if status != 0:
            raise RunError(_gist(complaint) or f"qgis_process ended with status {status} and no message.")
        return lines


@dataclass
class Display:
    """One step's line on the screen: rewritten in a terminal, a few plain lines elsewhere."""

    title: str
    tick: int = -1
    text: str = ""
    _shown: int = field(default=-10, repr=False)

    def end(self) -> None:
        """Leave the line."""
        if self.title and sys.stdout.isatty():
            sys.stdout.write("\r\033[K")
            sys.stdout.flush()

    def take(self, line: str) -> str:
        """Read the ticks at the start of a line of output; the rest is text."""
        while True:
            if self.tick == 40:
                line, self.tick = line.removeprefix(" - done."), -1
            following = _TICKS[self.tick + 1]
            if not line.startswith(following):
                break
            self.tick, line = self.tick + 1, line[len(following) :]
        self.text = line.strip() or self.text
        return line

    def show(self) -> None:
        """Bring the screen up to date."""
        percent = int(max(self.tick, 0) * 2.5)
        if not self.title:
            return
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns
            bar = "█" * (percent // 5) + "·" * (20 - percent // 5)
            sys.stdout.write(f"\r\033[K{self.title:<22} {bar} {percent:3d} %  {self.text}"[: width + 3])
            sys.stdout.flush()
        elif percent >= self._shown + 20:
            self._shown = percent
            print(f"{self.title:<22} {percent:3d} %  {self.text}", flush=True)


def _follow(terminal: int, display: Display, log: IO[str]) -> list[str]:
    lines: list[str] = []
    rest = ""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while True:
        try:
            received = os.read(terminal, 65536)
        except OSError:  # how a pseudo-terminal says that the other side has gone
            received = b""
        if not received:
            break
        rest += decoder.decode(received)
        *complete, rest = rest.split("\n")
        for line in complete:
            lines.append(display.take(line.rstrip("\r")))
            log.write(lines[-1] + "\n")
        rest = display.take(rest)
        display.show()
    return lines


def _gist(complaint: str) -> str:
    """QGIS mixes in warnings of its own and says an error twice after "ERROR:": once is enough."""
    _, _, message = complaint.rpartition("ERROR:\t")
    lines = message.strip().splitlines()
    half = len(lines) // 2
    return "\n".join(lines[:half] if lines[:half] == lines[-half:] else lines)


def results_in(lines: list[str]) -> dict[str, str]:
    """The outputs in what qgis_process printed: lines "NAME:<tab>value" after the heading "Results"."""
    try:
        start = len(lines) - lines[::-1].index("Results")
    except ValueError:
        return {}
    matches = (re.fullmatch(r"(\w+):\t(.*)", line) for line in lines[start:])
    return {match[1]: match[2] for match in matches if match}
