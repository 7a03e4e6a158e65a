# SPDX-License-Identifier: GPL-2.0-or-later
"""The translations are complete and in step with the sources, and the check of that can fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import translations


def test_template_has_every_text_of_the_sources():
    assert translations.template_faults() == [], "run make translate"


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_translation_is_complete(language):
    assert translations.faults(language) == [], "run make translate, and translate what is new"
    path = translations.PLACE / f"mtmsd_{language}.ts"
    assert "unfinished" not in path.read_text("utf-8")
    assert path.with_suffix(".qm").stat().st_size > 10_000


def test_texts_are_found_in_calls_of_tr(tmp_path):
    file = tmp_path / "a.py"
    file.write_text('x = self.tr("One " "text {n}").format(n=1)\ny = tr(name)\nz = translatable("Two"); no("no")')
    assert list(translations.texts_in(file)) == ["One text {n}", "Two"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(translations, "PLACE", tmp_path)
    monkeypatch.setattr(translations, "texts", lambda: ["Raster", "Maps of {scene}", "Files (*.mat)"])
    return tmp_path


def test_files_are_read_as_they_were_written(place):
    entries = {'A < B & "C"': "Ä", "empty": ""}
    translations.write(place / "x.ts", "de", entries)
    assert translations.read(place / "x.ts") == entries
    assert 'type="unfinished"' in (place / "x.ts").read_text("utf-8")


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"Raster": "Raster", "Maps of {scene}": "Karten von {scene}", "Files (*.mat)": "Dateien (*.mat)"}, []),
        (
            {"Raster": "", "Maps of {scene}": "Karten von {scene}", "Files (*.mat)": "Dateien (*.mat)"},
            ["lacks: Raster"],
        ),
        ({"Raster": "Raster", "Maps of {scene}": "Karten von {szene}", "Files (*.mat)": "D (*.mat)"}, ["placeholders"]),
        ({"Raster": "Raster", "Maps of {scene}": "K {scene}", "Files (*.mat)": "Dateien (*.csv)"}, ["placeholders"]),
        (
            {"Raster": "R", "Maps of {scene}": "K {scene}", "Files (*.mat)": "D (*.mat)", "Gone": "Weg"},
            ["in no source: Gone"],
        ),
    ],
)
def test_what_is_wrong_with_a_translation_is_named(place, entries, expected):
    translations.write(place / "mtmsd_de.ts", "de", entries)
    found = translations.faults("de")
    assert len(found) == len(expected)
    assert all(part in fault for part, fault in zip(expected, found))
