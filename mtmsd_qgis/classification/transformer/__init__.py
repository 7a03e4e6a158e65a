# SPDX-License-Identifier: GPL-2.0-or-later
"""3-D convolution and transformer on patches of the features."""
