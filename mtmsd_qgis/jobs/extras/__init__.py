# SPDX-License-Identifier: GPL-2.0-or-later
"""Extra rasters beside the scene, as jobs and results name them."""
