# SPDX-License-Identifier: GPL-2.0-or-later
"""What QGIS and its plugin site read before any of our code runs: metadata, licence, drawings, models."""

from __future__ import annotations

import configparser
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Without one of these the plugin site refuses the package.
REQUIRED = (
    "name",
    "description",
    "version",
    "qgisMinimumVersion",
    "author",
    "email",
    "about",
    "tracker",
    "repository",
)
XML_FILES = sorted([*(ROOT / "icons").rglob("*.svg"), *(ROOT / "models").rglob("*.model3")])


@pytest.fixture
def metadata():
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(ROOT / "metadata.txt", encoding="utf-8")
    return parser["general"]


def test_metadata_has_what_the_plugin_site_requires(metadata):
    assert [key for key in REQUIRED if not metadata.get(key, "").strip()] == []


def test_metadata_declares_the_processing_provider_and_its_versions(metadata):
    assert metadata["hasProcessingProvider"] == "yes"
    assert metadata["qgisMinimumVersion"] == "3.22"
    assert metadata["qgisMaximumVersion"] == "4.99"


def test_metadata_names_an_icon_that_is_there(metadata):
    assert (ROOT / metadata["icon"]).is_file()


def test_metadata_and_changelog_agree_on_the_version(metadata):
    headings = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert metadata["version"] == headings[0]


def test_licence_is_where_the_plugin_site_looks():
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "LICENSE").read_text("utf-8")


@pytest.mark.parametrize("path", XML_FILES, ids=lambda path: path.name)
def test_drawing_or_model_is_well_formed(path):
    assert ElementTree.parse(path).getroot().tag.endswith(("svg", "Option"))


def test_there_are_drawings():
    assert any(path.suffix == ".svg" for path in XML_FILES)


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_links_between_our_pages_lead_somewhere(path):
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", path.read_text("utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def anchors(page):
    """What a link can name in a page: its headings as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_links_to_a_heading_lead_to_one(path):
    links = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", path.read_text("utf-8"))
    assert [f"{page}#{name}" for page, name in links if name not in anchors(path.parent / page if page else path)] == []


def test_every_picture_of_the_guide_is_small_and_shown():
    pictures = sorted((ROOT / "docs" / "pictures").glob("*"))
    shown = "".join(page.read_text("utf-8") for page in (ROOT / "docs").rglob("*.md"))
    assert [path.name for path in pictures if f"(pictures/{path.name})" not in shown] == []
    assert [path.name for path in pictures if path.stat().st_size > 60_000 or path.suffix != ".png"] == []


def test_the_comparison_names_tests_that_are_there():
    page = (ROOT / "docs" / "comparison.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]*?) ?\| ([^|]*?) ?\|$", page, re.M)
    rows = [row for row in rows if set(row[0]) != {"-"}]
    assert len(rows) > 50
    for feature, ours, shown_by, _ in rows:
        if not shown_by:
            assert ours.startswith("**no**"), feature
            continue
        file, test = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", shown_by).groups()
        assert f"\ndef {test}(" in (ROOT / file).read_text("utf-8"), shown_by


def architecture_rows():
    """Each line of the architecture page as the words that it sets as code."""
    text = re.sub(r"```.*?```", "", (ROOT / "docs" / "architecture.md").read_text("utf-8"), flags=re.DOTALL)
    return [spans for line in text.splitlines() if (spans := re.findall(r"`([^`]+)`", line))]


def named_path(span):
    """The file or folder that a word of the page names, as seen from the root or one of the two sides."""
    places = [ROOT, ROOT / "mtmsd_qgis", ROOT / "algorithms", ROOT / "algorithms" / "bridge"]
    return next((place / span for place in places if (place / span).exists()), None)


def test_the_architecture_page_names_files_that_are_there():
    paths = [span for spans in architecture_rows() for span in spans if "/" in span and "<" not in span]
    assert len(paths) > 40
    assert [span for span in paths if named_path(span) is None] == []


@pytest.mark.parametrize("name", ["FeatureExtractor.tile_grids", "predict_map", "wilson_interval"])
def test_the_architecture_page_names_functions_of_the_file_beside_them(name):
    file, *functions = next(spans for spans in architecture_rows() if name in spans)
    source = (ROOT / file).read_text("utf-8")
    functions = [function for function in functions if not function.endswith(".py")]
    assert [function for function in functions if f"def {function.split('.')[-1]}(" not in source] == []
