#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes the benchmark's Python or finds that it is there: all that the worker's Python has, scikit-learn and matplotlib.
# It sees the worker's packages instead of having its own: the same torch is measured, and 1 GB is saved.
#
#   MTMSD_VENVS  folder of the environments  default: .venv
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

"$root/scripts/setup_worker.sh"

hold_lock
benchmark_python=$venvs/benchmark/bin/python
stamp=$venvs/benchmark/.ready
key=$(cat "$root"/requirements/{worker,benchmark}.txt | sha256sum | cut -d' ' -f1)
if [ "$(cat "$stamp" 2>/dev/null)" = "$key" ] && "$benchmark_python" -c 'import torch, sklearn, matplotlib' 2>/dev/null; then
    exit 0
fi

site_packages() {
    "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
}

make_venv "$venvs/benchmark"
site_packages "$worker_python" >"$(site_packages "$benchmark_python")/worker.pth"
if ! met "$benchmark_python" -r "$root/requirements/benchmark.txt"; then
    say "Adding scikit-learn and matplotlib in $venvs/benchmark"
    "$benchmark_python" -m pip install --quiet -r "$root/requirements/benchmark.txt"
fi
"$benchmark_python" -c 'import torch, sklearn; print("== The benchmark has torch", torch.__version__, "and scikit-learn", sklearn.__version__)'
echo "$key" >"$stamp"
