# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeps i18n/*.ts in step with the texts in the sources: new texts come in as unfinished, those that are gone go.

    python translations.py [--check]

The plugin's texts have one context, "Mtmsd", whatever the class, so that a base class can translate for its children;
pylupdate would take the class's name for it. So the texts are read here, with Python's own parser. lrelease makes .qm
files of the result (scripts/translate.sh). Runs in any Python 3.9.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "i18n"
CONTEXT = "Mtmsd"
LANGUAGES = ("de",)
_FUNCTIONS = ("tr", "translatable")


def main() -> int:
    """Update the files, or say what is missing; 1 where --check finds something."""
    if "--check" not in sys.argv[1:]:
        PLACE.mkdir(exist_ok=True)
        write(PLACE / "mtmsd.ts", "", {text: "" for text in texts()})
        for language in LANGUAGES:
            path = PLACE / f"mtmsd_{language}.ts"
            known = read(path)
            write(path, language, {text: known.get(text, "") for text in texts()})
    found = [*template_faults(), *(fault for language in LANGUAGES for fault in faults(language))]
    print("\n".join(found) or f"{len(texts())} texts, translated to {', '.join(LANGUAGES)}")
    return 1 if found and "--check" in sys.argv[1:] else 0


def texts() -> list[str]:
    """All texts of the sources, each once, in the order of files and lines."""
    found = dict.fromkeys(text for path in sorted((ROOT / "algorithms").rglob("*.py")) for text in texts_in(path))
    return list(found)


def texts_in(path: Path) -> Iterator[str]:
    """What a file has translated."""
    tree = ast.parse(path.read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node.func) in _FUNCTIONS]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        if isinstance(call.args[0], ast.Constant):  # others are marked as translatable where they are written
            yield str(call.args[0].value)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def read(path: Path) -> dict[str, str]:
    """Text -> translation, empty where there is none yet."""
    if not path.is_file():
        return {}
    messages = ElementTree.parse(path).getroot().iter("message")
    return {message.findtext("source") or "": message.findtext("translation") or "" for message in messages}


def write(path: Path, language: str, translations: dict[str, str]) -> None:
    """A .ts file; without a language it is the template."""
    root = ElementTree.Element("TS", {"version": "2.1", **({"language": language} if language else {})})
    context = ElementTree.SubElement(root, "context")
    ElementTree.SubElement(context, "name").text = CONTEXT
    for text, translation in translations.items():
        message = ElementTree.SubElement(context, "message")
        ElementTree.SubElement(message, "source").text = text
        unfinished = {} if translation else {"type": "unfinished"}
        ElementTree.SubElement(message, "translation", unfinished).text = translation or None
    ElementTree.indent(root, " " * 4)
    body = ElementTree.tostring(root, "unicode", short_empty_elements=False)
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{body}\n', encoding="utf-8")


def template_faults() -> list[str]:
    """What the template lacks, or has too much."""
    template, here = set(read(PLACE / "mtmsd.ts")), set(texts())
    return [f"mtmsd.ts is not in step with the sources: {text[:60]}" for text in sorted(template ^ here)]


def faults(language: str) -> list[str]:
    """What a translation lacks."""
    name, known, here = f"mtmsd_{language}.ts", read(PLACE / f"mtmsd_{language}.ts"), texts()
    missing = [f"{name} lacks: {text[:60]}" for text in here if not known.get(text)]
    extra = [f"{name} has what is in no source: {text[:60]}" for text in known if text not in here]
    other = [
        f"{name} keeps not the same names, numbers or placeholders: {text[:60]}"
        for text, translation in known.items()
        if translation and fixed_parts(text) != fixed_parts(translation)
    ]
    return missing + extra + other


def fixed_parts(text: str) -> list[str]:
    """What no translation may change: placeholders, names of parameters and programs, file filters."""
    return sorted(re.findall(r"\{\w*\}|%\d|\*\.\w+|\b[A-Z]{2,}_[A-Z_]+\b|mtmsd:\w+", text))


if __name__ == "__main__":
    sys.exit(main())
