# SPDX-License-Identifier: GPL-2.0-or-later
"""Spatial context: smoothing within fields, and whether it is reliable."""
