#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: demo.sh [FOLDER]
# The demonstration, in the Pythons that the set-up has made.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

exec "$worker_python" "$root/scripts/demo.py" --picture-python "$system_python" --folder "${1:-$root/build/demo}"
