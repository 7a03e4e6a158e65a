# SPDX-License-Identifier: GPL-2.0-or-later
"""Accuracy of a map: confusion matrix, confidence intervals, calibration, area estimates."""
