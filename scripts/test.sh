#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: test.sh [--only-qgis] [PYTEST OPTION...]
# The tests inside QGIS on what the package holds, and the core's in the worker's Python, these in three parts of like
# length: as many parts side by side as there are cores. All are run, whatever the others say. Those inside QGIS are seen
# as they run, the others at the end.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$root" || exit 1

only_qgis=''
if [ "${1:-}" = --only-qgis ]; then
    only_qgis=yes
    shift
fi

home=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$home"' EXIT
names=()

# begin NAME COMMAND...: in the background, as soon as a core is free; the status goes to a file.
begin() {
    local name=$1
    shift
    while [ "$(jobs -pr | wc -l)" -ge "$(nproc)" ]; do
        wait -n
    done
    say "Begun: $name"
    names+=("$name")
    { "$@"; echo $? >"$home/$name.status"; } &
}

# core NAME OPTION...: a part of the core's tests; its output goes to a file.
core() {
    local log=$home/$1.log
    shift
    "$worker_python" -m pytest "$@" >"$log" 2>&1
}

# passed NAME SELECTED: 0 is success; with options, "nothing selected" (5) is none of this part's business.
passed() {
    local status
    status=$(cat "$home/$1.status" 2>/dev/null || echo 1)
    [ "$status" -eq 0 ] || { [ "$status" -eq 5 ] && [ "$2" -gt 0 ]; }
}

"$system_python" "$root/scripts/package.py" --unpack "$root/build/package" || exit 1
export MTMSD_PLUGIN_TREE=$root/build/package/mtmsd
begin QGIS in_qgis_environment "$home" "$qgis_python" -m pytest tests/qgis "$@"
if [ -z "$only_qgis" ]; then
    begin tasks core tasks tests/tasks "$@"
    begin models core models tests/diffusion tests/classification tests/benchmarks "$@"
    others=(qgis tasks diffusion classification benchmarks)
    begin others core others tests "${others[@]/#/--ignore=tests/}" "$@"
fi
wait

failed=()
for name in "${names[@]}"; do
    if [ -f "$home/$name.log" ]; then
        say "Core, $name"
        cat "$home/$name.log"
    fi
    passed "$name" $# || failed+=("$name")
done

if [ ${#failed[@]} -gt 0 ]; then
    fail "Failed: the tests of ${failed[*]}"
fi
