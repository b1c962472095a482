#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Boots a Debian kernel under QEMU's emulation, once for each host of the lab, runs its scenarios
# there, and reports their checks as TAP.
#
#   tests/lab/run.sh                    every host, every scenario
#   tests/lab/run.sh smt cores/pile-up  all of one host, one scenario of another
#   tests/lab/run.sh --shell smt        a root shell on that host, in this terminal
#
# build/clang/lab/<host>/ keeps of the last run what the console said, of both boots of a host that has
# two (console), what the scenarios wrote (tap), and what QEMU did (qemu).
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/packages.sh

boot_limit_s=600
tries_left=2
tests=0
failed=0

# Counts the checks of all hosts for the plan at the end.
report() {
    case $1 in
    "ok "*) tests=$((tests + 1)) ;;
    "not ok "*) tests=$((tests + 1)) failed=1 ;;
    esac
    printf '%s\n' "$1"
}

# QEMU's arguments for the nodes: CPUs and memory in equal parts.
node_arguments() {
    local node each=$((cpus / nodes))
    for ((node = 0; node < nodes; node++)); do
        printf -- '-object memory-backend-ram,id=m%d,size=%dM -numa node,nodeid=%d,cpus=%d-%d,memdev=m%d ' \
            "$node" "$node_mib" "$node" $((node * each)) $((node * each + each - 1)) "$node"
    done
}

# pack_initramfs DIRECTORY: the cached busybox and modules, with our init.
pack_initramfs() {
    local tree=$1/initramfs
    rm -rf "$tree"
    mkdir "$tree"
    cp -r "$kernel/bin" "$kernel/lib" "$tree"
    install -m 755 tests/lab/init "$tree/init"
    (cd "$tree" && find . | bin/busybox cpio -o -H newc 2>/dev/null) | gzip -1 >"$1/initramfs.gz"
}

# boot HOST APPEND SERIAL: with APPEND, if there is one, in place of the host's own, until the machine powers itself off.
boot() {
    local work=$lab/$1 smp nodes node_mib=1024 append
    # shellcheck source=/dev/null
    . "tests/lab/$1/host"
    local cpus=${smp%%,*}
    pack_initramfs "$work"
    # Intel's way to tell siblings is the one that emulation has.
    # shellcheck disable=SC2046 # arguments
    timeout --foreground -k 5 "$boot_limit_s" qemu-system-x86_64 -M q35 -accel tcg,thread=multi \
        -cpu qemu64,vendor=GenuineIntel -smp "$smp" -m $((node_mib * nodes)) $(node_arguments) \
        -kernel "$kernel/vmlinuz" -initrd "$work/initramfs.gz" -no-reboot -nodefaults \
        -display none -chardev "$3" -serial chardev:console \
        -append "console=ttyS0 tsc=reliable quiet loglevel=4 panic=-1 mitigations=off ${2:-$append}" \
        -virtfs local,path=/,mount_tag=beneath,security_model=none,readonly=on,multidevs=remap \
        -virtfs "local,path=$work,mount_tag=results,security_model=none"
}

# prepare HOST: the directory that it finds as /results, but for the console of the boot before.
prepare() {
    rm -f "$lab/$1"/{tap,done,reboot,scenarios}
    printf '%s\n' "$PWD" >"$lab/$1/tree"
    printf '%s\n' "$build" >"$lab/$1/build"
    printf '%s\n' "${ROUNDS:-}" >"$lab/$1/rounds"
}

# emulation_failed STATUS CONSOLE: emulated CPUs now and then trap on code that the kernel is patching,
# and now and then QEMU itself crashes.
emulation_failed() {
    [ "$1" -eq $((128 + $(kill -l SEGV))) ] || grep -q 'Kernel panic' "$2"
}

