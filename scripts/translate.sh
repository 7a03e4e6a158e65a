#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Brings i18n/*.ts in step with the sources, says what is missing, and makes the .qm files that the plugin loads.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

"$root/scripts/setup_system.sh" translate
"$system_python" "$root/scripts/translations.py"
for file in "$root"/i18n/mtmsd_*.ts; do
    QT_SELECT=5 lrelease -silent "$file" -qm "${file%.ts}.qm"
done
