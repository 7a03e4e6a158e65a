# SPDX-License-Identifier: GPL-2.0-or-later
"""What the analyst chooses beside the classifier, applied to what it has learnt and to the map."""
