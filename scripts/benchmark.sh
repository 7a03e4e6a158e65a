#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: benchmark.sh [OPTION...]
# Measures the accuracy on all scenes and splits and writes docs/accuracy.md; options go to benchmarks/accuracy/run.py.
# What was measured is in build/accuracy/results.json; "--resume" goes on after a run that was broken off.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

python=$venvs/benchmark/bin/python
results=$root/build/accuracy/results.json
status=0
"$python" "$root/benchmarks/accuracy/run.py" --out "$results" "$@" || status=$?
"$python" "$root/benchmarks/accuracy/page.py" "$results"
exit "$status"
