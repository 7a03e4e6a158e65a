#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: test.sh [--only-qgis] [PYTEST OPTION...]
# The core's tests in the worker's Python, and the tests inside QGIS on what the package holds: side by side where there
# are two cores, as the second wait for their workers a good part of the time. Both are run, whatever the other one says.
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

home=$(mktemp -d)
core_log=$home/core.log
core=''
trap '[ -z "$core" ] || kill "$core" 2>/dev/null; rm -rf "$home"' EXIT

core_tests() {
    "$worker_python" -m pytest tests --ignore=tests/qgis "$@"
}

if [ -z "$only_qgis" ]; then
    if [ "$(nproc)" -ge 2 ]; then
        say "Core, in the worker's Python: begun, its output comes at the end"
        core_tests "$@" >"$core_log" 2>&1 &
        core=$!
    else
        say "Core, in the worker's Python"
        core_tests "$@"
        passed $? $# || failed+=("core")
    fi
fi

say "Inside QGIS, in the system's Python"
"$system_python" "$root/scripts/package.py" --unpack "$root/build/package" || exit 1
export MTMSD_PLUGIN_TREE=$root/build/package/mtmsd
in_qgis_environment "$home" "$qgis_python" -m pytest tests/qgis "$@"
passed $? $# || failed+=("QGIS")

if [ -n "$core" ]; then
    wait "$core"
    status=$?
    core=''
    say "Core, in the worker's Python"
    cat "$core_log"
    passed $status $# || failed+=("core")
fi

if [ ${#failed[@]} -gt 0 ]; then
    fail "Failed: the tests of ${failed[*]}"
fi
