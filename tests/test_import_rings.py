# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may import whom. The rings keep torch out of QGIS and QGIS out of the core."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = "mtmsd_qgis"

# Ring 0 words, 1 torch-free, 2 torch, 3 method, 4 story, 5 entry. A module may use its own ring and those below.
RINGS = {
    "errors": 0,
    "typed": 0,
    "settings": 0,
    "windows": 0,
    "accuracy": 0,
    "area_estimates": 0,
    "intervals": 0,
    "class_match": 0,
    "spatial_split": 0,
    "folds": 0,
    "candidates": 0,
    "pooling": 0,
    "progress": 0,
    "memory": 0,
    "pipeline": 0,
    "protocol": 1,
    "line_reader": 1,
    "cube": 1,
    "bands": 1,
    "preprocessing": 1,
    "purification": 1,
    "model_file": 1,
    "report": 1,
    "page": 1,
    "accuracy_tables": 1,
    "accuracy_files": 1,
    "assessment": 1,
    "pictures": 1,
    "samples": 1,
    "matlab_scene": 1,
    "tile_rows": 1,
    "unfinished": 1,
    "mapper": 1,
    "standardizer": 2,
    "noise": 2,
    "normalisation": 2,
    "stored_statistics": 2,
    "unet": 2,
    "timestep_fusion": 2,
    "transformer3d": 2,
    "device": 2,
    "heads": 2,
    "forest": 2,
    "plain_models": 2,
    "scene_kernel": 2,
    "scene_draw": 2,
    "box_mean": 2,
    "tile_grids": 2,
    "likeness": 2,
    "agreement": 2,
    "patches": 1,
    "training_state": 3,
    "pretraining": 3,
    "diffusion_model": 3,
    "denoising": 3,
    "job_scene": 3,
    "model_training": 3,
    "stored_features": 3,
    "extraction": 3,
    "survey": 3,
    "mapping": 3,
    "class_map": 3,
    "second_look": 3,
    "live_features": 3,
    "scene_map": 3,
    "views": 3,
    "adaptive": 3,
    "trials": 3,
    "influences": 3,
    "learning": 3,
    "scene_shares": 3,
    "patch_mapping": 3,
    "features": 3,
    "classifier": 3,
    "patch_classifier": 3,
    "tasks": 4,
}
ARRAYS = {"numpy", "scipy"}
LIBRARIES = {0: ARRAYS, 1: ARRAYS, 2: ARRAYS | {"torch"}, 3: ARRAYS | {"torch"}, 4: ARRAYS | {"torch"}}
# The worker's entry sets standard output aside before anything else may print: the rest only inside a function, torch
# where it is asked for its version and devices.
WORKER_MAY = {"protocol", "errors"}
WORKER_MAY_LATER = WORKER_MAY | {"memory", "tasks"}


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
    # "from . import cube" and "from ..mtmsd_qgis import settings" name modules, "from .cube import x" names one.
    names_modules = node.module is None or base == [CORE]
    return [".".join([*base, alias.name]) for alias in node.names] if names_modules else [".".join(base)]


def core_violations(module: str, source: str) -> list[str]:
    """What a module of the core imports against the rings."""
    found = []
    for entry in imports_of(source, CORE):
        top = entry.name.split(".")[0]
        if top == CORE:
            target = entry.name.split(".")[1] if "." in entry.name else ""
            allowed = entry.relative and _core_may(module, target, entry.top_level)
        else:
            asked = module == "worker" and not entry.top_level and top == "torch"
            allowed = asked or top in sys.stdlib_module_names or top in LIBRARIES.get(RINGS.get(module, -1), set())
        if not allowed:
            found.append(f"{CORE}/{module}.py:{entry.line}: {entry.name}")
    return found


def _core_may(module: str, target: str, top_level: bool) -> bool:
    if module == "worker":
        return target in (WORKER_MAY if top_level else WORKER_MAY_LATER)
    return module in RINGS and RINGS.get(target, 99) <= RINGS[module]


def plugin_violations(path: Path, source: str) -> list[str]:
    """What a file of the QGIS side imports against the rings. The path is relative to the repository root."""
    package = ".".join(path.parent.parts)
    in_bridge = path.parts[:2] == ("algorithms", "bridge")
    libraries = {"qgis", "processing", "numpy"} | ({"osgeo"} if in_bridge else set())
    found = []
    for entry in imports_of(source, package):
        parts = entry.name.split(".")
        if parts[0] == CORE:
            allowed = entry.relative and len(parts) > 1 and RINGS.get(parts[1], 99) <= 1
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
    """Name of each module of the core -> its text."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / CORE).glob("*.py"))}


def core_targets(module: str, source: str) -> set[str]:
    """The modules of the core that a module of the core imports."""
    names = (entry.name.split(".") for entry in imports_of(source, CORE) if entry.relative)
    return {parts[1] for parts in names if len(parts) > 1} - {module}


def test_core_keeps_to_its_rings():
    violations = [v for module, source in core_sources().items() for v in core_violations(module, source)]
    assert violations == []


def test_every_core_module_has_a_ring():
    assert set(core_sources()) - set(RINGS) - {"__init__", "worker"} == set()


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
        entry.name.split(".")[1]
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
        for entry in imports_of(sources.get(module, ""), CORE)
        if entry.top_level and entry.name.split(".")[0] == "scipy"
    }
    assert with_scipy == set()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("settings", "import torch"),
        ("settings", "from .protocol import Job"),
        ("cube", "from . import unet"),
        ("cube", "from osgeo import gdal"),
        ("cube", "from mtmsd_qgis import errors"),
        ("unet", "def f():\n    from qgis.core import QgsRasterLayer"),
        ("unet", "from .tasks import pretrain"),
        ("worker", "from .tasks import run"),
        ("worker", "from . import protocol, tasks"),
        ("worker", "import torch"),
        ("worker", "def f():\n    from .unet import UNet"),
        ("utils", "import numpy"),
    ],
)
def test_a_violation_in_the_core_is_caught(module, source):
    assert len(core_violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("settings", "import json\nfrom .errors import SettingsError"),
        ("cube", "import scipy.ndimage\nfrom .protocol import CubeFile"),
        ("tasks", "from . import features, report, unet"),
        ("worker", "from .protocol import encode\ndef f():\n    from . import tasks"),
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
        ("algorithms/classify.py", "from ..mtmsd_qgis.unet import UNet"),
        ("algorithms/classify.py", "from ..mtmsd_qgis import unet"),
        ("algorithms/classify.py", "from mtmsd_qgis.settings import PRESETS"),
        ("algorithms/bridge/cubes.py", "from ...mtmsd_qgis import tasks"),
        ("plugin.py", "from .mtmsd_qgis import classifier"),
        ("plugin.py", "from PyQt5.QtGui import QIcon"),
    ],
)
def test_a_violation_in_the_plugin_is_caught(path, source):
    assert len(plugin_violations(Path(path), source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("algorithms/classify.py", "from qgis.core import QgsProcessing\nfrom ..mtmsd_qgis import settings"),
        ("algorithms/classify.py", "from .bridge.cubes import write\nfrom .bridge import labels"),
        ("algorithms/bridge/cubes.py", "from osgeo import gdal\nfrom ...mtmsd_qgis.protocol import Band"),
        ("plugin.py", "from .algorithms.provider import MtmsdProvider"),
    ],
)
def test_what_the_plugin_may_import_passes(path, source):
    assert plugin_violations(Path(path), source) == []
