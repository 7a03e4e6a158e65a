# SPDX-License-Identifier: GPL-2.0-or-later
"""The device of a job: chosen, logged with the seed and the versions, and named in the result.

Enters: the settings' device and seed. Leaves: a Device, and what the result says of it.
"""

from __future__ import annotations

import logging

import numpy as np
import torch

from ..diffusion.device import Device, choose_device
from ..jobs.results import Computation

log = logging.getLogger(__name__)


def announce_device(wanted: str, seed: int) -> Device:
    """The device to compute on; the log's first lines name it, the seed and the versions.

    Raises:
        DeviceError: As choose_device.
    """
    device = choose_device(wanted)
    log.info("Device: %s, %s.", device.label, device.reason)
    log.info("Seed %d, torch %s, numpy %s.", seed, torch.__version__, np.__version__)
    return device


def computation(device: Device) -> Computation:
    """What the result says of the device."""
    return Computation(device.label, device.reason, str(torch.__version__))
