// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

static const Advise isolated_ways[] = { advice_other_cpus, advice_other_cpus_and_cells,
    advice_isolate, advice_isolate_elsewhere, NULL };

static void check_isolation(Check *check)
{
    const Isolation *isolation = check->request->host->isolation;
    g_autoptr(CpuSet) awake = cpuset_minus(check->plan->cpus, isolation->isolated);
    g_autoptr(CpuSet) awake_cores = cpuset_minus(check->plan->cores, isolation->isolated);
    g_autoptr(CpuSet) siblings = cpuset_minus(awake_cores, check->plan->cpus);
    g_autofree char *isolated = cpuset_to_list(isolation->isolated);

    if (!hwloc_bitmap_iszero(awake)) {
        g_autofree char *list = cpuset_to_list(awake);
        if (check_add(check, FINDING_NOT_ISOLATED,
                "CPU %s, chosen for vCPUs, is not isolated; isolated here: %s", list,
                *isolated != '\0' ? isolated : "none")) {
            advice_offer(check, isolated_ways);
        }
    }
    if (!hwloc_bitmap_iszero(siblings) && hwloc_bitmap_iszero(awake)) {
        g_autofree char *list = cpuset_to_list(siblings);
        if (check_add(check, FINDING_SIBLING_NOT_ISOLATED,
                "CPU %s, sibling of a vCPU's CPU, is not isolated; isolated here: %s", list,
                isolated)) {
            advice_offer(check, isolated_ways);
        }
    }
}

static void check_shared_cores(Check *check)
{
    g_autoptr(CpuSet) shared = cpuset_and(check->plan->cores, check->request->taken->cpus);

    if (!hwloc_bitmap_iszero(shared)) {
        g_autofree char *holders = taken_name_holders(check->request->taken, shared);
        if (check_add(
                check, FINDING_CORE_TAKEN, "siblings of this VM's CPUs are held by %s", holders)) {
            check_offer(check, advice_other_cpus(check->request));
            advice_offer_holder(check, shared);
        }
    }
}

static void offer_others(Check *check)
{
    static const Advise ways[] = { advice_housekeeping, advice_other_cpus, advice_give_back,
        advice_fewer_vcpus, advice_fewer_vcpus_isolated, advice_fewer_vcpus_anywhere, NULL };
    const Request *request = check->request;
    g_autoptr(CpuSet)
        awake = cpuset_minus(request->host->online, request->host->isolation->isolated);

    advice_offer(check, ways);
    advice_offer_holder(check, awake);
}

static void check_others(Check *check)
{
    if (check->plan->others_share) {
        g_autofree char *others = cpuset_to_list(check->plan->others);
        if (check_add(check, FINDING_NO_HOUSEKEEPING,
                "no CPU is left for QEMU's other threads; they would share CPU %s", others)) {
            offer_others(check);
        }
    }
}

const CheckRow checks_of_plan[] = {
    { check_isolation, OF_PLAN },
    { check_shared_cores, OF_PLAN },
    { check_others, OF_PLAN },
    { NULL },
};
