# SPDX-License-Identifier: GPL-2.0-or-later
"""The dialogs of Processing, whose classes are no stable interface: the one place that names them."""

from __future__ import annotations

from qgis.core import QgsApplication


def algorithm_dialog(name):
    """The dialog of an algorithm of ours; from QGIS 4.2 on it is a widget that can be docked, with the same methods."""
    try:
        from processing.gui.algorithm_widget import AlgorithmWidget as Dialog
    except ImportError:  # before QGIS 4.2
        from processing.gui.AlgorithmDialog import AlgorithmDialog as Dialog

    return Dialog(QgsApplication.processingRegistry().createAlgorithmById(f"mtmsd:{name}"))


def batch_dialog(name):
    """The batch panel of an algorithm of ours."""
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog

    return BatchAlgorithmDialog(QgsApplication.processingRegistry().createAlgorithmById(f"mtmsd:{name}"))
