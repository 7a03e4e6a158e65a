#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: fresh_machine.sh [OPTION...] [COMMAND...]
# Tries commands (default: "make demo" "make test") in a clone of HEAD on a machine with nothing installed: a minimal
# Debian or Ubuntu in a folder. Needs root and debootstrap. Each command is one argument.
#
#   --suite NAME   release to install                                 default: bookworm
#   --mirror URL   package mirror                                     default: the one that apt uses for that release
#   --root FOLDER  where the machine goes; must not exist             default: a new folder under /tmp
#   --user         run as an account that is not root but has sudo
#   --keep         leave the machine there afterwards
#   --results DIR  copy build/demo of the clone there
#
# The machine sees pip's configuration, certificates and local package folders of this one, read-only.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
source "$root/scripts/machine.sh"

suite=bookworm mirror='' machine='' keep='' results='' user=root
while [ $# -gt 0 ]; do
    case $1 in
        --suite) suite=$2; shift 2 ;;
        --mirror) mirror=$2; shift 2 ;;
        --root) machine=$2; shift 2 ;;
        --results) results=$2; shift 2 ;;
        --user) user=visitor; shift ;;
        --keep) keep=yes; shift ;;
        -h | --help) sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit ;;
        --*) fail "No such option: $1" ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || set -- "make demo" "make test"
need_root fresh_machine.sh

sources=$(sources_of "$suite")
mirror=${mirror:-$(mirror_in "$sources" "$suite")}
[ -n "$mirror" ] || fail "apt has no mirror for $suite here: name one with --mirror"
if [ -z "$machine" ]; then
    machine=$(mktemp -d /tmp/fresh-machine-XXXXXX)
    chmod 755 "$machine" # it is the machine's "/"
elif ! mkdir "$machine"; then
    fail "$machine should be a folder that is not there yet"
fi

leave() {
    unmount_machine
    if [ -n "$keep" ]; then
        say "The machine is in $machine"
    else
        remove_machine
    fi
}
trap leave EXIT

make_machine "$suite" "$mirror" git,make,ca-certificates,sudo "$sources"
open_machine

home=/root
if [ "$user" != root ]; then
    home=/home/$user
    chroot "$machine" useradd --create-home "$user"
    echo "$user ALL=(ALL) NOPASSWD: ALL" >"$machine/etc/sudoers.d/$user"
fi
git -C "$root" bundle create --quiet "$machine$home/head.bundle" HEAD
chroot "$machine" git -c advice.detachedHead=false clone --quiet "$home/head.bundle" "$home/mtmsd-qgis"
[ "$user" = root ] || chroot "$machine" chown -R "$user" "$home"

status=0
for command in "$@"; do
    say "$command, as $user"
    start=$SECONDS
    in_machine "$user" "$home" "cd $home/mtmsd-qgis && $command" || { status=1 && say "FAILED: $command"; }
    say "$command took $((SECONDS - start)) s"
done
if [ -n "$results" ] && [ -d "$machine$home/mtmsd-qgis/build/demo" ]; then
    mkdir -p "$results"
    cp -r "$machine$home/mtmsd-qgis/build/demo/." "$results/"
fi
exit $status
