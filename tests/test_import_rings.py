# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may import whom. The rings keep torch out of QGIS and QGIS out of the core."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = "mtmsd_qgis"
# Dotted names of the folders of the core: what is imported from them is a module.
FOLDERS = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / CORE).rglob("*.py")}

# Which packages of the core a package may use; errors and progress are everybody's. docs/architecture.md draws it.
DATA = {"runtime", "jobs", "io", "sampling"}
PACKAGES = {
    "runtime": set(),
    "jobs": set(),
    "io": {"runtime", "jobs"},
    "sampling": {"jobs"},
    "accuracy": {"io", "jobs", "sampling"},
    "report": {"jobs", "sampling", "io", "accuracy"},
    "transfer": DATA,
    "diffusion": DATA,
    "features": DATA | {"diffusion"},
    "classification": DATA | {"accuracy", "diffusion", "features"},
    "campaign": DATA,
    "tasks": DATA | {"accuracy", "report", "transfer", "diffusion", "features", "classification", "campaign"},
}
WORDS = {"errors", "progress"}
WITH_TORCH = {"diffusion", "features", "classification", "tasks"}
FOR_QGIS = {"jobs", "io", "sampling", "accuracy", "report", "transfer", "campaign"} | WORDS
ARRAYS = {"numpy", "scipy"}
# The worker's entry sets standard output aside before anything else may print: the rest only inside a function, torch
# where it is asked for its version and devices.
WORKER_MAY = {"jobs", "errors"}
WORKER_MAY_LATER = WORKER_MAY | {"runtime", "tasks", "campaign"}


@dataclass(frozen=True)
class Import:
    """One imported module: where, its dotted name as seen from the repository root, and how it is imported."""

    line: int
    name: str
    relative: bool
    top_level: bool


def imports_of(source: str, package: str) -> list[Import]:
    """Every import of a module that lies in the package (dotted, from the repository root; "" is the root)."""
    found: list[Import] = []

    def visit(node: ast.AST, top_level: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend(Import(child.lineno, alias.name, False, top_level) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                found.extend(
                    Import(child.lineno, name, child.level > 0, top_level) for name in _targets(child, package)
                )
            else:
                visit(child, top_level and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))

    visit(ast.parse(source), True)
    return found


def _targets(node: ast.ImportFrom, package: str) -> list[str]:
    if node.level == 0:
        return [node.module or ""]
    parts = package.split(".") if package else []
    base = parts[: len(parts) - node.level + 1] + ([node.module] if node.module else [])
    # "from ..io import cube" names a module of a package, "from ..io.cube import Cube" a name of a module.
    names_modules = node.module is None or ".".join(base) in FOLDERS
    return [".".join([*base, alias.name]) for alias in node.names] if names_modules else [".".join(base)]


def core_violations(module: str, source: str) -> list[str]:
    """What a module of the core, such as "io.cube", imports against the table."""
    package = module.split(".")[0]
    libraries = ARRAYS | {"torch"} if package in WITH_TORCH else ARRAYS
    found = []
    for entry in imports_of(source, ".".join([CORE, *module.split(".")[:-1]])):
        top, *inner = entry.name.split(".")
        if top == CORE:
            allowed = entry.relative and _core_may(package, inner[0] if inner else "", entry.top_level)
        else:
            asked = package == "worker" and not entry.top_level and top == "torch"
            known = package in PACKAGES and top in libraries
            allowed = asked or top in sys.stdlib_module_names or known
        if not allowed:
            found.append(f"{CORE}/{module}:{entry.line}: {entry.name}")
    return found


def _core_may(package: str, target: str, top_level: bool) -> bool:
    if package == "worker":
        return target in (WORKER_MAY if top_level else WORKER_MAY_LATER)
    return package in PACKAGES and target in PACKAGES[package] | WORDS | {package}


def plugin_violations(path: Path, source: str) -> list[str]:
    """What a file of the QGIS side imports against the rings. The path is relative to the repository root."""
    package = ".".join(path.parent.parts)
    in_bridge = path.parts[:2] == ("algorithms", "bridge")
    libraries = {"qgis", "processing", "numpy"} | ({"osgeo"} if in_bridge else set())
    found = []
    for entry in imports_of(source, package):
        parts = entry.name.split(".")
        if parts[0] == CORE:
            allowed = entry.relative and len(parts) > 1 and parts[1] in FOR_QGIS
        elif entry.relative:
            allowed = True
        else:
            allowed = parts[0] in sys.stdlib_module_names or parts[0] in libraries
        if not allowed:
            found.append(f"{path}:{entry.line}: {entry.name}")
    return found


def plugin_files() -> list[Path]:
    """The files that QGIS imports, relative to the repository root."""
    files = [ROOT / "__init__.py", ROOT / "plugin.py", *sorted((ROOT / "algorithms").rglob("*.py"))]
    return [path.relative_to(ROOT) for path in files if path.exists()]


def core_sources() -> dict[str, str]:
    """Dotted name of each module inside the core -> its text."""
    paths = [path for path in sorted((ROOT / CORE).rglob("*.py")) if path.name != "__init__.py"]
    return {".".join(path.relative_to(ROOT / CORE).with_suffix("").parts): path.read_text("utf-8") for path in paths}


def core_targets(module: str, source: str) -> set[str]:
    """The modules of the core that a module of the core imports."""
    imports = imports_of(source, ".".join([CORE, *module.split(".")[:-1]]))
    return {entry.name.partition(".")[2] for entry in imports if entry.relative} - {module}


def test_core_keeps_to_its_rings():
    violations = [v for module, source in core_sources().items() for v in core_violations(module, source)]
    assert violations == []


def test_every_core_module_lies_in_a_package_of_the_table():
    packages = {module.split(".")[0] for module in core_sources()}
    assert packages - set(PACKAGES) - WORDS - {"worker"} == set()


def test_the_architecture_page_shows_this_table():
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\w, –]+) \| (yes|no) \| (yes|no) \|$", page, re.MULTILINE)
    assert {package: set(re.findall(r"\w+", below)) for package, below, _, _ in rows} == PACKAGES
    assert {package for package, _, torch, _ in rows if torch == "yes"} == WITH_TORCH
    assert {package for package, _, _, qgis in rows if qgis == "yes"} == FOR_QGIS - WORDS


