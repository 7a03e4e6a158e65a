# SPDX-License-Identifier: GPL-2.0-or-later
"""The package, and whether the checker of packages notices what the plugin site would refuse."""

from __future__ import annotations

import importlib.util
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = {
    "mtmsd/__init__.py": "",
    "mtmsd/LICENSE": "",
    "mtmsd/icon.svg": "<svg/>",
    "mtmsd/metadata.txt": "[general]\nname=N\ndescription=D\nversion=1\nqgisMinimumVersion=3.22\nauthor=A\nemail=E\n"
    "about=B\ntracker=https://e.org/t\nrepository=https://e.org\nhomepage=https://e.org\nicon=icon.svg\n",
}


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def check():
    return script("check_package")


@pytest.fixture(scope="module")
def package():
    return script("package")


def pack(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return path


def test_the_package_passes_the_rules_and_is_the_same_twice(package, check, tmp_path):
    first = package.make_package(tmp_path)
    content = first.read_bytes()
    assert package.make_package(tmp_path).read_bytes() == content
    assert list(check.faults_of(first)) == []


def test_the_package_has_what_runs_and_nothing_else(package):
    files = package.packaged_files()
    assert {"LICENSE", "metadata.txt", "plugin.py", "mtmsd_qgis/worker.py", "requirements/worker.txt"} <= set(files)
    tops = {file.split("/")[0] for file in files}
    assert not tops & {"tests", "scripts", "benchmarks", "Makefile", "pyproject.toml", ".github", ".ci"}
    assert "requirements/dev.txt" not in files


def test_a_package_without_faults_has_none(check, tmp_path):
    assert list(check.faults_of(pack(tmp_path / "p.zip", GOOD))) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mtmsd/LICENSE": None}, "LICENSE is missing"),
        ({"mtmsd/__init__.py": None}, "__init__.py is missing"),
        ({"other/file.py": ""}, "one top folder"),
        ({"mtmsd/C:\\evil.py": ""}, "not a plain path"),
        ({"mtmsd/a/__pycache__/b.py": ""}, "forbidden folder"),
        ({"mtmsd/.hidden": ""}, "is hidden"),
        ({"mtmsd/run.sh": ""}, "is a program"),
        ({"mtmsd/tests/test_a.py": ""}, "no business"),
        ({"mtmsd/icon.svg": None}, "the icon"),
        ({"mtmsd/metadata.txt": GOOD["mtmsd/metadata.txt"].replace("about=B\n", "")}, "lacks about"),
        ({"mtmsd/metadata.txt": GOOD["mtmsd/metadata.txt"].replace("about=B", "about=5 % off")}, "cannot be read"),
        ({"mtmsd/metadata.txt": GOOD["mtmsd/metadata.txt"].replace("tracker=https://", "tracker=")}, "no address"),
    ],
)
def test_a_fault_is_found(check, tmp_path, changes, words):
    files = {name: text for name, text in {**GOOD, **changes}.items() if text is not None}
    faults = list(check.faults_of(pack(tmp_path / "p.zip", files)))
    assert len(faults) == 1
    assert words in faults[0]


@pytest.mark.parametrize(
    ("code", "blocked"),
    [
        ("import subprocess\nsubprocess.call('ls', shell=True)\n", "bandit B602"),
        ("print(eval(input()))\n", "bandit B307"),
        ("print(nobody_defined_this)\n", "flake8"),
        ('aws = "AKIA' + 'IOSFODNN7ABCDEFG"\n', "detect-secrets"),
    ],
)
def test_the_scanners_find_what_blocks(check, tmp_path, code, blocked):
    (tmp_path / "module.py").write_text(code)
    found, _ = check.scan(tmp_path)
    assert any(finding.startswith(blocked) for finding in found)


def test_the_scanners_let_plain_code_pass(check, tmp_path):
    (tmp_path / "module.py").write_text('"""Nothing."""\n')
    assert check.scan(tmp_path) == ([], [])
