# SPDX-License-Identifier: GPL-2.0-or-later
"""Extra rasters in the default classifier: whether one improves it, and the map with and without it."""
