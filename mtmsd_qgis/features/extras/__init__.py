# SPDX-License-Identifier: GPL-2.0-or-later
"""Extra rasters as columns beside the features: derived, scaled, with the pixels at which they have data."""
