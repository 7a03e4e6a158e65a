# SPDX-License-Identifier: GPL-2.0-or-later
"""The diffusion model: noise schedule, U-Net, training, model."""
