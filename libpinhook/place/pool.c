// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/pool.h"

static Pool *pool_from(PoolSource source, const CpuSet *asked, const Policy *policy,
    const Host *host, const Taken *taken)
{
    Pool *pool = g_new(Pool, 1);

    pool->source = source;
    pool->asked = cpuset_copy(asked);
    pool->missing = cpuset_minus(asked, host->online);
    pool->online = cpuset_and(asked, host->online);
    if (policy->emulator_cpus != NULL) {
        /* The other threads must not touch a vCPU's core. */
        g_autoptr(CpuSet) cores = host_whole_cores(host, policy->emulator_cpus);
        hwloc_bitmap_andnot(pool->online, pool->online, cores);
    }
    pool->free = cpuset_minus(pool->online, taken->cpus);
    return pool;
}

Pool *pool_of_isolated(const Policy *policy, const Host *host, const Taken *taken)
{
    /* The list of isolated CPUs may name offline ones; nobody asked for those. */
    g_autoptr(CpuSet) isolated = cpuset_and(host->isolation->isolated, host->online);

    return pool_from(POOL_ISOLATED, isolated, policy, host, taken);
}

Pool *pool_new(const VmConfig *vm, const Policy *policy, const Host *host, const Taken *taken)
{
    if (policy->cpus != NULL) {
        return pool_from(POOL_POLICY, policy->cpus, policy, host, taken);
    }
    if (vm->affinity != NULL) {
        return pool_from(POOL_AFFINITY, vm->affinity, policy, host, taken);
    }
    return pool_of_isolated(policy, host, taken);
}

void pool_free(Pool *pool)
{
    if (pool == NULL) {
        return;
    }
    hwloc_bitmap_free(pool->asked);
    hwloc_bitmap_free(pool->missing);
    hwloc_bitmap_free(pool->online);
    hwloc_bitmap_free(pool->free);
    g_free(pool);
}
