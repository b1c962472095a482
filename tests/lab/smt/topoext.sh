# On a CPU by AMD a guest is told of its siblings only with topoext, whatever QEMU was told: QEMU has the
# last word. This machine says here that it is one; its guests' CPU, emulated, cannot have the flag.
sed 's/GenuineIntel/AuthenticAMD/' /proc/cpuinfo >/run/cpuinfo
mount --bind /run/cpuinfo /proc/cpuinfo
vm 100 'cpu: host' 'affinity: 6-7' 'args: -smp 2,sockets=1,cores=1,threads=2'
start 100 -smp 2,sockets=1,cores=1,threads=2
ok "it is proven all the same" ended_with 0
ok "and it says what the guest sees" says ": warning: smt-hidden: QEMU gives the guest 2 threads a core, but"
stop 100

passes 100 ": warning: smt-hidden: host-x86_64-cpu has no topoext"
eval "$(fix_for 'warning: smt-hidden')"
passes 100
ok "its fix mends the config" quiet_about smt-hidden
start 100 -smp 2,sockets=1,cores=1,threads=2
ok "where the flag has no effect it is told" says ": warning: smt-hidden: QEMU gives"
stop 100

vm 100 'kvm: 0' 'affinity: 6-7' 'args: -smp 2,sockets=1,cores=1,threads=2'
start 100 -smp 2,sockets=1,cores=1,threads=2
ok "a guest that is emulated has no CPU by AMD" quiet_about smt-hidden
stop 100
umount /proc/cpuinfo
