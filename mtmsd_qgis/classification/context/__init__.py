# SPDX-License-Identifier: GPL-2.0-or-later
"""Spatial post-processing of class probabilities."""
