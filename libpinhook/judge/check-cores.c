// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

#include "place/planner.h"

/* Slower cores. */

static guint kind_of(const Request *request, const Plan *plan, guint vcpu)
{
    return ((const HostCore *)request->host->cores->pdata[plan_vcpu(plan, vcpu)->core])->kind;
}

/// vCPUs that are not on the host's fastest cores.
static guint count_slow(const Request *request, const Plan *plan)
{
    guint slow = 0;

    for (guint i = 0; i < plan->vcpus->len; i++) {
        slow += kind_of(request, plan, i) + 1 < request->host->kinds->len;
    }
    return slow;
}

/// Whether all vCPUs are on cores of one kind. That they are not is a finding of its own.
static gboolean is_of_one_kind(const Request *request, const Plan *plan)
{
    for (guint i = 1; i < plan->vcpus->len; i++) {
        if (kind_of(request, plan, i) != kind_of(request, plan, 0)) {
            return FALSE;
        }
    }
    return TRUE;
}

/// The fastest CPUs that are of the pool and free, on faster cores than those of @kind, which
/// becomes theirs; of cores that no other guest holds. NULL: there are none.
static CpuSet *find_faster(const Check *check, guint *kind)
{
    const Request *request = check->request;
    g_autoptr(CpuSet) held = host_whole_cores(request->host, request->taken->cpus);

    for (guint faster = request->host->kinds->len - 1; faster > *kind; faster--) {
        g_autoptr(CpuSet) cpus = host_cpus_of_kind(request->host, faster);
        hwloc_bitmap_and(cpus, cpus, request->pool->free);
        hwloc_bitmap_andnot(cpus, cpus, held);
        if (!hwloc_bitmap_iszero(cpus)) {
            *kind = faster;
            return g_steal_pointer(&cpus);
        }
    }
    return NULL;
}

static void offer_faster(Check *check)
{
    Wish wish = { .measure = count_slow };

    advice_offer_elsewhere(check, &wish);
    check_offer(check, advice_fewer_as_wished(check->request, check->plan, &wish));
}

static void check_slow(Check *check)
{
    const Request *request = check->request;
    guint taken = kind_of(request, check->plan, 0), kind = taken;
    g_autoptr(CpuSet)
        faster = request->policy->kind == POLICY_KIND_FAST && is_of_one_kind(request, check->plan)
                     ? find_faster(check, &kind)
                     : NULL;

    if (faster == NULL) {
        return;
    }
    g_autofree char *cpus = cpuset_to_list(check->plan->cpus);
    g_autofree char *others = cpuset_to_list(faster);
    if (check_add(check, FINDING_KIND_SLOW,
            "%u vCPUs lie on %s cores (CPU %s); free among its CPUs are %s cores: CPU %s",
            check->plan->vcpus->len, host_kind(request->host, taken)->name, cpus,
            host_kind(request->host, kind)->name, others)) {
        offer_faster(check);
    }
}

/* Smaller caches. */

static guint largest_cache(const Plan *plan)
{
    guint largest_kib = 0;

    for (guint i = 0; i < plan->vcpus->len; i++) {
        largest_kib = MAX(largest_kib, plan_vcpu(plan, i)->llc_kib);
    }
    return largest_kib;
}

typedef Plan *(*Place)(const Request *request);

/// The VM's plan with `llc = largest`.
static Plan *place_in_largest(const Request *request, Place place)
{
    Policy policy = *request->policy; // shares all else, and is not freed
    Request changed = *request;

    policy.llc = POLICY_LLC_LARGEST;
    changed.policy = &policy;
    return place(&changed);
}

/// "LLC 0 with 96 MiB (CPU 0-7)"
static char *describe_llc(const Plan *plan)
{
    guint kib = largest_cache(plan), i = 0;
    g_autofree char *cpus = cpuset_to_list(plan->cpus);

    while (plan_vcpu(plan, i)->llc_kib < kib) {
        i++;
    }
    return g_strdup_printf(
        "LLC %u with %u MiB (CPU %s)", plan_vcpu(plan, i)->llc, kib / 1024, cpus);
}

/// Of @plan, which is how @place has it; NULL: there is none.
static void compare_caches(Check *check, const Plan *plan, Place place, const char *when)
{
    const Request *request = check->request;
    g_autoptr(Plan)
        other = request->policy->llc == POLICY_LLC_FIT && plan != NULL && plan->llcs_differ
                    ? place_in_largest(request, place)
                    : NULL;

    if (other == NULL || largest_cache(plan) == 0 || largest_cache(other) <= largest_cache(plan)) {
        return;
    }
    g_autofree char *taken = describe_llc(plan);
    g_autofree char *larger = describe_llc(other);
    if (check_add(check, FINDING_LLC_SMALLER, "%sthe vCPUs lie in %s; it could be %s", when, taken,
            larger)) {
        check_offer(check, fix_rule(fix_new(), "llc", "largest"));
        check_offer(check,
            advice_then(request, fix_rule(fix_new(), "llc", "largest"), advice_tell_threads_again));
    }
}

static void check_caches(Check *check)
{
    compare_caches(check, check->plan, planner_place, "");
}

/// Who asks what to isolate is told before it is done.
static void check_caches_to_isolate(Check *check)
{
    const Request *request = check->request;
    g_autoptr(Plan) plan = request->pool->source == POOL_ISOLATED ? advice_place_isolated(request)
                                                                  : NULL;

    compare_caches(check, plan, advice_place_isolated, "isolated as advised, ");
}

const CheckRow checks_of_cores[] = {
    { check_slow, OF_PLAN },
    { check_caches, OF_PLAN },
    { check_caches_to_isolate, OF_NO_PLAN },
    { NULL },
};
