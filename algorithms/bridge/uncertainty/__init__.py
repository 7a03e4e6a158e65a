# SPDX-License-Identifier: GPL-2.0-or-later
"""Suggested samples on the side of QGIS: pixels within reach, and the layer of points."""
