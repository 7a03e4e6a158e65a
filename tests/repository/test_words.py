# SPDX-License-Identifier: GPL-2.0-or-later
"""The words that the glossary has replaced stay out of code and guide."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
GLOSSARY = ROOT / "docs" / "glossary.md"
QUOTES = (GLOSSARY, Path(__file__), ROOT / "docs" / "ablations.md")  # the last has figures of earlier versions
CODE = ("mtmsd_qgis", "algorithms", "benchmarks", "scripts", "tests")
HEADING = "## Words we no longer use"
NAMES = ("Survey Methodology", r'json_name\("likeness"\)')  # a journal; a name in JSON that scripts read
# Where one word ends and the next begins inside an identifier: sceneKernel, SceneKernel, HTMLPage.
INSIDE_A_NAME = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def replaced_words():
    """The left column of the first table under the heading; the second one has ordinary words."""
    tables = GLOSSARY.read_text("utf-8").split(HEADING)[1].split("| old word | term |\n|---|---|\n")
    return [row.split("|")[1].strip() for row in tables[1].split("\n\n")[0].splitlines()]


def words_of(text):
    """Each word in lower case with the number of its line; identifiers count as the words they are made of."""
    return [
        (word.lower(), number)
        for number, line in enumerate(re.sub("|".join(NAMES), "", text).splitlines(), 1)
        for word in re.findall(r"[^\W\d_]+", INSIDE_A_NAME.sub(" ", line))
    ]


def found_in(text, phrases):
    """The phrases that stand in a text, as nouns or verbs, and their lines."""
    words = words_of(text)
    running = " ".join(word for word, _ in words)
    joined = "|".join(" ".join(word for word, _ in words_of(phrase)) for phrase in phrases)
    return [
        f"{words[running.count(' ', 0, match.start())][1]}: {match.group(1)}"
        for match in re.finditer(rf"\b({joined})(?:s|es|ed|ing)?\b", running)
    ]


def files():
    """Code and guide."""
    code = [path for folder in CODE for path in (ROOT / folder).rglob("*.py")]
    guide = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return sorted({ROOT / "plugin.py", *code, *guide} - set(QUOTES))


def test_code_and_guide_use_the_terms_of_the_glossary():
    phrases = replaced_words()
    found = [
        f"{name}:{place}"
        for name, text in ((path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in files())
        for place in found_in(text, phrases)
    ]
    assert found == []


def test_the_glossary_names_the_words_that_are_replaced():
    words = replaced_words()
    assert len(words) > 20
    assert {"likeness", "opinion", "places never seen"} < set(words)
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    "text",
    [
        "along likeness",
        "Opinions of pixels",
        "_LIKENESS = 0.15",
        "LIKENESSES = (0.15,)",
        "class OpinionMapper:",
        "def sceneKernel():",
        "neighbours that look\n# alike",
        "a far-reaching kernel",
        "the tiles surveyed",
    ],
)
def test_an_old_word_is_found_in_every_spelling(text):
    assert len(found_in(text, replaced_words())) == 1


@pytest.mark.parametrize("text", ["a likelihood", "unbent", "one look. again", "Survey Methodology 24", "a bender"])
def test_other_words_are_left_alone(text):
    assert found_in(text, ["likeness", "bent", "survey", "bend"]) == []
