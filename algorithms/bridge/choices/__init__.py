# SPDX-License-Identifier: GPL-2.0-or-later
"""What the analyst says of classes and samples, from QGIS's tables and fields."""
