# Two and eight VMs are started at the same moment, again and again, and every other time one hook is
# killed somewhere: no CPU is ever given twice.
#
# Four CPUs are isolated, so four of the eight must be refused. Their QEMUs are started once, and a VM
# without its pid file is not running. More by hand: ROUNDS=100 tests/lab/run.sh cores/together
rounds_of_two=${ROUNDS:-16}
rounds_of_eight=${ROUNDS:-10}
phases=(pre-start post-start)

for vmid in 100 101 102 103 104 105 106 107; do
    vm "$vmid" 'cores: 1' 'memory: 16' 'freeze: 0'
    qemu "$vmid" -S
    printf -v "pid_$vmid" '%s' "$(pid_of "$vmid")"
    printf -v "vcpu_$vmid" '%s' "$(vcpu_of "$vmid" 0)"
    rm /run/qemu-server/"$vmid".pid
done

# start_one VMID [PHASE DELAY]: a task of Proxmox's; the hook of PHASE is killed after DELAY. A fresh QEMU
# may run anywhere; ours would still be where the last round bound it, if this one does not.
start_one() {
    local vmid=$1 victim=${2:-} delay=${3:-} phase tid=vcpu_$1 pid=pid_$1
    if [ -n "$victim" ]; then
        taskset --cpu-list --pid 0-7 "${!tid}" >/dev/null
    fi
    for phase in "${phases[@]}"; do
        "$hook" "$vmid" "$phase" </dev/null >/dev/null 2>/tmp/"$vmid.$phase" &
        if [ "$phase" = "$victim" ]; then
            read -r -t "$delay" -u 8 # sleeps, for nothing comes there
            kill -9 $! 2>/dev/null
        fi
        wait $! 2>/dev/null
        case $? in
        0) ;;
        137) : >/tmp/"$vmid".killed && return ;;
        *) return ;;
        esac
        if [ "$phase" = pre-start ]; then
            echo "${!pid}" >/run/qemu-server/"$vmid".pid
        fi
    done
    : >/tmp/"$vmid".proven
}

# expand LIST: "1-3,5" as "1 2 3 5 ", in $expanded.
expand() {
    local part cpu
    expanded=
    for part in ${1//,/ }; do
        for ((cpu = ${part%-*}; cpu <= ${part#*-}; cpu++)); do
            expanded+="$cpu "
        done
    done
}

# Sets $holder[CPU]; a second holder is one too many.
take() {
    local cpu
    for cpu in $2; do
        if [ -n "${holder[cpu]:-}" ] && [ "${holder[cpu]}" != "$1" ]; then
            echo "# CPU $cpu is held by ${holder[cpu]} and by $1"
            doubles=$((doubles + 1))
        fi
        holder[cpu]=$1
    done
}

# What the ledger and the kernel say when all is done.
count_doubles() {
    local vmid line name list tid
    holder=()
    for vmid in "$@"; do
        [ -e /run/qemu-server/"$vmid".pid ] || continue
        while read -r line; do
            if [[ $line == *'"reserved":"'* ]]; then
                list=${line#*'"reserved":"'}
                expand "${list%%\"*}"
                take "$vmid" "$expanded"
            fi
        done 2>/dev/null </run/pinhook/"$vmid".json
        tid=vcpu_$vmid
        list=$(allowed "${!tid}")
        [[ $list == *[-,]* ]] || take "$vmid" "$list"
    done
}

# A QEMU that lives holds its CPUs; ours live on when their VM is over. What a killed hook left stays.
forget_qemus() {
    local entry
    for entry in /run/pinhook/*.json; do
        [[ $(<"$entry") == *'"owner":"hook"'* ]] || rm "$entry"
    done 2>/dev/null
}

# run_rounds COUNT VMID…
run_rounds() {
    local count=$1 round vmid victim phase delay started=$SECONDS
    shift
    proven=0 doubles=0 killed=0
    for ((round = 0; round < count; round++)); do
        victim=$((round % 2 ? 0 : 100 + RANDOM % $#))
        phase=${phases[RANDOM % 2]}
        printf -v delay '0.%06d' $(((RANDOM * 32768 + RANDOM) % longest_us[$phase]))
        for vmid in "$@"; do
            if [ "$vmid" -eq "$victim" ]; then
                start_one "$vmid" "$phase" "$delay" &
            else
                start_one "$vmid" &
            fi
        done
        wait
        count_doubles "$@"
        for vmid in "$@"; do
            [ -e /tmp/"$vmid".proven ] && proven=$((proven + 1))
            [ -e /tmp/"$vmid".killed ] && killed=$((killed + 1))
        done
        rm -f /tmp/*.proven /tmp/*.killed /run/qemu-server/*.pid
        forget_qemus
    done
    echo "# $# VMs, $count rounds, $killed of them with a hook killed: $proven starts proven, $doubles CPUs given twice, $((SECONDS - started)) s"
}

# How long each hook takes alone, the second time: kills come at any time of it.
declare -A longest_us
for phase in "${phases[@]}" "${phases[@]}"; do
    timed_hook 100 "$phase"
    longest_us[$phase]=$took_us
    # shellcheck disable=SC2154 # set by name
    echo "$pid_100" >/run/qemu-server/100.pid
done
rm /run/qemu-server/100.pid
hook 100 post-stop
run_rounds "$rounds_of_two" 100 101
ok "two at once: hooks are killed" test "$killed" -ge $((rounds_of_two / 4))
ok "two at once: no CPU is given twice" is "$doubles" 0
ok "two at once: all that were not killed are proven" test "$proven" -ge $((rounds_of_two * 3 / 2))
run_rounds "$rounds_of_eight" 100 101 102 103 104 105 106 107
ok "eight at once: no CPU is given twice" is "$doubles" 0
ok "eight at once: there are enough for four" test "$proven" -ge $((rounds_of_eight * 7 / 2))
ok "and never for more" test "$proven" -le $((rounds_of_eight * 4))
hook 100 post-stop
ok "nothing is left of the killed" test -z "$(ls /run/pinhook | grep -v '^lock$')"
