# QEMU is killed in the middle of post-start, at another point each time: said, soon, and nothing left.
vm 100 'affinity: 6-7'
for delay in 0.05 0.15 0.2 0.25 0.3 0.35 0.4 0.45; do
    hook 100 pre-start
    qemu 100
    pid=$(pid_of 100)
    (sleep "$delay" && kill -9 "$pid") &
    started=$EPOCHREALTIME
    hook 100 post-start
    took_ms=$(((${EPOCHREALTIME/./} - ${started/./}) / 1000))
    wait $!
    echo "# after $delay s: status $status, $took_ms ms: $(tail -n 1 /tmp/err)"
    case $status in
    0) ok "killed after $delay s, it was proven before" says PROVEN ;;
    *) ok "killed after $delay s, it says so" grep -qE ': error: (vm-gone|qmp-failed|vcpu-missing|not-bound): ' /tmp/err ;;
    esac
    ok "within 2 s" test "$took_ms" -lt 2000
    stop 100
done
ok "nothing is held" test ! -e /run/pinhook/100.json
vm 101 'affinity: 6-7'
passes 101
