# A vCPU is hot-plugged, and a thread is moved by somebody: seen by `status`, mended by `repair`.
vm 100 'affinity: 6-7' 'vcpus: 1' 'hotplug: disk,network,usb,cpu'
start 100
ok "one vCPU is proven" ended_with 0
ok "the kernel says the same" bound 100 "6" 4-5

qmp 100 device_add '{"driver":"qemu64-x86_64-cpu","id":"cpu2","socket-id":0,"core-id":1,"thread-id":0}' >/dev/null
sed -i 's/^vcpus: .*/vcpus: 2/' /etc/pve/qemu-server/100.conf
ok "the new vCPU is where its maker was" is "$(allowed "$(vcpu_of 100 1)")" 4-5
pinhook status 100
ok "status sees it" ended_with 1
pinhook repair 100
ok "repair proves it" ended_with 0
ok "and says what it did" says "1 thread bound again"
ok "the new vCPU has the CPU that was held for it" bound 100 "6 7" 4-5

taskset -cp 4 "$(vcpu_of 100 0)" >/dev/null
taskset -cp 6 "$(pid_of 100)" >/dev/null
# One that pinhook has no entry for is not its own to move.
vm 101 'affinity: 2-3' 'freeze: 0'
qemu 101
pinhook repair --all
ok "repair --all mends what drifted" ended_with 0
ok "and says so where the journal keeps it" says "2 threads bound again"
ok "and nowhere else" is "$out" ""
ok "the kernel says the same" bound 100 "6 7" 4-5
ok "it leaves a VM alone that it has no entry for" is "$(allowed "$(vcpu_of 101 0)")" 2-3
pinhook repair --all
ok "with nothing to mend it is quiet" is "$err" ""
pinhook repair 101
ok "asked for that VM alone it binds it" ended_with 0
ok "as planned" bound 101 "2 3" 0-1
