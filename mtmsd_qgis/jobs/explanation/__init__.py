# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a pixel has its class, as it crosses the process line."""
