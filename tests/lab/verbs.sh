# SPDX-License-Identifier: LGPL-2.1-or-later
# What scenarios are written with. A scenario is a file <host>/<name>.sh, run with bash on that host.
#
# Under emulation a process costs 20 ms and more: what bash can do itself it does.

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
        echo "# status $status: ${out//$'\n'/$'\n'# }${err//$'\n'/$'\n'# }"
    fi
}

# is A B: for numbers and words.
is() {
    [ "$1" = "$2" ] && return
    echo "# '$1' is not '$2'"
    return 1
}

# Whether the last call wrote a text, or what matches a regular expression.
says() {
    [[ $out$err == *"$1"* ]]
}

matches() {
    [[ $out$err =~ $1 ]]
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

for stream in 8 9; do
    mkfifo "/tmp/$$.$stream"
    eval "exec $stream<>/tmp/$$.$stream"
    rm "/tmp/$$.$stream"
done

# drain NAME PIPE: what is in it, in the variable NAME.
drain() {
    local line
    printf -v "$1" ''
    while read -t 0 -u "$2" && IFS= read -r -t 5 -u "$2" line; do
        printf -v "$1" '%s%s\n' "${!1}" "$line"
    done
}

# call PROGRAM ARGUMENT…: as Proxmox does: no shell between, nothing on stdin, both outputs pipes. Sets
# $status, $out and $err.
call() {
    PVE_MIGRATED_FROM=${PVE_MIGRATED_FROM:-} "$@" </dev/null >&8 2>&9
    status=$?
    drain out 8
    drain err 9
}

# hook VMID PHASE
hook() {
    call "$hook" "$@"
}

# timed_hook VMID PHASE: likewise; sets $took_us too.
timed_hook() {
    local started=$EPOCHREALTIME
    hook "$@"
    took_us=$((${EPOCHREALTIME/./} - ${started/./}))
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
    local pid
    read -r pid 2>/dev/null </run/qemu-server/"$1".pid && echo "$pid"
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
            -cpu qemu64,vendor=GenuineIntel \
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
# memory, the 64 MiB that a VM has here, in /dev/shm/<vmid>.ram.
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

# Whether QEMU says that the guest is in this state: prelaunch, running, inmigrate.
guest_is() {
    [[ $(qmp "$1" query-status) == *"\"$2\""* ]]
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
    local task name
    for task in /proc/"$(pid_of "$1")"/task/*; do
        read -r name 2>/dev/null <"$task/comm" && echo "${task##*/} $name"
    done
}

# Where a thread may run, in the kernel's own words; nothing for one that has ended.
allowed() {
    local key list
    while read -r key list; do
        [ "$key" != Cpus_allowed_list: ] || echo "$list"
    done 2>/dev/null </proc/"$1"/status
}

# thread_of VMID NAME: by its name, which pinhook does not rely on.
thread_of() {
    local tid name
    while read -r tid name; do
        [ "$name" != "$2" ] || echo "$tid"
    done < <(threads_of "$1")
}

# vcpu_of VMID N: its thread.
vcpu_of() {
    thread_of "$1" "CPU $2/TCG"
}

# bound VMID "CPU…" OTHERS: whether the kernel has vCPU i on the i-th CPU alone, and all others on OTHERS.
bound() {
    local vmid=$1 others=$3 vcpu=0 cpu tid name list
    for cpu in $2; do
        is "$(allowed "$(vcpu_of "$vmid" "$vcpu")")" "$cpu" || return
        vcpu=$((vcpu + 1))
    done
    while read -r tid name; do
        case $name in
        CPU\ */TCG) ;;
        *)
            list=$(allowed "$tid")
            [ -z "$list" ] || is "$list" "$others" || return
            ;;
        esac
    done < <(threads_of "$vmid")
}

# fix_for FINDING [or]: the fix that was given for a finding, as "error: cpu-missing"; with `or` its
# second way.
fix_for() {
    local rest=${err#*": $1: "}
    if [ "$rest" != "$err" ]; then
        rest=${rest#*"  ${2:-fix}: "}
        echo "${rest%%$'\n'*}"
    fi
}

# refused VMID CODE: pre-start refuses for CODE, and pasting the fixes, the first of an error each time,
# leads to a start.
refused() {
    local vmid=$1 code=$2 rest fix tries
    hook "$vmid" pre-start
    ok "$code refuses" ended_with 1
    ok "$code is named" says ": error: $code: "
    for ((tries = 0; tries < 5 && status == 1; tries++)); do
        rest=${err#*": error: "}
        echo "# error: ${rest%%$'\n'*}"
        rest=${rest#*"  fix: "} fix=${rest%%$'\n'*}
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

# reboot_with FIX: pastes a fix that changes the kernel command line, on files that hold the one of now.
# When all is done the machine starts again with what has come of it, and runs <scenario>.rebooted.sh. One
# scenario of a host may do so.
reboot_with() {
    # shellcheck disable=SC2034 # what the file sets
    local smp nodes append
    ok "no other scenario of the host does so" test ! -e /results/reboot
    # shellcheck source=/dev/null
    . "$LAB/${NAME%%/*}/host"
    mkdir -p /etc/default /etc/kernel
    printf 'GRUB_CMDLINE_LINUX_DEFAULT="quiet %s"\nGRUB_CMDLINE_LINUX=""\n' "$append" >/etc/default/grub
    printf 'quiet %s\n' "$append" >/etc/kernel/cmdline
    echo "# pasted: $1"
    ok "the fix can be pasted" eval "$1"
    printf '%s\n' "$NAME.rebooted" "$(cat /run/next-cmdline)" >/results/reboot
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
