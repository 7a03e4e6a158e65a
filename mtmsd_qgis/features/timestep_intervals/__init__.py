# SPDX-License-Identifier: GPL-2.0-or-later
"""Which timesteps say the same, and which of them stand for all."""
