# SPDX-License-Identifier: GPL-2.0-or-later
"""What the diffusion features are worth to a map: their share in its decisions, and the accuracy they add."""
