# QEMU is killed in the middle of post-start, at another point each time: said, soon, nothing left.

# dies WHAT EIGHTHS: it is killed after so much of the time that a whole post-start takes.
dies() {
    local what=$1 delay_us=$((whole_us * $2 / 8)) pid delay
    pid=$(pid_of 100)
    printf -v delay '%d.%06d' $((delay_us / 1000000)) $((delay_us % 1000000))
    (sleep "$delay" && kill -9 "$pid") &
    timed_hook 100 post-start
    wait $!
    echo "# killed $what: status $status: ${err%%$'\n'*}"
    if [ "$status" -eq 0 ]; then
        ok "killed $what, it was proven before" says PROVEN
    else
        ok "killed $what, it says so" matches ': error: (vm-gone|qmp-failed|vcpu-missing|not-bound): '
    fi
    ok "as soon as else" test "$took_us" -lt $((whole_us * 3 + 1000000))
    stop 100
}

# begin: all up to post-start.
begin() {
    hook 100 pre-start
    qemu 100
}

vm 100 'affinity: 6-7'
begin
timed_hook 100 post-start
whole_us=$took_us
ok "left alone it is proven" ended_with 0
stop 100
for eighths in 2 4 6; do
    begin
    dies "after $eighths/8 of it" "$eighths"
done
begin
kill -STOP "$(pid_of 100)" # it is asked, and does not answer
dies "while it is asked" 8
ok "nothing is held" test ! -e /run/pinhook/100.json
vm 101 'affinity: 6-7'
passes 101
