# SPDX-License-Identifier: GPL-2.0-or-later
"""Which timesteps are wanted, and which were chosen."""
