// SPDX-License-Identifier: LGPL-2.1-or-later
#include "advice.h"

#include "cmdline.h"
#include "planner.h"

/// The VM's plan in its pool if its cells were bound to no nodes.
static Plan *place_unbound(const Request *request)
{
    g_autoptr(GPtrArray) no_cells = g_ptr_array_new();
    VmConfig unbound = *request->vm; // shares all but the cells, and is not freed
    Request changed = *request;

    unbound.guest_cells = no_cells;
    changed.vm = &unbound;
    return planner_place(&changed);
}

static Plan *place_in(const Request *request, const Pool *pool)
{
    Request changed = *request;

    changed.pool = pool;
    return planner_place(&changed);
}

char *advice_first(const Request *request, const Advise *tries)
{
    char *fix = NULL;

    for (; fix == NULL && *tries != NULL; tries++) {
        fix = (*tries)(request);
    }
    return fix;
}

char *advice_these_cpus(const Request *request, const CpuSet *cpus)
{
    g_autofree char *list = cpuset_to_list(cpus);

    if (*list == '\0') {
        return NULL;
    }
    if (request->pool->source == POOL_POLICY) {
        return policy_rule_command(request->vmid, "cpus", list);
    }
    return g_strdup_printf("qm set %u --affinity %s", request->vmid, list);
}

char *advice_cpus_of(const Request *request, const Plan *plan)
{
    gboolean together = request->policy->smt == POLICY_SMT_PAIR || request->vm->threads > 1;
    g_autoptr(CpuSet) cpus = cpuset_copy(together ? plan->cores : plan->cpus);

    if (request->policy->emulator == POLICY_SPARE) {
        hwloc_bitmap_or(cpus, cpus, plan->others);
    }
    return advice_these_cpus(request, cpus);
}

/// Isolated whole cores but those of @spared.
static char *isolated_cpus_but(const Request *request, const CpuSet *spared)
{
    g_autoptr(Pool) pool = pool_of_isolated(request->policy, request->host, request->taken);

    hwloc_bitmap_andnot(pool->online, pool->online, spared);
    hwloc_bitmap_andnot(pool->free, pool->free, spared);
    g_autoptr(Plan) plan = place_in(request, pool);
    if (plan == NULL || !hwloc_bitmap_isincluded(plan->cores, request->host->isolation->isolated) ||
        hwloc_bitmap_intersects(plan->reserved, request->taken->cpus)) {
        return NULL;
    }
    return advice_cpus_of(request, plan);
}

char *advice_isolated_cpus(const Request *request)
{
    g_autoptr(CpuSet) first_core = host_first_core(request->host);

    return isolated_cpus_but(request, first_core);
}

char *advice_other_cpus(const Request *request)
{
    g_autoptr(CpuSet) none = cpuset_new();
    char *fix = advice_isolated_cpus(request);

    return fix != NULL ? fix : isolated_cpus_but(request, none);
}

/// All that guests can have: not the first core, nor what others hold.
static CpuSet *guest_cpus(const Request *request)
{
    g_autoptr(CpuSet) first_core = host_first_core(request->host);
    g_autoptr(CpuSet) unheld = cpuset_minus(request->host->online, request->taken->cpus);

    return cpuset_minus(unheld, first_core);
}

/// Of these, what is not isolated.
static CpuSet *awake_cpus(const Request *request)
{
    g_autoptr(CpuSet) all = guest_cpus(request);

    return cpuset_minus(all, request->host->isolation->isolated);
}

/// @cpus but for those that the policy sets apart.
static Plan *place_on(const Request *request, const CpuSet *cpus)
{
    g_autoptr(CpuSet) left = cpuset_copy(cpus);

    if (request->policy->emulator_cpus != NULL) {
        g_autoptr(CpuSet) cores = host_whole_cores(request->host, request->policy->emulator_cpus);
        hwloc_bitmap_andnot(left, left, cores);
    }
    Pool pool = { .source = POOL_ISOLATED, .asked = left, .online = left, .free = left };
    return place_in(request, &pool);
}

