# SPDX-License-Identifier: GPL-2.0-or-later
"""Recipes of cluster maps."""
