# SPDX-License-Identifier: GPL-2.0-or-later
"""The core of MTMSD for QGIS: numpy, scipy and torch, never qgis or osgeo.

Nothing is imported here, so that QGIS can use the torch-free modules on a machine without torch.
"""
