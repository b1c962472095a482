# Isolation is what the kernel says is isolated, whole cores of it, whatever the other lists say.
vm 100 'cores: 1' 'affinity: 3'
refused 100 sibling-not-isolated

vm 100
passes 100 "on CPU 4-5 "

# nohz_full alone is not isolation.
vm 100 'cores: 1' 'affinity: 2'
refused 100 not-isolated
