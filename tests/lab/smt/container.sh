# A container that its config binds to no CPUs may run on isolated ones: told of, and mended by the fix.
cgroup=/sys/fs/cgroup/lxc/201
mkdir -p "$cgroup"
echo +cpuset >/sys/fs/cgroup/lxc/cgroup.subtree_control
echo +cpuset >"$cgroup"/cgroup.subtree_control
mkdir "$cgroup"/ns
sleep 300 &
process=$!
echo "$process" >"$cgroup"/ns/cgroup.procs
printf '%s\n' 'arch: amd64' 'cores: 2' '' '[before]' 'arch: amd64' >/etc/pve/lxc/201.conf

vm 100 'affinity: 6-7'
passes 100
ok "without a cpuset it may run anywhere" says ": warning: container-on-cpus: may run on the vCPUs' cores: CT 201 (CPU 6-7)"

# As pvestatd may choose for `cores: 2`.
echo 6-7 >"$cgroup"/cpuset.cpus
echo 6-7 >"$cgroup"/ns/cpuset.cpus
ok "isolation keeps no cpuset away" is "$(allowed "$process")" 6-7
passes 100
ok "it is told of" says ": warning: container-on-cpus: may run on the vCPUs' cores: CT 201 (CPU 6-7)"
fix=$(fix_for 'warning: container-on-cpus')
echo "# pasted: $fix"
eval "$fix"
ok "the fix takes it off them" is "$(allowed "$process")" 0-1,4-5
passes 100
ok "it is gone" quiet_about container-on-cpus

kill "$process"
wait "$process" 2>/dev/null
rmdir "$cgroup"/ns "$cgroup" /sys/fs/cgroup/lxc
