#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: try_package.sh [FOLDER]
# A newcomer's way, with the package in an empty profile and no torch anywhere: "Check environment" says so, "Set up
# environment" builds one, the three steps run. Then all of it again from a folder of wheels with the network refused.
# Needs QGIS and, for the first half, a package index; about 0.3 GB are downloaded and 4 GB of disk used meanwhile.
#
#   FOLDER             where the logs go                                          default: build/try_package
#   MTMSD_TRY_WHEELS   folder of wheels that is there already; else pip fills one
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

logs=$(mkdir -p "${1:-$root/build/try_package}" && cd "${1:-$root/build/try_package}" && pwd)
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
profile=$home/.local/share/QGIS/QGIS3/profiles/default/python/plugins
qgis_process=$(PATH=/usr/bin:/bin command -v qgis_process.bin || PATH=/usr/bin:/bin command -v qgis_process)
refuse_network=()
tiny=(ITERATIONS=3 BATCH_SIZE=2 PATCH_SIZE=16 COMPONENTS=4 DEVICE=cpu)

# qgis LOG ARGUMENT...: qgis_process in the empty profile; what it prints goes to the log.
qgis() {
    local log=$logs/$1.log
    shift
    in_qgis_environment "$home" env -u MTMSD_PYTHON -u QGIS_PLUGINPATH "${refuse_network[@]}" "$qgis_process" "$@" >"$log" 2>&1
}

# expect LOG WORDS: the log has the words.
expect() {
    grep -q -- "$2" "$logs/$1.log" || fail "$1: expected \"$2\"; found: $(tail -n 5 "$logs/$1.log")"
    say "$1: $(grep -m 1 -- "$2" "$logs/$1.log" | sed 's/^[0-9. ]*//')"
}

# steps NAME: the three steps.
steps() {
    local out=$home/$1
    mkdir -p "$out"
    qgis "$1-pretrain" run mtmsd:pretraindiffusion -- INPUT="$home/scene.tif" OUTPUT="$out/scene.mtmsd" "${tiny[@]}"
    qgis "$1-extract" run mtmsd:extractfeatures -- INPUT="$home/scene.tif" MODEL="$out/scene.mtmsd" \
        TIMESTEPS=100,500 KEEP=8 DEVICE=cpu OUTPUT="$out/features.tif"
    qgis "$1-classify" run mtmsd:classify -- INPUT="$out/features.tif" TRAINING="$home/samples.gpkg" CLASS_FIELD=class \
        SPLIT=random EPOCHS=30 ENSEMBLE=1 DEVICE=cpu OUTPUT="$out/map.tif"
    [ -s "$out/map.tif" ] || fail "$1: no map"
    expect "$1-classify" "OA:"
}

"$system_python" "$root/scripts/package.py" --unpack "$profile"
"$system_python" "$root/scripts/tiny_scene.py" "$home"
unset MTMSD_HOME
qgis enable plugins enable mtmsd

qgis 1-check run mtmsd:checkenvironment
expect 1-check "Not ready"
! qgis 1-refused run mtmsd:pretraindiffusion -- INPUT="$home/scene.tif" OUTPUT="$home/no.mtmsd" || fail "ran without torch"
expect 1-refused "Set up environment"

qgis 2-setup run mtmsd:setupenvironment
expect 2-setup "is ready: torch"
qgis 2-check run mtmsd:checkenvironment
expect 2-check "Ready\. "
steps 2

wheels=${MTMSD_TRY_WHEELS:-$home/wheels}
if [ ! -d "$wheels" ]; then
    say "Filling a folder of wheels, as the log of the set-up says"
    torch=$(sed -n 's/^TORCH_VERSION:\t//p' "$logs/2-setup.log")
    "$(sed -n 's/^PYTHON:\t//p' "$logs/2-setup.log")" -m pip download --quiet --only-binary=:all: --dest "$wheels" \
        "torch==$torch" -r "$root/requirements/worker.txt" 2>"$logs/3-download.log" || fail "$(cat "$logs/3-download.log")"
fi
rm -rf "$home/.local/share/mtmsd"
if unshare -n true 2>/dev/null; then
    refuse_network=(unshare -n)
elif unshare -rn true 2>/dev/null; then
    refuse_network=(unshare -rn)
else
    say "This account may not take the network away; an index and a proxy that are not there have to do"
    refuse_network=(env http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 PIP_INDEX_URL=https://127.0.0.1:9/)
fi
qgis 3-check run mtmsd:checkenvironment
expect 3-check "Not ready"
qgis 3-setup run mtmsd:setupenvironment -- WHEELS="$wheels"
expect 3-setup "is ready: torch"
steps 3
say "All of it worked; the logs are in $logs"
