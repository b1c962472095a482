// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

static gboolean memory_is_bound(const VmConfig *vm)
{
    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        if (cell->hostnodes == NULL || g_strcmp0(cell->policy, "bind") != 0) {
            return FALSE;
        }
    }
    return vm->guest_cells->len > 0;
}

static void offer_binding(Check *check)
{
    const VmConfig *vm = check->request->vm;

    if (!vm->numa && vm->cells->len > 0) {
        check_offer(check, fix_set(fix_new(), "numa", "1"));
    }
    check_offer(check, advice_bind_memory(check->request, check->plan));
    if (check->plan != NULL) {
        check_offer(check, advice_cell_per_node(check->request, check->plan));
    }
}

static void check_memory_binding(Check *check)
{
    const VmConfig *vm = check->request->vm;
    guint nodes = host_count_memory_nodes(check->request->host);

    if (nodes < 2 || memory_is_bound(vm)) {
        return;
    }
    if (check_add(check, FINDING_MEMORY_UNBOUND, "%s, and this host has %u nodes",
            !vm->numa && vm->cells->len > 0 ? "without 'numa: 1' the numa lines bind nothing"
                                            : "the memory is bound to no node",
            nodes)) {
        offer_binding(check);
    }
}

static void check_freeze(Check *check)
{
    if (!check->request->vm->freeze && !check->request->vm->incoming) {
        if (check_add(check, FINDING_NOT_FROZEN, "the guest runs before its vCPUs are bound")) {
            check_offer(check, fix_set(fix_new(), "freeze", "1"));
        }
    }
}

static void check_unpinnable(Check *check)
{
    const VmConfig *vm = check->request->vm;
    g_autofree char *id = g_strdup_printf("%u", check->request->vmid);

    if (vm->template) {
        if (check_add(check, FINDING_UNPINNABLE, "it is a template, and never runs")) {
            check_offer(check, fix_run(fix_new(), "qm clone {} $(pvesh get /cluster/nextid)", id));
        }
    }
    if (vmconfig_has_one_thread(vm) && vm->vcpus_most > 1) {
        g_autoptr(GString) args = g_string_new(vm->args);
        g_string_replace(args, "thread=single", "thread=multi", 0);
        if (check_add(check, FINDING_UNPINNABLE,
                "args have QEMU emulate all %u vCPUs in one thread", vm->vcpus_most)) {
            check_offer(check, fix_set(fix_new(), "args", args->str));
        }
    }
}

/// Through the period and quota of its control group, which count all of QEMU's threads
/// (PVE::QemuServer, vm_start; cpu.max in the kernel's cgroup-v2.rst).
static void check_cpu_limit(Check *check)
{
    const VmConfig *vm = check->request->vm;

    if (vm->cpulimit > 0 && vm->cpulimit < vm->vcpus_present) {
        if (check_add(check, FINDING_CPU_LIMIT, "cpulimit gives %u vCPUs the time of %g CPU%s",
                vm->vcpus_present, vm->cpulimit, vm->cpulimit == 1 ? "" : "s")) {
            check_offer(check, fix_set(fix_new(), "cpulimit", NULL));
        }
    }
}

/// The device is there unless `balloon: 0`; pvestatd moves it for those alone whose config names an
/// amount (PVE::AutoBalloon, compute_alg1), between that and `memory`.
static void check_balloon(Check *check)
{
    const VmConfig *vm = check->request->vm;

    if (vm->balloon_mib > 0 && (guint64)vm->balloon_mib < vm->memory_mib) {
        if (check_add(check, FINDING_BALLOON,
                "Proxmox may take the memory from %" G_GUINT64_FORMAT " down to %" G_GINT64_FORMAT
                " MiB",
                vm->memory_mib, vm->balloon_mib)) {
            check_offer(check, fix_set(fix_new(), "balloon", "0"));
        }
    }
}

static void check_hotplug(Check *check)
{
    const VmConfig *vm = check->request->vm;

    if (!vm->cpu_hotplug || vm->vcpus_present == vm->vcpus_most ||
        check->request->timer == TIMER_ENABLED) {
        return;
    }
    if (check_add(check, FINDING_HOTPLUG_CPU,
            "%u of %u vCPUs may be plugged while it runs, and pinhook-repair.timer is not enabled",
            vm->vcpus_most - vm->vcpus_present, vm->vcpus_most)) {
        check_offer(check, check->request->timer == TIMER_DISABLED
                               ? fix_run(fix_new(), "systemctl enable --now pinhook-repair.timer")
                               : advice_hotplug_without(vm, "cpu"));
    }
}

const CheckRow checks_of_guest[] = {
    { check_memory_binding, OF_CONFIG },
    { check_freeze, OF_CONFIG },
    { check_unpinnable, OF_CONFIG },
    { check_cpu_limit, OF_CONFIG },
    { check_balloon, OF_CONFIG },
    { check_hotplug, OF_CONFIG },
    { NULL },
};
