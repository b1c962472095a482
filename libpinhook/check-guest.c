// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checks.h"

static guint count_memory_nodes(const Host *host)
{
    guint count = 0;

    for (guint i = 0; i < host->nodes->len; i++) {
        count += ((const HostNode *)host->nodes->pdata[i])->total_mib > 0;
    }
    return count;
}

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

void check_memory_binding(Check *check)
{
    const VmConfig *vm = check->request->vm;
    guint nodes = count_memory_nodes(check->request->host);

    if (nodes < 2 || memory_is_bound(vm)) {
        return;
    }
    g_autoptr(CpuSet) nodes_of_cpus = host_nodes_of(check->request->host,
        check->plan != NULL ? check->plan->cpus : check->request->pool->online);
    char *fix = advice_bind_memory(check->request, nodes_of_cpus);
    if (fix == NULL && !vm->numa && vm->cells->len > 0) {
        fix = g_strdup_printf("qm set %u --numa 1", check->request->vmid);
    }
    check_add(check, FINDING_MEMORY_UNBOUND, fix, "%s, and this host has %u nodes",
        !vm->numa && vm->cells->len > 0 ? "without 'numa: 1' the numa lines bind nothing"
                                        : "the memory is bound to no node",
        nodes);
}

void check_freeze(Check *check)
{
    if (!check->request->vm->freeze && !check->request->vm->incoming) {
        check_add(check, FINDING_NOT_FROZEN,
            g_strdup_printf("qm set %u --freeze 1", check->request->vmid),
            "the guest runs before its vCPUs are bound");
    }
}
