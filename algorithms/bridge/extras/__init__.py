# SPDX-License-Identifier: GPL-2.0-or-later
"""Extra rasters: what they are, and how they come to the grid of the scene."""
