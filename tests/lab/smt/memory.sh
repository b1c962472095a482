# Where the guest's memory really lies, against the kernel's own numa_maps.
echo 0 >/proc/sys/kernel/numa_balancing # it moves pages by itself

# Percent of the guest's memory that lies on NODE: of all mappings of 16 MiB and more.
percent_on() {
    awk -v node="N$2" '{
        pages = 0; here = 0; kib = 4
        for (i = 3; i <= NF; i++) {
            split($i, part, "=")
            if (part[1] ~ /^N[0-9]+$/) {
                pages += part[2]
                if (part[1] == node) here += part[2]
            } else if (part[1] == "kernelpagesize_kB") kib = part[2]
        }
        if (pages * kib >= 16384) { all += pages * kib; local += here * kib }
    } END { printf "%d", all ? 100 * local / all + 0.5 : 0 }' /proc/"$(pid_of "$1")"/numa_maps
}

# Percent on NODE by what pinhook sampled.
sampled_on() {
    pinhook status "$1" --json
    sed -n '/"memory":/,/}/p' <<<"$out" | tr -d ' "' | tr '{},' '\n' | awk -F: -v node="$2" '
        $1 == "touched" { touched = $2 } $1 == node { here = $2 }
        END { printf "%d", touched ? 100 * here / touched + 0.5 : 0 }'
}

# agrees VMID NODE: the sample, within 4 points.
agrees() {
    local truth sample
    truth=$(percent_on "$1" "$2") sample=$(sampled_on "$1" "$2")
    echo "# VM $1, node $2: numa_maps $truth %, sampled $sample %"
    [ $((truth - sample)) -le 4 ] && [ $((sample - truth)) -le 4 ]
}

# ram HOSTNODES POLICY MIB…: memory backends as Proxmox has them, all of it touched from the start.
ram() {
    local nodes=$1 policy=$2
    echo -object "memory-backend-ram,id=ram0,size=$3M,prealloc=on,host-nodes=$nodes,policy=$policy"
    echo -machine memory-backend=ram0
}

vm 100 'memory: 256' 'numa: 1' 'numa0: cpus=0-1,hostnodes=1,memory=256,policy=bind'
# shellcheck disable=SC2046 # arguments
start 100 $(ram 1 bind 256)
ok "bound to the vCPUs' node it is proven" ended_with 0
ok "it says so" says "memory 100 % on node 1"
ok "numa_maps says the same" is "$(percent_on 100 1)" 100
stop 100

# Half and half.
vm 100 'affinity: 6-7' 'memory: 256'
hook 100 pre-start
# shellcheck disable=SC2046 # arguments
qemu 100 $(ram 0-1 interleave 256)
hook 100 post-start
ok "half of it is not enough" ended_with 1
ok "the sample is near numa_maps" agrees 100 1
stop 100

# A quarter of it: two cells, each bound, of which the plan knows only the one.
vm 100 'affinity: 6-7' 'memory: 256'
hook 100 pre-start
qemu 100 -object memory-backend-ram,id=ram0,size=64M,prealloc=on,host-nodes=1,policy=bind \
    -object memory-backend-ram,id=ram1,size=192M,prealloc=on,host-nodes=0,policy=bind \
    -numa node,cpus=0,memdev=ram0 -numa node,cpus=1,memdev=ram1
hook 100 post-start
ok "a quarter is not enough" says ": error: memory-remote: "
ok "the sample is near numa_maps" agrees 100 1
ok "memory holds up no guest" guest_is 100 running
policy '[vm 100]' 'check.memory-remote = warning'
pinhook repair 100
ok "accepted, it is proven" ended_with 0
stop 100

# on_the_wrong_node MIB BACKEND: unbound, and first touched from the other node, where something ran QEMU.
on_the_wrong_node() {
    vm 100 "memory: $1"
    hook 100 pre-start
    taskset -cp 0 "$BASHPID" >/dev/null
    qemu 100 -object "$2,id=ram0,size=$1M,prealloc=on" -machine memory-backend=ram0
    taskset -cp 0-1,4-5 "$BASHPID" >/dev/null
    hook 100 post-start
}

policy '[vm 100]' 'cpus = 6-7'
on_the_wrong_node 256 memory-backend-ram
ok "memory = verify: not proven" ended_with 1
ok "it says where the memory is" says ": error: memory-remote: "
fix=$(fix_for 'error: memory-remote')
ok "the vCPUs are bound all the same" bound 100 "6 7" 4-5
ok "the guest runs all the same" guest_is 100 running
ok "the sample is near numa_maps" agrees 100 1
echo "# pasted: $fix"
eval "$fix"
echo "# ${err//$'\n'/$'\n'# }"
ok "memory = migrate: the fix leads to the proof" ended_with 0
ok "it says what it moved" matches 'memory 100 % on node 1 \(2[0-9][0-9] MiB moved\)'
ok "numa_maps says the same" is "$(percent_on 100 1)" 100
pinhook status 100
ok "status shows it" says "memory: 100 % on node 1"
stop 100

# Hugepages move whole.
policy '[vm 100]' 'cpus = 6-7' 'memory = migrate'
echo always >/sys/kernel/mm/transparent_hugepage/enabled
on_the_wrong_node 256 memory-backend-ram
ok "transparent hugepages are moved" matches 'memory 100 % on node 1 \(2[0-9][0-9] MiB moved\)'
ok "numa_maps says the same" is "$(percent_on 100 1)" 100
huge_kib=$(sed -n 's/^AnonHugePages: *\([0-9]*\) kB/\1/p' /proc/"$(pid_of 100)"/smaps_rollup)
ok "and they still are" test "$huge_kib" -gt 131072
stop 100
echo madvise >/sys/kernel/mm/transparent_hugepage/enabled

for node in 0 1; do
    echo 64 >/sys/devices/system/node/node$node/hugepages/hugepages-2048kB/nr_hugepages
done
on_the_wrong_node 64 memory-backend-memfd,hugetlb=on,hugetlbsize=2M
ok "hugepages of hugetlbfs are moved" matches 'memory 100 % on node 1 \(64 MiB moved\)'
ok "numa_maps says the same" is "$(percent_on 100 1)" 100
stop 100
echo 0 >/proc/sys/vm/nr_hugepages
