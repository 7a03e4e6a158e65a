#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: kills.sh [cancel_times] [OPTION of the program...]
# Runs benchmarks/reliability/kills.py (kills workers and QGIS at random moments) or cancel_times.py (how long cancelling
# takes), inside a real QGIS.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
program=kills
[ "${1:-}" != cancel_times ] || { program=cancel_times && shift; }
in_qgis_environment "$home" "$qgis_python" "$root/benchmarks/reliability/$program.py" "$@"