char *advice_awake_cpus(const Request *request)
{
    g_autoptr(CpuSet) awake = awake_cpus(request);
    g_autoptr(Plan) plan = place_on(request, awake);

    return plan != NULL ? advice_cpus_of(request, plan) : NULL;
}

char *advice_any_cpus(const Request *request)
{
    g_autoptr(CpuSet) awake = awake_cpus(request);
    g_autoptr(CpuSet) unheld = cpuset_minus(request->host->online, request->taken->cpus);
    const CpuSet *choices[] = { awake, unheld, request->host->online };
    g_autoptr(Plan) plan = NULL;

    for (gsize i = 0; plan == NULL && i < G_N_ELEMENTS(choices); i++) {
        plan = place_on(request, choices[i]);
    }
    return plan != NULL ? advice_cpus_of(request, plan) : NULL;
}

char *advice_isolate_cpus(const Request *request, const CpuSet *cpus)
{
    const Host *host = request->host;
    g_autoptr(CpuSet) first_core = host_first_core(host);
    g_autoptr(CpuSet) isolated = cpuset_or(host->isolation->isolated, cpus);
    g_autoptr(CpuSet) whole = host_whole_cores(host, isolated);

    hwloc_bitmap_andnot(whole, whole, first_core);
    return !hwloc_bitmap_iszero(whole) ? cmdline_isolate(whole) : NULL;
}

/// @cpus without one more core for the host beside the first, of those that it has now.
static CpuSet *leave_a_core(const Request *request, const CpuSet *cpus)
{
    const Host *host = request->host;
    g_autoptr(CpuSet) awake = awake_cpus(request);

    for (guint i = 0; i < host->cores->len; i++) {
        const HostCore *core = host->cores->pdata[i];
        if (hwloc_bitmap_isincluded(core->cpus, awake)) {
            return cpuset_minus(cpus, core->cpus);
        }
    }
    return cpuset_copy(cpus);
}

char *advice_isolate(const Request *request)
{
    g_autoptr(CpuSet) all = guest_cpus(request);
    g_autoptr(CpuSet) roomy = leave_a_core(request, all);
    const CpuSet *choices[] = { roomy, all };
    g_autoptr(Plan) plan = NULL;

    for (gsize i = 0; plan == NULL && i < G_N_ELEMENTS(choices); i++) {
        g_autoptr(CpuSet) asked = cpuset_and(choices[i], request->pool->free);
        plan = place_on(request, asked);
        if (plan == NULL && request->pool->source == POOL_ISOLATED) {
            plan = place_on(request, choices[i]);
        }
    }
    return plan != NULL ? advice_isolate_cpus(request, plan->reserved) : NULL;
}

char *advice_default_policy(const Request *request)
{
    if (request->policy->smt != POLICY_SMT_AUTO) {
        return policy_rule_command(request->vmid, "smt", "auto");
    }
    return request->policy->emulator != POLICY_HOUSEKEEPING
               ? policy_rule_command(request->vmid, "emulator", "housekeeping")
               : NULL;
}

/// Whether the VM fits under @policy: in the pool that this gives, or anywhere on the machine.
static gboolean fits_under(const Request *request, const Policy *policy)
{
    g_autoptr(Pool) pool = pool_new(request->vm, policy, request->host, request->taken);
    Request changed = *request;

    changed.policy = policy;
    changed.pool = pool;
    g_autoptr(Plan) plan = planner_place(&changed);

    if (plan == NULL) {
        hwloc_bitmap_copy(pool->free, request->host->online);
        plan = planner_place(&changed);
    }
    return plan != NULL;
}

