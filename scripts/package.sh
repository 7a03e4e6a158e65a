#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: package.sh [--release]
# Makes dist/mtmsd-<version>.zip and holds it against the rules of the plugin site; a release has no placeholders.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

"$worker_python" "$root/scripts/package.py" "$@"
version=$(sed -n 's/^version=//p' "$root/metadata.txt")
"$worker_python" "$root/scripts/check_package.py" "$@" "$root/dist/mtmsd-$version.zip"
