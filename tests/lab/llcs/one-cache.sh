# VMs that fit into a last-level cache are given one, the fullest that has room: between them they leave
# no CPU unused. Three CPUs of each cache are isolated.

# caches_of VMID: how many packages its CPUs are in, by the kernel's word; each package is a cache here.
caches_of() {
    local cpu package packages=()
    for cpu in $(sed -n 's/.*"cpu":\([0-9]*\).*/\1/p' /run/pinhook/"$1".json); do
        package=$(</sys/devices/system/cpu/cpu"$cpu"/topology/physical_package_id)
        packages[package]=1
    done
    echo "${#packages[@]}"
}

# The second leaves no cache of the first node with room for the third.
for vm in '100 2' '101 1 5' '102 3' '103 1' '104 2' '105 3'; do
    read -r vmid cores affinity <<<"$vm"
    vm "$vmid" "cores: $cores" ${affinity:+"affinity: $affinity"}
    passes "$vmid"
    ok "VM $vmid, of $cores vCPUs, is in one cache" is "$(caches_of "$vmid")" 1
done
vm 106 'cores: 1'
hook 106 pre-start
ok "there is none for another" says ": error: cpu-taken: "
