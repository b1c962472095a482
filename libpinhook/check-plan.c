// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checks.h"

#include "planner.h"

/* The pool, and why there is no plan. */

static const char *pool_name(const Pool *pool)
{
    switch (pool->source) {
    case POOL_POLICY:
        return "cpus of the policy";
    case POOL_AFFINITY:
        return "affinity";
    case POOL_ISOLATED:
        return "isolated CPUs";
    }
    g_assert_not_reached();
}

/// Why the VM cannot have them: "; online here: 0-7", or "; 2-3 are isolated in a cgroup that VMs
/// are not in, left: 0-1".
static char *explain_missing(const Host *host, const CpuSet *missing)
{
    g_autoptr(CpuSet) elsewhere = cpuset_and(missing, host->isolation->elsewhere);
    g_autofree char *kept = cpuset_to_list(elsewhere);
    g_autofree char *online = cpuset_to_list(host->online);

    return *kept != '\0'
               ? g_strdup_printf("; %s %s isolated in a cgroup that VMs are not in, left: %s", kept,
                     cpuset_count(elsewhere) > 1 ? "are" : "is", online)
               : g_strdup_printf("; online here: %s", online);
}

void check_pool(Check *check)
{
    const Pool *pool = check->request->pool;

    if (hwloc_bitmap_iszero(pool->missing)) {
        return;
    }
    g_autofree char *missing = cpuset_to_list(pool->missing);
    g_autofree char *why = explain_missing(check->request->host, pool->missing);
    char *fix = advice_other_cpus(check->request);
    if (fix == NULL) {
        fix = advice_these_cpus(check->request, pool->online);
    }
    check_add(check, FINDING_CPU_MISSING, fix != NULL ? fix : advice_any_cpus(check->request),
        "%s names CPU %s%s", pool_name(pool), missing, why);
}

static void explain_misaligned(Check *check)
{
    const VmConfig *vm = check->request->vm;
    g_autoptr(CpuSet) pool_nodes = host_nodes_of(check->request->host, check->request->pool->free);
    g_autoptr(CpuSet) cell_nodes = cpuset_new();

    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        if (cell->hostnodes != NULL) {
            hwloc_bitmap_or(cell_nodes, cell_nodes, cell->hostnodes);
        }
    }

    g_autofree char *pool_list = cpuset_to_list(check->request->pool->free);
    g_autofree char *pool_node_list = cpuset_to_list(pool_nodes);
    g_autofree char *cell_node_list = cpuset_to_list(cell_nodes);
    static const Advise tries[] = { advice_other_cpus, advice_cells_of_pool, NULL };
    check_add(check, FINDING_NUMA_MISALIGNED, advice_first(check->request, tries),
        "memory is bound to node %s, but the %s with enough room (CPU %s) lie on node %s",
        cell_node_list, pool_name(check->request->pool), pool_list, pool_node_list);
}

/// The end of a guest that holds any of @cpus.
static char *name_holder(const Request *request, const CpuSet *cpus)
{
    for (guint i = 0; i < request->taken->holdings->len; i++) {
        const Holding *holding = request->taken->holdings->pdata[i];
        if (holding->vmid != 0 && hwloc_bitmap_intersects(holding->cpus, cpus)) {
            return g_strdup_printf(
                "%s shutdown %u", holding->container ? "pct" : "qm", holding->vmid);
        }
    }
    return NULL;
}

static char *fix_taken(const Check *check, const CpuSet *cpus)
{
    char *fix = advice_other_cpus(check->request);

    return fix != NULL ? fix : name_holder(check->request, cpus);
}

static void explain_taken(Check *check)
{
    const Request *request = check->request;
    g_autofree char *holders = taken_name_holders(request->taken, request->pool->online);

    check_add(check, FINDING_CPU_TAKEN, fix_taken(check, request->pool->online),
        "held by %s; left of %s: %u for %u vCPUs", holders, pool_name(request->pool),
        cpuset_count(request->pool->free), request->vm->vcpus_most);
}

static char *fix_too_few(const Request *request)
{
    static const Advise for_isolated[] = { advice_other_cpus, advice_plainer_policy, advice_isolate,
        advice_fewer_vcpus, advice_any_cpus, advice_default_policy, NULL };
    static const Advise for_given[] = { advice_other_cpus, advice_plainer_policy,
        advice_fewer_vcpus, advice_any_cpus, advice_default_policy, NULL };

    char *fix = advice_first(
        request, request->pool->source == POOL_ISOLATED ? for_isolated : for_given);

    return fix != NULL ? fix : name_holder(request, request->host->online);
}

