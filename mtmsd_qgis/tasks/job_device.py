# SPDX-License-Identifier: GPL-2.0-or-later
"""The device of a job: chosen, logged with the seed and the versions, and told in the result.

Enters: the settings' device and seed. Leaves: a Device, and its values of the result message.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch

from ..diffusion.device import Device, choose_device

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


def device_values(device: Device) -> dict[str, Any]:
    """What the result message says of the device."""
    return {"device": device.label, "device_reason": device.reason, "torch": str(torch.__version__)}
