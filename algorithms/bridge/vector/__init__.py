# SPDX-License-Identifier: GPL-2.0-or-later
"""Training and reference layers, from and to QGIS."""
