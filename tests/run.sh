#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds with gcc under ASan and UBSan and with clang without, runs every test in both, and ends
# with a line `N passed, N failed, N skipped`. Takes names of tests to run only these.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/packages.sh
# shellcheck disable=SC2086 # lists
install_packages $BUILD_PACKAGES $QEMU_PACKAGES $TEST_PACKAGES

if [ -n "${PINHOOK_DATA:-}" ]; then
    PINHOOK_DATA=$(realpath "$PINHOOK_DATA")
    export PINHOOK_DATA
fi

# build NAME COMPILER OPTION…: a tree in build/, kept, so that the next run builds what changed.
build() {
    local tree=build/$1 compiler=$2
    shift 2
    if [ ! -e "$tree/build.ninja" ]; then
        CC=$compiler meson setup "$tree" "$@" >"$tree.log" 2>&1 || { cat "$tree.log"; return 1; }
    fi
    ninja -C "$tree" >"$tree.log" 2>&1 || { cat "$tree.log"; return 1; }
}

# run NAME TEST…: prints what failed, and counts the results in its TAP.
run() {
    local tree=build/$1
    shift
    rm -f "$tree/meson-logs/testlog.json"
    meson test -C "$tree" --no-rebuild --print-errorlogs "$@" || failed=1
    if [ -e "$tree/meson-logs/testlog.json" ]; then # else this tree has no test of that name
        count "$tree/meson-logs/testlog.json"
    fi
}

# A test program that printed no TAP, or crashed in the middle, counts as one failure.
count() {
    local sums
    sums=$(python3 - "$1" <<'PYTHON'
import json, re, sys

passed = failed = skipped = 0
for line in open(sys.argv[1]):
    test = json.loads(line)
    results = re.findall(r"^(ok|not ok)\b(.*)", test.get("stdout", ""), re.M)
    if test["result"] == "SKIP" and not results:
        skipped += 1
        print(test["name"] + ":", test.get("stdout", "").strip(), file=sys.stderr)
    bad = sum(word == "not ok" for word, _ in results)
    skip = sum("# SKIP" in rest for _, rest in results)
    failed += bad
    skipped += skip
    passed += len(results) - bad - skip
    if test["result"] not in ("OK", "SKIP") and bad == 0:
        failed += 1
print(passed, failed, skipped)
PYTHON
    )
    # shellcheck disable=SC2086 # three numbers
    set -- $sums
    passes=$((passes + $1)) failures=$((failures + $2)) skips=$((skips + $3))
}

passes=0 failures=0 skips=0 failed=0
mkdir -p build
if build gcc-asan gcc -Db_sanitize=address,undefined && build clang clang; then
    run gcc-asan "$@"
    run clang "$@"
else
    failures=1
fi
if [ $((passes + failures + skips)) -eq 0 ]; then
    echo "no test is named $*"
    failures=1
fi
echo "$passes passed, $failures failed, $skips skipped"
[ "$failures" -eq 0 ] && [ "$failed" -eq 0 ]
