#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: other_qgis.sh [OPTION...] VERSION [PYTEST OPTION...]
# Runs the tests inside QGIS, of the working tree as it is, on another QGIS than this machine's: a Debian in a folder,
# which is set up once and used again. Needs root and debootstrap. What was interrupted goes on where it stood.
#
#   VERSION          QGIS        from                            Python  numpy  worker's torch
#   3.22             3.22.16     Debian 12                       3.11    1.24   by pip, pinned
#   3.40             3.40        Debian 12 with its backports    3.11    1.24   by pip, pinned
#   3.44             3.44        Debian 13 with its backports    3.13    2.2    Debian's
#
#   --torch pip|debian  where the worker's torch comes from, other than above
#   --mirror URL        Debian's package mirror                  default: the one that apt uses here
#   --root FOLDER       where the machine is or goes             default: build/qgis-VERSION
#   --only-set-up       make the machine, run nothing
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
source "$root/scripts/machine.sh"

mirror='' machine='' torch='' only_set_up=''
while [ $# -gt 0 ]; do
    case $1 in
        --torch) torch=$2; shift 2 ;;
        --mirror) mirror=$2; shift 2 ;;
        --root) machine=$2; shift 2 ;;
        --only-set-up) only_set_up=yes; shift ;;
        -h | --help) sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit ;;
        --*) fail "No such option: $1" ;;
        *) break ;;
    esac
done
case ${1:-} in
    3.22) suite=bookworm from=bookworm torch=${torch:-pip} ;;
    3.40) suite=bookworm from=bookworm-backports torch=${torch:-pip} ;;
    3.44) suite=trixie from=trixie-backports torch=${torch:-debian} ;;
    *) fail "VERSION must be 3.22, 3.40 or 3.44; found: ${1:-nothing}. For others see the images in .github/workflows/tests.yml." ;;
esac
version=$1
shift
case $torch in
    pip) python=/root/venvs/worker/bin/python torch_packages=() ;;
    debian) python=/usr/bin/python3 torch_packages=(python3-torch python3-numpy python3-scipy) ;;
    *) fail "--torch must be pip or debian; found: $torch" ;;
esac
need_root other_qgis.sh
if [ -z "$mirror" ]; then
    here=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ "$(. /etc/os-release && echo "$ID")" != debian ] || mirror=$(mirror_in "$(sources_of "$here")" "$here")
    [ -n "$mirror" ] || fail "apt has no mirror of Debian here: name one with --mirror"
fi

machine=$(realpath -m "${machine:-$root/build/qgis-$version}")
mkdir -p "$(dirname "$machine")"
exec 8>"$machine.lock"
flock -n 8 || fail "Another run is at work in $machine: wait for it, or name another folder with --root"
trap unmount_machine EXIT
unmount_machine # what a killed run left

# done_once NAME: whether this step was finished; finished NAME says that it was.
done_once() { [ -e "$machine/root/.done-$1" ]; }
finished() { touch "$machine/root/.done-$1"; }

if ! done_once system; then
    remove_machine
    sources="$mirror $suite"
    [ "$from" = "$suite" ] || sources+=$'\n'"$mirror $from"
    make_machine "$suite" "$mirror" git,ca-certificates "$sources"
    finished system
fi
open_machine

if ! done_once "packages-$torch"; then
    say "Installing QGIS $version from $from, and what its tests need; one to five minutes"
    packages=(qgis python3-qgis xvfb xauth python3-venv "${torch_packages[@]}")
    in_machine root /root "export DEBIAN_FRONTEND=noninteractive
        apt-get -qq update
        apt-get -qq install -y --no-install-recommends -t $from ${packages[*]}" >"$machine.log" 2>&1 ||
        fail "The packages could not be installed; the last lines of $machine.log: $(tail -n 5 "$machine.log")"
    finished "packages-$torch"
fi
found=$(chroot "$machine" dpkg-query -W -f '${Version}' qgis)
case $found in
    "$version".*) ;;
    *) fail "QGIS $version was expected of $from; found: $found. The mirror has gone on; say which release has $version in this script." ;;
esac

# The working tree as it is, with what git does not know yet; the copy stays as it is while one goes on writing here.
say "Copying the working tree"
tree=/root/mtmsd-qgis
rm -rf "${machine:?}$tree"
index=$machine/root/index
rm -f "$index"
GIT_INDEX_FILE=$index git -C "$root" read-tree HEAD
GIT_INDEX_FILE=$index git -C "$root" add --all
GIT_INDEX_FILE=$index git -C "$root" checkout-index --all --prefix="$machine$tree/"
in_machine root /root "cd $tree && git init --quiet && git add --all"

set_up="scripts/setup_qgis.sh"
[ "$torch" = debian ] || set_up+=" && scripts/setup_worker.sh"
variables=(MTMSD_VENVS=/root/venvs "MTMSD_WORKER_PYTHON=$python" MTMSD_TORCH_BUILD=cpu)
[ -z "${OMP_NUM_THREADS:-}" ] || variables+=("OMP_NUM_THREADS=$OMP_NUM_THREADS") # 1 is faster on a busy machine
in_machine root /root "cd $tree && $set_up" "${variables[@]}"

about='import platform, sys, numpy, osgeo.gdal as g, qgis.core as q
print(f"QGIS {q.Qgis.QGIS_VERSION}, GDAL {g.__version__}, Python {platform.python_version()}, numpy {numpy.__version__}")'
say "$(in_machine root /root "python3 -c '$about'" QT_QPA_PLATFORM=offscreen 2>/dev/null)"
say "Worker: $(in_machine root /root "$python -c 'import torch, numpy, scipy; print(\"torch\", torch.__version__, \"numpy\", numpy.__version__, \"scipy\", scipy.__version__)'")"
[ -z "$only_set_up" ] || exit 0

arguments=''
[ $# -eq 0 ] || arguments=$(printf ' %q' "$@") # of nothing, printf would make an empty option
in_machine root /root "cd $tree && scripts/test.sh --only-qgis$arguments" "${variables[@]}"
