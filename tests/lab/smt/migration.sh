# The target of a live migration: the config is still the source node's, QEMU waits for the state.
vm 100 'affinity: 6-7' 'freeze: 0'
mv /etc/pve/nodes/pve1/qemu-server/100.conf /etc/pve/nodes/pve2/qemu-server/
export PVE_MIGRATED_FROM=pve2
hook 100 pre-start
ok "pre-start reads the source's config" ended_with 0
ok "it says nothing of freezing" quiet_about not-frozen
ok "stdout is the migration's" is "$out" ""
sed -i 's/^freeze: .*/freeze: 1/' /etc/pve/nodes/pve2/qemu-server/100.conf
cp /etc/pve/nodes/pve2/qemu-server/100.conf /etc/pve/nodes/pve1/qemu-server/ # for our own qemu
qemu 100 -incoming unix:/run/qemu-server/100.migrate
rm /etc/pve/nodes/pve1/qemu-server/100.conf
hook 100 post-start
ok "post-start binds it while it waits, frozen or not" ended_with 0
ok "it does not let it run" quiet_about released
ok "the kernel says the same" bound 100 "6 7" 4-5
ok "it still waits for its state" guest_is 100 inmigrate
ok "stdout is the migration's" is "$out" ""
unset PVE_MIGRATED_FROM
mv /etc/pve/nodes/pve2/qemu-server/100.conf /etc/pve/nodes/pve1/qemu-server/
pinhook status 100
ok "once the config has moved status agrees" ended_with 0
