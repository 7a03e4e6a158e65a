#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: fuzz.sh [SECONDS]
# Each fuzz target for so many seconds of processor time; ends with status 1 where one found something.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$root" || exit 1

failed=()
for target in model_file classifier_file protocol; do
    say "Fuzzing: $target"
    "$worker_python" "tests/fuzz/fuzz_$target.py" --seconds "${1:-60}" --folder "build/fuzz/$target" || failed+=("$target")
done

if [ ${#failed[@]} -gt 0 ]; then
    fail "Found something in: ${failed[*]}. The inputs lie in build/fuzz/*/findings."
fi
