#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes sure of QGIS and of the Python for the tests inside it: the system's packages plus pytest, nothing else.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

hold_lock
"$root/scripts/setup_system.sh" qgis
stamp=$venvs/qgis/.ready
key=$(sha256sum "$root/requirements/qgis.txt" | cut -d' ' -f1)
if [ "$(cat "$stamp" 2>/dev/null)" = "$key" ] && [ -x "$qgis_python" ]; then
    exit 0
fi

make_venv "$venvs/qgis" --system-site-packages
if ! met "$qgis_python" -r "$root/requirements/qgis.txt"; then
    say "Setting up pytest for QGIS's Python in $venvs/qgis"
    "$qgis_python" -m pip install --quiet -r "$root/requirements/qgis.txt"
fi
echo "$key" >"$stamp"
