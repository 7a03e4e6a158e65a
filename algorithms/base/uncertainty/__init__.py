# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters with which the user asks how sure a map is, and where samples would help most."""
