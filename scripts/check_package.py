# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds a package against the rules of plugins.qgis.org, and runs the scanners that run there.

    python check_package.py [--release] PACKAGE.zip

Needs bandit, flake8 and detect-secrets in its Python. Exit status 1 where the site would refuse the package, which it
does for any finding of a rule that is switched on there, warnings as well. Whether the addresses in metadata.txt answer
is left to the site; placeholders in them are remarked on, and refused with --release.
Source: QGIS-Plugins-Website, qgis-app/plugins/validator.py, security_scanner.py and the rules beside
management/commands/populate_security_rules.py, as of 2026-10.
"""

from __future__ import annotations

import argparse
import configparser
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

sys.path.insert(0, str(Path(__file__).resolve().parent))
from maintainer import refusal

LARGEST_BYTES = 25_000_000
LARGEST_SCREENSHOT_BYTES = 2 * 1024 * 1024
REQUIRED = "name description version qgisMinimumVersion author email about tracker repository changelog".split()
ADDRESSES = ("tracker", "repository", "homepage")
FORBIDDEN_FOLDERS = {"__MACOSX", ".git", "__pycache__"}
# Remarked on by the site; we want none of them.
UNWANTED_SUFFIXES = (".pyc", ".exe", ".dll", ".so", ".dylib", ".bat", ".sh", ".ps1", ".cmd")
UNWANTED_FOLDERS = {"tests", "test", "scripts", "benchmarks", "dist", "build"}
# The rules that the site has switched on: 74 of bandit's 78 (not B109, B404, B410, B411), 26 of flake8's codes, and all
# of detect-secrets's detectors but one.
BANDIT_TESTS = """
    B101 B102 B103 B104 B105 B106 B107 B108 B110 B111 B112 B113 B201 B202 B301 B302 B303 B304 B305 B306 B307 B308 B310
    B311 B312 B313 B314 B315 B316 B317 B318 B319 B320 B321 B323 B324 B401 B402 B403 B405 B406 B407 B408 B409 B412 B413
    B501 B502 B503 B504 B505 B506 B507 B508 B509 B601 B602 B603 B604 B605 B606 B607 B608 B609 B610 B611 B612 B613 B614
    B615 B701 B702 B703 B704
""".split()
FLAKE8_CODES = """
    C901 E101 E711 E712 E713 E714 E721 E722 E731 E741 E742 E743 E901 E902 E999 F402 F403 F404 F405 F811 F821 F822 F823
    F831 F901 W605
""".split()
SECRETS_LEFT_OUT = "IPPublicDetector"


def main() -> int:
    """Check the package named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("--release", action="store_true", help="refuse placeholders in metadata.txt")
    arguments = parser.parse_args()
    faults = list(faults_of(arguments.package))
    if not faults:
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(arguments.package) as archive:
                archive.extractall(folder)
            faults += scan(Path(folder))
        sentence = refusal(metadata_of(arguments.package))
        if arguments.release and sentence:
            faults.append(sentence)
        elif sentence:
            print(f"remark: {sentence}")
    for fault in faults:
        print(f"FAULT: {fault}")
    if not faults:
        print(f"{arguments.package.name}: passes the plugin site's rules and scanners")
    return 1 if faults else 0


def faults_of(package: Path) -> Iterator[str]:
    """What the rules say against the package."""
    size = package.stat().st_size
    if size > LARGEST_BYTES:
        yield f"{size} bytes, where {LARGEST_BYTES} are allowed"
    with zipfile.ZipFile(package) as archive:
        if archive.testzip() is not None:
            yield f"{archive.testzip()} is damaged"
        names = archive.namelist()
        for entry in archive.infolist():
            yield from faults_of_name(entry.filename)
            if entry.external_attr >> 16 & 0o111:
                yield f"{entry.filename} is executable"
        tops = {name.split("/")[0] for name in names}
        if len(tops) != 1 or not next(iter(tops)).isidentifier():
            yield f"one top folder with a Python name was expected; found {', '.join(sorted(tops))}"
            return
        top = next(iter(tops))
        missing = [file for file in ("__init__.py", "metadata.txt", "LICENSE") if f"{top}/{file}" not in names]
        yield from (f"{file} is missing" for file in missing)
        if "metadata.txt" not in missing:
            sizes = {entry.filename.split("/", 1)[1]: entry.file_size for entry in archive.infolist()}
            yield from faults_of_metadata(archive.read(f"{top}/metadata.txt").decode("utf-8"), sizes)


