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

qt6=$venvs/qt6
key=$(sha256sum "$root/requirements/qt6.txt" | cut -d' ' -f1)
if [ "$(cat "$qt6/.ready" 2>/dev/null)" != "$key" ]; then
    rm -rf "$qt6"
    "$worker_python" -m pip install --quiet --no-deps --only-binary=:all: --target "$qt6" -r "$root/requirements/qt6.txt" &&
        echo "$key" >"$qt6/.ready"
fi
say "Names of Qt and QGIS, as Qt 6 has them"
if [ -e "$qt6/.ready" ]; then
    "$worker_python" scripts/check_qt_names.py "$qt6/PyQt6" || failed+=("Qt 6 names")
else
    say "PyQt6 is not to be had here: skipped"
fi

say "Package, by the rules and scanners of the plugin site"
"$root/scripts/package.sh" || failed+=("Package")

if [ ${#failed[@]} -gt 0 ]; then
    fail "Failed: $(IFS=,; echo "${failed[*]}")"
fi