char *advice_plainer_policy(const Request *request)
{
    Policy plainer = *request->policy; // shares all else, and is not freed

    if (fits_under(request, request->policy)) {
        return NULL;
    }
    plainer.smt = POLICY_SMT_AUTO;
    if (plainer.smt != request->policy->smt && fits_under(request, &plainer)) {
        return policy_rule_command(request->vmid, "smt", "auto");
    }
    plainer.smt = request->policy->smt;
    plainer.emulator = POLICY_HOUSEKEEPING;
    plainer.emulator_cpus = NULL;
    if (plainer.emulator != request->policy->emulator && fits_under(request, &plainer)) {
        return policy_rule_command(request->vmid, "emulator", "housekeeping");
    }
    plainer.smt = POLICY_SMT_AUTO;
    return plainer.smt != request->policy->smt && fits_under(request, &plainer)
               ? policy_rule_command(request->vmid, "smt", "auto")
               : NULL;
}

char *advice_housekeeping(const Request *request)
{
    Policy policy = *request->policy; // shares all else, and is not freed
    Request changed = *request;

    policy.emulator = POLICY_HOUSEKEEPING;
    policy.emulator_cpus = NULL;
    changed.policy = &policy;
    g_autoptr(Plan) plan = planner_place(&changed);
    return request->policy->emulator != POLICY_HOUSEKEEPING && plan != NULL && !plan->others_share
               ? policy_rule_command(request->vmid, "emulator", "housekeeping")
               : NULL;
}

/// The VM's plan on @cpus with the most vCPUs, below what it has now, that fit there. Where those
/// of now fit in the pool, what is wanted is a CPU for the other threads. NULL: none.
static Plan *place_fewer(const Request *request, const CpuSet *cpus)
{
    g_autoptr(GPtrArray) no_cells = g_ptr_array_new();
    g_autoptr(Plan) now = place_in(request, request->pool);
    VmConfig vm = *request->vm; // shares all else, and is not freed
    Request fewer = *request;

    vm.guest_cells = no_cells;
    fewer.vm = &vm;
    guint fit = 0, most = MIN(cpuset_count(cpus), vm.vcpus_most - 1);
    Plan *best = NULL;
    while (fit < most) {
        vm.vcpus_most = vm.vcpus_present = (fit + most + 1) / 2;
        g_autoptr(Plan) plan = place_on(&fewer, cpus);
        if (plan != NULL && (now == NULL || !plan->others_share)) {
            fit = vm.vcpus_most;
            plan_free(best);
            best = g_steal_pointer(&plan);
        } else {
            most = vm.vcpus_most - 1;
        }
    }
    return best;
}

char *advice_fewer_vcpus(const Request *request)
{
    const VmConfig *vm = request->vm;
    const char *all_present = vm->vcpus_present < vm->vcpus_most ? " --delete vcpus" : "";
    g_autoptr(CpuSet) awake = awake_cpus(request);
    g_autoptr(Plan) plan = place_fewer(request, request->pool->free);

    if (plan != NULL) {
        return g_strdup_printf(
            "qm set %u --sockets 1 --cores %u%s", request->vmid, plan->vcpus->len, all_present);
    }
    plan = place_fewer(request, awake);
    if (plan == NULL) {
        plan = place_fewer(request, request->host->online);
    }
    if (plan == NULL) {
        return NULL;
    }
    g_autofree char *list = cpuset_to_list(plan->cpus);
    gboolean by_policy = request->pool->source == POOL_POLICY;
    return g_strdup_printf("qm set %u --sockets 1 --cores %u%s%s%s", request->vmid,
        plan->vcpus->len, all_present, by_policy ? "" : " --affinity ", by_policy ? "" : list);
}

/* The numa lines. */

static gboolean vcpus_are_given_once(const VmConfig *vm)
{
    g_autoptr(CpuSet) given = cpuset_new();

    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (cell->cpus == NULL || hwloc_bitmap_intersects(given, cell->cpus)) {
            return FALSE;
        }
        hwloc_bitmap_or(given, given, cell->cpus);
    }
    return hwloc_bitmap_last(given) == (int)vm->vcpus_most - 1 &&
           cpuset_count(given) == vm->vcpus_most;
}

