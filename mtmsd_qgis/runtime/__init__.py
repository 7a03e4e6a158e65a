# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory and threads of the worker."""
