# SPDX-License-Identifier: GPL-2.0-or-later
"""A QGIS for tests: started offscreen with Processing and this plugin, under the name that QGIS gives it."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROCESSING = "/usr/share/qgis/python/plugins"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"  # QGIS embeds the system's Python; another one first on PATH crashes it


def plugin_folder() -> Path:
    """A folder with the plugin in it under its own name."""
    given = os.environ.get("MTMSD_PLUGIN_TREE")
    folder = Path(tempfile.mkdtemp(prefix="mtmsd_plugins_"))
    (folder / "mtmsd").symlink_to(Path(given) if given else ROOT, target_is_directory=True)
    return folder


def start_qgis():
    """QGIS with Processing and the plugin's provider."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from qgis.core import QgsApplication

    application = QgsApplication([], True)
    application.initQgis()
    for folder in (PROCESSING, str(plugin_folder())):
        sys.path.insert(0, folder)
    from processing.core.Processing import Processing

    Processing.initialize()
    plugin = importlib.import_module("mtmsd").classFactory(None)
    plugin.initProcessing()
    application.mtmsd_plugin = plugin  # kept as long as the application
    return application
