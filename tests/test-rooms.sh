#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Holds the library to its layout, docs/architecture.md: a file includes from its own room and from
# those before it, rooms that do not know each other do not, and no two files lead to each other.
# Prints TAP; what is wrong it names by file and line.
#
#   test-rooms.sh LIBPINHOOK ROOM…   the rooms in the order of the flow
set -euo pipefail
cd "$1"
shift
order="$* ."
strangers="judge:bind bind:keep bind:watch keep:watch"

# Each include of a file of ours, as "FILE:LINE FROM-ROOM WHAT TO-ROOM"; the library's root is ".". The
# public words are the one thing from above: error.h alone brings them in.
includes=$(grep -rn --include='*.[ch]' '^#include "' . | sed 's|^\./||' | awk -F'[:"]' '
    function room(path) { return path ~ "/" ? substr(path, 1, index(path, "/") - 1) : "." }
    { print $1 ":" $2, room($1), $4, room($4) }' | grep -v '^base/error.h:[0-9]* base pinhook.h')

# check WHAT LINES: LINES are what speaks against it.
tests=0 failed=0
check() {
    tests=$((tests + 1))
    if [ -z "$2" ]; then
        echo "ok $tests $1"
    else
        echo "not ok $tests $1"
        # shellcheck disable=SC2001 # each line
        sed 's/^/# /' <<<"$2"
        failed=1
    fi
}

check "every room is known, and every file that is included is there" "$(
    while read -r at from what _; do
        case " $order " in *" $from "*) ;; *) echo "$at: no room is called $from" ;; esac
        [ -e "$what" ] || [ "$what" = config.h ] || echo "$at: there is no $what"
    done <<<"$includes")"

check "no file includes from a room after its own" "$(awk -v order="$order" '
    BEGIN { for (i = split(order, rooms, " "); i > 0; i--) place[rooms[i]] = i }
    place[$4] > place[$2] { print $1 ": " $2 "/ includes " $3 ", of a room after it" }
    ' <<<"$includes")"

check "rooms that do not know each other do not" "$(awk -v strangers="$strangers" '
    BEGIN { for (i = split(strangers, pairs, " "); i > 0; i--) {
        split(pairs[i], pair, ":"); apart[pair[1] pair[2]] = apart[pair[2] pair[1]] = 1 } }
    ($2 $4) in apart { print $1 ": " $2 "/ includes " $3 }' <<<"$includes")"

# A module is its .h and its .c, of which there may be several: advice.h, advice.c, advice-cells.c;
# and checks.h, check-….c.
check "no two modules lead to each other" "$(awk '{
    sub(/check-[a-z]+\.c:.*/, "checks", $1); sub(/(-[a-z]+)?\.[ch]:.*/, "", $1); sub(/\.h$/, "", $3); if ($1 != $3) print $1, $3 }' <<<"$includes" |
    tsort 2>&1 >/dev/null | sed 's/^tsort: -: //')"

echo "1..$tests"
exit "$failed"
