# SPDX-License-Identifier: GPL-2.0-or-later
"""Points whose classes are explained."""
