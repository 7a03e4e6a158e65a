# SPDX-License-Identifier: GPL-2.0-or-later
"""Where Pythons lie: the one behind QGIS, and the plugin's own environments.

An environment is a folder "env-<Python version>-<hash of what was asked for>" with a file "complete" that is written
last; without that file it counts for nothing. Folders other than the usual one are noted in a list in the usual one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

HOME_VARIABLE = "MTMSD_HOME"  # folder of the plugin's own environments, where the default does not suit
MARKER = "complete"
_ELSEWHERE = "elsewhere.txt"  # one folder a line


def interpreter_below(prefix: Path, platform: str) -> Path | None:
    r"""The interpreter that belongs to a prefix, None where there is none, as in QGIS 4 for macOS.

    sys.executable is no help: on Windows and macOS it is QGIS itself and would open another window.

        Linux            /usr/bin/python3
        Windows          ...\apps\Python312\python.exe (OSGeo4W and MSI alike)
        macOS, QGIS 3    QGIS.app/Contents/MacOS/bin/python3
    """
    inside = prefix / "python.exe" if platform == "win32" else prefix / "bin" / "python3"
    return inside if inside.is_file() else None


def python_of_environment(folder: Path, platform: str = sys.platform) -> Path:
    """The interpreter of a virtual environment."""
    return folder / "Scripts" / "python.exe" if platform == "win32" else folder / "bin" / "python"


def default_home(platform: str, environment: Mapping[str, str], user_home: Path) -> Path:
    """The folder of the plugin's own environments: outside the profile, which an upgrade of the plugin clears."""
    chosen = environment.get(HOME_VARIABLE)
    if chosen:
        return Path(chosen)
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or user_home / "AppData" / "Local") / "mtmsd"
    if platform == "darwin":
        return user_home / "Library" / "Application Support" / "mtmsd"
    return Path(environment.get("XDG_DATA_HOME") or user_home / ".local" / "share") / "mtmsd"


def home() -> Path:
    """The folder of the plugin's own environments on this machine."""
    return default_home(sys.platform, os.environ, Path.home())


def complete_environments() -> list[Path]:
    """The plugin's own environments that are complete; the one that was last set up comes first."""
    markers = {marker for folder in [home(), *_elsewhere()] for marker in folder.glob(f"env-*/{MARKER}")}
    return [marker.parent for marker in sorted(markers, key=_age_key, reverse=True)]


def remember(folder: Path) -> None:
    """Note a folder of environments that is not the usual one, so that later sessions look there too."""
    folder = folder.resolve()
    known = _elsewhere()
    if folder != home().resolve() and folder not in known:
        home().mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{place}\n" for place in [*known, folder])
        (home() / _ELSEWHERE).write_text(lines, encoding="utf-8")


def _elsewhere() -> list[Path]:
    try:
        lines = (home() / _ELSEWHERE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [Path(line) for line in lines if line.strip()]


def _age_key(marker: Path) -> tuple[float, str]:
    try:
        return marker.stat().st_mtime, str(marker)
    except OSError:  # removed this very moment
        return 0.0, str(marker)
