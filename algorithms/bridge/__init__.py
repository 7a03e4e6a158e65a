# SPDX-License-Identifier: GPL-2.0-or-later
"""What carries a job from QGIS to the worker and its results back. The only place with osgeo."""