static gboolean memory_adds_up(const VmConfig *vm)
{
    guint64 sum = 0;

    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (cell->memory_mib == 0) {
            return FALSE;
        }
        sum += cell->memory_mib;
    }
    return sum == vm->memory_mib;
}

/// The @i'th of @count equal parts of @total begins here.
static guint64 part_start(guint64 total, guint i, guint count)
{
    return total * i / count;
}

static char *cell_vcpus(const VmConfig *vm, guint i, gboolean keep)
{
    g_autoptr(CpuSet) split = cpuset_new();
    guint64 first = part_start(vm->vcpus_most, i, vm->cells->len);
    guint64 end = part_start(vm->vcpus_most, i + 1, vm->cells->len);

    if (keep) {
        return cpuset_to_ids(((const VmCell *)vm->cells->pdata[i])->cpus);
    }
    if (end > first) {
        hwloc_bitmap_set_range(split, (unsigned)first, (int)end - 1);
    }
    return cpuset_to_ids(split);
}

static guint64 cell_memory(const VmConfig *vm, guint i, gboolean keep)
{
    if (keep) {
        return ((const VmCell *)vm->cells->pdata[i])->memory_mib;
    }
    return part_start(vm->memory_mib, i + 1, vm->cells->len) -
           part_start(vm->memory_mib, i, vm->cells->len);
}

/// The nodes that the cell keeps of @allowed, or the @i'th of @allowed, round and round.
static char *cell_nodes(const VmCell *cell, guint i, const CpuSet *allowed)
{
    g_autoptr(CpuSet) kept = cpuset_and(cell->hostnodes, allowed);
    int node = -1;

    if (hwloc_bitmap_iszero(kept)) {
        for (guint steps = i % cpuset_count(allowed) + 1; steps > 0; steps--) {
            node = hwloc_bitmap_next(allowed, node);
        }
        hwloc_bitmap_set(kept, (unsigned)node);
    }
    return cpuset_to_ids(kept);
}

static CpuSet *host_node_numbers(const Host *host)
{
    CpuSet *numbers = cpuset_new();

    for (guint i = 0; i < host->nodes->len; i++) {
        hwloc_bitmap_set(numbers, ((const HostNode *)host->nodes->pdata[i])->index);
    }
    return numbers;
}

/// More cells than vCPUs cannot be mended: without any, Proxmox splits the VM by socket.
static char *delete_cells(const Request *request)
{
    g_autoptr(GString) line = g_string_new(NULL);

    for (guint i = 0; i < request->vm->cells->len; i++) {
        g_string_append_printf(line, "%snuma%u", i > 0 ? "," : "",
            ((const VmCell *)request->vm->cells->pdata[i])->index);
    }
    return g_strdup_printf("qm set %u --delete %s", request->vmid, line->str);
}

/// How the numa lines are to be mended beyond their mistakes.
typedef struct {
    const CpuSet *nodes; // for cells that are bound to others; NULL: any of the host
    gboolean everywhere; // each bound cell gets all of `nodes`
    const char *policy;  // NULL: as it is
    const VmCell *only;  // this line alone; NULL: all
} Mend;

void advice_append_cell(GString *line, guint index, const char *vcpus, const char *nodes,
    guint64 memory_mib, const char *policy)
{
    g_autofree char *hostnodes = nodes != NULL ? g_strconcat(",hostnodes=", nodes, NULL)
                                               : g_strdup("");
    g_autofree char *binding = policy != NULL ? g_strconcat(",policy=", policy, NULL)
                                              : g_strdup("");
    gboolean quoted = strchr(vcpus, ';') != NULL || strchr(hostnodes, ';') != NULL;
    const char *quote = quoted ? "'" : "";

    g_string_append_printf(line, " --numa%u %scpus=%s%s,memory=%" G_GUINT64_FORMAT "%s%s", index,
        quote, vcpus, hostnodes, memory_mib, binding, quote);
}

static const char *policy_for(const VmCell *cell, const Mend *mend)
{
    if (cell->hostnodes == NULL && cell->policy == NULL) {
        return NULL;
    }
    return mend->policy != NULL ? mend->policy : cell->policy != NULL ? cell->policy : "bind";
}

