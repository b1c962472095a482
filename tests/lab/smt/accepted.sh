# Starts that just are not refused, and what is said of them.
bound='numa0: cpus=0-1,hostnodes=1,memory=64,policy=bind'
vm 100 'affinity: 6-7' 'numa: 1' "$bound" 'args: -smp 2,sockets=1,cores=1,threads=2'
policy '[defaults]' 'check.irq-on-cpus = off' 'check.numa-balancing = off' # see interrupts.sh
passes 100 "plan: vCPU 0-1 on CPU 6-7 (node 1, LLC 1); the rest on CPU 4-5"
ok "nothing else is said" is "${err//[!$'\n']/}" $'\n\n'

vm 100 'affinity: 6-7'
passes 100 ": warning: memory-unbound: "
eval "$(fix_for 'warning: memory-unbound')"
passes 100
ok "its fix mends it" quiet_about memory-unbound

vm 100 'affinity: 6-7' 'numa: 1' "$bound" 'freeze: 0'
passes 100 ": warning: not-frozen: "
eval "$(fix_for 'warning: not-frozen')"
passes 100
ok "its fix mends it" quiet_about not-frozen

vm 100 'affinity: 6-7' 'numa: 1' "$bound" 'args: -vga none'
passes 100 ": warning: smt-exposed: vCPU 0-1 share cores (CPU 6-7)"
eval "$(fix_for 'warning: smt-exposed')"
passes 100 "plan: vCPU 0-1 on CPU 6-7 "
ok "its fix mends it" quiet_about smt-exposed

# Within its affinity a VM gets what is isolated, first siblings first.
vm 100 'affinity: 0-7' 'cores: 4' 'numa: 1' 'numa0: cpus=0-3,hostnodes=0-1,memory=64,policy=bind'
passes 100 "on CPU 2,6,3,7 "

vm 100 'affinity: 0-1'
policy '[vm 100]' 'mode = warn'
passes 100 "PASSED with 1 error"
policy '[vm 100]' 'mode = off'
passes 100
ok "mode = off says nothing" is "$err" ""
