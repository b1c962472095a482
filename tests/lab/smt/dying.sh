# QEMU is killed in the middle of post-start, at another point each time: said, soon, nothing left.
vm 100 'affinity: 6-7'
hook 100 pre-start
qemu 100
started=$EPOCHREALTIME
hook 100 post-start
whole_us=$((${EPOCHREALTIME/./} - ${started/./}))
ok "left alone it is proven" ended_with 0
stop 100
for part in 2 4 6; do
    hook 100 pre-start
    qemu 100
    pid=$(pid_of 100)
    printf -v delay '%d.%06d' $((whole_us * part / 8 / 1000000)) $((whole_us * part / 8 % 1000000))
    (sleep "$delay" && kill -9 "$pid") &
    started=$EPOCHREALTIME
    hook 100 post-start
    took_us=$((${EPOCHREALTIME/./} - ${started/./}))
    wait $!
    echo "# killed after $part/8: status $status: ${err%%$'\n'*}"
    if [ "$status" -eq 0 ]; then
        ok "killed after $part/8, it was proven before" says PROVEN
    else
        ok "killed after $part/8, it says so" \
            matches ': error: (vm-gone|qmp-failed|vcpu-missing|not-bound): '
    fi
    ok "as soon as else" test "$took_us" -lt $((whole_us * 3 + 1000000))
    stop 100
done
ok "nothing is held" test ! -e /run/pinhook/100.json
vm 101 'affinity: 6-7'
passes 101
