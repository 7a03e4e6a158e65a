# SPDX-License-Identifier: GPL-2.0-or-later
"""Pixels to explain, for a map task."""
