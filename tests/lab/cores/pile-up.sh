# Four busy vCPUs on four isolated CPUs, as Proxmox alone runs them, and as pinhook does: how much of a
# CPU each gets, and how much the guest gets done.

# measure: both VMs in turns. Work in thousands of additions a second, shares in per mille.
measure() {
    local vm pid vcpu work share cpus
    "$LAB_TOOLS/lab-busy" &
    "$LAB_TOOLS/lab-measure" 4 "$(pid_of 101)" /dev/shm/101.ram "$(pid_of 100)" /dev/shm/100.ram \
        >/tmp/measured
    kill %%
    piled_work=0 piled_most=0 piled_cpus='' pinned_work=0 pinned_least=1000 pinned_cpus=''
    while read -r pid vcpu work share cpus; do
        if [ "$pid" = "$(pid_of 101)" ]; then
            vm="piled up"
            piled_work=$((piled_work + work))
            piled_most=$((share > piled_most ? share : piled_most))
            piled_cpus+="$cpus "
        else
            vm="pinned  "
            pinned_work=$((pinned_work + work))
            pinned_least=$((share < pinned_least ? share : pinned_least))
            pinned_cpus+="$cpus "
        fi
        printf '# %s  vCPU %d  %6d 000 additions/s  %3d.%d %% of CPU %s\n' "$vm" "$vcpu" "$work" \
            $((share / 10)) $((share % 10)) "$cpus"
    done </tmp/measured
    hundredths=$((100 * pinned_work / (piled_work > 0 ? piled_work : 1)))
    echo "# all: piled up ${piled_work} 000 additions/s, pinned ${pinned_work} 000:" \
        "$((hundredths / 100)).$((hundredths / 10 % 10))$((hundredths % 10)) times as much"
}

vm 100 'cores: 4' 'affinity: 4-7' 'freeze: 0'
vm 101 'cores: 4' 'affinity: 4-7' 'freeze: 0'
counting 100
start 100 "${guest[@]}"
ok "pinhook proves the one" ended_with 0
let_warm_up 100
counting 101
qemu 101 "${guest[@]}"
let_warm_up 101
ok "the other may use every isolated CPU" is \
    "$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/"$(pid_of 101)"/task/*/status | sort -u)" 4-7
measure
ok "and yet no vCPU of it gets half a CPU" test "$piled_most" -lt 500
ok "for it uses fewer CPUs than it may" test \
    "$(tr -s '[:blank:][:punct:]' '\n' <<<"$piled_cpus" | sort -u | wc -l)" -lt 4
ok "each pinned vCPU is seen on its own CPU alone" is "$pinned_cpus" "4 5 6 7 "
ok "and gets nearly all of it" test "$pinned_least" -gt 900
ok "the pinned guest gets at least 2.5 times as much done" test "$hundredths" -ge 250
