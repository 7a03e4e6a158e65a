# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds a package against the rules of plugins.qgis.org, and runs the scanners that run there.

    python check_package.py PACKAGE.zip

Needs bandit, flake8 and detect-secrets in its Python. Exit status 1 where the site would refuse the package; what it
only remarks on is printed. Whether the addresses in metadata.txt answer is left to the site.
Source: QGIS-Plugins-Website, qgis-app/plugins/validator.py and security_scanner.py.
"""

from __future__ import annotations

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

LARGEST_BYTES = 25_000_000
REQUIRED = "name description version qgisMinimumVersion author email about tracker repository".split()
ADDRESSES = ("tracker", "repository", "homepage")
FORBIDDEN_FOLDERS = {"__MACOSX", ".git", "__pycache__"}
# Remarked on by the site; we want none of them.
UNWANTED_SUFFIXES = (".pyc", ".exe", ".dll", ".so", ".dylib", ".bat", ".sh", ".ps1", ".cmd")
UNWANTED_FOLDERS = {"tests", "test", "scripts", "benchmarks", "dist", "build"}
# Findings that block a package there; the rest are remarks.
BLOCKING_BANDIT = "B102 B103 B105 B106 B107 B202 B301 B302 B307 B506 B602 B604 B605 B609 B615".split()
BLOCKING_FLAKE8 = "F821,F823,F831,E9"


def main() -> int:
    """Check the package named on the command line."""
    package = Path(sys.argv[1])
    faults = list(faults_of(package))
    remarks: list[str] = []
    if not faults:
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(package) as archive:
                archive.extractall(folder)
            found, remarks = scan(Path(folder))
            faults += found
    for remark in remarks:
        print(f"remark: {remark}")
    for fault in faults:
        print(f"FAULT: {fault}")
    if not faults:
        print(f"{package.name}: passes the plugin site's rules and scanners, with {len(remarks)} remarks")
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
            yield from faults_of_metadata(archive.read(f"{top}/metadata.txt").decode("utf-8"), names, top)


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


def faults_of_metadata(text: str, names: list[str], top: str) -> Iterator[str]:
    """What the rules say against metadata.txt."""
    parser = configparser.ConfigParser()  # with interpolation, as the site reads it: a lone % is an error
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
        values = dict(parser.items("general"))
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
    if f"{top}/{values.get('icon', '')}" not in names:
        yield "the icon of metadata.txt is not in the package"


def scan(folder: Path) -> tuple[list[str], list[str]]:
    """The three scanners as the site calls them: findings that block, and remarks."""
    blocking, remarks = [], []
    for finding in _json(["bandit", "-r", ".", "-f", "json", "--quiet"], folder)["results"]:
        text = f"bandit {finding['test_id']} {finding['filename']}:{finding['line_number']} {finding['issue_text']}"
        if finding["test_id"] in BLOCKING_BANDIT:
            blocking.append(text)
        elif finding["issue_severity"] != "LOW":
            remarks.append(text)
    secrets = ["detect_secrets", "scan", "--all-files", "--exclude-files", r"metadata\.txt", "."]
    for file, findings in _json(secrets, folder)["results"].items():
        blocking += [f"detect-secrets {file}:{finding['line_number']} {finding['type']}" for finding in findings]
    flake8 = ["flake8", "--isolated", "--max-line-length=120"]
    blocking += [f"flake8 {line}" for line in _lines([*flake8, f"--select={BLOCKING_FLAKE8}", "."], folder)]
    remarks += [f"flake8 {line}" for line in _lines([*flake8, "--extend-ignore=E203,E231,E301,E702,E704", "."], folder)]
    return blocking, remarks


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
