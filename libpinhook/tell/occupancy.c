// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tell/occupancy.h"

static Occupancy of_held(const Taken *taken, const CpuSet *cpus)
{
    guint vms = 0, containers = 0;
    const Holding *holder = NULL;

    for (guint i = 0; i < taken->holdings->len; i++) {
        const Holding *holding = taken->holdings->pdata[i];
        if (hwloc_bitmap_intersects(holding->cpus, cpus)) {
            holder = holding;
            *(holding->container ? &containers : &vms) += 1;
        }
    }
    if (vms + containers > 1) {
        return (Occupancy){ vms > 0 ? OCCUPANCY_SEVERAL : OCCUPANCY_CONTAINER, NULL };
    }
    return (Occupancy){ vms > 0 ? OCCUPANCY_VM : OCCUPANCY_CONTAINER, holder };
}

static OccupancyKind kind_of_unheld(const Host *host, const CpuSet *cpus)
{
    const CpuSet *isolated = host->isolation->isolated;
    g_autoptr(CpuSet) whole = host_whole_cores(host, cpus);

    if (!hwloc_bitmap_intersects(cpus, host->online)) {
        return OCCUPANCY_ELSEWHERE;
    }
    if (!hwloc_bitmap_intersects(cpus, isolated)) {
        return OCCUPANCY_HOUSEKEEPING;
    }
    return hwloc_bitmap_isincluded(whole, isolated) ? OCCUPANCY_FREE : OCCUPANCY_EXPOSED;
}

Occupancy occupancy_of(const Host *host, const Taken *taken, const CpuSet *cpus)
{
    return hwloc_bitmap_intersects(cpus, taken->cpus)
               ? of_held(taken, cpus)
               : (Occupancy){ kind_of_unheld(host, cpus), NULL };
}

CpuSet *occupancy_housekeeping(const Host *host, const Taken *taken)
{
    CpuSet *left = cpuset_minus(host->online, host->isolation->isolated);

    hwloc_bitmap_andnot(left, left, taken->vm_cpus);
    return left;
}

CpuSet *occupancy_not_isolated(const Host *host, const Holding *holding)
{
    CpuSet *cpus = cpuset_minus(holding->cpus, host->isolation->isolated);

    hwloc_bitmap_and(cpus, cpus, host->online);
    return cpus;
}

guint occupancy_rank(const Taken *taken, const Holding *vm)
{
    guint rank = 0;

    for (guint i = 0; i < taken->holdings->len; i++) {
        const Holding *other = taken->holdings->pdata[i];
        rank += !other->container && other->vmid < vm->vmid;
    }
    return rank;
}
