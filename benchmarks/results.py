# SPDX-License-Identifier: GPL-2.0-or-later
"""The results file: one JSON document, written whole and renamed, so that a broken run leaves the last state.

- about: commits, versions, cores, day, the classifiers that were asked for; a note for the page, written by hand
  where the product has changed since
- scenes: "<scene>/<preset>" -> facts of the scene, and the seconds of pretraining and extraction
- runs: one entry for each scene, preset, split, seed, model seed and method. The model seed is what the diffusion model
  was trained with. A baseline needs no model: its entries are those of model seed 0, and so are all entries of a file
  that was written before there were several trainings.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KEY = ("scene", "preset", "split", "seed", "model_seed", "method")

Document = dict[str, Any]


class Results:
    """The document and its file."""

    def __init__(self, path: Path, document: Document) -> None:
        """Store both; entries that failed are dropped, so that they are tried again."""
        self.path = path
        self.document = document
        document["runs"] = [run for run in document["runs"] if "error" not in run]

    @classmethod
    def open(cls, path: Path, *, resume: bool) -> Results:
        """Empty, or what the file holds."""
        if resume and path.is_file():
            return cls(path, read(path))
        return cls(path, {"about": {}, "scenes": {}, "runs": []})

    def about(self, facts: Mapping[str, Any]) -> None:
        """Say in which circumstances it was measured; a resumed run names all its commits and keeps the note."""
        before = self.document["about"]
        merged = {key: list(dict.fromkeys([*before.get(key, []), *facts[key]])) for key in ("commits", "classifiers")}
        note = {"note": before["note"]} if "note" in before else {}
        self.document["about"] = {**facts, **merged, **note}

    def scene(self, name: str, preset: str, facts: Mapping[str, Any], features: Mapping[str, Any]) -> None:
        """Say what a scene is and what its features took."""
        self.document["scenes"][f"{name}/{preset}"] = {**facts, **features}

    def has(self, **key: str | int) -> bool:
        """Whether there is such an entry."""
        return any(all(run[part] == key[part] for part in KEY) for run in self.document["runs"])

    def add(self, key: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
        """Add an entry."""
        self.document["runs"].append({**key, **entry})

    def write(self) -> None:
        """Write the document."""
        self.path.absolute().parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(self.path.name + ".partial")
        partial.write_text(as_json(self.document), encoding="utf-8")
        os.replace(partial, self.path)


def read(path: Path) -> Document:
    """The document of a file."""
    document: Document = json.loads(path.read_text(encoding="utf-8"))
    if "runs" in document:
        document["runs"] = [{"model_seed": 0, **run} for run in document["runs"]]
    return document


def as_json(document: Document) -> str:
    """The document as JSON with one line for each run, whose figures have six decimals."""
    runs = ",\n".join("  " + json.dumps(_rounded(run), ensure_ascii=False) for run in document["runs"])
    rest = {key: value for key, value in document.items() if key != "runs"}
    head = json.dumps(rest, indent=1, ensure_ascii=False)[:-2]
    return f'{head},\n "runs": [\n{runs}\n ]\n}}\n'


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


def circumstances(classifiers: Sequence[str]) -> Document:
    """Commit, versions, machine and day; nothing that names a place or a person."""
    versions = {name: importlib.metadata.version(name) for name in ("torch", "numpy", "scipy", "scikit-learn")}
    return {
        "commits": [commit()],
        "day": datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat(),
        "versions": {"python": platform.python_version(), **versions},
        "cores": os.cpu_count(),
        "classifiers": list(classifiers),
    }


def commit() -> str | None:
    """Short hash of the commit, with a plus where files differ from it; None without git."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        # The page and its plots are what the run before this one wrote.
        changed = git("status", "--porcelain", "--", "mtmsd_qgis", "benchmarks", "algorithms")
        return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def page_options(description: str | None) -> tuple[Document, Path]:
    """What a page is made from: the document named on the command line, and the folder of the docs."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder of the page; default docs")
    options = parser.parse_args()
    return read(options.results), options.docs
