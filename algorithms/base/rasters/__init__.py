# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters beside INPUT that a run reads, and how the rasters that it writes are stored."""
