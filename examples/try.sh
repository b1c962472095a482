#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# pinhook's main job on a real QEMU, on any Debian machine and without Proxmox: a start that is
# refused, then one that goes through all four phases. Installs what it needs; all else it makes in
# a temporary directory, and removes.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || exec sudo "$0" "$@"
. tests/packages.sh
# shellcheck disable=SC2086 # lists
install_packages $BUILD_PACKAGES $QEMU_PACKAGES

work=$(mktemp -d /tmp/pinhook-try.XXXXXX)
root=$work/root # stands for /
pidfile=$root/run/qemu-server/101.pid
stop_qemu() {
    local pid
    pid=$(cat "$pidfile" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    rm -f "$pidfile"
}
cleanup() {
    stop_qemu
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

step() { printf '\n== %s\n' "$*"; }
# Shows a command as one would type it on a node, and runs it in our root.
pinhook() {
    printf '$ pinhook %s\n' "$*"
    local status=0
    "$work/build/hook/pinhook" --root "$root" "$@" 2>&1 || status=$?
    printf '[exit status %d]\n' "$status"
    return "$status"
}

step "Building"
meson setup "$work/build" -Dtests=false >"$work/log" 2>&1 && ninja -C "$work/build" >>"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }

mkdir -p "$root/etc/pve/qemu-server" "$root/run/qemu-server"
ln -s /proc "$root/proc"
ln -s /sys "$root/sys"
cp examples/100-tutorial.conf "$root/etc/pve/qemu-server/100.conf"
cp examples/pinhook.conf "$root/etc/pve/pinhook.conf"

step "VM 100 follows a common tutorial"
cat "$root/etc/pve/qemu-server/100.conf"
if pinhook 100 pre-start; then
    echo "VM 100 should have been refused" >&2
    exit 1
fi

cpus=$(nproc --all)
vcpus=$((cpus < 2 ? 1 : 2))
# The last CPUs: the first is where the host does its own work.
affinity=$((cpus - vcpus))-$((cpus - 1))
sed -e "s/^cores:.*/cores: $vcpus/" -e "s/^affinity:.*/affinity: $affinity/" \
    examples/101-frozen.conf >"$root/etc/pve/qemu-server/101.conf"
if [ "$cpus" -le 2 ]; then
    echo "check.no-housekeeping = warning" >>"$root/etc/pve/pinhook.conf"
fi

step "VM 101: $vcpus vCPUs on CPU $affinity, frozen until proven"
cat "$root/etc/pve/qemu-server/101.conf"
echo "- the policy, for this machine isolates nothing and may be small:"
grep -v '^#' "$root/etc/pve/pinhook.conf"
pinhook 101 pre-start

step "QEMU starts, as Proxmox starts it"
qemu-system-x86_64 -name vm101,debug-threads=on -accel tcg,thread=multi -S -daemonize \
    -pidfile "$pidfile" -smp "$vcpus,sockets=1,cores=$vcpus,maxcpus=$vcpus" -m 128 -nodefaults \
    -display none -object iothread,id=iothread-virtioscsi0 \
    -chardev "socket,id=qmp,path=$root/run/qemu-server/101.qmp,server=on,wait=off" \
    -mon chardev=qmp,mode=control
pinhook 101 post-start
pinhook status 101

step "The kernel's own word for it"
for task in /proc/"$(cat "$pidfile")"/task/*; do
    taskset -cp "${task##*/}"
done

step "VM 101 stops"
pinhook 101 pre-stop
stop_qemu
pinhook 101 post-stop
held=$(find "$root/run/pinhook" -name '*.json')
[ -z "$held" ] || { echo "left in the ledger: $held" >&2; exit 1; }
step "What if: a larger machine, with one node isolated"
pinhook plan --vcpus 6 --topology 'numa:2 l3:1 core:8 pu:1' --isolated 9-15 --nodes 1

step "This machine"
pinhook host || true # 1: there is something to mend

step "Done: nothing is held any more"
