# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters with which the analyst says what the samples and the map are to be."""
