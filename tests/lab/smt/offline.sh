# A CPU goes offline between pre-start and post-start.
policy '[defaults]' 'unproven = run'
vm 100 'affinity: 6-7'
hook 100 pre-start
qemu 100
echo 0 >/sys/devices/system/cpu/cpu7/online
hook 100 post-start
ok "it is not proven" ended_with 1
ok "the vCPU without a CPU is named" says "is not on 7: that CPU is offline"
ok "the other one is bound" is "$(allowed "$(vcpu_of 100 0)")" 6
ok "the guest runs all the same, as the policy says" guest_is 100 running
eval "$(fix_for 'error: not-bound')"
ok "the fix leads to the proof" ended_with 0
ok "the kernel says the same" bound 100 "6 7" 4-5
echo 1 >/sys/devices/system/cpu/cpu7/online
