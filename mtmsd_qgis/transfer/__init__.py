# SPDX-License-Identifier: GPL-2.0-or-later
"""A classifier on another scene: bands, differences between the scenes, where the map may be believed."""
