# SPDX-License-Identifier: GPL-2.0-or-later
"""The help of an algorithm: what stands beside its dialog, and what qgis_process prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from qgis.core import QgsApplication, QgsProcessingParameterDefinition

from .translation import tr


def help_text(about: str, parameters: Sequence[QgsProcessingParameterDefinition]) -> str:
    """What the algorithm does and, in the desktop, what each parameter is.

    The desktop shows HTML. Everything else gets plain text: qgis_process prints tags as they are, and the help of each
    parameter itself.
    """
    if QgsApplication.platform() != "desktop":
        return about
    advanced = QgsProcessingParameterDefinition.Flag.FlagAdvanced
    explained = [parameter for parameter in parameters if parameter.help()]
    usual = [p for p in explained if not p.flags() & advanced and not p.isDestination()]
    rare = [p for p in explained if p.flags() & advanced]
    results = [p for p in explained if p.isDestination()]
    # Without line breaks: the dialog makes a paragraph of every line.
    return "".join(
        [
            f"<p>{escape(about, quote=False)}</p>",
            _section(tr("Parameters"), usual),
            _section(tr("Results"), results),
            _section(tr("Advanced parameters"), rare),
        ]
    )


def _section(title: str, parameters: Iterable[QgsProcessingParameterDefinition]) -> str:
    lines = [f"<p><b>{escape(p.description())}</b><br>{escape(p.help(), quote=False)}</p>" for p in parameters]
    return f"<h3>{escape(title)}</h3>{''.join(lines)}" if lines else ""
