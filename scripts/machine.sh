# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Sourced by scripts that try the project on another machine: a Debian or Ubuntu in the folder $machine, entered by
# chroot. Needs root and debootstrap. It sees pip's configuration, certificates and local package folders, read-only.

# need_root NAME: what making and entering a machine takes.
need_root() {
    [ "$(id -u)" -eq 0 ] || fail "$1 mounts file systems: run it as root"
    command -v debootstrap >/dev/null || fail "Missing: debootstrap (apt-get install debootstrap)"
}

# sources_of SUITE: "URL release" of every package source that apt has here for this release and its updates.
sources_of() {
    apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
        awk -v s="$1" '$2 == s || index($2, s "-") == 1' | sort -u
}

# mirror_in SOURCES SUITE: the mirror of the release itself.
mirror_in() {
    awk -v s="$2" '$2 == s { print $1; exit }' <<<"$1"
}

mounts() {
    awk -v m="$machine/" 'index($2, m) == 1 { print $2 }' /proc/mounts | sort -r
}

unmount_machine() {
    local place
    for place in $(mounts); do
        umount "$place" || umount -l "$place"
    done
}

remove_machine() {
    if [ -n "$(mounts)" ]; then
        say "Something is still mounted under $machine: not removed"
    else
        rm -rf --one-file-system "$machine"
    fi
}

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

# make_machine SUITE MIRROR INCLUDED SOURCES: the smallest system, with the packages INCLUDED (a,b) and apt's SOURCES.
make_machine() {
    local suite=$1 mirror=$2 included=$3 sources=$4 said
    say "Installing $suite from $mirror into $machine"
    said=$(debootstrap --variant=minbase --include="$included" "$suite" "$machine" "$mirror" 2>&1) ||
        fail "debootstrap failed: $(tail -n 20 <<<"$said")"
    if [ -n "$sources" ]; then
        awk '{ print "deb", $1, $2, "main universe" }' <<<"$sources" >"$machine/etc/apt/sources.list"
        grep -q ubuntu <<<"$mirror" || sed -i 's/ universe//' "$machine/etc/apt/sources.list"
    fi
}

# open_machine: what a command in it needs besides its files; unmount_machine takes it away.
open_machine() {
    cp /etc/resolv.conf "$machine/etc/resolv.conf"
    echo "127.0.0.1 localhost $(hostname)" >"$machine/etc/hosts"
    mount -t proc proc "$machine/proc"
    mkdir -p "$machine/dev/shm"
    mount -t tmpfs -o size=2g tmpfs "$machine/dev/shm"
    mkdir -p "$machine/dev/pts"
    mount --bind /dev/pts "$machine/dev/pts"
    [ -e "$machine/dev/ptmx" ] || ln -s pts/ptmx "$machine/dev/ptmx"
    copy_pip_configuration
}

# in_machine USER HOME COMMAND [VARIABLE=VALUE...]: run there by sh, with an environment of its own.
in_machine() {
    local user=$1 home=$2 command=$3
    shift 3
    chroot --userspec="$user" "$machine" env -i HOME="$home" USER="$user" LANG=C.UTF-8 TERM="${TERM:-dumb}" \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" sh -c "$command"
}
