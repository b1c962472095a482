# How long a vCPU waits for its CPU when it has something to do: a thread that sleeps and wakes (see
# wake.c) in the place of vCPU 0, which is halted, on the CPU and with the mask of that vCPU's thread,
# while the guest's three other vCPUs and two hogs of the host are busy. In each case seven of the eight
# CPUs are (see busy.c). Emulation makes every time long: what counts is one case against another.

# start_halting HOW VMID: by start or qemu, with vCPU 0 halted; leaves it stopped.
start_halting() {
    local starter=$1 vmid=$2
    counting "$vmid"
    "$starter" "$vmid" "${guest[@]}" -device loader,addr=0x500,data=1,data-len=1
    let_warm_up "$vmid"
}

# find_first_vcpu VMID: sets $tid, and the CPU it was last on, which is field 39 of its stat.
find_first_vcpu() {
    local file fields
    file=$(grep -lx 'CPU 0/TCG' /proc/"$(pid_of "$1")"/task/*/comm)
    tid=${file%/comm} tid=${tid##*/}
    fields=$(<"/proc/$tid/stat")
    read -ra fields <<<"${fields##*) }"
    cpu=${fields[36]}
}

# measure VMID WHAT: sets $most, in µs: how long it was ready before it ran, but for the longest hundredth.
measure() {
    local vmid=$1 what=$2 tid cpu mask idle=7 waker busy wakeups median late_median late_most late_max max
    find_first_vcpu "$vmid"
    mask=$(allowed "$tid")
    # The waking thread shares its CPU, except where it has one of its own.
    if [ "$mask" = "$cpu" ]; then
        idle=$cpu
    elif [ "$cpu" = 7 ]; then
        idle=6
    fi
    { read -r <&3 && exec "$LAB_TOOLS/lab-wake" 4; } 3<>/tmp/go >/tmp/woken &
    waker=$!
    # First where the vCPU is, then all that it may use: QEMU's threads start where QEMU is.
    taskset -p -c "$cpu" "$waker" >/dev/null
    taskset -p -c "$mask" "$waker" >/dev/null
    "$LAB_TOOLS/lab-busy" 2 "$idle" &
    busy=$!
    kill -CONT "$(pid_of "$vmid")"
    echo >/tmp/go
    wait "$waker"
    kill -STOP "$(pid_of "$vmid")"
    kill "$busy"
    read -r wakeups median most max late_median late_most late_max </tmp/woken
    printf '# %-21s %7d %7d %7d   %7d %7d %7d   %6d\n' "$what" "$median" "$most" "$max" \
        "$late_median" "$late_most" "$late_max" "$wakeups"
}

vm 100 'cores: 4' 'affinity: 4-7' 'freeze: 0'
vm 101 'cores: 4' 'freeze: 0'
vm 102 'cores: 4' 'affinity: 4-7' 'freeze: 0'
mkfifo /tmp/go
start_halting start 100
ok "pinhook proves one VM" ended_with 0
start_halting qemu 101
start_halting qemu 102
"$LAB_TOOLS/lab-wake" 0 >/dev/null # so that its pages are there
echo '# µs                      ready until it ran           as cyclictest has it'
echo '#                        median     99%     max    median     99%     max   wake-ups'
measure 101 "no affinity, CPU 0-3"
measure 102 "affinity alone"
piled=$most
measure 100 "pinned by pinhook"
ok "pinned, the longest hundredth of the waits begins below a fifth of that" test $((most * 5)) -lt "$piled"
