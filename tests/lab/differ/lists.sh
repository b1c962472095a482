# Isolation is what the kernel says is isolated, whole cores of it, whatever the other lists say.
vm 100 'cores: 1' 'affinity: 3'
refused 100 sibling-not-isolated

vm 100
passes 100 "on CPU 4-5 "
ok "the lists differ" says ": warning: isolation-lists-differ: isolcpus=3-5, but nohz_full=4, on the kernel command line"
ok "what differs is not missing as well" quiet_about -missing

# No list knows of what is isolated at run time.
slice=/sys/fs/cgroup/qemu.slice
mkdir -p "$slice"
echo 2 >"$slice"/cpuset.cpus
echo 2 >"$slice"/cpuset.cpus.exclusive
echo isolated >"$slice"/cpuset.cpus.partition
vm 100 'cores: 1' 'affinity: 2'
passes 100 "on CPU 2 "
ok "it has the tick" says ": warning: nohz-full-missing: CPU 2, isolated for vCPUs, keeps the timer tick; nohz_full here: 4"
ok "and RCU's callbacks" says ": warning: rcu-nocbs-missing: CPU 2, isolated for vCPUs, keeps RCU's callbacks; rcu_nocbs here: none"
echo member >"$slice"/cpuset.cpus.partition
echo >"$slice"/cpuset.cpus.exclusive
echo >"$slice"/cpuset.cpus

# nohz_full alone is not isolation.
vm 100 'cores: 1' 'affinity: 2'
refused 100 not-isolated
