# isolcpus=managed_irq,2-3 isolates nothing: said, refused, and mended by the fix for systemd-boot.
vm 100 'affinity: 2-3'
hook 100 pre-start
ok "it is refused" ended_with 1
ok "for what is in force" says ": error: not-isolated: CPU 2-3, chosen for vCPUs, is not isolated; isolated here: none"
ok "and told why" says ": warning: isolcpus-ignored: isolcpus=managed_irq,2-3 is on the kernel command line"
reboot_with "$(fix_for 'error: not-isolated' or)"
