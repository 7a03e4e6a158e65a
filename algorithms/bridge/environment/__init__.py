# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker's Python: found, built, checked."""
