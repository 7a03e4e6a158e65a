# SPDX-License-Identifier: GPL-2.0-or-later
"""Decisions: one page each, of one form, and listed with the status that the page has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DECISIONS = Path(__file__).parent.parent.parent / "docs" / "decisions"
PAGES = sorted(DECISIONS.glob("[0-9]*.md"))
LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_has_context_decision_consequence_and_status(path):
    title, *sections = re.split(r"^## ", path.read_text("utf-8"), flags=re.MULTILINE)
    number = re.fullmatch(r"# (\d+)\. .+", title.strip()).group(1)
    assert int(number) == int(path.stem[:3])
    assert [section.split("\n")[0] for section in sections] == ["Context", "Decision", "Consequence", "Status"]
    assert all(section.partition("\n")[2].strip() for section in sections)
    assert re.match(r"In force|Replaced by|To be replaced by", sections[-1].partition("\n")[2].strip())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_is_one_page(path):
    """Some 950 words; tables of measurements belong to docs/ablations.md."""
    assert len(path.read_text("utf-8").split()) <= 950


def test_the_index_lists_each_page_once_with_title_and_status():
    index = (DECISIONS / "index.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| \[(.+?)\]\((.+?)\) \| (.+) \|$", index, re.MULTILINE)
    assert [name for _, _, name, _ in rows] == [path.name for path in PAGES]
    for number, title, name, status in rows:
        page = (DECISIONS / name).read_text("utf-8")
        assert page.startswith(f"# {number}. {title}\n"), name
        assert LINK.sub(r"\1", page.split("## Status")[1]).strip().startswith(LINK.sub(r"\1", status)), name


def test_code_names_decisions_that_are_there():
    root = DECISIONS.parent.parent
    files = [path for folder in ("mtmsd_qgis", "algorithms", "benchmarks") for path in (root / folder).rglob("*.py")]
    named = {int(n) for path in files for n in re.findall(r"\bdecision (\d+)", path.read_text("utf-8"))}
    assert named
    assert named - {int(path.stem[:3]) for path in PAGES} == set()
