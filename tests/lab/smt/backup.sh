# A stopped VM that is started, paused, only to be backed up: never refused, bound or released.
vm 100 'affinity: 0-1' 'lock: backup'
hook 100 pre-start
ok "it is not refused" ended_with 0
qemu 100
before=$(allowed "$(vcpu_of 100 0)")
hook 100 post-start
ok "post-start leaves it" ended_with 0
ok "where it was" is "$(allowed "$(vcpu_of 100 0)")" "$before"
ok "it is not released" guest_is 100 prelaunch
ok "it holds nothing" test ! -e /run/pinhook/100.json
