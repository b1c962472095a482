// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

#include "place/demand.h"
#include "place/planner.h"

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

static void check_pool(Check *check)
{
    const Pool *pool = check->request->pool;

    if (hwloc_bitmap_iszero(pool->missing)) {
        return;
    }
    g_autofree char *missing = cpuset_to_list(pool->missing);
    g_autofree char *why = explain_missing(check->request->host, pool->missing);
    if (check_add(check, FINDING_CPU_MISSING, "%s names CPU %s%s", pool_name(pool), missing, why)) {
        static const Advise ways[] = { advice_no_affinity, advice_other_cpus, NULL };
        advice_offer(check, ways);
        check_offer(check, advice_these_cpus(check->request, pool->online));
        check_offer(check, advice_any_cpus(check->request));
    }
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
    static const Advise ways[] = { advice_other_cpus, advice_cells_of_pool,
        advice_other_cpus_and_cells, advice_isolate, NULL };
    if (check_add(check, FINDING_NUMA_MISALIGNED,
            "memory is bound to node %s, but the %s with enough room (CPU %s) lie on node %s",
            cell_node_list, pool_name(check->request->pool), pool_list, pool_node_list)) {
        advice_offer(check, ways);
    }
}

static void explain_taken(Check *check)
{
    const Request *request = check->request;
    g_autofree char *holders = taken_name_holders(request->taken, request->pool->online);

    if (check_add(check, FINDING_CPU_TAKEN, "held by %s; left of %s: %u for %u vCPUs", holders,
            pool_name(request->pool), cpuset_count(request->pool->free), request->vm->vcpus_most)) {
        static const Advise ways[] = { advice_other_cpus, advice_other_cpus_and_cells,
            advice_any_cpus, advice_isolate, advice_isolate_elsewhere, NULL };
        advice_offer(check, ways);
        advice_offer_holder(check, request->pool->online);
        advice_offer_without_others(check);
    }
}

static void offer_more_cpus(Check *check)
{
    static const Advise more[] = { advice_other_cpus, advice_other_cpus_and_cells,
        advice_housekeeping, advice_any_cpus, advice_isolate, advice_isolate_elsewhere,
        advice_auto_smt, advice_default_policy, NULL };
    static const Advise fewer[] = { advice_fewer_vcpus, advice_fewer_vcpus_isolated,
        advice_fewer_vcpus_anywhere, NULL };

    advice_offer(check, more);
    advice_offer_less(check);
    advice_offer(check, fewer);
    advice_offer_holder(check, check->request->host->online);
    advice_offer_without_others(check);
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

    if (check_add(check, FINDING_TOO_FEW_CPUS, "%s %s%s; usable %s: %s", vcpus, need,
            request->policy->emulator == POLICY_SPARE ? ", and QEMU's other threads a core" : "",
            pool_name(request->pool), *list != '\0' ? list : "none")) {
        offer_more_cpus(check);
    }
}

/// vCPUs that are threads of one core of the guest, in cells that lie on different nodes; NULL:
/// there are none.
static char *find_cut_core(const Request *request, guint unit)
{
    g_autoptr(GPtrArray) demands = demands_of(request->vm, unit);

    for (guint i = 0; i < demands->len; i++) {
        const Demand *demand = demands->pdata[i];
        if (demand->nodes != NULL && hwloc_bitmap_iszero(demand->nodes)) {
            guint first = g_array_index(demand->units, guint, 0);
            return g_strdup_printf("%u-%u", first, first + demand->size - 1);
        }
    }
    return NULL;
}

/// How many units of @unit CPUs the cores have in the pool.
static guint count_units(const Request *request, guint unit)
{
    guint count = 0;

    for (guint i = 0; i < request->host->cores->len; i++) {
        const HostCore *core = request->host->cores->pdata[i];
        g_autoptr(CpuSet) usable = cpuset_and(core->cpus, request->pool->free);
        count += cpuset_count(usable) >= unit;
    }
    return count;
}

static void explain_guest_smt(Check *check)
{
    static const Advise ways[] = { advice_other_cpus, advice_fewer_guest_cores,
        advice_fewer_threads, NULL };
    const Request *request = check->request;
    guint unit = planner_unit(request->vm, request->policy);
    g_autofree char *cut = find_cut_core(request, unit);
    g_autofree char *message =
        cut != NULL
            ? g_strdup_printf(
                  "vCPU %s are threads of one core of the guest, but of cells on different nodes",
                  cut)
            : g_strdup_printf("%u threads on each of the guest's cores need %u cores with %u CPUs "
                              "each; such cores among the %s: %u",
                  request->vm->threads, (request->vm->vcpus_most + unit - 1) / unit, unit,
                  pool_name(request->pool), count_units(request, unit));

    if (check_add(check, FINDING_GUEST_SMT, "%s", message)) {
        advice_offer(check, ways);
    }
}

static void check_no_plan(Check *check)
{
    g_autoptr(Fix) fewer_threads = advice_fewer_threads(check->request);

    if (fewer_threads != NULL && !advice_fits_alone(check->request)) {
        explain_guest_smt(check);
    } else if (advice_fits_unbound(check->request)) {
        explain_misaligned(check);
    } else if (advice_fits_alone(check->request)) {
        explain_taken(check);
    } else {
        explain_too_few(check);
    }
}

const CheckRow checks_of_pool[] = {
    { check_pool, OF_CONFIG },
    { check_no_plan, OF_NO_PLAN },
    { NULL },
};
