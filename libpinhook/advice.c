// SPDX-License-Identifier: LGPL-2.1-or-later
#include "advice.h"

#include "planner.h"

#include <string.h>

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

/// The pool that would give @plan: its CPUs, whole cores where vCPUs go on siblings together, and
/// the spare CPU where the policy wants one.
static char *take_cpus_of(const Request *request, const Plan *plan)
{
    gboolean together = request->policy->smt == POLICY_SMT_PAIR || request->vm->threads > 1;
    g_autoptr(CpuSet) cpus = cpuset_copy(together ? plan->cores : plan->cpus);

    if (request->policy->emulator == POLICY_SPARE) {
        hwloc_bitmap_or(cpus, cpus, plan->others);
    }
    return advice_these_cpus(request, cpus);
}

char *advice_other_cpus(const Request *request)
{
    g_autoptr(Pool) isolated = pool_of_isolated(request->policy, request->host, request->taken);
    g_autoptr(Plan) plan = place_in(request, isolated);

    if (plan == NULL || !hwloc_bitmap_isincluded(plan->cores, request->host->isolation->isolated) ||
        hwloc_bitmap_intersects(plan->reserved, request->taken->cpus)) {
        return NULL;
    }
    return take_cpus_of(request, plan);
}

/// All that could be isolated: not the first core, nor what others hold, nor is isolated already.
static CpuSet *awake_cpus(const Request *request)
{
    const Host *host = request->host;
    g_autoptr(CpuSet) first = cpuset_new();

    hwloc_bitmap_set(first, (unsigned)hwloc_bitmap_first(host->online));
    g_autoptr(CpuSet) first_core = host_whole_cores(host, first);
    g_autoptr(CpuSet) unheld = cpuset_minus(host->online, request->taken->cpus);
    g_autoptr(CpuSet) awake = cpuset_minus(unheld, host->isolation->isolated);
    return cpuset_minus(awake, first_core);
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

char *advice_any_cpus(const Request *request)
{
    g_autoptr(CpuSet) awake = awake_cpus(request);
    g_autoptr(CpuSet) unheld = cpuset_minus(request->host->online, request->taken->cpus);
    const CpuSet *choices[] = { awake, unheld, request->host->online };
    g_autoptr(Plan) plan = NULL;

    for (gsize i = 0; plan == NULL && i < G_N_ELEMENTS(choices); i++) {
        plan = place_on(request, choices[i]);
    }
    return plan != NULL ? take_cpus_of(request, plan) : NULL;
}

char *advice_isolate(const Request *request)
{
    g_autoptr(CpuSet) awake = awake_cpus(request);
    g_autoptr(CpuSet) asked = cpuset_and(awake, request->pool->free);
    g_autoptr(Plan) plan = place_on(request, asked);

    if (plan == NULL && request->pool->source == POOL_ISOLATED) {
        plan = place_on(request, awake);
    }
    if (plan == NULL) {
        return NULL;
    }
    g_autoptr(CpuSet) isolated = cpuset_or(request->host->isolation->isolated, plan->reserved);
    g_autofree char *list = cpuset_to_list(isolated);
    return g_strdup_printf("on the kernel command line, then reboot: "
                           "isolcpus=domain,managed_irq,%s nohz_full=%s rcu_nocbs=%s",
        list, list, list);
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

/// What else keeps the number of vCPUs from being `sockets` times `cores`, undone.
static char *undo_other_counts(const VmConfig *vm)
{
    g_autofree char *args = vmconfig_args_with_smp(vm, NULL);
    g_autofree char *quoted = args != NULL ? g_shell_quote(args) : NULL;
    gboolean smp = vmconfig_has_smp(vm), vcpus = vm->vcpus_given;
    const char *deleted = smp && quoted == NULL ? (vcpus ? "vcpus,args" : "args")
                          : vcpus               ? "vcpus"
                                                : NULL;

    return g_strconcat(smp && quoted != NULL ? " --args " : "", smp && quoted != NULL ? quoted : "",
        deleted != NULL ? " --delete " : "", deleted != NULL ? deleted : "", NULL);
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
    vm.threads = vmconfig_has_smp(&vm) ? 1 : vm.threads; // it goes with the rest of `-smp`
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
    g_autofree char *all_present = undo_other_counts(request->vm);
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

/* What the guest is told of its cores. */

/// `qm set … --args` with a whole `-smp` of that many threads a core.
static char *set_threads(const Request *request, guint threads)
{
    const VmConfig *vm = request->vm;
    guint sockets = vm->vcpus_most % (vm->sockets * threads) == 0 ? vm->sockets : 1;
    gboolean own = vm->vcpus_most == vm->vcpus_own && vm->vcpus_present == vm->vcpus_most;
    g_autofree char *most = own ? g_strdup("") : g_strdup_printf(",maxcpus=%u", vm->vcpus_most);
    g_autofree char *smp = g_strdup_printf("%u,sockets=%u,cores=%u,threads=%u%s", vm->vcpus_present,
        sockets, vm->vcpus_most / (sockets * threads), threads, most);
    g_autofree char *args = vmconfig_args_with_smp(vm, smp);
    g_autofree char *quoted = g_shell_quote(args);

    return g_strdup_printf("qm set %u --args %s", request->vmid, quoted);
}

/// The VM's plan if its guest had @threads a core. NULL: there is none, or they do not come out
/// even.
static Plan *place_with_threads(const Request *request, guint threads)
{
    VmConfig vm = *request->vm; // shares all else, and is not freed
    Request changed = *request;

    vm.threads = threads;
    changed.vm = &vm;
    return vm.vcpus_most % threads == 0 && !vm.cpu_hotplug ? planner_place(&changed) : NULL;
}

char *advice_fewer_threads(const Request *request)
{
    for (guint threads = request->vm->threads - 1; threads > 0; threads--) {
        g_autoptr(Plan) plan = place_with_threads(request, threads);
        if (plan != NULL) {
            return set_threads(request, threads);
        }
    }
    return NULL;
}

/// What check.h has an error for, of a plan on this machine.
enum {
    FLAW_AWAKE = 1,         // a CPU is not isolated
    FLAW_SIBLING_AWAKE = 2, // all are, but not a sibling
    FLAW_SHARED = 4,        // another guest holds a sibling
    FLAW_OTHERS = 8,        // nothing is left for QEMU's other threads
};

static int find_flaws(const Request *request, const Plan *plan)
{
    const CpuSet *isolated = request->host->isolation->isolated;
    gboolean cpus = hwloc_bitmap_isincluded(plan->cpus, isolated);
    gboolean cores = hwloc_bitmap_isincluded(plan->cores, isolated);

    return (!cpus       ? FLAW_AWAKE
               : !cores ? FLAW_SIBLING_AWAKE
                        : 0) |
           (hwloc_bitmap_intersects(plan->cores, request->taken->cpus) ? FLAW_SHARED : 0) |
           (plan->others_share ? FLAW_OTHERS : 0);
}

/// Whether @plan has no flaw that @than, of @before, does not have.
static gboolean is_no_worse(
    const Request *request, const Plan *plan, const Request *before, const Plan *than)
{
    return (find_flaws(request, plan) & ~find_flaws(before, than)) == 0;
}

static guint most_on_a_core(const Plan *plan, const Host *host)
{
    g_autofree guint *counts = g_new0(guint, host->cores->len);
    guint most = 0;

    for (guint i = 0; i < plan->vcpus->len; i++) {
        most = MAX(most, ++counts[plan_vcpu(plan, i)->core]);
    }
    return most;
}

char *advice_tell_threads(const Request *request, const Plan *plan)
{
    for (guint threads = most_on_a_core(plan, request->host); threads > 1; threads--) {
        g_autoptr(Plan) told = place_with_threads(request, threads);
        if (told != NULL && is_no_worse(request, told, request, plan)) {
            return set_threads(request, threads);
        }
    }
    return NULL;
}

/* A plan of another shape. */

/// @request on a machine with other isolated CPUs, and the pool that this gives.
typedef struct {
    Request request;
    Host host; // share all else, and are not freed
    Isolation isolation;
    Pool *pool;
} WhatIf;

static void what_if_isolated(WhatIf *what_if, const Request *request, CpuSet *isolated)
{
    what_if->isolation = *request->host->isolation;
    what_if->isolation.isolated = isolated;
    what_if->host = *request->host;
    what_if->host.isolation = &what_if->isolation;
    what_if->pool = pool_new(request->vm, request->policy, &what_if->host, request->taken);
    what_if->request = *request;
    what_if->request.host = &what_if->host;
    what_if->request.pool = what_if->pool;
}

Plan *advice_place_anywhere(const Request *request, const CpuSet *where)
{
    const Host *host = request->host;
    g_autoptr(CpuSet) first = cpuset_new();

    hwloc_bitmap_set(first, (unsigned)hwloc_bitmap_first(host->online));
    g_autoptr(CpuSet) first_core = host_whole_cores(host, first);
    g_autoptr(CpuSet) unheld = cpuset_minus(host->online, request->taken->cpus);
    g_autoptr(CpuSet) open = cpuset_minus(unheld, first_core);
    g_autoptr(CpuSet) chosen = cpuset_and(open, where != NULL ? where : host->online);
    WhatIf all;

    what_if_isolated(&all, request, open);
    Plan *plan = place_on(&all.request, chosen);
    pool_free(all.pool);
    return plan;
}

static gboolean is_as_wished(const Request *request, const Plan *plan, const Request *before,
    const Plan *than, const Wish *wish)
{
    return plan != NULL && wish->measure(request, plan) <= wish->most &&
           is_no_worse(request, plan, before, than);
}

/// Isolated CPUs that are free, as the VM's pool.
static char *take_isolated(const Request *request, const Plan *plan, const Wish *wish)
{
    g_autoptr(Pool) isolated = pool_of_isolated(request->policy, request->host, request->taken);

    if (wish->where != NULL) {
        hwloc_bitmap_and(isolated->free, isolated->free, wish->where);
    }
    g_autoptr(Plan) other = place_in(request, isolated);
    return is_as_wished(request, other, request, plan, wish) ? take_cpus_of(request, other) : NULL;
}

/// The line that isolates @cpus too, as advice_isolate() has it for CPUs that are not.
static char *isolate_too(const Request *request, CpuSet *cpus)
{
    g_autoptr(CpuSet) others = cpuset_minus(request->host->isolation->isolated, cpus);
    Pool pool = { .source = POOL_AFFINITY, .asked = cpus, .online = cpus, .free = cpus };
    WhatIf awake;

    what_if_isolated(&awake, request, others);
    awake.request.pool = &pool;
    char *line = advice_isolate(&awake.request);
    pool_free(awake.pool);
    return line;
}

static char *isolate_more(const Request *request, const Plan *plan, const Wish *wish)
{
    g_autoptr(Plan) other = advice_place_anywhere(request, wish->where);
    WhatIf more;

    if (other == NULL || wish->measure(request, other) > wish->most) {
        return NULL;
    }
    g_autoptr(CpuSet) isolated = cpuset_or(request->host->isolation->isolated, other->reserved);
    what_if_isolated(&more, request, isolated);
    g_autoptr(Plan) then = planner_place(&more.request);
    gboolean wished = is_as_wished(&more.request, then, request, plan, wish);
    pool_free(more.pool);
    return wished ? isolate_too(request, other->reserved) : NULL;
}

char *advice_elsewhere(const Request *request, const Plan *plan, const Wish *wish)
{
    char *fix = take_isolated(request, plan, wish);

    return fix != NULL ? fix : isolate_more(request, plan, wish);
}

char *advice_unpaired(const Request *request, const Plan *plan, const Wish *wish)
{
    Policy policy = *request->policy; // shares all else, and is not freed
    Request changed = *request;

    policy.smt = POLICY_SMT_AUTO;
    changed.policy = &policy;
    g_autoptr(Plan) other = request->policy->smt == POLICY_SMT_PAIR ? planner_place(&changed)
                                                                    : NULL;
    return is_as_wished(&changed, other, request, plan, wish)
               ? policy_rule_command(request->vmid, "smt", "auto")
               : NULL;
}

char *advice_fewer_as_wished(const Request *request, const Plan *plan, const Wish *wish)
{
    VmConfig vm = *request->vm; // shares all else, and is not freed
    Request fewer = *request;

    if (vm.guest_cells->len > 0) {
        return NULL; // they name the vCPUs there are
    }
    fewer.vm = &vm;
    vm.threads = vmconfig_has_smp(&vm) ? 1 : vm.threads;
    guint fit = 0, least = (vm.vcpus_most + 1) / 2, most = vm.vcpus_most - 1;
    while (least <= most) {
        vm.vcpus_most = vm.vcpus_present = (least + most) / 2;
        g_autoptr(Plan) other = planner_place(&fewer);
        if (is_as_wished(&fewer, other, request, plan, wish)) {
            fit = vm.vcpus_most;
            least = fit + 1;
        } else {
            most = vm.vcpus_most - 1;
        }
    }
    g_autofree char *all_present = undo_other_counts(request->vm);
    return fit > 0 ? g_strdup_printf(
                         "qm set %u --sockets 1 --cores %u%s", request->vmid, fit, all_present)
                   : NULL;
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

/// " --numa<index> …", quoted where its lists need it. @nodes, @policy NULL: none.
static void append_cell(GString *line, guint index, const char *vcpus, const char *nodes,
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
        append_cell(line, cell->index, vcpus, nodes, cell_memory(vm, i, keep_memory),
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
    append_cell(line, 0, vcpus, ids, vm->memory_mib, "bind");
    return g_string_free(g_steal_pointer(&line), FALSE);
}

/* A cell for each node. */

/// Proxmox knows numa0 to numa7 (PVE::QemuServer::Memory, $MAX_NUMA).
#define CELL_LIMIT 8

/// vCPUs of one cell that lie on one node.
typedef struct {
    CpuSet *vcpus;
    guint node;
    guint64 memory_mib;
} Part;

static void part_clear(gpointer data)
{
    hwloc_bitmap_free(((Part *)data)->vcpus);
}

static CpuSet *vcpus_on_node(const Plan *plan, const CpuSet *vcpus, guint node)
{
    CpuSet *there = cpuset_new();

    for (guint i = 0; i < plan->vcpus->len; i++) {
        if (hwloc_bitmap_isset(vcpus, i) && plan_vcpu(plan, i)->node == node) {
            hwloc_bitmap_set(there, i);
        }
    }
    return there;
}

/// What a cell's memory is a multiple of.
static guint64 memory_unit_mib(const VmConfig *vm)
{
    return vm->hugepages == NULL ? 1 : strcmp(vm->hugepages, "1024") == 0 ? 1024 : 2;
}

/// Adds the parts of @vcpus, with @memory_mib shared out by their number.
static void add_parts(GArray *parts, const Request *request, const Plan *plan, const CpuSet *vcpus,
    guint64 memory_mib)
{
    g_autoptr(CpuSet) nodes = cpuset_new();
    guint64 unit = memory_unit_mib(request->vm), left = memory_mib;
    unsigned node, vcpu;

    hwloc_bitmap_foreach_begin (vcpu, vcpus) {
        hwloc_bitmap_set(nodes, plan_vcpu(plan, vcpu)->node);
    }
    hwloc_bitmap_foreach_end();
    hwloc_bitmap_foreach_begin (node, nodes) {
        Part part = { .vcpus = vcpus_on_node(plan, vcpus, node), .node = node };
        guint64 share = memory_mib * cpuset_count(part.vcpus) / cpuset_count(vcpus);
        part.memory_mib = (int)node == hwloc_bitmap_last(nodes) ? left : share / unit * unit;
        left -= part.memory_mib;
        g_array_append_val(parts, part);
    }
    hwloc_bitmap_foreach_end();
}

static GArray *find_parts(const Request *request, const Plan *plan)
{
    const VmConfig *vm = request->vm;
    GArray *parts = g_array_new(FALSE, FALSE, sizeof(Part));

    g_array_set_clear_func(parts, part_clear);
    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        add_parts(parts, request, plan, cell->cpus, cell->memory_mib);
    }
    if (vm->guest_cells->len == 0) {
        g_autoptr(CpuSet) all = cpuset_new();
        hwloc_bitmap_set_range(all, 0, (int)vm->vcpus_most - 1);
        add_parts(parts, request, plan, all, vm->memory_mib);
    }
    return parts;
}

static gboolean all_have_memory(const GArray *parts)
{
    for (guint i = 0; i < parts->len; i++) {
        if (g_array_index(parts, Part, i).memory_mib == 0) {
            return FALSE;
        }
    }
    return TRUE;
}

/// Moves what a node has no room for to parts on nodes that have. FALSE: it does not fit.
static gboolean fit_memory(GArray *parts, const Request *request)
{
    const VmConfig *vm = request->vm;
    guint64 unit = memory_unit_mib(vm), over = 0;
    g_autoptr(GHashTable) room = g_hash_table_new_full(NULL, NULL, NULL, g_free);

    for (guint i = 0; i < request->host->nodes->len; i++) {
        const HostNode *node = request->host->nodes->pdata[i];
        guint64 *left = g_new(guint64, 1);
        *left = host_node_available_mib(node, vm->hugepages) / unit * unit;
        g_hash_table_insert(room, GUINT_TO_POINTER(node->index), left);
    }
    for (guint i = 0; i < parts->len; i++) {
        Part *part = &g_array_index(parts, Part, i);
        guint64 *left = g_hash_table_lookup(room, GUINT_TO_POINTER(part->node));
        guint64 kept = MIN(part->memory_mib, *left);
        over += part->memory_mib - kept;
        *left -= kept;
        part->memory_mib = kept;
    }
    for (guint i = 0; i < parts->len && over > 0; i++) {
        Part *part = &g_array_index(parts, Part, i);
        guint64 *left = g_hash_table_lookup(room, GUINT_TO_POINTER(part->node));
        guint64 more = MIN(over, *left);
        over -= more;
        *left -= more;
        part->memory_mib += more;
    }
    return over == 0 && all_have_memory(parts);
}

/// " --delete numa2": lines beyond those that are written.
static void append_cells_to_delete(GString *line, const VmConfig *vm, guint count)
{
    const char *before = " --delete ";

    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (cell->index >= count) {
            g_string_append_printf(line, "%snuma%u", before, cell->index);
            before = ",";
        }
    }
}

static gboolean guest_cells_are_whole(const VmConfig *vm)
{
    g_autoptr(CpuSet) given = cpuset_new();
    guint64 memory_mib = 0;

    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        if (cell->cpus == NULL || hwloc_bitmap_intersects(given, cell->cpus)) {
            return FALSE;
        }
        hwloc_bitmap_or(given, given, cell->cpus);
        memory_mib += cell->memory_mib;
    }
    return vm->guest_cells->len == 0 ||
           (hwloc_bitmap_last(given) == (int)vm->vcpus_most - 1 &&
               cpuset_count(given) == vm->vcpus_most && memory_mib == vm->memory_mib);
}

char *advice_cell_per_node(const Request *request, const Plan *plan)
{
    if (!guest_cells_are_whole(request->vm)) {
        return NULL;
    }
    g_autoptr(GString) line = g_string_new(NULL);
    g_autoptr(GArray) parts = find_parts(request, plan);
    const char *policy = "bind";
    if (parts->len > CELL_LIMIT) {
        return NULL;
    }
    if (!fit_memory(parts, request)) {
        g_array_unref(parts);
        parts = find_parts(request, plan);
        policy = "preferred";
    }
    if (!all_have_memory(parts)) {
        return NULL;
    }
    g_string_printf(line, "qm set %u --numa 1", request->vmid);
    for (guint i = 0; i < parts->len; i++) {
        const Part *part = &g_array_index(parts, Part, i);
        g_autofree char *vcpus = cpuset_to_ids(part->vcpus);
        g_autofree char *node = g_strdup_printf("%u", part->node);
        append_cell(line, i, vcpus, node, part->memory_mib, policy);
    }
    append_cells_to_delete(line, request->vm, parts->len);
    return g_string_free(g_steal_pointer(&line), FALSE);
}

char *advice_silence(const Request *request, FindingCode code)
{
    g_autofree char *key = g_strdup_printf("check.%s", finding_kind(code)->name);

    return policy_rule_command(request->vmid, key, "off");
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
