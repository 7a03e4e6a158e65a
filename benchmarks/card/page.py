# SPDX-License-Identifier: GPL-2.0-or-later
"""What gpu.json says, as Markdown: goals, then the figures of each part. Used for gpu.md and for docs/performance.md.

Enters: the document of run.py, or none. Leaves: lines of Markdown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]

NONE_RUN = (
    "No CUDA path of this version has been run on a card yet: neither its speed nor its memory, nor that it gives the "
    "processor's map, has been measured. `python scripts/gpu_check.py --out FOLDER` does so in under seven minutes; it "
    "needs a Python with torch, numpy and scipy."
)
TITLES = {
    "machine": "What was checked",
    "tests": "Tests that need a card",
    "same_map": "The processor's features and map",
    "extraction": "Extraction beside the bare network",
    "rate": "Share of the rate of multiplication",
    "training": "A stretch of pretraining",
    "plan": "Memory as planned",
    "fallback": "Too little memory",
    "indian_pines": "From scene to map",
    "compiled": "torch.compile and CUDA graphs",
}
_REACHED = {True: "reached", False: "**missed**"}


def page(document: Document) -> str:
    """The whole page."""
    return "\n\n".join(["# Check of a graphics card", *sections(document, "##")]) + "\n"


def sections(document: Document | None, heading: str) -> list[str]:
    """The check as paragraphs, with headings of a level; one sentence where no card has been checked."""
    if document is None:
        return [NONE_RUN]
    machine = document["parts"].get("machine", {}).get("figures", {})
    where = machine.get("device") or document["device"]
    about = f"{where}, torch {machine.get('torch', '?')}, {document['day']}, {document['seconds']:.0f} s."
    short = " A short run, to see that all parts work: its figures say nothing of speed." if document["short"] else ""
    return [about + short, *_goals(document["parts"]), *(text for part in _parts(document, heading) for text in part)]


def _goals(parts: Mapping[str, Document]) -> list[str]:
    rows = [goal for part in parts.values() for goal in part.get("goals", [])]
    if not rows:
        return []
    lines = [f"| {row['what']} | {row['measured']:.4g} | {_REACHED[row['reached']]} |" for row in rows]
    return ["\n".join(["| goal | measured |  |", "| --- | --- | --- |", *lines])]


def _parts(document: Document, heading: str) -> Iterator[list[str]]:
    for name, part in document["parts"].items():
        texts = [f"{heading} {TITLES[name]}"]
        if part["status"] != "done":
            texts.append(f"{part['status'].capitalize()}: {part['reason']}")
        if part.get("figures"):
            rows = [f"| {key} | {value} |" for key, value in _flat(part["figures"])]
            texts.append("\n".join(["| figure | value |", "| --- | --- |", *rows]))
        yield [*texts, *part.get("notes", [])]


def _flat(figures: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in figures.items():
        name = f"{before}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}, ")
        else:
            yield name, f"{value:.5g}" if isinstance(value, float) else str(value)
