# A VM that is not frozen: bound while it runs, one that was never asked about stays as it is.
policy '[vm 100]' 'cpus = 2-3' # which only the ledger knows
vm 100 'affinity: 0-1' 'freeze: 0'
start 100
ok "it is proven" ended_with 0
ok "the kernel says the same" bound 100 "2 3" 0-1
ok "it was not released, for it ran" quiet_about released

# A second one has the other node to itself.
vm 101 'affinity: 2-3'
hook 101 pre-start
ok "its CPUs are not given twice" ended_with 1
ok "the holder is named" says "VM 100 (CPU 2-3)"
vm 101
start 101
ok "with any CPUs it starts" ended_with 0
ok "on what is left" bound 101 "6 7" 4-5
stop 100
stop 101
