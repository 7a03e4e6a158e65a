# SPDX-License-Identifier: GPL-2.0-or-later
"""Has a Python choose its device as the worker does, with a small convolution on it, and tell which and why."""

from __future__ import annotations

from pathlib import Path

from ..feedback import ProgressRange
from ..worker.interpreter import clean_environment
from .child_process import Ended, run_command

_PLUGIN = Path(__file__).resolve().parents[3]
_CODE = """
import sys
sys.path.append(sys.argv[1])
from mtmsd_qgis.diffusion.device import choose_device
from mtmsd_qgis.errors import DeviceError
try:
    device = choose_device(sys.argv[2])
    print(f"{device.label}, {device.reason}")
except DeviceError as error:
    sys.exit(str(error))
"""


def try_device(python: Path, wanted: str, progress: ProgressRange) -> Ended:
    """The last line of the output is the device with the reason for it, or, with a status other than 0, the refusal.

    Args:
        python: One that has torch.
        wanted: As the parameter DEVICE: "auto", "cpu", "cuda" or "cuda:N".
        progress: Beats meanwhile; its feedback is asked for cancelling.

    Raises:
        QgsProcessingException: It cannot be started, or the user cancelled.
    """
    command = [str(python), "-I", "-X", "utf8", "-c", _CODE, str(_PLUGIN), wanted]
    ended = run_command(command, clean_environment(), progress)
    return Ended(ended.status, (ended.tail.splitlines() or ["no answer"])[-1].strip())
