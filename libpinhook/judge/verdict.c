// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/verdict.h"

#include "judge/checks.h"

/// What a check looks at; where any of it is missing, it is left out.
typedef enum {
    OF_VM = 1 << 0,      // the files of a VM, readable or not
    OF_CONFIG = 1 << 1,  // a VM's readable config, and with it all of the request but the next two
    OF_HOST = 1 << 2,    // the host, with a VM or without
    OF_PLAN = 1 << 3,    // a plan
    OF_NO_PLAN = 1 << 4, // a VM for which there is none
    OF_LIVE = 1 << 5,    // a machine that runs: its interrupts and tuning, and CPUs to be quiet
} Subject;

/// In this order the findings are told.
static const struct {
    void (*look)(Check *check);
    Subject at;
} checks[] = {
    { check_config, OF_VM },
    { check_policy, OF_VM },
    { check_cells, OF_CONFIG },
    { check_pool, OF_CONFIG },
    { check_no_plan, OF_NO_PLAN },
    { check_isolation, OF_PLAN },
    { check_shared_cores, OF_PLAN },
    { check_others, OF_PLAN },
    { check_exposed, OF_PLAN },
    { check_llcs, OF_PLAN },
    { check_nodes, OF_PLAN },
    { check_kinds, OF_PLAN },
    { check_devices, OF_PLAN },
    { check_isolcpus, OF_HOST },
    { check_lists, OF_HOST },
    { check_tick, OF_PLAN },
    { check_callbacks, OF_PLAN },
    { check_first_core, OF_PLAN },
    { check_containers, OF_PLAN },
    { check_memory_binding, OF_CONFIG },
    { check_freeze, OF_CONFIG },
    { check_unpinnable, OF_CONFIG },
    { check_cpu_limit, OF_CONFIG },
    { check_balloon, OF_CONFIG },
    { check_hotplug, OF_CONFIG },
    { check_interrupts, OF_LIVE },
    { check_irqbalance, OF_LIVE },
    { check_tuned, OF_LIVE },
    { check_numa_balancing, OF_LIVE },
    { check_governor, OF_LIVE },
    { check_host_starved, OF_LIVE },
};

/// What there is to look at.
static Subject subjects_of(const Check *check)
{
    const Request *request = check->request;
    gboolean config = request->vm != NULL && request->vm->readable;
    gboolean live = request->interrupts != NULL && request->tuning != NULL && check->cpus != NULL;

    return (request->vm != NULL ? OF_VM : 0) | (config ? OF_CONFIG : 0) |
           (request->host != NULL ? OF_HOST : 0) | (check->plan != NULL ? OF_PLAN : 0) |
           (config && check->plan == NULL ? OF_NO_PLAN : 0) | (live ? OF_LIVE : 0);
}

static void look(Check *check)
{
    Subject there = subjects_of(check);

    check->findings = finding_list_new();
    for (gsize i = 0; i < G_N_ELEMENTS(checks); i++) {
        if ((checks[i].at & there) != 0) {
            checks[i].look(check);
        }
    }
}

static VerdictResult weigh(const Check *check)
{
    gboolean enforced = check->request->policy->mode == POLICY_ENFORCE;

    if (enforced && finding_list_count(check->findings, SEVERITY_ERROR) > 0) {
        return VERDICT_REFUSE;
    }
    return check->findings->len > 0 ? VERDICT_WARN : VERDICT_PASS;
}

Verdict *verdict_of_start(const Request *request, const Plan *plan)
{
    Check check = { .request = request, .plan = plan, .cpus = plan != NULL ? plan->cpus : NULL };
    Verdict *verdict = g_new(Verdict, 1);

    look(&check);
    verdict->result = weigh(&check);
    verdict->findings = check.findings;
    return verdict;
}

GPtrArray *verdict_of_machine(const Request *request)
{
    const Host *host = request->host;
    g_autoptr(CpuSet) isolated = cpuset_and(host->isolation->isolated, host->online);
    /* Where nothing is isolated, nothing is promised that could be disturbed. */
    Check check = { .request = request, .cpus = hwloc_bitmap_iszero(isolated) ? NULL : isolated };

    look(&check);
    return check.findings;
}

void verdict_free(Verdict *verdict)
{
    if (verdict == NULL) {
        return;
    }
    g_ptr_array_unref(verdict->findings);
    g_free(verdict);
}
