# What the README shows: a VM made by a common tutorial is refused; its fixes, pasted, lead to a start that
# is proven. All that pinhook says of it stands there word for word.

# Whether each line of the last call is in the README.
is_shown() {
    local line missing=0
    while IFS= read -r line; do
        if [ -n "$line" ] && ! grep -qxF -- "$line" "$LAB/../../README.md"; then
            echo "# not in the README: $line"
            missing=1
        fi
    done <<<"$out$err"
    return "$missing"
}

printf '%s\n' 'cores: 3' 'memory: 512' 'numa: 1' 'cpuaffinity: 13-15' \
    'numa0: cpus=13-15,hostnodes=1,memory=512,policy=bind' >/etc/pve/qemu-server/100.conf
hook 100 pre-start
ok "the tutorial's VM is refused" ended_with 1
ok "the README shows how" is_shown
while IFS= read -r line; do
    fix=${line#*"  fix: "}
    [ "$fix" = "$line" ] || ok "pasted: $fix" eval "$fix"
done <<<"$err"
hook 100 pre-start
ok "then it may start" ended_with 0
ok "the README shows its plan" is_shown
# Its memory is there from the start, as that of a VM with a passed-through device is.
qemu 100 -machine memory-backend=ram -object \
    memory-backend-ram,id=ram,size=512M,prealloc=on,host-nodes=1,policy=bind
hook 100 post-start
ok "it is proven" ended_with 0
ok "the README shows its proof" is_shown
pinhook status 100
ok "status agrees" ended_with 0
echo "# ${out//$'\n'/$'\n'# }"
stop 100
