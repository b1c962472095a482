// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

#include "place/demand.h"
#include "place/planner.h"

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

/// Takes @fix.
static void explain_guest_smt(Check *check, char *fix)
{
    const Request *request = check->request;
    guint unit = planner_unit(request->vm, request->policy);
    g_autofree char *cut = find_cut_core(request, unit);
    char *other = cut == NULL ? advice_other_cpus(request) : NULL;

    if (other != NULL) {
        g_free(fix);
        fix = other;
    }
    if (cut != NULL) {
        check_add(check, FINDING_GUEST_SMT, fix,
            "vCPU %s are threads of one core of the guest, but of cells on different nodes", cut);
    } else {
        check_add(check, FINDING_GUEST_SMT, fix,
            "%u threads on each of the guest's cores need %u cores with %u CPUs each; such cores "
            "among the %s: %u",
            request->vm->threads, (request->vm->vcpus_most + unit - 1) / unit, unit,
            pool_name(request->pool), count_units(request, unit));
    }
}

static void explain_no_plan(Check *check)
{
    char *fewer_threads = advice_fewer_threads(check->request);

    if (fewer_threads != NULL && !advice_fits_alone(check->request)) {
        explain_guest_smt(check, fewer_threads);
        return;
    }
    g_free(fewer_threads);
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

/* The plan's shape. */

static guint count_llcs(const Request *request, const Plan *plan)
{
    g_autoptr(CpuSet) llcs = cpuset_new();

    for (guint i = 0; i < plan->vcpus->len; i++) {
        hwloc_bitmap_set(llcs, plan_vcpu(plan, i)->llc);
    }
    return cpuset_count(llcs);
}

static guint count_kinds(const Request *request, const Plan *plan)
{
    g_autoptr(CpuSet) kinds = cpuset_new();

    for (guint i = 0; i < plan->vcpus->len; i++) {
        const HostCore *core = request->host->cores->pdata[plan_vcpu(plan, i)->core];
        hwloc_bitmap_set(kinds, core->kind);
    }
    return cpuset_count(kinds);
}

/// vCPUs on cores where a vCPU is that the guest does not know as a sibling.
static CpuSet *find_exposed(const Request *request, const Plan *plan)
{
    g_autofree guint *first = g_new0(guint, request->host->cores->len);
    CpuSet *exposed = cpuset_new();
    guint threads = request->vm->threads;

    for (guint i = 0; i < plan->vcpus->len; i++) {
        guint core = plan_vcpu(plan, i)->core;
        if (first[core] == 0) {
            first[core] = i + 1;
        } else if ((first[core] - 1) / threads != i / threads) {
            hwloc_bitmap_set(exposed, first[core] - 1);
            hwloc_bitmap_set(exposed, i);
        }
    }
    return exposed;
}

static guint count_exposed(const Request *request, const Plan *plan)
{
    g_autoptr(CpuSet) exposed = find_exposed(request, plan);

    return cpuset_count(exposed);
}

static gboolean is_remote(const Device *device, const Plan *plan)
{
    return device->node >= 0 && !hwloc_bitmap_isset(plan->nodes, (unsigned)device->node);
}

static guint count_remote(const Request *request, const Plan *plan)
{
    guint count = 0;

    for (guint i = 0; request->devices != NULL && i < request->devices->len; i++) {
        count += is_remote(request->devices->pdata[i], plan);
    }
    return count;
}

static char *fix_exposed(const Check *check)
{
    const Request *request = check->request;
    Wish wish = { .measure = count_exposed };
    char *fix = advice_tell_threads(request, check->plan);

    if (fix == NULL) {
        fix = advice_unpaired(request, check->plan, &wish);
    }
    if (fix == NULL) {
        fix = advice_elsewhere(request, check->plan, &wish);
    }
    if (fix == NULL) {
        fix = advice_fewer_as_wished(request, check->plan, &wish);
    }
    return fix != NULL ? fix : advice_silence(request, FINDING_SMT_EXPOSED);
}

static void check_exposed(Check *check)
{
    const Plan *plan = check->plan;
    g_autoptr(CpuSet) exposed = find_exposed(check->request, plan);
    g_autoptr(CpuSet) cpus = cpuset_new();
    unsigned vcpu;

    if (hwloc_bitmap_iszero(exposed)) {
        return;
    }
    hwloc_bitmap_foreach_begin (vcpu, exposed) {
        hwloc_bitmap_set(cpus, plan_vcpu(plan, vcpu)->cpu);
    }
    hwloc_bitmap_foreach_end();
    g_autofree char *list = cpuset_to_list(cpus);
    g_autofree char *vcpus = cpuset_to_list(exposed);
    check_add(check, FINDING_SMT_EXPOSED, fix_exposed(check),
        "vCPU %s share cores (CPU %s), and the guest takes each for a core of its own", vcpus,
        list);
}

static char *fix_llcs(const Check *check, guint fewest)
{
    Wish wish = { .measure = count_llcs, .most = fewest };
    char *fix = advice_elsewhere(check->request, check->plan, &wish);

    return fix != NULL ? fix : advice_silence(check->request, FINDING_LLC_SPLIT);
}

static void check_llcs(Check *check)
{
    const Request *request = check->request;
    guint count = count_llcs(request, check->plan);
    g_autoptr(Plan) best = count > 1 ? advice_place_anywhere(request, NULL) : NULL;

    if (best == NULL || count_llcs(request, best) >= count) {
        return;
    }
    guint fewest = count_llcs(request, best);
    g_autofree char *cpus = cpuset_to_list(check->plan->cpus);
    g_autofree char *others = cpuset_to_list(best->cpus);
    check_add(check, FINDING_LLC_SPLIT, fix_llcs(check, fewest),
        "%u vCPUs lie in %u last-level caches (CPU %s); CPU %s, held by no other guest, lie in %u",
        check->plan->vcpus->len, count, cpus, others, fewest);
}

/// The first cell whose vCPUs lie on several nodes. FALSE: there is none. Without cells the VM is
/// one.
static gboolean find_split(const Check *check, const VmCell **cell, CpuSet *nodes)
{
    const GPtrArray *cells = check->request->vm->guest_cells;

    for (guint i = 0; i < MAX(cells->len, 1); i++) {
        *cell = cells->len > 0 ? cells->pdata[i] : NULL;
        hwloc_bitmap_zero(nodes);
        for (guint j = 0; j < check->plan->vcpus->len; j++) {
            const PlanVcpu *vcpu = plan_vcpu(check->plan, j);
            if (*cell == NULL || ((*cell)->cpus != NULL && hwloc_bitmap_isset((*cell)->cpus, j))) {
                hwloc_bitmap_set(nodes, vcpu->node);
            }
        }
        if (cpuset_count(nodes) > 1) {
            return TRUE;
        }
    }
    return FALSE;
}

static void check_nodes(Check *check)
{
    const Request *request = check->request;
    g_autoptr(CpuSet) nodes = cpuset_new();
    const VmCell *cell;

    if (!find_split(check, &cell, nodes)) {
        return;
    }
    g_autofree char *list = cpuset_to_list(nodes);
    g_autofree char *ids = cell != NULL ? cpuset_to_list(cell->cpus) : NULL;
    char *fix = advice_cell_per_node(request, check->plan);
    if (fix == NULL) {
        fix = advice_silence(request, FINDING_NODE_SPLIT);
    }
    if (cell != NULL) {
        check_add(
            check, FINDING_NODE_SPLIT, fix, "vCPU %s are one cell and lie on node %s", ids, list);
    } else {
        check_add(check, FINDING_NODE_SPLIT, fix,
            "%u vCPUs lie on node %s, and the guest has no cells", check->plan->vcpus->len, list);
    }
}

/// The CPUs of the cores of one kind.
static CpuSet *cpus_of_kind(const Host *host, guint kind)
{
    CpuSet *cpus = cpuset_new();

    for (guint i = 0; i < host->cores->len; i++) {
        const HostCore *core = host->cores->pdata[i];
        if (core->kind == kind) {
            hwloc_bitmap_or(cpus, cpus, core->cpus);
        }
    }
    return cpus;
}

static guint fastest_kind(const Host *host)
{
    guint fastest = 0;

    for (guint i = 0; i < host->cores->len; i++) {
        fastest = MAX(fastest, ((const HostCore *)host->cores->pdata[i])->kind);
    }
    return fastest;
}

static char *fix_kinds(const Check *check)
{
    const Request *request = check->request;
    char *fix = NULL;

    for (guint kind = fastest_kind(request->host) + 1; fix == NULL && kind-- > 0;) {
        g_autoptr(CpuSet) cpus = cpus_of_kind(request->host, kind);
        Wish wish = { .measure = count_kinds, .most = 1, .where = cpus };
        fix = advice_elsewhere(request, check->plan, &wish);
    }
    if (fix == NULL) {
        Wish wish = { .measure = count_kinds, .most = 1 };
        fix = advice_fewer_as_wished(request, check->plan, &wish);
    }
    return fix != NULL ? fix : advice_silence(request, FINDING_KIND_MIXED);
}

static void check_kinds(Check *check)
{
    const Request *request = check->request;
    g_autoptr(GString) text = g_string_new(NULL);

    if (count_kinds(request, check->plan) < 2) {
        return;
    }
    for (guint kind = fastest_kind(request->host) + 1; kind-- > 0;) {
        g_autoptr(CpuSet) all = cpus_of_kind(request->host, kind);
        g_autoptr(CpuSet) cpus = cpuset_and(all, check->plan->cpus);
        g_autofree char *list = cpuset_to_list(cpus);
        if (!hwloc_bitmap_iszero(cpus)) {
            g_string_append_printf(text, "%s%s", text->len > 0 ? ", slower cores: CPU " : "", list);
        }
    }
    check_add(check, FINDING_KIND_MIXED, fix_kinds(check),
        "vCPUs lie on cores of several kinds, fast cores: CPU %s", text->str);
}

static char *fix_remote(const Check *check, const Device *device)
{
    const Request *request = check->request;
    const HostNode *node = host_node(request->host, (guint)device->node);
    Wish wish = { .measure = count_remote,
        .most = count_remote(request, check->plan) - 1,
        .where = node != NULL ? node->cpus : NULL };
    char *fix = node != NULL ? advice_elsewhere(request, check->plan, &wish) : NULL;

    return fix != NULL ? fix : advice_silence(request, FINDING_DEVICE_REMOTE);
}

static void check_devices(Check *check)
{
    const Request *request = check->request;
    g_autofree char *nodes = cpuset_to_list(check->plan->nodes);

    for (guint i = 0; request->devices != NULL && i < request->devices->len; i++) {
        const Device *device = request->devices->pdata[i];
        if (is_remote(device, check->plan)) {
            check_add(check, FINDING_DEVICE_REMOTE, fix_remote(check, device),
                "%s: %s is on node %d, the VM on node %s", device->option, device->address,
                device->node, nodes);
        } else if (device->unknown != NULL) {
            check_add(check, FINDING_DEVICE_REMOTE, advice_silence(request, FINDING_DEVICE_REMOTE),
                "%s: it is not known which node %s is on: %s", device->option, device->address,
                device->unknown);
        }
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
    check_exposed(check);
    check_llcs(check);
    check_nodes(check);
    check_kinds(check);
    check_devices(check);
}
