# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by the two scripts that must work on a fresh machine: installs Debian packages, and only
# those that are missing.

BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config libglib2.0-dev libhwloc-dev libnuma-dev
    libjson-c-dev"
QEMU_PACKAGES="qemu-system-x86 util-linux"
TEST_PACKAGES="clang binutils bzip2 strace procps"

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# install_packages PACKAGE…
install_packages() {
    local missing=() package
    for package in "$@"; do
        if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed'; then
            missing+=("$package")
        fi
    done
    [ ${#missing[@]} -eq 0 ] && return
    echo "installing ${missing[*]}" >&2
    as_root apt-get update -qq </dev/null >&2
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}
