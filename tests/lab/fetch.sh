#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian 13's kernel, the modules that the lab needs, and a static busybox, through apt with lists and
# a cache of its own: nothing is installed, and the system's apt is left alone. Prints the directory
# that holds `vmlinuz`, `bin/busybox` and `lib/*.ko`; the second time they are there already. Ends with
# status 77 when apt cannot fetch them.
set -euo pipefail

cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pinhook-lab
# In this order they need nothing but each other and what the kernel has built in.
modules="fs/netfs/netfs net/9p/9pnet fs/9p/9p net/9p/9pnet_virtio fs/overlayfs/overlay"

private_apt() {
    local command=$1
    shift
    "$command" -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$cache/sources" \
        -o Dir::State::Lists="$cache/lists" -o Dir::Cache="$cache/cache" \
        -o APT::Sandbox::User=root "$@" || exit 77
}

# The machine's own Debian sources, with Debian 13 in the place of Debian 12.
copy_sources() {
    local file
    rm -rf "$cache/sources"
    mkdir -p "$cache"/{sources,lists/partial,cache/archives/partial}
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        if grep -qs -e debian-archive-keyring -e '^deb [^#]*/debian' "$file"; then
            sed 's/\bbookworm\b/trixie/g' "$file" >"$cache/sources/${file##*/}"
        fi
    done
}

download_packages() {
    local kernel
    private_apt apt-get update -qq >&2
    kernel=$(private_apt apt-cache depends --important linux-image-amd64 |
        sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\).*/\1/p' | head -n 1)
    cd "$new"
    private_apt apt-get download -qq "$kernel" busybox-static >&2
    cd - >/dev/null
}

unpack() {
    local tree=$new/kernel module file
    mkdir -p "$tree/bin" "$tree/lib"
    dpkg-deb --fsys-tarfile "$new"/busybox-static_*.deb |
        tar -xO --wildcards './*bin/busybox' >"$tree/bin/busybox"
    chmod 755 "$tree/bin/busybox"
    dpkg-deb --fsys-tarfile "$new"/linux-image-*.deb |
        tar -x -C "$new" --wildcards './boot/vmlinuz-*' '*/kernel/fs/*' '*/kernel/net/9p/*'
    for module in $modules; do
        file=$(find "$new" -path "*/kernel/$module.ko.xz")
        "$tree/bin/busybox" xz -dc <"$file" >"$tree/lib/${module##*/}.ko"
    done
    mv "$new"/boot/vmlinuz-* "$tree/vmlinuz"
}

mkdir -p "$cache"
exec {lock}>"$cache/lock"
flock "$lock" # hosts are booted side by side
if [ ! -e "$cache/kernel" ]; then
    copy_sources
    new=$(mktemp -d "$cache/new.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    download_packages
    unpack
    mv "$new/kernel" "$cache/kernel"
fi
echo "$cache/kernel"
