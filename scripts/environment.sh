# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Sourced by the other scripts: where things are, and what a QGIS of ours runs in.
# Each MTMSD_... variable may be set from outside.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venvs=${MTMSD_VENVS:-$root/.venv}
# The distribution's Python, not one that stands first on PATH: QGIS embeds this one, and the tests must meet it.
system_python=${MTMSD_SYSTEM_PYTHON:-/usr/bin/python3}
worker_python=${MTMSD_WORKER_PYTHON:-$venvs/worker/bin/python}
qgis_python=$venvs/qgis/bin/python

export PIP_DISABLE_PIP_VERSION_CHECK=1

say() {
    printf '== %s\n' "$*"
}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# hold_lock: one set-up at a time, for the rest of the calling script.
hold_lock() {
    mkdir -p "$venvs"
    exec 9>"$venvs/.lock"
    flock 9
}

# make_venv FOLDER [OPTION...]: a virtual environment of the system's Python; one that works is left as it is.
make_venv() {
    local folder=$1
    shift
    if ! "$folder/bin/python" -c 'import pip' 2>/dev/null; then
        "$system_python" -m venv --clear "$@" "$folder"
    fi
}

# met PYTHON REQUIREMENT...: whether all of it is installed. Without index, links and configuration pip can only look.
met() {
    local python=$1
    shift
    PIP_CONFIG_FILE=/dev/null "$python" -m pip --isolated install --quiet --no-index "$@" >/dev/null 2>&1
}

# in_qgis_environment HOME COMMAND...: no screen, no settings of the user, no Python but the system's.
in_qgis_environment() {
    local home=$1
    shift
    mkdir -p "$home/runtime"
    chmod 700 "$home/runtime"
    env -u PYTHONHOME -u PYTHONPATH -u VIRTUAL_ENV -u QGIS_CUSTOM_CONFIG_PATH \
        -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_CACHE_HOME \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME="$home" XDG_RUNTIME_DIR="$home/runtime" \
        QT_QPA_PLATFORM=offscreen MTMSD_PYTHON="$worker_python" "$@"
}
