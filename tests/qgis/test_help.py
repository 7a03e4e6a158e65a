# SPDX-License-Identifier: GPL-2.0-or-later
"""Help of every algorithm: beside its dialog, in qgis_process, and on the page that the Help button opens."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from harness import ROOT
from qgis.core import QgsApplication

TAG = re.compile(r"</?[a-zA-Z][^>]*>")


@pytest.fixture
def algorithms():
    return QgsApplication.processingRegistry().providerById("mtmsd").algorithms()


def test_every_algorithm_and_parameter_is_explained(algorithms):
    assert [item.name() for item in algorithms if len(item.shortHelpString()) < 100] == []
    silent = [f"{item.name()} {p.name()}" for item in algorithms for p in item.parameterDefinitions() if not p.help()]
    assert silent == []


def test_the_panel_beside_the_dialog_explains_what_the_dialog_asks(algorithms):
    for item in algorithms:
        panel = item.shortHelpString()
        missing = [
            p.description() for p in item.parameterDefinitions() if p.help() and f"<b>{p.description()}" not in panel
        ]
        assert (item.name(), missing) == (item.name(), [])
        assert "\n" not in panel  # the dialog would make a paragraph of each line, within tags


def test_every_icon_is_there(algorithms):
    assert [item.name() for item in algorithms if not Path(item.svgIconPath()).is_file()] == []


def test_help_button_opens_a_page_that_names_every_parameter_and_output(algorithms):
    guide = re.search(r'^guide = "(https://.+/)"$', (ROOT / "maintainer.toml").read_text("utf-8"), re.MULTILINE)[1]
    for item in algorithms:
        assert item.helpUrl().startswith(guide)
        page = (ROOT / "docs" / item.helpUrl().removeprefix(guide)).read_text("utf-8")
        assert f"`mtmsd:{item.name()}`" in page
        names = {p.name() for p in item.parameterDefinitions()} | {o.name() for o in item.outputDefinitions()}
        named = set(re.findall(r"\b[A-Z][A-Z_]+\b", page))
        assert (item.name(), {name.split(":")[-1] for name in names} - named) == (item.name(), set())


def test_the_guide_says_which_outputs_are_written_where_nothing_is_asked_for(algorithms):
    for item in algorithms:
        page = (ROOT / "docs" / f"{item.name()}.md").read_text("utf-8")
        for name, default in re.findall(r"^\| `([A-Z_]+)` \|.*\| ([^|]*) \|$", page, re.MULTILINE):
            output = item.parameterDefinition(name)
            if output is not None and output.isDestination():
                found = item.name(), name, default == "not written"
                assert found == (item.name(), name, not output.createByDefault())


def test_the_guide_says_what_the_dialog_hides_as_advanced(algorithms):
    """In rows of a single parameter; the dialog shows the advanced ones on request."""
    for item in algorithms:
        page = (ROOT / "docs" / f"{item.name()}.md").read_text("utf-8")
        for name, row in re.findall(r"^\| `([A-Z_]+)`( .*)$", page, re.MULTILINE):
            definition = item.parameterDefinition(name)
            if definition is not None and "`" not in row.split("|")[0]:
                hidden = bool(definition.flags() & definition.Flag.FlagAdvanced)
                assert (item.name(), name, "dvanced" in row) == (item.name(), name, hidden)


def test_help_outside_the_desktop_is_plain_text(algorithms, monkeypatch):
    from mtmsd.algorithms.base import help_text

    monkeypatch.setattr(help_text, "QgsApplication", SimpleNamespace(platform=lambda: "qgis_process"))
    for item in algorithms:
        about = item.shortHelpString()
        assert len(about) > 100, item.id()
        texts = [about, *(p.help() for p in item.parameterDefinitions())]
        assert (item.id(), [text for text in texts if TAG.search(text)]) == (item.id(), [])


@pytest.mark.parametrize("name", ["mapscene", "scenetoclassmap"])
def test_qgis_process_prints_help_without_tags(algorithms, qgis_process, name):
    """Of an algorithm and of a shipped model; each start of qgis_process takes seconds."""
    (item,) = [item for item in algorithms if item.name() == name]
    printed = qgis_process("help", item.id()).stdout.split("\nOutputs\n")[0]  # there QGIS itself writes <outputHtml>
    description = printed.split("Description")[1].split("Arguments")[0].strip("-\n ")
    assert len(description) > 100
    assert TAG.findall(printed) == []
    assert [p.name() for p in item.parameterDefinitions() if p.help() and p.help() not in printed] == []
