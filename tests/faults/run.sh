#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What becomes of a VM when a system call fails once behind a door of pinhook, when pinhook is killed
# there, and when many VMs start at once: no CPU is given twice, no live entry is lost, nothing is
# called proven that /proc denies, no guest waits for ever without a word, nothing hangs, and the next
# start works. Needs x86-64, two CPUs, and that programs can be traced.
#
#   tests/faults/run.sh                 a sample, as in the suite
#   tests/faults/run.sh --long          every call with every fault: a quarter of an hour and more
#   tests/faults/run.sh --long status   one door
#   FAULT="431 5" tests/faults/run.sh status     one fault: the 431st call returns errno 5; "431 kill"
#   SEED=R02S… tests/faults/run.sh      the sample of another run, which printed this seed
#
# PINHOOK_BUILD: the build (build/clang). What was found, and how far it is: faults/*.log there.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
jobs=8 # most of the time they sleep
build=$(realpath "${PINHOOK_BUILD:-build/clang}")
logs=$build/faults
export G_DEBUG=fatal-criticals ASAN_OPTIONS=intercept_strstr=0 UBSAN_OPTIONS=halt_on_error=1
export PINHOOK_LAUNCHER=$build/hook/pinhook PINHOOK_LIBRARY_DIR=$build/libpinhook PINHOOK_SOURCE_DIR=$PWD
if [ "${1:-}" = --long ]; then
    export FAULTS_SECONDS=0
    shift
fi

# campaign PROGRAM TEST: into a log of its own.
# shellcheck disable=SC2317 # xargs calls it
campaign() {
    "$build/tests/faults/$1" --tap -k ${SEED:+--seed "$SEED"} -p "$2" >"$logs/$(basename "$2").log" 2>&1
}

# list_tests NAME: programs and tests; of this door alone.
list_tests() {
    local program
    for program in faults-doors faults-crowd; do
        "$build/tests/faults/$program" -l | grep "/${1:-[^/]*}$" | sed "s/^/$program /"
    done
}

rm -rf "$logs"
mkdir -p "$logs"
export -f campaign
export build logs
# shellcheck disable=SC2016 # for the other shell
list_tests "${1:-}" | xargs -P "$jobs" -L 1 bash -c 'campaign "$0" "$1"'
failed=$?
grep -h -A4 "call [0-9]" "$logs"/*.log
echo "| door                 |   runs |   hits | violations |"
echo "|---|---|---|---|"
sed -n 's/^# table: //p' "$logs"/*.log
exit $((failed != 0))
