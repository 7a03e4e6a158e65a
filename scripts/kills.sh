#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: kills.sh [OPTION of benchmarks/kills.py...]
# Kills workers and QGIS at random moments, inside a real QGIS. 200 kills take half an hour on two idle cores.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
in_qgis_environment "$home" "$qgis_python" "$root/benchmarks/kills.py" "$@"
