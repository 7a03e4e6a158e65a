# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds our Qt and QGIS names against Qt 6, so that one source runs in QGIS 3.22 to 4.

    python check_qt_names.py STUBS [FILE_OR_FOLDER...]

STUBS is the folder PyQt6 with its .pyi files; nothing of Qt is imported. Exit status 1 where a name is not there, an
enum value is not written out (Qt.AlignLeft for Qt.AlignmentFlag.AlignLeft), or a relic of Qt 4 and 5 is used. A line
that ends in "# Qt 5" is left out: code that no QGIS with Qt 6 reaches. Of QGIS's own names, which have no stubs, only
the form is looked at; tests/qgis/test_qgis_names.py looks them up in a real QGIS. Runs in any Python 3.9.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ("__init__.py", "plugin.py", "algorithms", "scripts", "benchmarks", "tests/qgis")
ONLY_QT5 = "# Qt 5"
# Gone, or with another meaning, in PyQt6 -> what does on both.
RELICS = {
    "exec_": "exec",
    "print_": "print",
    "QRegExp": "QRegularExpression",
    "QDesktopWidget": "QScreen",
    "QStringList": "list",
    "resources_rc": "a path to the file",
    "pyqtWrapperType": "sip.wrappertype",
}
# Constants of QGIS's classes that are no enum values.
_CONSTANTS = ("QGIS_VERSION", "QGIS_VERSION_INT", "QGIS_RELEASE_NAME")

Found = Iterator[tuple[int, str]]  # line, complaint


