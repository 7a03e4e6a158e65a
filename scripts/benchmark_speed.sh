#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: benchmark_speed.sh [OPTION...]
# Measures speed and memory and writes docs/performance.md. Options go to benchmarks/speed/run.py, for example
# --parts growth --sizes 4096; results of other parts and sizes in build/speed/results.json are kept.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

python=$venvs/benchmark/bin/python
results=$root/build/speed/results.json
"$python" "$root/benchmarks/speed/run.py" --out "$results" --system-python "$system_python" "$@"
"$python" "$root/benchmarks/speed/page.py" "$results"
