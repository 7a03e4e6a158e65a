# SPDX-License-Identifier: GPL-2.0-or-later
"""Cluster maps: the pixels of a scene that are alike, grouped with no label at all."""
