# SPDX-License-Identifier: GPL-2.0-or-later
"""Every error that the core raises on purpose.

A message is one or two sentences for the person at the screen: what was expected, what was found, what to do.
"""

from __future__ import annotations

NO_VALID_PIXEL = "No valid pixel was found: every pixel is nodata or masked. Check nodata and mask."


class MtmsdError(Exception):
    """Root of all errors raised on purpose."""


class SettingsError(MtmsdError):
    """A setting is out of range or does not fit another one."""


class SceneError(MtmsdError):
    """The raster cannot be used: size, bands, valid pixels."""


class SamplesError(MtmsdError):
    """The training or reference samples cannot be used."""


class FileFormatError(MtmsdError):
    """A file (model, checkpoint, job) is broken, foreign, or of a newer version."""


class DeviceError(MtmsdError):
    """The asked-for device is missing or out of memory."""


class Cancelled(MtmsdError):
    """The user cancelled; finished work has been kept."""
