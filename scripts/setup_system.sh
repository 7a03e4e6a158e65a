#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: setup_system.sh [qgis | translate]
# Installs from the distribution what is missing: Python with venv; with "qgis", QGIS and a virtual screen; with
# "translate", what makes .qm files.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

has_module() {
    "$system_python" -c "import importlib.util as u, sys; sys.exit(u.find_spec('$1') is None)" 2>/dev/null
}

has_command() {
    PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin command -v "$1" >/dev/null
}

missing=()
has_module ensurepip || missing+=(python3-venv)
if [ "${1:-}" = qgis ]; then
    has_command qgis_process.bin || has_command qgis_process || missing+=(qgis)
    has_module qgis || missing+=(python3-qgis)
    has_command Xvfb || missing+=(xvfb)
    has_command xauth || missing+=(xauth)
fi
if [ "${1:-}" = translate ]; then
    has_command lrelease || missing+=(qttools5-dev-tools qtchooser)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if ! has_command apt-get; then
    fail "Missing: ${missing[*]} (Debian's names). There is no apt-get here: install them by your system's own means, then try again."
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    has_command sudo || fail "Missing packages: ${missing[*]}. This account is not root and has no sudo. Ask an administrator to run: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
fi

say "Installing ${missing[*]} with apt-get; QGIS takes one to five minutes"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get)
"${apt[@]}" -qq update || say "apt-get update failed in part; trying with the lists there are"
"${apt[@]}" -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
