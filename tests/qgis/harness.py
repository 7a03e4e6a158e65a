# SPDX-License-Identifier: GPL-2.0-or-later
"""A QGIS for tests: started offscreen with Processing and this plugin, under the name that QGIS gives it."""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = Path(os.environ.get("MTMSD_PLUGIN_TREE") or ROOT)
PROCESSING = "/usr/share/qgis/python/plugins"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"  # QGIS embeds the system's Python; another one first on PATH crashes it
PROGRAM = shutil.which("qgis_process.bin", path=PATH) or "qgis_process"  # Debian 12's wrapper fails on every call


def plugin_folder() -> Path:
    """A folder with the plugin in it under its own name."""
    folder = Path(tempfile.mkdtemp(prefix="mtmsd_plugins_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "mtmsd").symlink_to(PLUGIN, target_is_directory=True)
    return folder


def make_importable() -> None:
    """Processing and the plugin, as QGIS has them on its path."""
    sys.path[:0] = [str(plugin_folder()), PROCESSING]


def start_qgis():
    """QGIS with Processing and the plugin's provider."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from qgis.core import QgsApplication

    application = QgsApplication([], True, "", "desktop")  # what the platform is called decides on the form of the help
    application.initQgis()
    from processing.core.Processing import Processing

    Processing.initialize()
    application.mtmsd_plugin = importlib.import_module("mtmsd").classFactory(None)  # lives as long as QGIS
    application.mtmsd_plugin.initProcessing()
    return application


class QgisProcess:
    """qgis_process with a profile of its own, in which the plugin is enabled."""

    def __init__(self, home: Path, python: str | None) -> None:
        """Enable the plugin.

        Args:
            home: An empty folder.
            python: Of the worker.
        """
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.environment.update(
            PATH=PATH, HOME=str(home), QT_QPA_PLATFORM="offscreen", QGIS_PLUGINPATH=str(plugin_folder()), LANG="C.UTF-8"
        )
        self.environment.pop("QGIS_CUSTOM_CONFIG_PATH", None)
        self.environment.pop("MTMSD_PYTHON", None)
        if python:
            self.environment["MTMSD_PYTHON"] = python
        self("plugins", "enable", "mtmsd")

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run([PROGRAM, *arguments], env=self.environment, capture_output=True, text=True, timeout=300)

    def run(self, algorithm: str, **parameters: object) -> subprocess.CompletedProcess[str]:
        """Run an algorithm, with the results as JSON."""
        values = [f"{name}={value}" for name, value in parameters.items()]
        return self("--json", "run", algorithm, "--", *values)
