# SPDX-License-Identifier: GPL-2.0-or-later
"""What reports say of single pixels."""
