# SPDX-License-Identifier: GPL-2.0-or-later
"""Who publishes the package: maintainer.toml -> the lines of the package's metadata.txt. Runs in any Python 3.9."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

FILE = "maintainer.toml"
KEYS = ("author", "email", "tracker", "repository", "homepage", "guide")
# Domains that belong to nobody (RFC 2606, RFC 6761), where a mail or a browser finds no one.
_PLACEHOLDER = re.compile(r"(^|[@/.])example\.(org|com|net)\b|\.(example|invalid|test|localhost)\b", re.IGNORECASE)


def read_maintainer(path: Path) -> dict[str, str]:
    """The values of maintainer.toml. Python 3.9 has no reader of TOML; text values, one a line, are all it holds.

    Raises:
        ValueError: A line is something else, or a value is missing.
    """
    values = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = re.fullmatch(r'(\w+)\s*=\s*"([^"\\]*)"\s*(?:#.*)?', line)
        if found is None or found[1] not in KEYS:
            raise ValueError(f'{path.name}, line {number}: expected one of {", ".join(KEYS)} = "text"; found {line}')
        values[found[1]] = found[2].strip()
    missing = [key for key in KEYS if key not in values]
    if missing:
        raise ValueError(f"{path.name} should also give {', '.join(missing)}.")
    return values


def placeholders(values: Mapping[str, str]) -> list[str]:
    """The keys that nobody has filled in yet."""
    return [key for key in KEYS if not values.get(key, "").strip() or _PLACEHOLDER.search(values[key])]


def refusal(values: Mapping[str, str]) -> str:
    """Why these values make no release; empty where they do."""
    empty = placeholders(values)
    if not empty:
        return ""
    return (
        f"{FILE} still has placeholders for {', '.join(empty)}. Write there an e-mail address that is read and "
        "addresses of pages that answer, then make the release again; a package to try out needs none of it (make "
        "package)."
    )


def with_maintainer(metadata: str, values: Mapping[str, str]) -> str:
    """The text of metadata.txt with the maintainer's values in their lines."""
    return "".join(_lines(metadata, values))


def _lines(metadata: str, values: Mapping[str, str]) -> Iterator[str]:
    for line in metadata.splitlines(keepends=True):
        key = line.split("=", 1)[0]
        # The site's reader takes a lone % for the start of a reference.
        yield f"{key}={values[key].replace('%', '%%')}\n" if key in values else line
