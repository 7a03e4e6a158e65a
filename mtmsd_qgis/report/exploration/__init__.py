# SPDX-License-Identifier: GPL-2.0-or-later
"""Drawings of timesteps and stages: heat maps, pictures, channels, and the report on what the features mean."""
