# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user sees: the provider and one file an algorithm. Imports qgis, never torch."""
