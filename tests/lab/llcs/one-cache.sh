# VMs that fit into a last-level cache are given one, the fullest that has room.
for vmid in 100 101 102 103; do
    vm "$vmid" 'cores: 3'
    hook "$vmid" pre-start
    ok "VM $vmid may start" ended_with 0
    ok "VM $vmid has a cache of its own" matches '\(node [01], LLC [0-3]\)'
done
ok "four VMs have twelve CPUs" is "$(sed -n 's/.*"cpu":\([0-9]*\).*/\1/p' /run/pinhook/*.json | sort -u | wc -l)" 12
vm 104 'cores: 1'
hook 104 pre-start
ok "there is none for a fifth" says ": error: cpu-taken: "
