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
[ "$(id -u)" -eq 0 ] || fail "fresh_machine.sh mounts file systems: run it as root"
command -v debootstrap >/dev/null || fail "Missing: debootstrap (apt-get install debootstrap)"

# "URL release" of every package source that apt has for this release and its updates.
sources=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' | awk -v s="$suite" '$2 == s || index($2, s "-") == 1' | sort -u)
mirror=${mirror:-$(awk -v s="$suite" '$2 == s { print $1; exit }' <<<"$sources")}
[ -n "$mirror" ] || fail "apt has no mirror for $suite here: name one with --mirror"
if [ -z "$machine" ]; then
    machine=$(mktemp -d /tmp/fresh-machine-XXXXXX)
    chmod 755 "$machine" # it is the machine's "/"
elif ! mkdir "$machine"; then
    fail "$machine should be a folder that is not there yet"
fi

mounts() {
    awk -v m="$machine/" 'index($2, m) == 1 { print $2 }' /proc/mounts | sort -r
}

leave() {
    local place
    for place in $(mounts); do
        umount "$place" || umount -l "$place"
    done
    if [ -n "$keep" ]; then
        say "The machine is in $machine"
    elif [ -n "$(mounts)" ]; then
        say "Something is still mounted under $machine: not removed"
    else
        rm -rf --one-file-system "$machine"
    fi
}
trap leave EXIT

share() {
    mkdir -p "$machine$1"
    mount --bind -o ro "$1" "$machine$1"
}

# What pip is told here, as the machine's /etc/pip.conf; later lines of `pip config list` are weaker than environment.
copy_pip_configuration() {
    local line key value word path
    printf '[global]\n' >"$machine/etc/pip.conf"
    while IFS= read -r line; do
        key=${line%%=*}
        value=$(sed "s/^'//; s/'\$//" <<<"${line#*=}")
        key=${key##*.}
        ! grep -q "^$key = " "$machine/etc/pip.conf" || continue
        printf '%s = %s\n' "$key" "$value" >>"$machine/etc/pip.conf"
        for word in $value; do
            path=${word#file://}
            if [ -f "$path" ]; then
                install -D -m 644 "$path" "$machine$path"
            elif [ "${path#/}" != "$path" ]; then
                while [ ! -d "$path" ]; do path=$(dirname "$path"); done
                # An index may refer to files beside its folder.
                [ "$(basename "$path")" != simple ] || path=$(dirname "$path")
                mountpoint -q "$machine$path" || share "$path"
            fi
        done
    done < <(python3 -m pip config list 2>/dev/null || true)
}

say "Installing $suite from $mirror into $machine"
said=$(debootstrap --variant=minbase --include=git,make,ca-certificates,sudo "$suite" "$machine" "$mirror" 2>&1) ||
    fail "debootstrap failed: $(tail -n 20 <<<"$said")"
if [ -n "$sources" ]; then
    awk '{ print "deb", $1, $2, "main universe" }' <<<"$sources" >"$machine/etc/apt/sources.list"
    grep -q ubuntu <<<"$mirror" || sed -i 's/ universe//' "$machine/etc/apt/sources.list"
fi
cp /etc/resolv.conf "$machine/etc/resolv.conf"
echo "127.0.0.1 localhost $(hostname)" >"$machine/etc/hosts"
mount -t proc proc "$machine/proc"
mkdir -p "$machine/dev/shm"
mount -t tmpfs -o size=2g tmpfs "$machine/dev/shm"
mkdir -p "$machine/dev/pts"
mount --bind /dev/pts "$machine/dev/pts"
[ -e "$machine/dev/ptmx" ] || ln -s pts/ptmx "$machine/dev/ptmx"
copy_pip_configuration

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
    chroot --userspec="$user" "$machine" env -i HOME="$home" USER="$user" LANG=C.UTF-8 TERM="${TERM:-dumb}" \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c "cd $home/mtmsd-qgis && $command" || { status=1 && say "FAILED: $command"; }
    say "$command took $((SECONDS - start)) s"
done
if [ -n "$results" ] && [ -d "$machine$home/mtmsd-qgis/build/demo" ]; then
    mkdir -p "$results"
    cp -r "$machine$home/mtmsd-qgis/build/demo/." "$results/"
fi
exit $status
