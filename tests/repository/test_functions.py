# SPDX-License-Identifier: GPL-2.0-or-later
"""What keeps the code small: arguments, assertions, and the lines and models of the default classifier."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mtmsd_qgis.classification.auto.model_library import CONTEXTUAL, INTERPOLATION, OVERLAPPING

ROOT = Path(__file__).parent.parent.parent
SHIPPED = ("mtmsd_qgis", "algorithms")
MOST_ARGUMENTS = 5


def functions_above(source: str, most: int = MOST_ARGUMENTS) -> list[str]:
    """Names of the functions with more arguments; self and cls do not count."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            if len([argument for argument in arguments if argument.arg not in ("self", "cls")]) > most:
                names.append(node.name)
    return names


def assertions(source: str) -> list[int]:
    """Lines of assert statements."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]


def sources() -> dict[str, str]:
    """Path from the repository root -> text of each shipped module."""
    paths = [path for folder in SHIPPED for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


def test_no_function_takes_more_than_five_arguments():
    above = [f"{path}: {name}" for path, source in sources().items() for name in functions_above(source)]
    assert above == []


def test_shipped_code_asserts_nothing():
    """python -O leaves asserts out, and a user who meets one reads nothing that helps."""
    asserted = [f"{path}:{line}" for path, source in sources().items() for line in assertions(source)]
    assert asserted == []


def test_the_default_classifier_stays_small():
    """With its feature sets and its filter: 1 500 lines and 12 models (decision 32)."""
    parts = ("mtmsd_qgis/classification/auto/", "mtmsd_qgis/classification/context/")
    assert sum(len(source.splitlines()) for path, source in sources().items() if path.startswith(parts)) <= 1500
    assert len({*INTERPOLATION, *CONTEXTUAL, *OVERLAPPING}) <= 12


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(a, b, c, d, e): pass", []),
        ("def f(a, b, c, *, d, e, g): pass", ["f"]),
        ("class A:\n    def f(self, a, b, c, d, e): pass", []),
        ("async def f(a, b, c, /, d, e, g): pass", ["f"]),
        ("def f():\n    def g(a, b, c, d, e, h): pass", ["g"]),
    ],
)
def test_arguments_are_counted(source, names):
    assert functions_above(source) == names


def test_an_assertion_is_found():
    assert assertions("x = 1\nif x:\n    assert x") == [3]
