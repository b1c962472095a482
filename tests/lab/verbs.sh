# SPDX-License-Identifier: LGPL-2.1-or-later
# What scenarios are written with. A scenario is a file <host>/<name>.sh, run with bash on that host.

set +m # no word of jobs, in an interactive shell either
hook=/var/lib/vz/snippets/pinhook
NAME=${NAME:-shell}

# ok WHAT COMMAND…: one check. What the last call of pinhook said is shown when it fails.
ok() {
    local what=$1
    shift
    if "$@"; then
        echo "ok $NAME: $what"
    else
        echo "not ok $NAME: $what"
        echo "# failed: $*"
        sed 's/^/# out: /' /tmp/out /tmp/err 2>/dev/null
        echo "# status: $status"
    fi
}

# is A B: for numbers and words.
is() {
    [ "$1" = "$2" ] && return
    echo "# '$1' is not '$2'"
    return 1
}

# Whether the last call wrote TEXT.
says() {
    grep -qF -e "$1" /tmp/out /tmp/err
}

quiet_about() {
    ! says "$1"
}

ended_with() {
    is "$status" "$1"
}

# vm VMID 'key: value'…: a VM's config, two vCPUs unless it says otherwise; the last word wins.
vm() {
    local vmid=$1
    shift
    { printf '%s\n' 'cores: 2' 'memory: 64' 'freeze: 1' "$@"; } >/etc/pve/qemu-server/"$vmid".conf
}

# policy 'line'…: pinhook.conf.
policy() {
    printf '%s\n' "$@" >/etc/pve/pinhook.conf
}

# call PROGRAM ARGUMENT…: as Proxmox does: no shell between, nothing on stdin, both outputs pipes that
# are read until they are closed. Sets $status; what it wrote is in /tmp/out and /tmp/err.
call() {
    local pipes=/tmp/pipes.$BASHPID out err
    [ -e "$pipes.out" ] || mkfifo "$pipes.out" "$pipes.err"
    cat <"$pipes.out" >"${OUT:-/tmp/out}" &
    out=$!
    cat <"$pipes.err" >"${ERR:-/tmp/err}" &
    err=$!
    PVE_MIGRATED_FROM=${PVE_MIGRATED_FROM:-} "$@" </dev/null >"$pipes.out" 2>"$pipes.err"
    status=$?
    wait "$out" "$err"
}

# hook VMID PHASE
hook() {
    call "$hook" "$@"
}

pinhook() {
    call /usr/local/sbin/pinhook "$@"
}

# read_config VMID KEY…: the values of the keys, each in a variable of its name.
read_config() {
    local vmid=$1 key value
    shift
    for key in "$@"; do
        printf -v "$key" ''
    done
    while IFS=' ' read -r key value && [ "${key#[}" = "$key" ]; do
        case " $* " in *" ${key%:} "*) printf -v "${key%:}" '%s' "$value" ;; esac
    done </etc/pve/qemu-server/"$vmid".conf
}

pid_of() {
    cat /run/qemu-server/"$1".pid
}

# The cgroup that Proxmox starts a VM in.
scope_of() {
    echo /sys/fs/cgroup/qemu.slice/"$1".scope
}

# qemu VMID ARGUMENT…: starts it as Proxmox does, in its scope, and under `affinity` if the config has
# one.
qemu() {
    local vmid=$1 cores sockets vcpus memory freeze affinity under=() scope
    shift
    scope=$(scope_of "$vmid")
    [ -e "$scope" ] || mkdir -p "$scope"
    read_config "$vmid" cores sockets vcpus memory freeze affinity
    sockets=${sockets:-1}
    if [ -n "$affinity" ]; then
        under=(taskset --cpu-list --all-tasks "$affinity")
    fi
    if [ "$freeze" = 1 ]; then
        set -- -S "$@"
    fi
    (
        echo "$BASHPID" >"$scope/cgroup.procs"
        exec "${under[@]}" qemu-system-x86_64 -name "vm$vmid,debug-threads=on" -accel tcg,thread=multi \
            -daemonize -pidfile /run/qemu-server/"$vmid".pid -nodefaults -display none \
            -smp "${vcpus:-$((cores * sockets))},sockets=$sockets,cores=$cores,maxcpus=$((cores * sockets))" \
            -m "$memory" -object iothread,id=iothread-virtioscsi0 \
            -chardev socket,id=qmp,path=/run/qemu-server/"$vmid".qmp,server=on,wait=off \
            -mon chardev=qmp,mode=control \
            -chardev socket,id=ours,path=/run/qemu-server/"$vmid".ours,server=on,wait=off \
            -mon chardev=ours,mode=control "$@"
    )
}

