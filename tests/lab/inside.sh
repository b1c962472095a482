#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs on the lab's machine: lays it out as a Proxmox node, runs the scenarios, powers it off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root
export LAB=$1/tests/lab
build=$(cat /results/build)
export LAB_TOOLS=$build/tests/lab
ROUNDS=$(cat /results/rounds)
export ROUNDS
scenario_limit_s=300

for directory in /run /tmp /dev/shm; do
    mkdir -p "$directory"
    mount -t tmpfs tmpfs "$directory"
done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo '+cpuset' >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/system.slice # where systemd has its services: none runs
ln -s /proc/self/fd /dev/fd
echo pve1 >/proc/sys/kernel/hostname

mkdir -p /etc/pve/nodes/pve1/qemu-server /etc/pve/nodes/pve2/qemu-server /etc/pve/lxc
ln -s nodes/pve1/qemu-server /etc/pve/qemu-server
mkdir -p /run/qemu-server /var/lib/vz/snippets
cp "$build/hook/pinhook" "$build/libpinhook/libpinhook.so.0" /var/lib/vz/snippets/
ln -s /var/lib/vz/snippets/pinhook /usr/local/sbin/pinhook
for program in qm pct update-grub proxmox-boot-tool; do
    install -m 755 "$LAB/$program" /usr/local/sbin/
done

# Results go to the machine beneath as they come, so that a hang shows how far it was.
run_scenario() {
    local file=$LAB/$1.sh
    echo "lab: $1, at $(cut -d' ' -f1 /proc/uptime) s" >/dev/console
    timeout -k 5 "$scenario_limit_s" bash -c ". '$LAB/verbs.sh'; . '$file'" 2>&1 </dev/null
    local status=$?
    if [ "$status" -ne 0 ]; then
        echo "not ok $1: it ended with status $status after $SECONDS s of the machine's time"
    fi
    bash -c ". '$LAB/verbs.sh'; clean_up" >/dev/null 2>&1
}

if [ -e /results/scenarios ]; then
    while read -r scenario; do
        NAME=$scenario run_scenario "$scenario" >>/results/tap
    done </results/scenarios
    touch /results/done
else
    echo "Words: see tests/lab/verbs.sh. What pinhook said last is in \$out and \$err. The end: exit" \
        >/dev/console
    setsid -c bash --rcfile "$LAB/verbs.sh" <>/dev/console >&0 2>&1
fi
echo "lab: the end, at $(cut -d' ' -f1 /proc/uptime) s" >/dev/console
sync
echo o >/proc/sysrq-trigger
while :; do :; done # until then: no program can be started any more
