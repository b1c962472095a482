// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/others.h"

static CpuSet *cpus_of_nodes(const Host *host, const CpuSet *nodes)
{
    CpuSet *cpus = cpuset_new();

    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        if (hwloc_bitmap_isset(nodes, node->index)) {
            hwloc_bitmap_or(cpus, cpus, node->cpus);
        }
    }
    return cpus;
}

/// Of @cpus those that the scheduler balances, or one: threads with several isolated CPUs in their
/// mask would pile up on one of them.
static void set_others(Plan *plan, const CpuSet *cpus, const Host *host)
{
    hwloc_bitmap_andnot(plan->others, cpus, host->isolation->isolated);
    if (hwloc_bitmap_iszero(plan->others) && !hwloc_bitmap_iszero(cpus)) {
        hwloc_bitmap_only(plan->others, (unsigned)hwloc_bitmap_first(cpus));
    }
}

static void place_on_housekeeping(Plan *plan, const Host *host, const Taken *taken)
{
    g_autoptr(CpuSet) awake = cpuset_minus(host->online, host->isolation->isolated);
    g_autoptr(CpuSet) unheld = cpuset_minus(awake, taken->vm_cpus);
    g_autoptr(CpuSet) housekeeping = cpuset_minus(unheld, plan->reserved);
    g_autoptr(CpuSet) nodes = host_nodes_of(host, plan->cpus);
    g_autoptr(CpuSet) local_cpus = cpus_of_nodes(host, nodes);
    g_autoptr(CpuSet) local = cpuset_and(housekeeping, local_cpus);
    const CpuSet *choices[] = { local, housekeeping, unheld, awake, host->online };
    guint choice = 0;

    while (choice < G_N_ELEMENTS(choices) - 1 && hwloc_bitmap_iszero(choices[choice])) {
        choice++;
    }
    set_others(plan, choices[choice], host);
    plan->others_share = choices[choice] != local && choices[choice] != housekeeping;
}

static void place_on_emulator_cpus(
    Plan *plan, const CpuSet *wanted, const Host *host, const Taken *taken)
{
    g_autoptr(CpuSet) online = cpuset_and(wanted, host->online);
    g_autoptr(CpuSet) off_cores = cpuset_minus(online, plan->cores);
    g_autoptr(CpuSet) unheld = cpuset_minus(off_cores, taken->vm_cpus);

    if (hwloc_bitmap_iszero(off_cores)) {
        place_on_housekeeping(plan, host, taken);
        plan->others_share = TRUE;
        return;
    }
    plan->others_share = hwloc_bitmap_iszero(unheld);
    set_others(plan, plan->others_share ? off_cores : unheld, host);
}

void others_place(Plan *plan, const Request *request)
{
    if (request->policy->emulator_cpus != NULL) {
        place_on_emulator_cpus(plan, request->policy->emulator_cpus, request->host, request->taken);
    } else {
        place_on_housekeeping(plan, request->host, request->taken);
    }
}
