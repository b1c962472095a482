// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/verdict.h"

#include "judge/checks.h"

/// In this order the findings are told.
static const CheckRow *const lists[] = { checks_of_config, checks_of_cells, checks_of_memory,
    checks_of_pool, checks_of_plan, checks_of_shape, checks_of_cores, checks_of_isolation,
    checks_of_containers, checks_of_guest, checks_of_disturbance, checks_of_kernel };

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

/// At what there is of @wanted.
static void look(Check *check, Subject wanted)
{
    Subject there = subjects_of(check) & wanted;

    check->findings = finding_list_new();
    for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (const CheckRow *row = lists[i]; row->look != NULL; row++) {
            if ((row->at & there) != 0) {
                row->look(check);
            }
        }
    }
}

static VerdictResult weigh(const Check *check)
{
    gboolean enforced = check->request->policy->mode == POLICY_ENFORCE;

    if (enforced && finding_list_count(check->findings, SEVERITY_ERROR) > 0) {
        return VERDICT_REFUSE;
    }
    return check->findings->len > finding_list_count(check->findings, SEVERITY_NOTE) ? VERDICT_WARN
                                                                                     : VERDICT_PASS;
}

/// Nothing is to disturb the plan's CPUs; without a VM those that are isolated, for where nothing
/// is, nothing is promised that could be disturbed.
static CpuSet *quiet_cpus(const Request *request, const Plan *plan)
{
    if (request->vm != NULL) {
        return plan != NULL ? cpuset_copy(plan->cpus) : NULL;
    }
    g_autoptr(CpuSet)
        isolated = cpuset_and(request->host->isolation->isolated, request->host->online);
    return hwloc_bitmap_iszero(isolated) ? NULL : g_steal_pointer(&isolated);
}

#define ALL ((Subject)~0U)

static Check check_of(const Request *request, const Plan *plan, const CpuSet *cpus)
{
    return (Check){ .request = request, .plan = plan, .cpus = cpus };
}

static Verdict *judge(const Request *request, const Plan *plan, Subject wanted)
{
    g_autoptr(CpuSet) cpus = quiet_cpus(request, plan);
    Check check = check_of(request, plan, cpus);
    Verdict *verdict = g_new(Verdict, 1);

    look(&check, wanted);
    verdict->result = weigh(&check);
    verdict->findings = check.findings;
    return verdict;
}

Verdict *verdict_of_start(const Request *request, const Plan *plan)
{
    return judge(request, plan, ALL);
}

Verdict *verdict_of_live(const Request *request, const Plan *plan)
{
    return judge(request, plan, OF_LIVE);
}

GPtrArray *verdict_find(const Request *request, const Plan *plan, gboolean mending)
{
    g_autoptr(CpuSet) cpus = quiet_cpus(request, plan);
    Check check = check_of(request, plan, cpus);

    check.mending = mending;
    look(&check, ALL);
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
