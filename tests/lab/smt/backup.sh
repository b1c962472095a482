# A VM that is started, paused, under the lock of its backup: bound, never refused, released or ended; in stop
# mode it then goes on as it is.
vm 100 'affinity: 6-7' 'lock: backup'
hook 100 pre-start
ok "it is not refused" ended_with 0
qemu 100
hook 100 post-start
ok "it is bound" ended_with 0
ok "the kernel says the same" bound 100 "6 7" 4-5
ok "it is not released" guest_is 100 prelaunch
qmp 100 cont >/dev/null
vm 100 'affinity: 6-7'
pinhook status 100
ok "what goes on after it is proven" ended_with 0
ok "and holds its CPUs" test -e /run/pinhook/100.json
stop 100

# One that would be refused, and one that gives way.
vm 100 'affinity: 0-1' 'lock: backup'
hook 100 pre-start
ok "what would be refused is not" ended_with 0
vm 100 'affinity: 6-7' 'lock: backup'
hook 100 pre-start
qemu 100
hook 100 post-start
vm 101 'affinity: 6-7'
start 101
ok "another VM that needs the CPUs starts" ended_with 0
ok "on them" bound 101 "6 7" 4-5
ok "and has them alone" is "$(allowed "$(vcpu_of 100 0)")" 4-5
stop 101
stop 100
