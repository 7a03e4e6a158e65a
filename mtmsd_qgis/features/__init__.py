# SPDX-License-Identifier: GPL-2.0-or-later
"""Diffusion features of every pixel: extraction, selection, quantisation."""