def test_the_packages_stand_on_each_other_without_a_cycle():
    waiting = dict(PACKAGES)
    while ready := {package for package, below in waiting.items() if not below & set(waiting)}:
        waiting = {package: below for package, below in waiting.items() if package not in ready}
    assert waiting == {}


def test_no_folder_of_the_core_is_crowded():
    counts = {folder: len(list((ROOT / folder.replace(".", "/")).glob("*.py"))) for folder in FOLDERS}
    assert {folder: count for folder, count in counts.items() if count > 15} == {}  # 14 modules and __init__


def test_core_has_no_import_cycles():
    sources = core_sources()
    waiting = {module: core_targets(module, source) & set(sources) for module, source in sources.items()}
    while ready := {module for module, targets in waiting.items() if not targets & set(waiting)}:
        waiting = {module: targets for module, targets in waiting.items() if module not in ready}
    assert waiting == {}


def test_plugin_keeps_to_its_rings():
    violations = [v for path in plugin_files() for v in plugin_violations(path, (ROOT / path).read_text("utf-8"))]
    assert violations == []


def test_qgis_needs_no_scipy():
    """QGIS's Python has numpy through GDAL, but scipy only where somebody installed it."""
    sources = core_sources()
    reached: set[str] = set()
    waiting = {
        entry.name.partition(".")[2]
        for path in plugin_files()
        for entry in imports_of((ROOT / path).read_text("utf-8"), ".".join(path.parent.parts))
        if entry.relative and entry.name.startswith(f"{CORE}.")
    }
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= core_targets(module, sources.get(module, "")) - reached
    with_scipy = {
        module
        for module in reached
        for entry in imports_of(sources.get(module, ""), "")
        if entry.top_level and entry.name.split(".")[0] == "scipy"
    }
    assert with_scipy == set()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("jobs.settings", "import torch"),
        ("jobs.settings", "from ..io.cube import Cube"),
        ("io.cube", "from ..diffusion import unet"),
        ("io.cube", "from osgeo import gdal"),
        ("io.cube", "from mtmsd_qgis import errors"),
        ("diffusion.unet", "def f():\n    from qgis.core import QgsRasterLayer"),
        ("features.extractor", "from ..tasks.run import pretrain"),
        ("worker", "from .tasks.run import run"),
        ("worker", "from . import errors, tasks"),
        ("worker", "import torch"),
        ("worker", "def f():\n    from .diffusion.unet import UNet"),
        ("utils", "import numpy"),
    ],
)
def test_a_violation_in_the_core_is_caught(module, source):
    assert len(core_violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("jobs.settings", "import json\nfrom ..errors import SettingsError"),
        ("io.cube", "import scipy.ndimage\nfrom ..jobs.protocol import CubeFile"),
        ("tasks.run", "from ..features import extractor\nfrom ..report import reports\nfrom . import pretrain"),
        ("classification.auto.ensemble", "from ..context.joint_bilateral import smooth"),
        ("worker", "from .jobs.protocol import encode\ndef f():\n    from .tasks import run"),
    ],
)
def test_what_the_rings_allow_passes(module, source):
    assert core_violations(module, source) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("algorithms/classify.py", "import torch"),
        ("algorithms/classify.py", "from osgeo import gdal"),
        ("algorithms/classify.py", "import scipy"),
        ("algorithms/classify.py", "from ..mtmsd_qgis.diffusion.unet import UNet"),
        ("algorithms/classify.py", "from ..mtmsd_qgis.diffusion import unet"),
        ("algorithms/classify.py", "from mtmsd_qgis.jobs.settings import PRESETS"),
        ("algorithms/bridge/raster/export.py", "from ....mtmsd_qgis import tasks"),
        ("plugin.py", "from .mtmsd_qgis import classification"),
        ("plugin.py", "from PyQt5.QtGui import QIcon"),
    ],
)
def test_a_violation_in_the_plugin_is_caught(path, source):
    assert len(plugin_violations(Path(path), source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("algorithms/classify.py", "from qgis.core import QgsProcessing\nfrom ..mtmsd_qgis.jobs import settings"),
        ("algorithms/classify.py", "from .bridge.raster.export import write\nfrom .bridge.vector import labels"),
        ("algorithms/bridge/raster/export.py", "from osgeo import gdal\nfrom ....mtmsd_qgis.jobs.protocol import Band"),
        ("plugin.py", "from .algorithms.provider import MtmsdProvider"),
    ],
)
def test_what_the_plugin_may_import_passes(path, source):
    assert plugin_violations(Path(path), source) == []
