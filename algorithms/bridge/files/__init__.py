# SPDX-License-Identifier: GPL-2.0-or-later
"""Output files and folders: locks, resuming."""
