# SPDX-License-Identifier: GPL-2.0-or-later
"""Data cubes on disk, windows over them, and the files of models."""
