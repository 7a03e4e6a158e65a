# SPDX-License-Identifier: GPL-2.0-or-later
"""What diffusion features mean: a walk over some tiles of a scene, and what is measured and shown of each cell."""
