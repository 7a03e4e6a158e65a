#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: test.sh [--only-qgis] [PYTEST OPTION...]
# The core's tests in the worker's Python, then the tests inside QGIS on what the package holds. Both are run, whatever
# the first one says.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$root" || exit 1

# passed STATUS SELECTED: 0 is success; with options, "nothing selected" (5) is none of this part's business.
passed() {
    [ "$1" -eq 0 ] || { [ "$1" -eq 5 ] && [ "$2" -gt 0 ]; }
}

only_qgis=''
if [ "${1:-}" = --only-qgis ]; then
    only_qgis=yes
    shift
fi
failed=()

if [ -z "$only_qgis" ]; then
    say "Core, in the worker's Python"
    "$worker_python" -m pytest tests --ignore=tests/qgis "$@"
    passed $? $# || failed+=("core")
fi

say "Inside QGIS, in the system's Python"
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
"$system_python" "$root/scripts/package.py" --unpack "$root/build/package" || exit 1
export MTMSD_PLUGIN_TREE=$root/build/package/mtmsd
in_qgis_environment "$home" "$qgis_python" -m pytest tests/qgis "$@"
passed $? $# || failed+=("QGIS")

if [ ${#failed[@]} -gt 0 ]; then
    fail "Failed: the tests of ${failed[*]}"
fi
