# SPDX-License-Identifier: GPL-2.0-or-later
"""What crosses the line between QGIS and the worker: settings, jobs, messages, descriptions of data."""
