# SPDX-License-Identifier: GPL-2.0-or-later
"""Base class and parameter groups of the algorithms."""
