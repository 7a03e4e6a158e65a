# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and styles of output layers."""
