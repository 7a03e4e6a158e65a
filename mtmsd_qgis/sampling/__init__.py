# SPDX-License-Identifier: GPL-2.0-or-later
"""Training and test samples: their table, hold-out splits and cross-validation folds."""
