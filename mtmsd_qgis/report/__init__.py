# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports in HTML, and their figures as JSON and CSV."""
