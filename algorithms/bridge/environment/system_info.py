# SPDX-License-Identifier: GPL-2.0-or-later
"""What this computer and this installation are, for a report that is pasted into a public thread."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingUtils

from ....mtmsd_qgis.io.array_file import FORMAT_VERSION
from ....mtmsd_qgis.jobs.data_model import FeatureLayout
from ....mtmsd_qgis.jobs.protocol import PROTOCOL_VERSION
from ..files.free_space import free_bytes
from ..worker import python_locations
from .torch_builds import graphics_cards, torch_version


def machine_facts() -> dict[str, Any]:
    """Facts by title. The versions are apart from each other: each changes only with what it describes."""
    cards, trouble = graphics_cards()
    facts: dict[str, Any] = {
        "System": platform.platform(),
        "Python of QGIS": platform.python_version(),
        "Graphics cards by the driver": [card.label for card in cards] or trouble or "none",
        "Environments of the plugin": [str(folder) for folder in python_locations.complete_environments()] or "none",
        "torch that is set up": torch_version(),
        "Versions": (
            f"worker protocol {PROTOCOL_VERSION}, model file {FORMAT_VERSION}, feature raster {FeatureLayout.version}"
        ),
    }
    for title, folder in (
        ("Free space, temporary files", Path(QgsProcessingUtils.tempFolder())),
        ("Free space, own environments", python_locations.home()),
    ):
        facts[title] = f"{free_bytes(folder) / 2**30:.1f} GiB"
    return facts


def redacted(value: Any) -> Any:  # noqa: ANN401 - any value of JSON
    """The value with ~ in place of the home folder, which mostly has the user's name in it."""
    if isinstance(value, str):
        return _without_home(value, Path.home())
    if isinstance(value, Mapping):
        return {key: redacted(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted(entry) for entry in value]
    return value


def _without_home(text: str, home: Path) -> str:
    for form in {str(home), home.as_posix(), str(home).replace(os.sep, os.sep * 2)}:
        if len(form) > 1:  # a service account may have "/"
            text = text.replace(form, "~")
    return text
