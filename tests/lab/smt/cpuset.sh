# A cgroup's cpuset cuts masks without a word.
mkdir -p /sys/fs/cgroup/qemu.slice
echo +cpuset >/sys/fs/cgroup/qemu.slice/cgroup.subtree_control
policy '[defaults]' 'unproven = run'
vm 100 'affinity: 6-7'
hook 100 pre-start
qemu 100
echo 0-6 >"$(scope_of 100)"/cpuset.cpus
hook 100 post-start
ok "a vCPU that is kept from its CPU is not proven" ended_with 1
ok "it is named" says ": error: not-bound: vCPU 1, thread $(vcpu_of 100 1) (CPU 1/TCG), may run on "
ok "with a command that shows the cgroup" says "fix: cat /proc/$(vcpu_of 100 1)/cgroup"
ok "the guest runs all the same, as the policy says" guest_is 100 running

# The others may be kept to a part of what they were given.
echo 0,4,6-7 >"$(scope_of 100)"/cpuset.cpus
hook 100 post-start
ok "others on fewer CPUs are as good" ended_with 0
ok "the kernel has cut their mask" bound 100 "6 7" 4
