# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters between QGIS and the job folder."""