class Stubs:
    """The names of PyQt6, read from its stubs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cache  # noqa: B019 - one object a run
    def module(self, name: str) -> dict[str, ast.stmt] | None:
        """Its names, or None where there is no such module."""
        path = self.folder / f"{name}.pyi"
        if not path.is_file():
            return None
        # Some stubs have the mark of positional arguments at a place where Python allows none.
        return _names_in(ast.parse(path.read_text("utf-8").replace(", /)", ")")).body)

    def complaint(self, module: str, chain: Sequence[str]) -> str:
        """What is wrong with module.chain[0].chain[1] and so on; empty where nothing is."""
        names = self.module(module)
        if names is None:
            return f"there is no module {module} in PyQt6"
        owner = names.get(chain[0])
        if owner is None:
            return f"{module} has no {chain[0]} in PyQt6"
        for depth, name in enumerate(chain[1:], 1):
            if not isinstance(owner, ast.ClassDef):
                return ""  # the attribute of a value or of a method's answer
            found = self.attribute(owner, module, name)
            if found is None:
                return f"{'.'.join(chain[:depth])} has no {name} in PyQt6{_advice(owner, chain[:depth], name)}"
            owner = found
        return ""

    def attribute(self, owner: ast.ClassDef, module: str, name: str) -> ast.stmt | None:
        """What a class or one of its bases has under a name."""
        own = _names_in(owner.body)
        if name in own:
            return own[name]
        for base in owner.bases:
            *place, title = ast.unparse(base).split(".")
            if place == ["enum"]:
                return owner if name in ("name", "value") else None
            home = place[-1] if place else module
            parent = (self.module(home) or {}).get(title)
            found = self.attribute(parent, home, name) if isinstance(parent, ast.ClassDef) else None
            if found is not None:
                return found
        return None


class Source:
    """One of our files."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text("utf-8")
        self.tree = ast.parse(self.text)

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Name here -> module and name there, of all that comes from qgis.PyQt and from QGIS itself."""
        return {
            alias.asname or alias.name: (node.module, alias.name)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("qgis.")
            for alias in node.names
        }

    @cached_property
    def chains(self) -> list[tuple[int, list[str], ast.AST]]:
        """Line, names and parent of each longest chain name.name.name."""
        parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.Attribute, ast.Name)) and not isinstance(parents.get(node), ast.Attribute):
                names = _chain(node)
                if names:
                    found.append((node.lineno, names, parents[node]))
        return found

    @property
    def only_qt5(self) -> set[int]:
        """Lines that no QGIS with Qt 6 reaches."""
        return {number for number, line in enumerate(self.text.splitlines(), 1) if line.rstrip().endswith(ONLY_QT5)}


def main() -> int:
    """Look at the files; 1 where something was found."""
    stubs = Stubs(Path(sys.argv[1]))
    if stubs.module("QtCore") is None:
        print(f"No stubs of PyQt6 in {stubs.folder}.", file=sys.stderr)
        return 2
    places = [Path(name) for name in sys.argv[2:]] or [ROOT / name for name in OURS]
    files = sorted(file for place in places for file in ([place] if place.is_file() else place.rglob("*.py")))
    count = 0
    for file in files:
        for line, complaint in complaints(Source(file), stubs):
            print(f"{file}:{line}: {complaint}")
            count += 1
    print(f"{len(files)} files held against PyQt6: {count or 'no'} complaints")
    return 1 if count else 0


def complaints(source: Source, stubs: Stubs) -> list[tuple[int, str]]:
    """All that is wrong in a file, by line."""
    found = [*_of_imports(source, stubs), *_of_chains(source, stubs), *_of_relics(source)]
    return sorted(entry for entry in set(found) if entry[0] not in source.only_qt5)


def _of_imports(source: Source, stubs: Stubs) -> Found:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module or ""]
        else:
            continue
        for module in modules:
            if module.split(".")[0] in ("PyQt5", "PyQt6", "PySide2", "PySide6"):
                yield node.lineno, f"{module}: import from qgis.PyQt, which is Qt 5 or Qt 6 as QGIS is"
            if module.startswith("qgis.PyQt.") and isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    trouble = stubs.complaint(module.removeprefix("qgis.PyQt."), [alias.name])
                    if trouble:
                        yield node.lineno, trouble


def _of_chains(source: Source, stubs: Stubs) -> Found:
    for line, (first, *rest), parent in source.chains:
        module, name = source.imports.get(first, ("", ""))
        if module == "qgis.PyQt":  # a module under its own name, such as sip
            trouble = stubs.complaint(name, rest) if rest else ""
        elif module.startswith("qgis.PyQt."):
            trouble = stubs.complaint(module.removeprefix("qgis.PyQt."), [name, *rest])
        elif module in ("qgis.core", "qgis.gui", "qgis.analysis"):
            trouble = _unscoped([name, *rest], parent)
        else:
            continue
        if trouble:
            yield line, trouble


def _unscoped(chain: list[str], parent: ast.AST) -> str:
    """QgsClass.Value, used as a value, where QgsClass.Enum.Value is due."""
    if len(chain) != 2 or not chain[1][0].isupper() or chain[1] in _CONSTANTS or _is_class_at(parent, chain):
        return ""
    return f"{'.'.join(chain)} looks like an enum value without its enum: QGIS 4 wants {chain[0]}.<Enum>.{chain[1]}"


def _is_class_at(parent: ast.AST, chain: Sequence[str]) -> bool:
    """Whether the place asks for a class: what is called or looked into, given a short name, or an annotation."""
    if isinstance(parent, ast.AnnAssign):
        return ast.unparse(parent.annotation) == ".".join(chain)
    if isinstance(parent, ast.Call):
        return ast.unparse(parent.func) in (".".join(chain), "getattr", "hasattr", "isinstance")
    return isinstance(parent, (ast.Assign, ast.arg, ast.FunctionDef))


def _of_relics(source: Source) -> Found:
    for line, chain, parent in source.chains:
        for name in chain:
            if name in RELICS:
                yield line, f"{name} is not in PyQt6; use {RELICS[name]}"
        if chain == ["QVariant"] and isinstance(parent, ast.Call) and ast.unparse(parent.func) == "QVariant":
            yield line, "QVariant() is no null value in PyQt6; use NULL of qgis.core"


def _names_in(body: Sequence[ast.stmt]) -> dict[str, ast.stmt]:
    names: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names[node.name] = node
        elif isinstance(node, ast.Assign):
            names.update({target.id: node for target in node.targets if isinstance(target, ast.Name)})
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names[node.target.id] = node
    return names


def _advice(owner: ast.ClassDef, place: Sequence[str], name: str) -> str:
    """Which enum of the class has the value."""
    for nested in owner.body:
        if isinstance(nested, ast.ClassDef) and name in _names_in(nested.body):
            return f"; write {'.'.join([*place, nested.name, name])}"
    return ""


def _chain(node: ast.AST) -> list[str]:
    """The names of a chain, first to last; empty where it begins with something else than a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


if __name__ == "__main__":
    sys.exit(main())
