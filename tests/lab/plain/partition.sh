# Isolation at run time, without a reboot: an isolated partition of cgroup v2.
slice=/sys/fs/cgroup/qemu.slice
isolate() {
    mkdir -p "$1"
    echo 1-3 >"$1"/cpuset.cpus
    echo 1-3 >"$1"/cpuset.cpus.exclusive
    echo isolated >"$1"/cpuset.cpus.partition
}
release() {
    echo member >"$1"/cpuset.cpus.partition
    echo >"$1"/cpuset.cpus.exclusive
    echo >"$1"/cpuset.cpus
}

# The kernel lets nobody onto a partition's CPUs but the tasks in it, and a VM is in qemu.slice.
isolate /sys/fs/cgroup/audio
vm 100 'affinity: 2-3'
hook 100 pre-start
ok "a partition that VMs are not in is of no use to them" ended_with 1
ok "it says so" says ": error: cpu-missing: affinity names CPU 2-3; 2-3 are isolated in a cgroup that VMs are not in"
release /sys/fs/cgroup/audio

isolate "$slice"
policy '[vm 100]' 'emulator = spare'
vm 100 'affinity: 1-3'
passes 100
ok "the tick goes on, without nohz_full" says ": warning: nohz-full-missing: CPU 1-2, isolated for vCPUs, keeps the timer tick; nohz_full here: none"
ok "and RCU's callbacks" says ": warning: rcu-nocbs-missing: CPU 1-2, isolated for vCPUs, keeps RCU's callbacks; rcu_nocbs here: none"
start 100
ok "one that VMs are in counts as isolation" ended_with 0
ok "the kernel has bound it there" bound 100 "1 2" 3
stop 100
release "$slice"
