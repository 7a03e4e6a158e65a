# SPDX-License-Identifier: GPL-2.0-or-later
"""The package, and whether the checker of packages notices what the plugin site would refuse."""

from __future__ import annotations

import importlib.util
import re
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
    "about=B\ntracker=https://e.org/t\nrepository=https://e.org\nhomepage=https://e.org\nicon=icon.svg\n"
    "changelog=1 New\n",
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


@pytest.fixture(scope="module")
def maintainer():
    return script("maintainer")


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
        ({"mtmsd/metadata.txt": GOOD["mtmsd/metadata.txt"].replace("author=A", "author=A/B")}, "a slash"),
        ({"mtmsd/metadata.txt": GOOD["mtmsd/metadata.txt"].replace("=1 New", "=0 New")}, "what is new in 1"),
        ({"mtmsd/metadata.txt": GOOD["mtmsd/metadata.txt"].replace("=1", "=1.10")}, "0.10 comes before 0.9"),
        ({"mtmsd/metadata.txt": GOOD["mtmsd/metadata.txt"] + "screenshot=a.png\n"}, "the screenshot"),
        ({"mtmsd/metadata.txt": GOOD["mtmsd/metadata.txt"] + "screenshot=icon.svg\n"}, "none of png"),
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
        ("import subprocess\nsubprocess.call('/bin/ls', shell=True)\n", "bandit B602"),
        ("import subprocess\nsubprocess.run(['/bin/ls'])\n", "bandit B603"),
        ("assert print\n", "bandit B101"),
        ("print(eval(input()))\n", "bandit B307"),
        ("name = '\u202eabc'\n", "bandit B613"),
        ("print(nobody_defined_this)\n", "flake8"),
        ("ready = None\nprint(ready == None)\n", "flake8"),
        ('aws = "AKIA' + 'IOSFODNN7ABCDEFG"\n', "detect-secrets"),
    ],
)
def test_any_finding_of_a_scanner_is_a_fault(check, tmp_path, code, blocked):
    (tmp_path / "module.py").write_text(code, "utf-8")
    found = check.scan(tmp_path)
    assert found
    assert all(finding.startswith(blocked) for finding in found)


@pytest.mark.parametrize(
    "code",
    [
        '"""Nothing."""\n',
        "import subprocess\n\nsubprocess.run(['/bin/ls'])  # nosec B603  # fixed\n",  # B404, the import, is off there
    ],
)
def test_the_scanners_let_plain_code_pass(check, tmp_path, code):
    (tmp_path / "module.py").write_text(code)
    assert check.scan(tmp_path) == []


def test_every_exception_from_a_rule_has_its_rule_and_reason():
    folders = [ROOT / "mtmsd_qgis", ROOT / "algorithms"]
    lines = [
        line for folder in folders for path in folder.rglob("*.py") for line in path.read_text("utf-8").splitlines()
    ]
    marked = [number for number, line in enumerate(lines) if "nosec" in line]
    assert len(marked) > 5
    for number in marked:
        reason = re.search(r"# nosec B\d{3}(?:  # (.+))?$", lines[number])
        assert reason is not None
        assert reason[1] or lines[number - 1].lstrip().startswith("#")


PERSON = "".join(f'{key} = "https://{key}.org"\n' for key in ("tracker", "repository", "homepage", "guide"))
PERSON = f'# Who\n\nauthor = "Ada Example"\nemail = "ada@analytical.org"  # read daily\n{PERSON}'


@pytest.fixture
def person(tmp_path, maintainer):
    path = tmp_path / "maintainer.toml"
    path.write_text(PERSON, "utf-8")
    return maintainer.read_maintainer(path)


def test_maintainer_file_is_read_as_toml_reads_it(person):
    tomllib = pytest.importorskip("tomllib")  # Python 3.11 and later
    assert person == tomllib.loads(PERSON)


def test_maintainer_file_of_the_repository_is_complete(maintainer):
    assert set(maintainer.read_maintainer(ROOT / "maintainer.toml")) == set(maintainer.KEYS)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('author = "Ada Example"', "author = Ada", "line 3"),
        ('author = "Ada Example"\n', "", "should also give author"),
        ("author", "name", "line 3"),
    ],
)
def test_maintainer_file_that_cannot_be_read_is_refused(maintainer, tmp_path, old, new, words):
    path = tmp_path / "maintainer.toml"
    path.write_text(PERSON.replace(old, new, 1), "utf-8")
    with pytest.raises(ValueError, match=words):
        maintainer.read_maintainer(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("email", "me@example.org"),
        ("email", "me@users.noreply.example"),
        ("homepage", "https://example.com/"),
        ("tracker", ""),
        ("guide", "https://www.example.net/docs/"),
    ],
)
def test_a_release_with_a_placeholder_is_refused_by_name(maintainer, person, key, value):
    assert maintainer.refusal(person) == ""
    assert f"placeholders for {key}." in maintainer.refusal({**person, key: value})


def test_metadata_of_the_package_names_the_maintainer(maintainer, person, check):
    text = maintainer.with_maintainer((ROOT / "metadata.txt").read_text("utf-8"), {**person, "author": "100 % Ada"})
    values = check.read_metadata(text)
    assert values["author"] == "100 % Ada"
    assert {key: values[key] for key in maintainer.KEYS if key != "author"} == {
        key: value for key, value in person.items() if key != "author"
    }
    assert values["name"] == "MTMSD for QGIS"


def test_check_of_a_release_refuses_placeholders_and_a_trial_does_not(tmp_path, monkeypatch, capsys, check):
    metadata = GOOD["mtmsd/metadata.txt"].replace("https://e.org", "https://example.org")
    path = pack(tmp_path / "p.zip", {**GOOD, "mtmsd/metadata.txt": metadata})
    monkeypatch.setattr(sys, "argv", ["check_package.py", str(path)])
    assert check.main() == 0
    assert "remark: maintainer.toml still has placeholders" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["check_package.py", "--release", str(path)])
    assert check.main() == 1
    assert "FAULT: maintainer.toml still has placeholders" in capsys.readouterr().out
