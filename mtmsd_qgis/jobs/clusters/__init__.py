# SPDX-License-Identifier: GPL-2.0-or-later
"""What a cluster map is asked for, and what it has found."""
