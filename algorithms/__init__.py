# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user sees: the provider and one file an algorithm. Imports qgis, never torch.

Functions that run import what they work with when they are called: QGIS loads every algorithm at its start, and numpy,
GDAL and the bridge are needed only by those who run one.
"""