/// What one vCPU takes, or a core of the guest.
static char *describe_need(const Request *request)
{
    guint unit = planner_unit(request->vm, request->policy);

    if (unit > 1) {
        return g_strdup_printf("%u CPUs of one core for each %u", unit, unit);
    }
    return g_strdup_printf("a %s%s", request->policy->smt == POLICY_SMT_ISOLATE ? "core" : "CPU",
        request->vm->vcpus_most > 1 ? " each" : "");
}

static void explain_too_few(Check *check)
{
    const Request *request = check->request;
    const VmConfig *vm = request->vm;
    g_autofree char *list = cpuset_to_list(request->pool->free);
    g_autofree char *need = describe_need(request);
    g_autofree char *vcpus = vm->vcpus_present < vm->vcpus_most
                                 ? g_strdup_printf("%u vCPUs (%u at start) need", vm->vcpus_most,
                                       vm->vcpus_present)
                             : vm->vcpus_most > 1 ? g_strdup_printf("%u vCPUs need", vm->vcpus_most)
                                                  : g_strdup("1 vCPU needs");

    check_add(check, FINDING_TOO_FEW_CPUS, fix_too_few(request), "%s %s%s; usable %s: %s", vcpus,
        need, request->policy->emulator == POLICY_SPARE ? ", and QEMU's other threads a core" : "",
        pool_name(request->pool), *list != '\0' ? list : "none");
}

static void explain_no_plan(Check *check)
{
    if (advice_fits_unbound(check->request)) {
        explain_misaligned(check);
    } else if (advice_fits_alone(check->request)) {
        explain_taken(check);
    } else {
        explain_too_few(check);
    }
}

/* The plan. */

static char *fix_isolation(const Check *check, FindingCode code)
{
    static const Advise tries[] = { advice_other_cpus, advice_isolate, NULL };
    char *fix = advice_first(check->request, tries);

    return fix != NULL ? fix : advice_accept(check->request, code);
}

static void check_isolation(Check *check)
{
    const Isolation *isolation = check->request->host->isolation;
    g_autoptr(CpuSet) awake = cpuset_minus(check->plan->cpus, isolation->isolated);
    g_autoptr(CpuSet) awake_cores = cpuset_minus(check->plan->cores, isolation->isolated);
    g_autoptr(CpuSet) siblings = cpuset_minus(awake_cores, check->plan->cpus);
    g_autofree char *isolated = cpuset_to_list(isolation->isolated);

    if (!hwloc_bitmap_iszero(awake)) {
        g_autofree char *list = cpuset_to_list(awake);
        check_add(check, FINDING_NOT_ISOLATED, fix_isolation(check, FINDING_NOT_ISOLATED),
            "CPU %s, chosen for vCPUs, is not isolated; isolated here: %s", list,
            *isolated != '\0' ? isolated : "none");
    }
    if (!hwloc_bitmap_iszero(siblings) && hwloc_bitmap_iszero(awake)) {
        g_autofree char *list = cpuset_to_list(siblings);
        check_add(check, FINDING_SIBLING_NOT_ISOLATED,
            fix_isolation(check, FINDING_SIBLING_NOT_ISOLATED),
            "CPU %s, sibling of a vCPU's CPU, is not isolated; isolated here: %s", list, isolated);
    }
}

static void check_shared_cores(Check *check)
{
    g_autoptr(CpuSet) shared = cpuset_and(check->plan->cores, check->request->taken->cpus);

    if (!hwloc_bitmap_iszero(shared)) {
        g_autofree char *holders = taken_name_holders(check->request->taken, shared);
        check_add(check, FINDING_CORE_TAKEN, fix_taken(check, shared),
            "siblings of this VM's CPUs are held by %s", holders);
    }
}

static char *fix_others(const Check *check)
{
    static const Advise tries[] = { advice_housekeeping, advice_fewer_vcpus, NULL };
    const Request *request = check->request;
    g_autoptr(CpuSet)
        awake = cpuset_minus(request->host->online, request->host->isolation->isolated);
    char *fix = advice_first(request, tries);

    if (fix == NULL && hwloc_bitmap_intersects(awake, request->taken->vm_cpus)) {
        fix = name_holder(request, awake);
    }
    return fix != NULL ? fix : advice_accept(request, FINDING_NO_HOUSEKEEPING);
}

static void check_others(Check *check)
{
    if (check->plan->others_share) {
        g_autofree char *others = cpuset_to_list(check->plan->others);
        check_add(check, FINDING_NO_HOUSEKEEPING, fix_others(check),
            "no CPU is left for QEMU's other threads; they would share CPU %s", others);
    }
}

void check_plan(Check *check)
{
    if (check->plan == NULL) {
        explain_no_plan(check);
        return;
    }
    check_isolation(check);
    check_shared_cores(check);
    check_others(check);
}
