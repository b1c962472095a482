# Interrupts that go to a vCPU's CPU are told of; the fix moves them, each when it next comes.
vm 100 'affinity: 6-7'
for irq in /proc/irq/[0-9]*; do
    [ -e "$irq"/virtio1-requests ] && break
done
echo 6 >"$irq"/smp_affinity_list
cat /results/initramfs.gz >/dev/null # it comes
passes 100 ": warning: irq-on-cpus: "
ok "that of the disk is named" says "${irq##*/} (virtio1-requests)"
eval "$(fix_for 'warning: irq-on-cpus')"
cat /results/initramfs.gz >/dev/null
passes 100
ok "and is not told of any more" quiet_about "virtio1-requests"

# The kernel moves pages between nodes by default; the fix turns that off.
ok "so is the balancing of nodes" says ": warning: numa-balancing: "
eval "$(fix_for 'warning: numa-balancing')" >/dev/null
passes 100
ok "its fix mends it" quiet_about numa-balancing
