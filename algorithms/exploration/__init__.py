# SPDX-License-Identifier: GPL-2.0-or-later
"""Algorithms that show what features mean."""
