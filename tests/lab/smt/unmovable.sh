# A thread that the kernel does not let anybody move: SCHED_DEADLINE holds it to all the CPUs that
# balance load (sched_setaffinity gives EBUSY).
# start_with_unmovable: sets $thread.
start_with_unmovable() {
    vm 100 'affinity: 6-7'
    hook 100 pre-start
    qemu 100
    thread=$(thread_of 100 call_rcu)
    taskset -cp 0-7 "$thread" >/dev/null
    chrt -d --sched-runtime 1000000 --sched-period 100000000 -p 0 "$thread"
    ok "the thread is under SCHED_DEADLINE" grep -q SCHED_DEADLINE <<<"$(chrt -p "$thread")"
    hook 100 post-start
}

start_with_unmovable
ok "it is not proven" ended_with 1
ok "for the thread" says ": error: thread-unmovable: thread $thread (call_rcu) may run on 0-7, with the vCPUs: "
ok "it is ended before it ran" says "its QEMU was ended, before an instruction of the guest was executed"
ok "it is gone" test ! -e "/proc/$thread"
stop 100

policy '[defaults]' 'unproven = run'
start_with_unmovable
ok "it is not proven, as the policy says, either" ended_with 1
ok "and runs" guest_is 100 running
chrt -o -p 0 "$thread"
hook 100 post-start
ok "once it can be moved it is proven" ended_with 0
