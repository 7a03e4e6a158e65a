# SPDX-License-Identifier: GPL-2.0-or-later
"""The classifier of the paper: selective timestep fusion."""
