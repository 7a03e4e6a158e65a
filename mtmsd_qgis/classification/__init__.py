# SPDX-License-Identifier: GPL-2.0-or-later
"""From features and training samples to a class map."""
