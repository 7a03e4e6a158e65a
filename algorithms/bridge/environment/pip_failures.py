# SPDX-License-Identifier: GPL-2.0-or-later
"""What venv, pip or a fresh torch say when they fail -> the cause and the next step, for the person at the screen."""

from __future__ import annotations

import re

_VISUAL_C = "A library of torch does not load. Install the Microsoft Visual C++ runtime (x64) and try again."
_PROXY = (
    "The proxy refuses pip's credentials (407). Enter them under Settings > Options > Network, or give a folder of "
    "wheels in WHEELS."
)
_NO_NETWORK = (
    "pip cannot reach the network, or not all of its indexes. Check the connection and the proxy under Settings > "
    "Options > Network, or give a folder of wheels in WHEELS."
)
_FULL = "The disk is full. Free space, or choose another FOLDER."
_CERTIFICATE = (
    "The package index shows a certificate that is not trusted here, as a proxy that looks into traffic does. Tell pip "
    "of your organisation's certificates (pip config set global.cert FILE), or give a folder of wheels in WHEELS."
)
_BLOCKED = "This computer's security policy does not let the new Python run. Choose a FOLDER where programs may run."
_LONG_PATH = "A path is too long for Windows. Choose a FOLDER with a short path, or allow long paths in Windows."

# The first that fits is taken; the more certain ones come first.
_CAUSES = (
    ("No space left on device", _FULL),
    ("Errno 28", _FULL),
    ("WinError 112", _FULL),
    ("WinError 4551", _BLOCKED),
    ("WinError 1260", _BLOCKED),
    ("WinError 1114", _VISUAL_C),
    ("WinError 127", _VISUAL_C),
    ("c10.dll", _VISUAL_C),
    ("WinError 206", _LONG_PATH),
    ("ensurepip is not available", "The Python has no ensurepip. On Debian and Ubuntu: sudo apt install python3-venv."),
    ("407 Proxy", _PROXY),
    ("Proxy Authentication Required", _PROXY),
    ("CERTIFICATE_VERIFY_FAILED", _CERTIFICATE),
    ("SOCKS", "pip cannot use a SOCKS proxy. Use an HTTP proxy, or give a folder of wheels in WHEELS."),
    ("Permission denied", "A file cannot be written or run there. Choose another FOLDER."),
    ("no kernel image is available", "This build of torch has no code for the graphics card."),
    ("driver version is insufficient", "The graphics driver is too old for this build of torch. Update it."),
    ("driver on your system is too old", "The graphics driver is too old for this build of torch. Update it."),
    ("Failed to establish a new connection", _NO_NETWORK),
    ("Temporary failure in name resolution", _NO_NETWORK),
    ("getaddrinfo failed", _NO_NETWORK),
    ("Network is unreachable", _NO_NETWORK),
    ("Cannot connect to proxy", _NO_NETWORK),
    ("ConnectTimeoutError", _NO_NETWORK),
    ("Read timed out", _NO_NETWORK),
    ("GLIBC", "torch is built for a newer Linux than this one. Use another machine, or a container."),
)
_MISSING = re.compile(r"No matching distribution found for (\S+)")


def cause_of_failure(output: str, build: str) -> str:
    """One or two sentences.

    Args:
        output: The end of what the program printed.
        build: Of torch, e.g. "cpu".
    """
    for words, sentence in _CAUSES:
        if words in output:
            return sentence
    missing = _MISSING.search(output)
    if missing:
        return (
            f"{missing[1]} ({build} build) was not found where pip looked. Give the index that has it in INDEX_URL, a "
            "folder of wheels in WHEELS, or another Python in BASE_PYTHON."
        )
    last = (without_credentials(output).strip().splitlines() or ["no message"])[-1].strip()
    return (
        f"It did not work: {last.removeprefix('ERROR: ').rstrip('.')}. The log has more; it can simply be tried again."
    )


def without_credentials(text: str) -> str:
    """The text with no user and secret in the addresses."""
    return re.sub(r"(?<=://)[^/@\s]+@", "", text)
