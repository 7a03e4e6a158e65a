# SPDX-License-Identifier: GPL-2.0-or-later
"""MTMSD for QGIS: maps of land cover classes from hyperspectral scenes, with diffusion features."""


def classFactory(iface):  # noqa: ANN001, ANN201 - the name and the argument are QGIS's
    """The plugin; iface is None in qgis_process."""
    from .plugin import MtmsdPlugin

    return MtmsdPlugin(iface)
