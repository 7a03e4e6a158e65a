# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:checkenvironment: which Python, which torch, which graphics card, and what to do if there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputBoolean,
    QgsProcessingParameterFileDestination,
)

from .base.algorithm import MtmsdAlgorithm
from .base.parameters import ParameterValues

_TITLES = {
    "origin": "Named by",
    "path": "Interpreter",
    "python": "Python",
    "torch": "torch",
    "numpy": "numpy",
    "scipy": "scipy",
    "cuda": "CUDA of torch",
    "driver": "Graphics driver",
    "devices": "Graphics cards",
    "cpu_threads": "Processor threads",
    "convolution_ok": "Test convolution",
    "device": "Device with DEVICE=auto",
    "error": "Trouble",
}
_NEEDED = ("torch", "numpy", "scipy")


class CheckEnvironment(MtmsdAlgorithm):
    """Looks, and changes nothing."""

    MODULE = ""

    def name(self) -> str:
        """Fixed id."""
        return "checkenvironment"

    def displayName(self) -> str:
        """Title."""
        return self.tr("Check environment")

    def group(self) -> str:
        """Heading in the toolbox."""
        return self.tr("Data and environment")

    def groupId(self) -> str:
        """Fixed id of the heading."""
        return "dataenvironment"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("torch,python,cuda,gpu,install,diagnostics").split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Says which Python would run the computing, whether it has torch, numpy and scipy, which graphics cards "
            "torch sees, and what to do where something is missing. Nothing is installed or changed."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        self.declare(
            QgsProcessingParameterFileDestination(
                "OUTPUT_HTML", self.tr("Report"), fileFilter=self.tr("HTML files (*.html)"), optional=True
            ),
            self.tr("What was found, for people."),
        )
        self.declare(
            QgsProcessingParameterFileDestination(
                "OUTPUT_JSON",
                self.tr("Report for programs"),
                fileFilter=self.tr("JSON files (*.json)"),
                optional=True,
                createByDefault=False,
            ),
            self.tr("The same as JSON. Paths below the home folder begin with ~."),
        )
        self.addOutput(QgsProcessingOutputBoolean("READY", self.tr("Ready to compute")))

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """No layers."""

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Ask every Python that may be the worker's."""
        from .bridge.environment.system_info import machine_facts, redacted
        from .bridge.files.atomic_write import write_text
        from .bridge.worker.interpreter import candidates

        pythons = candidates()
        found = [self._look_at(python, feedback) for python in pythons]
        ready = bool(found) and not found[0]["error"]
        if ready:
            found[0] = {**found[0], "device": _device(pythons[0].path, feedback)}
        found = redacted(found)
        machine = redacted({**machine_facts(), **self.outputs.report_facts({})})
        advice = _advice(found)
        for rows in [*(_rows(facts) for facts in found), _lines(machine)]:
            for key, value in rows:
                feedback.pushInfo(f"{key}: {value}")
            feedback.pushInfo("")
        (feedback.pushInfo if ready else feedback.pushWarning)(advice)
        page = self.outputs.file(values, "OUTPUT_HTML")
        document = self.outputs.file(values, "OUTPUT_JSON")
        if page is not None:
            write_text(_page(found, advice, machine), page)
        if document is not None:
            content = {"ready": ready, "advice": advice, "interpreters": found, "machine": machine}
            write_text(json.dumps(content, indent=1, ensure_ascii=False), document)
        return {
            "OUTPUT_HTML": str(page) if page else None,
            "OUTPUT_JSON": str(document) if document else None,
            "READY": ready,
        }

    def _look_at(self, candidate: Any, feedback: QgsProcessingFeedback) -> dict[str, Any]:  # noqa: ANN401
        from .bridge.worker.interpreter import probe

        facts: dict[str, Any] = {"origin": candidate.origin, "path": str(candidate.path), "error": ""}
        try:
            facts.update(probe(candidate, feedback))
        except QgsProcessingException as error:
            if feedback.isCanceled():
                raise
            return {**facts, "error": str(error)}
        missing = [f"{module} ({_reason(facts, module)})" for module in _NEEDED if not facts.get(module)]
        facts["error"] = f"Cannot import {', '.join(missing)}." if missing else ""
        if not missing and facts.get("convolution_ok") is False:
            facts["error"] = "torch is there, but a small convolution fails; the graphics driver and torch may not fit."
        return facts


def _advice(found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return _how_to_get_ready("No Python was found that could run the computing.")
    if found[0]["error"]:
        return _how_to_get_ready(str(found[0]["error"]))
    return f"Ready. {found[0]['origin'][0].upper()}{found[0]['origin'][1:]} will be used, on {found[0]['device']}."


def _how_to_get_ready(trouble: str) -> str:
    return (
        f"Not ready. {trouble} Run 'Set up environment' (mtmsd:setupenvironment), which makes a Python with torch "
        "apart from that of QGIS. Or give the path of one that has torch, numpy and scipy under Settings > Options > "
        "Processing > Providers > MTMSD, or in the environment variable MTMSD_PYTHON."
    )


def _reason(facts: Mapping[str, Any], module: str) -> str:
    return str(facts.get(f"{module}_error") or "not installed").splitlines()[-1]


def _rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for key, title in _TITLES.items():
        value = facts.get(key)
        if key == "devices" and value:
            value = "; ".join(f"{d.get('name')}: {d.get('label')}, {_gib(d.get('memory_bytes'))}" for d in value)
        elif isinstance(value, bool):
            value = "works" if value else "fails"
        if value not in (None, "", []):
            rows.append((title, str(value)))
    return rows


def _lines(machine: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(title, "; ".join(value) if isinstance(value, list) else str(value)) for title, value in machine.items()]


def _device(python: Path, feedback: QgsProcessingFeedback) -> str:
    from .bridge.environment.device_test import try_device
    from .bridge.feedback import ProgressRange

    return try_device(python, "auto", ProgressRange(feedback, 0, 100)).tail


def _gib(size_bytes: int | None) -> str:
    return f"{size_bytes / 2**30:.1f} GiB" if size_bytes else "memory unknown"


def _page(found: Sequence[Mapping[str, Any]], advice: str, machine: Mapping[str, Any]) -> str:
    parts = [f"<p><b>{escape(advice)}</b></p>"]
    for rows in [*(_rows(facts) for facts in found), _lines(machine)]:
        cells = "".join(f"<tr><th align='left'>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in rows)
        parts.append(f"<table cellpadding='4'>{cells}</table><hr>")
    return (
        "<!DOCTYPE html><html><head><meta charset='utf-8'><title>MTMSD: environment</title></head>"
        f"<body style='font-family: sans-serif'><h1>MTMSD: environment</h1>{''.join(parts)}</body></html>"
    )
