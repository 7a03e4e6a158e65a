# SPDX-License-Identifier: GPL-2.0-or-later
"""Points whose classes are explained: on their way to the worker, and back."""
