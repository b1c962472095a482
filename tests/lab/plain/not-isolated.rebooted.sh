vm 100 'affinity: 2-3'
passes 100 "on CPU 2-3 "
ok "nothing is missing of isolation" quiet_about -missing
start 100
ok "with the fix on the command line it is proven" ended_with 0
ok "the kernel says the same" bound 100 "2 3" 0-1
