# SPDX-License-Identifier: GPL-2.0-or-later
"""Algorithms that make a cluster map and name its clusters."""
