#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Everything that can be said about the code without running it. All checks are run; one failure fails the whole.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$root" || exit 1

failed=()

check() {
    local title=$1
    shift
    say "$title"
    "$worker_python" -m "$@" || failed+=("$title")
}

check "Style" ruff check .
check "Format" ruff format --check .
check "Types" mypy
check "Import rings, metadata, XML" pytest -q tests/test_import_rings.py tests/test_repository.py

say "Package, by the rules and scanners of the plugin site"
"$root/scripts/package.sh" || failed+=("Package")

if [ ${#failed[@]} -gt 0 ]; then
    fail "Failed: $(IFS=,; echo "${failed[*]}")"
fi