# counting VMID: sets $guest to the QEMU arguments of a guest that only counts (see counter.S), with its
# memory in /dev/shm/<vmid>.ram.
counting() {
    guest=(-bios "$LAB_TOOLS/counter.bin" -machine "pc,memory-backend=ram" -object
        "memory-backend-file,id=ram,mem-path=/dev/shm/$1.ram,size=64M,share=on")
}

# let_warm_up VMID: until all vCPUs of the counting guest count; leaves it stopped (SIGSTOP).
let_warm_up() {
    "$LAB_TOOLS/lab-measure" 0 "$(pid_of "$1")" /dev/shm/"$1".ram
}

# qmp VMID COMMAND [ARGUMENTS]: on a monitor of the lab's own; prints the reply.
qmp() {
    local vmid=$1
    shift
    "$LAB_TOOLS/lab-qmp" /run/qemu-server/"$vmid".ours "$@"
}

# start VMID [QEMU ARGUMENT…]: the whole start, as `qm start` has it.
start() {
    local vmid=$1
    shift
    hook "$vmid" pre-start
    if [ "$status" -eq 0 ]; then
        qemu "$vmid" "$@"
        hook "$vmid" post-start
    fi
}

# stop VMID: as when it ends by itself.
stop() {
    local pid
    pid=$(pid_of "$1") || return 0
    kill -9 "$pid" 2>/dev/null
    while [ -e /proc/"$pid" ]; do sleep 0.05; done
    rm -f /run/qemu-server/"$1".*
    hook "$1" post-stop
}

# The threads of a VM's QEMU, as lines "TID NAME…".
threads_of() {
    local task
    for task in /proc/"$(pid_of "$1")"/task/*; do
        echo "${task##*/} $(cat "$task/comm")"
    done
}

# Where a thread may run, in the kernel's own words.
allowed() {
    sed -n 's/^Cpus_allowed_list:\t//p' /proc/"$1"/status
}

# The thread of vCPU N: by its name, which pinhook does not rely on.
vcpu_of() {
    threads_of "$1" | sed -n "s/^\([0-9]*\) CPU $2\/TCG$/\1/p"
}

# bound VMID "CPU…" OTHERS: whether the kernel has vCPU i on the i-th CPU alone, and all others on OTHERS.
bound() {
    local vmid=$1 others=$3 vcpu=0 cpu tid name
    for cpu in $2; do
        is "$(allowed "$(vcpu_of "$vmid" "$vcpu")")" "$cpu" || return
        vcpu=$((vcpu + 1))
    done
    while read -r tid name; do
        case $name in
        CPU\ */TCG) ;;
        *) is "$(allowed "$tid")" "$others" || return ;;
        esac
    done < <(threads_of "$vmid")
}

# The fix that was given for a finding.
fix_for() {
    sed -n "/: $1: /{n; s/^.*  fix: //p; q}" /tmp/err
}

# refused VMID CODE: pre-start refuses for CODE, and pasting the fixes, the first of an error each time,
# leads to a start.
refused() {
    local vmid=$1 code=$2 fix tries
    hook "$vmid" pre-start
    ok "$code refuses" ended_with 1
    ok "$code is named" says ": error: $code: "
    for ((tries = 0; tries < 5 && status == 1; tries++)); do
        fix=$(sed -n '/: error: /{n; s/^.*  fix: //p; q}' /tmp/err)
        echo "# $(grep -m 1 ': error: ' /tmp/err)"
        echo "# pasted: $fix"
        eval "$fix" </dev/null
        hook "$vmid" pre-start
    done
    ok "$code: the fix leads to a start" ended_with 0
    ok "$code: it is gone" quiet_about ": $code: "
    hook "$vmid" post-stop
}

# passes VMID [TEXT]: pre-start lets it start, and says TEXT.
passes() {
    hook "$1" pre-start
    ok "VM $1 may start" ended_with 0
    if [ -n "${2:-}" ]; then
        ok "it says '$2'" says "$2"
    fi
}

# reboot_with FRAGMENT: when all is done the machine starts again with this on its kernel command line,
# and runs <scenario>.rebooted.sh.
reboot_with() {
    printf '%s\n' "$NAME.rebooted" "$1" >/results/reboot
}

# Between scenarios: no VM, no config, an empty ledger.
clean_up() {
    local pid
    for pid in /run/qemu-server/*.pid; do
        [ -e "$pid" ] && kill -9 "$(cat "$pid")"
    done
    sleep 0.2
    rmdir /sys/fs/cgroup/qemu.slice/*.scope /sys/fs/cgroup/qemu.slice
    rm -rf /run/qemu-server/* /run/pinhook /etc/pve/nodes/*/qemu-server/* /etc/pve/lxc/* \
        /etc/pve/pinhook.conf /tmp/* /dev/shm/*
}
