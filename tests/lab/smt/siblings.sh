# A guest that is told of siblings has them: what the plan was made for is what QEMU says.
vm 100 'affinity: 6-7' 'args: -smp 2,sockets=1,cores=1,threads=2'
start 100 -smp 2,sockets=1,cores=1,threads=2
ok "it is proven" ended_with 0
ok "on siblings" bound 100 "6 7" 4-5
ok "nothing is said of them" quiet_about smt
stop 100

start 100 -smp 2,sockets=1,cores=2,threads=1
ok "one that QEMU tells otherwise is not proven" ended_with 1
ok "and it says why" says ": error: guest-smt: QEMU gives the guest 1 thread a core, the plan was made for 2"
ok "it runs, for its threads are where they should be" guest_is 100 running
