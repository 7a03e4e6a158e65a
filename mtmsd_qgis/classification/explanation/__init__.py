# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a pixel has its class: which training samples speak for it and which against."""
