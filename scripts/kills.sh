#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: kills.sh [cancel_times] [OPTION of benchmarks/kills.py, or of benchmarks/cancel_times.py...]
# Kills workers and QGIS at random moments, inside a real QGIS, or measures how long cancelling takes.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
program=kills
[ "${1:-}" != cancel_times ] || { program=cancel_times && shift; }
in_qgis_environment "$home" "$qgis_python" "$root/benchmarks/$program.py" "$@"
