# What the kernel does of itself on a vCPU's CPU is noted, and a start only counts it; the fixes take the kernel off.
vm 100 'affinity: 13-15' 'cores: 3' 'numa: 1' 'numa0: cpus=0-2,hostnodes=1,memory=64,policy=bind'
hook 100 pre-start
ok "a start on a well-kept host is two lines" is "$(grep -c . <<<"$err")" 2
ok "without a note" quiet_about note

disturb() {
    echo ffff >/proc/irq/default_smp_affinity
    echo ffff >/sys/devices/virtual/workqueue/cpumask
    echo 0-15 >/proc/sys/kernel/watchdog_cpumask
    echo 1 >/sys/kernel/mm/ksm/run
    echo always >/sys/kernel/mm/transparent_hugepage/enabled
}
codes=(irq-default workqueues watchdog ksm huge-for-all)
disturb
hook 100 pre-start
ok "they are counted at a start" says "PASSED with ${#codes[@]} notes (pinhook check 100)"
pinhook check 100
for code in "${codes[@]}"; do
    ok "$code is noted" says "note: $code: "
done
err=$out # where fixes are looked for
for code in "${codes[@]}"; do
    eval "$(fix_for "note: $code")" >/dev/null 2>&1
done
pinhook check 100
for code in "${codes[@]}"; do
    ok "the fix of $code mends it" quiet_about "$code"
done
hook 100 post-stop
