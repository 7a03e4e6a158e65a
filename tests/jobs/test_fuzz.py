# SPDX-License-Identifier: GPL-2.0-or-later
"""The fuzz targets find nothing in a short run, and do find what is there to be found."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[1] / "fuzz"
SECONDS = os.environ.get("MTMSD_FUZZ_SECONDS", "15")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no package for this Python"),
]


def fuzz(target: str, seconds: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options, str(FUZZ / f"fuzz_{target}.py"), "--seconds", seconds, "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=900)


@pytest.mark.parametrize("target", ["model_file", "classifier_file", "protocol"])
def test_nothing_is_found(target, tmp_path):
    done = fuzz(target, SECONDS, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["findings"] == 0
    assert result["inputs"] > 100
    assert result["corpus"] > 20  # guided: what reached new lines was kept


def test_a_fault_is_found(tmp_path):
    """With a reader that falls over any name of a file but the usual ones."""
    (tmp_path / "trusting.py").write_text(
        f"import sys; sys.path.insert(0, {str(FUZZ)!r})\n"
        "from pathlib import Path\n"
        "import fuzz_protocol as fuzz\n"
        "usual = {None, 's.raw', 'mask.raw', 'samples.npy', 'reference.npy'}\n"
        "fuzz.protocol.check_file_names = lambda *names: [1 / 0 for name in names if name not in usual]\n"
        f"target, folder = fuzz.ProtocolTarget(Path({str(tmp_path)!r})), Path({str(tmp_path / 'out')!r})\n"
        "fuzz.Campaign('protocol', target, 120, folder).start(fuzz.seeds())\n"
    )
    command = [sys.executable, str(tmp_path / "trusting.py")]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=900)
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stdout + done.stderr
    assert list((tmp_path / "out" / "findings").iterdir())
