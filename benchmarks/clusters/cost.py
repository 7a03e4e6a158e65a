# SPDX-License-Identifier: GPL-2.0-or-later
"""Seconds and memory of a cluster map without diffusion features, by the size of a made-up scene of 60 bands.

    nice -n 10 python -m benchmarks.clusters.cost [SIDE ...]

A worker process makes each map as QGIS starts it, with as many threads as it takes by itself: reading, smoothing,
prototypes, the stability over ten halvings, and the map.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.speed.growth import make_scene, run_worker  # noqa: E402 - the path comes first
from mtmsd_qgis.jobs.protocol import Job  # noqa: E402

_CLUSTERS = 8


def main() -> int:
    """Measure, and print a line of JSON for each size."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("sides", nargs="*", type=int, default=[500, 1000])
    for side in parser.parse_args().sides:
        with tempfile.TemporaryDirectory() as place:
            scene = make_scene(Path(place), side)
            settings = {"cluster": {"clusters": _CLUSTERS, "features": "bands", "device": "cpu"}}
            run = run_worker(Job("clusterscene", settings, scene), Path(place))
        row = {
            "side": side,
            "seconds": round(run.seconds, 1),
            "processor_seconds": round(run.processor_seconds, 1),
            "peak_rss_mib": round(run.peak_bytes / 2**20),
        }
        print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