static char *mend_cells(const Request *request, const Mend *mend)
{
    const VmConfig *vm = request->vm;
    g_autoptr(GString) line = g_string_new(NULL);
    g_autoptr(CpuSet) all = host_node_numbers(request->host);
    const CpuSet *allowed = mend->nodes != NULL ? mend->nodes : all;
    gboolean keep_vcpus = vcpus_are_given_once(vm), keep_memory = memory_adds_up(vm);

    if (vm->cells->len > vm->vcpus_most || hwloc_bitmap_iszero(allowed)) {
        return delete_cells(request);
    }
    g_string_printf(line, "qm set %u", request->vmid);
    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (mend->only != NULL && mend->only->index != cell->index) {
            continue;
        }
        g_autofree char *vcpus = cell_vcpus(vm, i, keep_vcpus);
        g_autofree char *nodes = cell->hostnodes == NULL ? NULL
                                 : mend->everywhere      ? cpuset_to_ids(allowed)
                                                         : cell_nodes(cell, i, allowed);
        advice_append_cell(line, cell->index, vcpus, nodes, cell_memory(vm, i, keep_memory),
            policy_for(cell, mend));
    }
    return g_string_free(g_steal_pointer(&line), FALSE);
}

char *advice_cells(const Request *request)
{
    return mend_cells(request, &(Mend){ 0 });
}

char *advice_preferred_cell(const Request *request, const VmCell *cell)
{
    return mend_cells(request, &(Mend){ .policy = "preferred", .only = cell });
}

char *advice_move_cell(const Request *request, const VmCell *cell, const CpuSet *nodes)
{
    return mend_cells(request, &(Mend){ .nodes = nodes, .everywhere = TRUE, .only = cell });
}

char *advice_cells_of_pool(const Request *request)
{
    g_autoptr(Plan) plan = place_unbound(request);
    g_autoptr(CpuSet) nodes = plan != NULL ? host_nodes_of(request->host, plan->cpus) : NULL;

    return nodes != NULL ? mend_cells(request, &(Mend){ .nodes = nodes, .everywhere = TRUE })
                         : NULL;
}

char *advice_bind_memory(const Request *request, const CpuSet *nodes)
{
    const VmConfig *vm = request->vm;
    g_autoptr(GString) line = g_string_new(NULL);
    g_autoptr(CpuSet) all = cpuset_new();

    if (vm->cells->len > 0 || hwloc_bitmap_iszero(nodes)) {
        return NULL;
    }
    hwloc_bitmap_set_range(all, 0, (int)vm->vcpus_most - 1);
    g_autofree char *vcpus = cpuset_to_ids(all);
    g_autofree char *ids = cpuset_to_ids(nodes);
    g_string_printf(line, "qm set %u --numa 1", request->vmid);
    advice_append_cell(line, 0, vcpus, ids, vm->memory_mib, "bind");
    return g_string_free(g_steal_pointer(&line), FALSE);
}

char *advice_accept(const Request *request, FindingCode code)
{
    if (request->policy->severities[code] != SEVERITY_ERROR) {
        return NULL;
    }
    g_autofree char *key = g_strdup_printf("check.%s", finding_kind(code)->name);
    g_autofree char *rule = policy_rule_command(request->vmid, key, "warning");
    return g_strdup_printf("%s # accepts it", rule);
}

/* What would be if. */

gboolean advice_fits_unbound(const Request *request)
{
    g_autoptr(Plan) plan = place_unbound(request);

    return plan != NULL;
}

gboolean advice_fits_alone(const Request *request)
{
    g_autoptr(Taken) nothing = taken_new();
    Pool pool = *request->pool; // shares the sets, and is not freed
    Request changed = *request;

    pool.free = pool.online;
    changed.pool = &pool;
    changed.taken = nothing;
    g_autoptr(Plan) plan = planner_place(&changed);
    return plan != NULL;
}
