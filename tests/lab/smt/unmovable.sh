# A thread that the kernel does not let anybody move: SCHED_DEADLINE holds it to all the CPUs that
# balance load (sched_setaffinity gives EBUSY).
vm 100 'affinity: 6-7'
hook 100 pre-start
qemu 100
thread=$(thread_of 100 call_rcu)
taskset -cp 0-7 "$thread" >/dev/null
chrt -d --sched-runtime 1000000 --sched-period 100000000 -p 0 "$thread"
ok "the thread is under SCHED_DEADLINE" grep -q SCHED_DEADLINE <<<"$(chrt -p "$thread")"
hook 100 post-start
ok "it is not proven" ended_with 1
ok "for the thread" says ": error: thread-unmovable: thread $thread (call_rcu) may run on 0-7, with the vCPUs: "
ok "the guest still waits" guest_is 100 prelaunch
ok "and one is told how to let it run" says "qm resume 100"
chrt -o -p 0 "$thread"
hook 100 post-start
ok "once it can be moved it is proven" ended_with 0
ok "the guest runs" guest_is 100 running
