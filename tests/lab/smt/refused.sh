# Starts that are refused for what the kernel and the nodes say; each fix is pasted, and leads to a start.
vm 100 'affinity: 6,9'
refused 100 cpu-missing

vm 100 'affinity: 0-1'
refused 100 not-isolated

vm 100 'affinity: 6'
refused 100 too-few-cpus

vm 100 'affinity: 6-7' 'numa: 1' 'numa0: cpus=0-1,hostnodes=2,memory=64,policy=bind'
refused 100 node-missing

vm 100 'affinity: 6-7' 'numa: 1' 'numa0: cpus=0-1,hostnodes=0,memory=64,policy=bind'
refused 100 numa-misaligned

vm 100 'affinity: 6-7' 'memory: 4096' 'numa: 1' 'numa0: cpus=0-1,hostnodes=1,memory=4096,policy=bind'
refused 100 node-memory

vm 100 'affinity: 6-7' 'numa: 1' 'numa0: cpus=4-5,hostnodes=1,memory=64,policy=bind'
refused 100 cell-cpus

echo 0 >/sys/devices/system/cpu/cpu7/online
vm 100 'affinity: 6-7'
refused 100 cpu-missing
echo 1 >/sys/devices/system/cpu/cpu7/online

# Another VM that runs under Proxmox's own affinity, without pinhook.
vm 101 'affinity: 6-7' 'freeze: 0'
qemu 101
vm 100 'affinity: 6-7'
refused 100 cpu-taken
stop 101

vm 101 'affinity: 3' 'freeze: 0' 'cores: 1'
qemu 101
vm 100 'affinity: 2' 'cores: 1'
refused 100 core-taken
stop 101

vm 101 'affinity: 0-1,4-5' 'freeze: 0'
qemu 101
vm 100
refused 100 no-housekeeping
stop 101
