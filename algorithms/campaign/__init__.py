# SPDX-License-Identifier: GPL-2.0-or-later
"""Algorithms for many scenes that are mapped as one."""
