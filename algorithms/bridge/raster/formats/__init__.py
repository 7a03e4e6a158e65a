# SPDX-License-Identifier: GPL-2.0-or-later
"""The formats in which rasters are written, and the options of their creation."""