# run_host HOST APPEND SCENARIO…: boots it and prints what its checks said.
run_host() {
    local host=$1 append=$2 work=$lab/$1 started=$SECONDS status=0 line
    shift 2
    prepare "$host"
    printf '%s\n' "$@" >"$work/scenarios"
    boot "$host" "$append" "file,id=console,append=on,path=$work/console" </dev/null >"$work/qemu" 2>&1 || status=$?
    if [ "$tries_left" -gt 0 ] && [ ! -e "$work/done" ] && emulation_failed "$status" "$work/console"; then
        echo "# $host: the emulated machine broke down (QEMU's status: $status), once more"
        tries_left=$((tries_left - 1))
        mv "$work/console" "$work/console.broken"
        run_host "$host" "$append" "$@"
        return
    fi
    while read -r line; do
        report "$line"
    done < <(cat "$work/tap" 2>/dev/null)
    if [ ! -e "$work/done" ]; then
        report "not ok $host: it did not come to its end; its console, at the last:"
        tail -n 30 "$work/qemu" "$work/console" | sed 's/^/# /'
    fi
    echo "# $host: $((SECONDS - started)) s"
}

new_directory() {
    rm -rf "${lab:?}/$1"
    mkdir -p "$lab/$1"
}

# A scenario may ask for a kernel command line of its own: its second half then runs on that.
run_scenarios() {
    local host=$1 append
    new_directory "$host"
    run_host "$host" "" "${@:2}"
    if [ -e "$lab/$host/reboot" ]; then
        mapfile -t -n 2 append <"$lab/$host/reboot"
        run_host "$host" "${append[1]}" "${append[0]}"
    fi
}

# The scenarios of a host that are named by @names, each as <host>/<scenario>; all without names.
select_scenarios() {
    local host=$1 file name scenario
    for file in tests/lab/"$host"/*.sh; do
        scenario=$host/$(basename "$file" .sh)
        case $scenario in *.rebooted) continue ;; esac
        if [ ${#names[@]} -eq 0 ]; then
            echo "$scenario"
        fi
        for name in "${names[@]}"; do
            if [ "$name" = "$host" ] || [ "$name" = "$scenario" ]; then
                echo "$scenario"
            fi
        done
    done
}

# Whether a name is that of a host, or of a scenario that is not the second half of another.
is_known() {
    case $1 in
    */ | *.rebooted) return 1 ;;
    */*) [ -e "tests/lab/$1.sh" ] ;;
    *) [ -e "tests/lab/$1/host" ] ;;
    esac
}

build=$(realpath -m "${PINHOOK_BUILD:-build/clang}")
lab=$build/lab
shell=0
if [ "${1:-}" = --shell ]; then
    shell=1
    shift
fi
names=("$@")
for name in "${names[@]}"; do
    if ! is_known "$name"; then
        echo "Bail out! '$name' is no host, tests/lab/HOST/host, nor a scenario, tests/lab/HOST/SCENARIO.sh"
        exit 1
    fi
done
if [ "$shell" -eq 1 ] && { [ $# -ne 1 ] || [ ! -e "tests/lab/$1/host" ]; }; then
    echo "usage: tests/lab/run.sh --shell HOST" >&2
    exit 2
fi
for directory in "$PWD" "$build"; do
    case $directory/ in /tmp/* | /run/* | /dev/*)
        echo "Bail out! the lab's machine has a /tmp, /run and /dev of its own and does not see $directory"
        exit 1
        ;;
    esac
done
if [ ! -e "$build/hook/pinhook" ]; then
    echo "Bail out! $build holds no pinhook: tests/run.sh builds it"
    exit 1
fi
# shellcheck disable=SC2086 # a list
install_packages $QEMU_PACKAGES
status=0
kernel=$(tests/lab/fetch.sh) || status=$?
if [ "$status" -eq 77 ]; then
    echo "1..0 # SKIP no kernel: apt cannot fetch Debian 13's"
    exit 0
elif [ "$status" -ne 0 ]; then
    echo "Bail out! tests/lab/fetch.sh ended with status $status"
    exit 1
fi

if [ "$shell" -eq 1 ]; then
    boot_limit_s=86400
    new_directory "$1"
    prepare "$1"
    boot "$1" "" "stdio,id=console,signal=off,logfile=$lab/$1/console" || status=$?
    if emulation_failed "$status" "$lab/$1/console"; then
        echo "the emulated machine broke down, as it does now and then: start it again"
    fi
    exit
fi
for host in tests/lab/*/host; do
    host=$(basename "$(dirname "$host")")
    mapfile -t scenarios < <(select_scenarios "$host")
    if [ ${#scenarios[@]} -gt 0 ]; then
        run_scenarios "$host" "${scenarios[@]}"
    fi
done
echo "1..$tests"
exit "$failed"
