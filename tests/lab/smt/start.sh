# A start that goes through, from the config to the proof.
vm 100 'affinity: 6-7' 'numa: 1' 'numa0: cpus=0-1,hostnodes=1,memory=64,policy=bind'
hook 100 pre-start
ok "pre-start passes" ended_with 0
ok "nothing goes to stdout" is "$out" ""
qemu 100
ok "the guest waits" guest_is 100 prelaunch
hook 100 post-start
ok "post-start proves it" ended_with 0
ok "it says so" says "PROVEN: vCPU 0-1 bound 1:1 to CPU 6-7"
ok "the kernel says the same" bound 100 "6 7" 4-5
ok "the guest runs" guest_is 100 running
pinhook status 100
ok "status agrees" ended_with 0
stop 100
ok "nothing is held any more" test ! -e /run/pinhook/100.json
