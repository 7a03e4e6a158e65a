# SPDX-License-Identifier: GPL-2.0-or-later
"""One recipe for each job that QGIS asks for."""
