# SPDX-License-Identifier: GPL-2.0-or-later
"""What a map task finds beside its map: where samples would help most."""
