# SPDX-License-Identifier: GPL-2.0-or-later
"""What a raster and its layer declare as no data: values, and bands of transparency."""
