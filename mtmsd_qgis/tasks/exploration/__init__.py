# SPDX-License-Identifier: GPL-2.0-or-later
"""The recipe that looks at what the features of a scene mean."""
