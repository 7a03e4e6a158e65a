#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: setup_worker.sh [dev]
# Makes the worker's Python (torch, numpy, scipy; with "dev" also the tools of the tests) or finds that it is there.
#
#   MTMSD_VENVS        folder of the environments                                   default: .venv
#   MTMSD_TORCH_BUILD  auto, cpu or cuda; auto: cuda where nvidia-smi answers       default: auto
#   MTMSD_TORCH_INDEX  package index for the CPU build; given with cuda: for that   default: PyTorch's own
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

cpu_index=https://download.pytorch.org/whl/cpu

torch=$(sed -n 's/^torch==/torch==/p' "$root/requirements/worker.txt")
requirements=(-r "$root/requirements/worker.txt")
[ "${1:-}" != dev ] || requirements+=(-r "$root/requirements/dev.txt")

build=${MTMSD_TORCH_BUILD:-auto}
if [ "$build" = auto ]; then
    build=cpu
    ! nvidia-smi >/dev/null 2>&1 || build=cuda
fi
case $build in
    cpu) accepted=$torch ;;
    # 2.13.0+cpu satisfies ==2.13.0 and would even be preferred: it sorts above the plain version.
    cuda) accepted="$torch,!=${torch#torch==}+cpu" ;;
    *) fail "MTMSD_TORCH_BUILD must be auto, cpu or cuda; found: $build" ;;
esac

hold_lock
stamp=$venvs/worker/.ready-${1:-worker}
key=$(cat "$root"/requirements/{worker,dev}.txt <(echo "$build") | sha256sum | cut -d' ' -f1)
if [ "$(cat "$stamp" 2>/dev/null)" = "$key" ] && [ -x "$worker_python" ]; then
    exit 0
fi

install() {
    "$worker_python" -m pip install --progress-bar on "${requirements[@]}" "$@"
}

install_cpu() {
    local index=${MTMSD_TORCH_INDEX:-$cpu_index} log=$venvs/worker/setup.log
    say "Looking for the CPU build of torch where pip is configured to look"
    install --retries 0 "$torch+cpu" 2>"$log" && return
    say "Not there; trying $index"
    install --retries 0 --timeout 20 --extra-index-url "$index" "$torch+cpu" 2>>"$log" && return
    say "Not there either (messages in $log); taking the build that pip finds, which may be the large CUDA build"
    install "$torch"
}

"$root/scripts/setup_system.sh"
make_venv "$venvs/worker"
if met "$worker_python" "$accepted"; then
    if ! met "$worker_python" "${requirements[@]}"; then
        say "Adding to the worker's Python in $venvs/worker"
        install --quiet "$accepted"
    fi
else
    say "Setting up the worker's Python in $venvs/worker ($build build of $torch, several hundred MB)"
    case $build in
        cpu) install_cpu ;;
        cuda) install ${MTMSD_TORCH_INDEX:+--extra-index-url "$MTMSD_TORCH_INDEX"} "$accepted" ;;
    esac
fi
"$worker_python" -c 'import torch, numpy, scipy; print("== The worker has torch", torch.__version__, "and numpy", numpy.__version__)'
echo "$key" >"$stamp"
