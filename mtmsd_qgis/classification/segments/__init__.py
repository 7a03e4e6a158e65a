# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments: connected groups of like pixels, which are classified as one."""
