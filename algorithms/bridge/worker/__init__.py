# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker process: which Python, started, listened to, cancelled."""
