# SPDX-License-Identifier: GPL-2.0-or-later
"""How sure a map is, and where samples would help it most."""
