# Nothing is isolated: refused, and the fix for GRUB isolates what the VM needs.
vm 100 'affinity: 2-3'
hook 100 pre-start
ok "it is refused" ended_with 1
ok "for what is in force" says ": error: not-isolated: CPU 2-3"
reboot_with "$(fix_for 'error: not-isolated')"
