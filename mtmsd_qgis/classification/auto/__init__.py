# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier: an ensemble of small models."""
