# SPDX-License-Identifier: GPL-2.0-or-later
"""What metadata.txt says of the plugin: its version, and where its guide can be read."""

from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def metadata_value(key: str) -> str:
    """A value of metadata.txt; empty where it has none."""
    parser = configparser.ConfigParser()  # with interpolation, as the plugin site reads it
    parser.read(ROOT / "metadata.txt", encoding="utf-8")
    return parser.get("general", key, fallback="")


def guide_page(name: str) -> str:
    """The address of an algorithm's page in the guide."""
    return f"{metadata_value('guide')}{name}.md"
