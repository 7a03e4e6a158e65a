# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments of a map as layers of QGIS."""