def faults_of_name(name: str) -> Iterator[str]:
    """What the rules say against a file's path."""
    parts = name.split("/")
    if ".." in name or name.startswith("/") or "\\" in name or re.match(r"[A-Za-z]:", name):
        yield f"{name} is not a plain path"
    if FORBIDDEN_FOLDERS & set(parts):
        yield f"{name} lies in a forbidden folder"
    if any(part.startswith(".") for part in parts):
        yield f"{name} is hidden"
    if name.lower().endswith(UNWANTED_SUFFIXES):
        yield f"{name} is a program or compiled"
    if UNWANTED_FOLDERS & set(parts[1:-1]):
        yield f"{name} has no business in a package"


def faults_of_metadata(text: str, sizes: dict[str, int]) -> Iterator[str]:
    """What the rules say against metadata.txt.

    Args:
        text: Its content.
        sizes: Bytes of each file of the package, by its path below the top folder.
    """
    try:
        values = read_metadata(text)
    except configparser.Error as error:
        yield f"metadata.txt cannot be read: {error}"
        return
    yield from (f"metadata.txt lacks {key}" for key in REQUIRED if not values.get(key, "").strip())
    for key in ADDRESSES:
        address = urlparse(values.get(key, ""))
        if not (address.scheme and address.netloc):
            yield f"{key} in metadata.txt is no address"
    if "plugin" in values.get("name", "").lower():
        yield "the name should do without the word plugin"
    if "/" in values.get("author", ""):
        yield "the author's name has a slash"
    yield from faults_of_version(values.get("version", ""), values.get("changelog", ""))
    if values.get("icon", "") not in sizes:
        yield "the icon of metadata.txt is not in the package"
    yield from faults_of_screenshot(values.get("screenshot", ""), sizes)


def faults_of_version(version: str, changelog: str) -> Iterator[str]:
    """What stands against a version: the site sorts them as texts, and wants to know what is new in each."""
    if not re.fullmatch(r"\d(\.\d)*", version):
        yield f"version {version} has a part of other than one digit; as text, 0.10 comes before 0.9 (go on with 1.0)"
    if changelog.strip() and version not in changelog:
        yield f"the changelog of metadata.txt does not say what is new in {version}"


def faults_of_screenshot(screenshot: str, sizes: dict[str, int]) -> Iterator[str]:
    """What stands against the picture that the site shows; it may have none."""
    if not screenshot:
        return
    if screenshot not in sizes:
        yield "the screenshot of metadata.txt is not in the package"
    elif sizes[screenshot] > LARGEST_SCREENSHOT_BYTES:
        yield f"the screenshot has {sizes[screenshot]} bytes, where {LARGEST_SCREENSHOT_BYTES} are allowed"
    if not screenshot.endswith((".png", ".jpg", ".jpeg", ".gif")):
        yield "the screenshot is none of png, jpg and gif"


def metadata_of(package: Path) -> dict[str, str]:
    """The values of a package's metadata.txt."""
    with zipfile.ZipFile(package) as archive:
        name = next(name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/metadata.txt"))
        return read_metadata(archive.read(name).decode("utf-8"))


def read_metadata(text: str) -> dict[str, str]:
    """The values of metadata.txt as the site reads them, with interpolation: a lone % is an error."""
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return dict(parser.items("general"))


def scan(folder: Path) -> list[str]:
    """The findings of the three scanners, called as the site calls them."""
    report = _json(["bandit", "-r", ".", "-f", "json", "--quiet", "-t", ",".join(BANDIT_TESTS)], folder)
    found = [f"bandit could not read {error['filename']}: {error['reason']}" for error in report["errors"]]
    for finding in report["results"]:
        place = f"{finding['filename']}:{finding['line_number']}"
        found.append(f"bandit {finding['test_id']} {place} {finding['issue_text']}")
    secrets = ["detect_secrets", "scan", "--all-files", "--exclude-files", r"metadata\.txt"]
    report = _json([*secrets, "--disable-plugin", SECRETS_LEFT_OUT, "."], folder)
    for file, findings in report["results"].items():
        found += [f"detect-secrets {file}:{finding['line_number']} {finding['type']}" for finding in findings]
    flake8 = ["flake8", "--isolated", "--max-line-length=120", f"--select={','.join(FLAKE8_CODES)}", "."]
    return found + [f"flake8 {line}" for line in _lines(flake8, folder)]


def _json(command: list[str], folder: Path) -> dict:
    completed = _run(command, folder)
    try:
        return json.loads(completed.stdout)
    except ValueError:
        sys.exit(f"{command[0]} did not answer: {completed.stderr.strip()}")


def _lines(command: list[str], folder: Path) -> list[str]:
    completed = _run(command, folder)
    if completed.returncode not in (0, 1):
        sys.exit(f"{command[0]} did not answer: {completed.stderr.strip()}")
    return completed.stdout.splitlines()


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, check=False, capture_output=True, encoding="utf-8"
    )


if __name__ == "__main__":
    sys.exit(main())
