# SPDX-License-Identifier: GPL-2.0-or-later
"""Many scenes mapped as one: the folder that cluster, pool or laptop work on."""
