# SPDX-License-Identifier: GPL-2.0-or-later
"""What the plugin adds to the start of QGIS: its import and the load of its provider. Runs in QGIS's Python.

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 benchmarks/speed/qgis_start.py

Prints one line of JSON: the seconds, and which of the modules that must not be loaded at the start were.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PROCESSING = "/usr/share/qgis/python/plugins"
_HEAVY = ("torch", "scipy", "osgeo", "numpy")


def main() -> None:
    """Start QGIS with Processing, then load the plugin."""
    from qgis.core import QgsApplication

    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "mtmsd").symlink_to(ROOT, target_is_directory=True)
        sys.path[:0] = [place, _PROCESSING]
        application = QgsApplication([], True)
        application.initQgis()
        from processing.core.Processing import Processing

        Processing.initialize()
        before = {name for name in _HEAVY if name in sys.modules}
        started, busy = time.perf_counter(), time.process_time()
        import mtmsd

        plugin = mtmsd.classFactory(None)
        plugin.initProcessing()
        facts = {
            "seconds": round(time.perf_counter() - started, 4),
            "cpu_seconds": round(time.process_time() - busy, 4),
        }
        loaded = [name for name in _HEAVY if name in sys.modules and name not in before]
        count = len(QgsApplication.processingRegistry().providerById("mtmsd").algorithms())
        print(json.dumps({**facts, "algorithms": count, "loaded": loaded}), flush=True)
        plugin.unload()
        application.exitQgis()


if __name__ == "__main__":
    main()
