# SPDX-License-Identifier: GPL-2.0-or-later
"""What a look at the features of a scene has found."""
