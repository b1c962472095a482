// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/advice.h"

#include "read/cpumodel.h"
#include "place/planner.h"
#include "place/supposed.h"
#include "judge/unbound.h"

#include <string.h>

Plan *advice_place_unbound(const Request *request)
{
    g_auto(Unbound) unbound = { 0 };

    unbound_init(&unbound, request);
    return planner_place(&unbound.request);
}

static Plan *place_in(const Request *request, const Pool *pool)
{
    Request changed = *request;

    changed.pool = pool;
    return planner_place(&changed);
}

void advice_offer(Check *check, const Advise *tries)
{
    for (; *tries != NULL; tries++) {
        check_offer(check, (*tries)(check->request));
    }
}

Fix *advice_then(const Request *request, Fix *fix, Advise next)
{
    if (fix == NULL) {
        return NULL;
    }
    g_autoptr(Supposed) after = supposed_after(request, NULL, fix);
    return fix_join(fix, next(&after->request));
}

Fix *advice_affinity(Fix *fix, const CpuSet *cpus)
{
    g_autofree char *list = cpuset_to_list(cpus);

    return fix_set(fix, "affinity", strcmp(list, "0") == 0 ? "0-0" : list);
}

Fix *advice_these_cpus(const Request *request, const CpuSet *cpus)
{
    g_autofree char *list = cpuset_to_list(cpus);

    if (*list == '\0') {
        return NULL;
    }
    if (request->vm->incoming) {
        return advice_no_affinity(request);
    }
    return request->pool->source == POOL_POLICY ? fix_rule(fix_new(), "cpus", list)
                                                : advice_affinity(fix_new(), cpus);
}

Fix *advice_cpus_of(const Request *request, const Plan *plan)
{
    gboolean together = request->policy->smt == POLICY_SMT_PAIR || request->vm->threads > 1;
    g_autoptr(CpuSet) cpus = cpuset_copy(together ? plan->cores : plan->cpus);

    if (request->policy->emulator == POLICY_SPARE) {
        hwloc_bitmap_or(cpus, cpus, plan->others);
    }
    return advice_these_cpus(request, cpus);
}

/// The CPUs of the kinds of cores that the VM's pool has, where somebody chose it: who gives it
/// slow ones keeps the fast ones for another.
static CpuSet *kinds_of_pool(const Request *request)
{
    const Host *host = request->host;
    CpuSet *cpus = cpuset_new();

    for (guint kind = 0; kind < host->kinds->len; kind++) {
        g_autoptr(CpuSet) of_kind = host_cpus_of_kind(host, kind);
        if (hwloc_bitmap_intersects(of_kind, request->pool->online)) {
            hwloc_bitmap_or(cpus, cpus, of_kind);
        }
    }
    if (request->pool->source == POOL_ISOLATED || hwloc_bitmap_iszero(cpus)) {
        hwloc_bitmap_copy(cpus, host->online);
    }
    return cpus;
}

/// Isolated whole cores but those of @spared.
static Fix *isolated_cpus_but(const Request *request, const CpuSet *spared)
{
    g_autoptr(Pool) pool = pool_of_isolated(request->policy, request->host, request->taken);
    g_autoptr(CpuSet) kinds = kinds_of_pool(request);

    hwloc_bitmap_and(pool->free, pool->free, kinds);
    hwloc_bitmap_andnot(pool->online, pool->online, spared);
    hwloc_bitmap_andnot(pool->free, pool->free, spared);
    g_autoptr(Plan) plan = place_in(request, pool);
    if (plan == NULL || !hwloc_bitmap_isincluded(plan->cores, request->host->isolation->isolated) ||
        hwloc_bitmap_intersects(plan->reserved, request->taken->cpus)) {
        return NULL;
    }
    return advice_cpus_of(request, plan);
}

Fix *advice_isolated_cpus(const Request *request)
{
    g_autoptr(CpuSet) first_core = host_first_core(request->host);

    return isolated_cpus_but(request, first_core);
}

Fix *advice_other_cpus(const Request *request)
{
    g_autoptr(CpuSet) none = cpuset_new();
    Fix *fix = advice_isolated_cpus(request);

    return fix != NULL ? fix : isolated_cpus_but(request, none);
}

/// Where the VM has cells that are bound.
static Fix *cells_of_pool(const Request *request)
{
    for (guint i = 0; i < request->vm->guest_cells->len; i++) {
        if (((const VmCell *)request->vm->guest_cells->pdata[i])->hostnodes != NULL) {
            return advice_cells_of_pool(request);
        }
    }
    return NULL;
}

Fix *advice_other_cpus_and_cells(const Request *request)
{
    g_auto(Unbound) unbound = { 0 };

    unbound_init(&unbound, request);
    return advice_then(request, advice_other_cpus(&unbound.request), cells_of_pool);
}

Fix *advice_no_affinity(const Request *request)
{
    return request->pool->source == POOL_AFFINITY ? fix_set(fix_new(), "affinity", NULL) : NULL;
}

/// All that guests can have: not the first core, nor one of which others hold any.
static CpuSet *guest_cpus(const Request *request)
{
    g_autoptr(CpuSet) first_core = host_first_core(request->host);
    g_autoptr(CpuSet) held = host_whole_cores(request->host, request->taken->cpus);
    g_autoptr(CpuSet) unheld = cpuset_minus(request->host->online, held);

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

Fix *advice_awake_cpus(const Request *request)
{
    g_autoptr(CpuSet) awake = awake_cpus(request);
    g_autoptr(Plan) plan = place_on(request, awake);

    return plan != NULL ? advice_cpus_of(request, plan) : NULL;
}

Fix *advice_any_cpus(const Request *request)
{
    g_autoptr(CpuSet) awake = awake_cpus(request);
    g_autoptr(CpuSet) unheld = cpuset_minus(request->host->online, request->taken->cpus);
    g_autoptr(CpuSet) kinds = kinds_of_pool(request);
    const CpuSet *choices[] = { awake, unheld, request->host->online };
    g_autoptr(Plan) plan = NULL;

    for (gsize i = 0; plan == NULL && i < G_N_ELEMENTS(choices); i++) {
        g_autoptr(CpuSet) of_kinds = cpuset_and(choices[i], kinds);
        plan = place_on(request, of_kinds);
    }
    return plan != NULL ? advice_cpus_of(request, plan) : NULL;
}

Fix *advice_isolate_exactly(const Request *request, const CpuSet *cpus)
{
    g_autoptr(CpuSet) rest = cpuset_minus(request->host->online, cpus);

    return fix_isolate(fix_new(), cpus, rest);
}

Fix *advice_isolate_cpus(const Request *request, const CpuSet *cpus)
{
    const Host *host = request->host;
    g_autoptr(CpuSet) first_core = host_first_core(host);
    g_autoptr(CpuSet) isolated = cpuset_or(host->isolation->isolated, cpus);
    g_autoptr(CpuSet) whole = host_whole_cores(host, isolated);

    hwloc_bitmap_andnot(whole, whole, first_core);
    return !hwloc_bitmap_iszero(whole) ? advice_isolate_exactly(request, whole) : NULL;
}

/// Whether the host has more use for @core, or VMs less, than for @other: near its first core, then
/// slow.
static gboolean is_rather_the_hosts(const Host *host, const HostCore *core, const HostCore *other)
{
    g_autoptr(CpuSet) first_core = host_first_core(host);
    g_autoptr(CpuSet) near = host_nodes_of(host, first_core);
    int nearer = hwloc_bitmap_isset(near, core->node) - hwloc_bitmap_isset(near, other->node);

    return nearer > 0 || (nearer == 0 && core->kind < other->kind);
}

/// @cpus without one more core for the host beside the first, of those that it has now.
static CpuSet *leave_a_core(const Request *request, const CpuSet *cpus)
{
    const Host *host = request->host;
    g_autoptr(CpuSet) awake = awake_cpus(request);
    const HostCore *left = NULL;

    for (guint i = 0; i < host->cores->len; i++) {
        const HostCore *core = host->cores->pdata[i];
        if (hwloc_bitmap_isincluded(core->cpus, awake) &&
            (left == NULL || is_rather_the_hosts(host, core, left))) {
            left = core;
        }
    }
    return left != NULL ? cpuset_minus(cpus, left->cpus) : cpuset_copy(cpus);
}

/// @request on a machine with other isolated CPUs, and the pool that this gives.
typedef struct {
    Request request;
    Host host; // share all else, and are not freed
    Isolation isolation;
    Pool *pool;
} IfIsolated;

static void suppose_isolated(IfIsolated *what_if, const Request *request, CpuSet *isolated)
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

/// The plan on @cpus if @isolated were.
static Plan *place_on_isolated(const Request *request, CpuSet *isolated, const CpuSet *cpus)
{
    IfIsolated what_if;

    suppose_isolated(&what_if, request, isolated);
    Plan *plan = place_on(&what_if.request, cpus);
    pool_free(what_if.pool);
    return plan;
}

/// The plan on @cpus if all that guests can have were isolated.
static Plan *place_if_isolated(const Request *request, const CpuSet *cpus)
{
    g_autoptr(CpuSet) all = guest_cpus(request);
    g_autoptr(CpuSet) isolated = cpuset_or(request->host->isolation->isolated, all);

    return place_on_isolated(request, isolated, cpus);
}

Plan *advice_place_isolated(const Request *request)
{
    g_autoptr(CpuSet) all = guest_cpus(request);
    g_autoptr(CpuSet) roomy = leave_a_core(request, all);
    const CpuSet *choices[] = { roomy, all };
    g_autoptr(Plan) plan = NULL;

    for (gsize i = 0; plan == NULL && i < G_N_ELEMENTS(choices); i++) {
        g_autoptr(CpuSet) asked = cpuset_and(choices[i], request->pool->free);
        plan = place_if_isolated(request, asked);
        if (plan == NULL && request->pool->source == POOL_ISOLATED) {
            plan = place_if_isolated(request, choices[i]);
        }
    }
    return g_steal_pointer(&plan);
}

Fix *advice_isolate(const Request *request)
{
    g_autoptr(Plan) plan = advice_place_isolated(request);

    return plan != NULL ? advice_isolate_cpus(request, plan->reserved) : NULL;
}

Fix *advice_begin(const Request *request)
{
    g_autoptr(CpuSet) first_core = host_first_core(request->host);
    g_autoptr(CpuSet) others = cpuset_minus(request->host->online, first_core);
    g_autoptr(CpuSet) guests = leave_a_core(request, others);

    return !hwloc_bitmap_iszero(guests) ? advice_isolate_exactly(request, guests) : NULL;
}

/// Whether all the VM's cells are bound to one and the same node.
static gboolean is_on_one_node(const VmConfig *vm)
{
    g_autoptr(CpuSet) nodes = cpuset_new();

    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        if (cell->hostnodes == NULL) {
            return FALSE;
        }
        hwloc_bitmap_or(nodes, nodes, cell->hostnodes);
    }
    return cpuset_count(nodes) == 1;
}

/// The VM's plan on CPUs to isolate, on one node if it is on one now. NULL: there is none.
static Plan *place_elsewhere(const Request *request)
{
    g_autoptr(CpuSet) kinds = kinds_of_pool(request);
    g_auto(Unbound) unbound = { 0 };

    unbound_init(&unbound, request);
    for (guint i = 0; is_on_one_node(request->vm) && i < request->host->nodes->len; i++) {
        const HostNode *node = request->host->nodes->pdata[i];
        g_autoptr(CpuSet) where = cpuset_and(node->cpus, kinds);
        Plan *plan = advice_place_anywhere(&unbound.request, where);
        if (plan != NULL) {
            return plan;
        }
    }
    return advice_place_anywhere(&unbound.request, kinds);
}

/// Isolating the cores of @plan, which becomes the VM's pool where it names one.
static Fix *isolate_plan(const Request *request, const Plan *plan)
{
    Fix *pool = request->pool->source != POOL_ISOLATED ? advice_cpus_of(request, plan) : NULL;

    return fix_join(fix_join(fix_new(), pool), advice_isolate_cpus(request, plan->reserved));
}

Fix *advice_isolate_elsewhere(const Request *request)
{
    g_autoptr(Plan) plan = place_elsewhere(request);

    return plan != NULL ? advice_then(request, isolate_plan(request, plan), cells_of_pool) : NULL;
}

Fix *advice_auto_smt(const Request *request)
{
    Fix *fix = request->policy->smt != POLICY_SMT_AUTO ? fix_rule(fix_new(), "smt", "auto") : NULL;

    return request->policy->smt == POLICY_SMT_ISOLATE ? fix_takes(fix, "vCPUs may share cores")
                                                      : fix;
}

Fix *advice_housekeeping(const Request *request)
{
    return request->policy->emulator != POLICY_HOUSEKEEPING
               ? fix_rule(fix_new(), "emulator", "housekeeping")
               : NULL;
}

Fix *advice_default_policy(const Request *request)
{
    return fix_join(fix_join(fix_new(), advice_auto_smt(request)), advice_housekeeping(request));
}

/// So many vCPUs: what else keeps their number from being `sockets` times `cores` is undone.
static Fix *set_vcpus(const VmConfig *vm, guint vcpus)
{
    gboolean smp = vmconfig_has_smp(vm);
    g_autofree char *args = smp ? vmconfig_args_with_smp(vm, NULL) : NULL;
    Fix *fix = fix_set_number(fix_set(fix_new(), "sockets", "1"), "cores", vcpus);

    if (vm->vcpus_given) {
        fix_set(fix, "vcpus", NULL);
    }
    if (smp) {
        fix_set(fix, "args", args);
    }
    g_autofree char *fewer = supposed_fewer_vcpus(vcpus, vm->vcpus_most);
    return fix_takes(fix, "%s", fewer);
}

/// So many counts are tried: where vCPUs share cores, a larger one may leave more of these.
#define COUNTS_TRIED 32

/// The VM's plan on @cpus with the most vCPUs, below what it has now, that fit there and leave a
/// CPU to the other threads. NULL: none.
static Plan *place_fewer(const Request *request, const CpuSet *cpus)
{
    g_auto(Unbound) fewer = { 0 };
    VmConfig *vm = &fewer.vm;

    unbound_init(&fewer, request);
    guint most = MIN(cpuset_count(cpus), vm->vcpus_most - 1);
    vm->threads = vmconfig_has_smp(vm) ? 1 : vm->threads; // it goes with the rest of `-smp`
    for (guint count = most; count > 0 && most - count < COUNTS_TRIED; count--) {
        vm->vcpus_most = vm->vcpus_present = count;
        g_autoptr(Plan) plan = place_on(&fewer.request, cpus);
        if (plan != NULL && !plan->others_share) {
            return g_steal_pointer(&plan);
        }
    }
    return NULL;
}

/// Those that the VM has are for another count.
static Fix *cells_again(const Request *request)
{
    return request->vm->numa && request->vm->cells->len > 0 ? advice_cells(request) : NULL;
}

Fix *advice_fewer_vcpus(const Request *request)
{
    g_autoptr(Plan) plan = place_fewer(request, request->pool->free);

    return plan != NULL
               ? advice_then(request, set_vcpus(request->vm, plan->vcpus->len), cells_again)
               : NULL;
}

/// The most vCPUs that fit on @cpus if these, and of all others what is isolated now but for the
/// first core, were isolated. NULL: none.
static Plan *place_fewer_isolated(const Request *request, const CpuSet *cpus)
{
    g_autoptr(CpuSet) first_core = host_first_core(request->host);
    g_autoptr(CpuSet) kept = cpuset_minus(request->host->isolation->isolated, first_core);
    g_autoptr(CpuSet) isolated = cpuset_or(kept, cpus);
    IfIsolated then;

    suppose_isolated(&then, request, isolated);
    Plan *plan = place_fewer(&then.request, cpus);
    pool_free(then.pool);
    return plan;
}

Fix *advice_fewer_vcpus_isolated(const Request *request)
{
    g_autoptr(CpuSet) all = guest_cpus(request);
    g_autoptr(CpuSet) roomy = leave_a_core(request, all);
    g_autoptr(Plan) plan = place_fewer_isolated(request, roomy);

    if (plan == NULL) {
        plan = place_fewer_isolated(request, all);
    }
    if (plan == NULL) {
        return NULL;
    }
    Fix *fix = set_vcpus(request->vm, plan->vcpus->len);
    return advice_then(request, fix_join(fix, isolate_plan(request, plan)), cells_again);
}

Fix *advice_give_back(const Request *request)
{
    g_autoptr(CpuSet) none = cpuset_new();

    return advice_isolate_cpus(request, none);
}

Fix *advice_fewer_vcpus_anywhere(const Request *request)
{
    g_autoptr(CpuSet) awake = awake_cpus(request);
    g_autoptr(Plan) plan = place_fewer(request, awake);

    if (plan == NULL) {
        plan = place_fewer(request, request->host->online);
    }
    if (plan == NULL) {
        return NULL;
    }
    Fix *fix = fix_join(set_vcpus(request->vm, plan->vcpus->len), advice_cpus_of(request, plan));
    return advice_then(request, fix, cells_again);
}

/* What the guest is told of its cores. */

Fix *advice_add_topoext(const Request *request)
{
    g_autofree char *args = cpumodel_add_topoext(request->vm, request->vm->args);

    return args != NULL ? fix_set(fix_new(), "args", args) : NULL;
}

/// @args, with which the guest is told of threads, and what that takes on AMD. The caller frees it.
static char *with_topoext(const Request *request, const char *args)
{
    gboolean lacks = request->host->vendor == VENDOR_AMD && !cpumodel_has_topoext(request->vm);
    char *more = lacks ? cpumodel_add_topoext(request->vm, args) : NULL;

    return more != NULL ? more : g_strdup(args);
}

Fix *advice_set_threads(const Request *request, guint threads)
{
    const VmConfig *vm = request->vm;
    guint sockets = vm->vcpus_most % (vm->sockets * threads) == 0 ? vm->sockets : 1;
    gboolean own = vm->vcpus_most == vm->vcpus_own && vm->vcpus_present == vm->vcpus_most;
    g_autofree char *most = own ? g_strdup("") : g_strdup_printf(",maxcpus=%u", vm->vcpus_most);
    g_autofree char *smp = g_strdup_printf("%u,sockets=%u,cores=%u,threads=%u%s", vm->vcpus_present,
        sockets, vm->vcpus_most / (sockets * threads), threads, most);
    g_autofree char *args = vmconfig_args_with_smp(vm, smp);
    g_autofree char *told = with_topoext(request, args);

    return fix_set(fix_new(), "args", threads > 1 ? told : args);
}

Fix *advice_without_smp(const VmConfig *vm)
{
    g_autofree char *args = vmconfig_args_with_smp(vm, NULL);

    return fix_set(fix_new(), "args", args);
}

Fix *advice_whole_smp(const Request *request)
{
    return request->vm->cpu_hotplug ? advice_without_smp(request->vm)
                                    : advice_set_threads(request, request->vm->threads);
}

Fix *advice_hotplug_without(const VmConfig *vm, const char *kind)
{
    g_auto(GStrv) kinds = g_strsplit_set(vm->hotplug, ",; \t", -1);
    g_autoptr(GString) others = g_string_new(NULL);

    for (guint i = 0; kinds[i] != NULL; i++) {
        if (*kinds[i] != '\0' && strcmp(kinds[i], kind) != 0) {
            g_string_append_printf(others, "%s%s", others->len > 0 ? "," : "", kinds[i]);
        }
    }
    return fix_set(fix_new(), "hotplug", others->len > 0 ? others->str : "0");
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

/// Whether a vCPU is on a slower core than the fastest that are free in the pool.
static gboolean is_slower_than_pool(const Request *request, const Plan *plan)
{
    guint fastest = 0;
    gboolean slower = FALSE;
    int cpu;

    for (cpu = hwloc_bitmap_first(request->pool->free); cpu >= 0;
         cpu = hwloc_bitmap_next(request->pool->free, cpu)) {
        const HostCore *core = request->host->cores->pdata[host_core_of(request->host, (guint)cpu)];
        fastest = MAX(fastest, core->kind);
    }
    for (guint i = 0; i < plan->vcpus->len; i++) {
        const HostCore *core = request->host->cores->pdata[plan_vcpu(plan, i)->core];
        slower |= core->kind < fastest;
    }
    return slower;
}

Fix *advice_fewer_threads(const Request *request)
{
    for (guint threads = request->vm->threads - 1; threads > 0; threads--) {
        g_autoptr(Plan) plan = place_with_threads(request, threads);
        if (plan != NULL) {
            return fix_takes(advice_set_threads(request, threads),
                is_slower_than_pool(request, plan) ? "vCPUs on slower cores" : NULL);
        }
    }
    return NULL;
}

/// So many of the guest's cores, with as many threads.
static Fix *set_guest_cores(const VmConfig *vm, guint cores)
{
    guint vcpus = cores * vm->threads;
    g_autofree char *smp = g_strdup_printf(
        "%u,sockets=1,cores=%u,threads=%u", vcpus, cores, vm->threads);
    g_autofree char *args = vmconfig_args_with_smp(vm, smp);
    g_autofree char *fewer = supposed_fewer_vcpus(vcpus, vm->vcpus_most);
    Fix *fix = fix_set_number(fix_set(fix_new(), "sockets", "1"), "cores", vcpus);

    if (vm->vcpus_given) {
        fix_set(fix, "vcpus", NULL);
    }
    return fix_takes(fix_set(fix, "args", args), "%s", fewer);
}

Fix *advice_fewer_guest_cores(const Request *request)
{
    VmConfig vm = *request->vm; // shares all else, and is not freed
    Request fewer = *request;
    guint cores = vm.vcpus_most / vm.threads;

    fewer.vm = &vm;
    for (guint left = cores - 1; vm.threads > 1 && left > 0; left--) {
        vm.vcpus_most = vm.vcpus_present = left * vm.threads;
        g_autoptr(Plan) plan = vm.guest_cells->len == 0 ? planner_place(&fewer) : NULL;
        if (plan != NULL) {
            return set_guest_cores(request->vm, left);
        }
    }
    return NULL;
}

/// What checks.h has an error for, of a plan on this machine.
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
        guint count = ++counts[plan_vcpu(plan, i)->core];
        most = MAX(most, count);
    }
    return most;
}

Plan *advice_place_told(const Request *request, const Plan *plan, guint *threads)
{
    for (guint most = most_on_a_core(plan, request->host); most > 1; most--) {
        g_autoptr(Plan) told = place_with_threads(request, most);
        if (told != NULL && is_no_worse(request, told, request, plan)) {
            *threads = most;
            return g_steal_pointer(&told);
        }
    }
    return NULL;
}

Fix *advice_tell_threads(const Request *request, const Plan *plan)
{
    guint threads;
    g_autoptr(Plan) told = advice_place_told(request, plan, &threads);

    return told != NULL ? advice_set_threads(request, threads) : NULL;
}

/* A plan of another shape. */

Plan *advice_place_anywhere(const Request *request, const CpuSet *where)
{
    const Host *host = request->host;
    g_autoptr(CpuSet) open = guest_cpus(request);
    g_autoptr(CpuSet) chosen = cpuset_and(open, where != NULL ? where : host->online);

    return place_on_isolated(request, open, chosen);
}

static gboolean is_as_wished(const Request *request, const Plan *plan, const Request *before,
    const Plan *than, const Wish *wish)
{
    return plan != NULL && wish->measure(request, plan) <= wish->most &&
           is_no_worse(request, plan, before, than);
}

/// Isolated CPUs that are free, as the VM's pool.
static Fix *take_isolated(const Request *request, const Plan *plan, const Wish *wish)
{
    g_autoptr(Pool) isolated = pool_of_isolated(request->policy, request->host, request->taken);

    if (wish->where != NULL) {
        hwloc_bitmap_and(isolated->free, isolated->free, wish->where);
    }
    g_autoptr(Plan) other = place_in(request, isolated);
    return is_as_wished(request, other, request, plan, wish) ? advice_cpus_of(request, other)
                                                             : NULL;
}

static Fix *isolate_more(const Request *request, const Plan *plan, const Wish *wish)
{
    g_autoptr(Plan) other = advice_place_anywhere(request, wish->where);
    IfIsolated more;

    if (other == NULL || wish->measure(request, other) > wish->most) {
        return NULL;
    }
    g_autoptr(CpuSet) isolated = cpuset_or(request->host->isolation->isolated, other->reserved);
    suppose_isolated(&more, request, isolated);
    g_autoptr(Plan) then = planner_place(&more.request);
    gboolean wished = is_as_wished(&more.request, then, request, plan, wish);
    pool_free(more.pool);
    return wished ? advice_isolate_cpus(request, other->reserved) : NULL;
}

Fix *advice_tell_threads_again(const Request *request)
{
    g_autoptr(Plan) plan = planner_place(request);

    return plan != NULL ? advice_tell_threads(request, plan) : NULL;
}

/// Takes @fix, which may be NULL. Where vCPUs share cores after it, the guest is told as well.
static void offer_and_tell(Check *check, Fix *fix)
{
    if (fix == NULL) {
        return;
    }
    Fix *told = advice_then(check->request, fix_copy(fix), advice_tell_threads_again);
    if (told->changes->len == fix->changes->len) {
        g_clear_pointer(&told, fix_free);
    }
    check_offer(check, fix);
    check_offer(check, told);
}

void advice_offer_elsewhere(Check *check, const Wish *wish)
{
    offer_and_tell(check, take_isolated(check->request, check->plan, wish));
    offer_and_tell(check, isolate_more(check->request, check->plan, wish));
}

Fix *advice_fewer_as_wished(const Request *request, const Plan *plan, const Wish *wish)
{
    VmConfig vm = *request->vm; // shares all else, and is not freed
    Request fewer = *request;
    guint most = vm.vcpus_most - 1, least = (vm.vcpus_most + 1) / 2;

    if (vm.guest_cells->len > 0) {
        return NULL; // they name the vCPUs there are
    }
    fewer.vm = &vm;
    vm.threads = vmconfig_has_smp(&vm) ? 1 : vm.threads;
    for (guint count = most; count >= least && most - count < COUNTS_TRIED; count--) {
        vm.vcpus_most = vm.vcpus_present = count;
        g_autoptr(Plan) other = planner_place(&fewer);
        if (is_as_wished(&fewer, other, request, plan, wish)) {
            return set_vcpus(request->vm, count);
        }
    }
    return NULL;
}

/* Other guests. */

/// What is left of the CPUs of a VM that Proxmox alone has put there, without those that are
/// isolated, or @cpus. NULL: nothing.
static Fix *move_holder(const Request *request, const Holding *holding, const CpuSet *cpus)
{
    g_autoptr(CpuSet) open = cpuset_minus(holding->cpus, request->host->isolation->isolated);
    g_autoptr(CpuSet) left = cpuset_minus(open, cpus);

    hwloc_bitmap_and(left, left, request->host->online);
    return holding->by_affinity && !hwloc_bitmap_iszero(left)
               ? fix_move_guest(fix_new(), holding->vmid, left)
               : NULL;
}

static Fix *end_holders(const Request *request, const CpuSet *cpus)
{
    Fix *all = fix_new();

    for (guint i = 0; i < request->taken->holdings->len; i++) {
        const Holding *holding = request->taken->holdings->pdata[i];
        if (holding->vmid != 0 && hwloc_bitmap_intersects(holding->cpus, cpus)) {
            fix_join(all, fix_end_guest(fix_new(), holding->vmid, holding->container));
        }
    }
    return all;
}

void advice_offer_holder(Check *check, const CpuSet *cpus)
{
    const GPtrArray *holdings = check->request->taken->holdings;

    for (guint i = 0; i < holdings->len; i++) {
        const Holding *holding = holdings->pdata[i];
        if (holding->vmid != 0 && hwloc_bitmap_intersects(holding->cpus, cpus)) {
            check_offer(check, move_holder(check->request, holding, cpus));
            check_offer(check, fix_end_guest(fix_new(), holding->vmid, holding->container));
        }
    }
    check_offer(check, end_holders(check->request, cpus));
}

/// What the VM and its policy ask for beside CPUs is no more: threads of the guest, siblings, a
/// spare core.
static Fix *ask_for_less(const Request *request)
{
    Fix *fix = fix_join(fix_new(), advice_default_policy(request));

    if (request->vm->threads > 1) {
        fix_takes(
            fix_join(fix, advice_without_smp(request->vm)), "the guest is told of no threads");
    }
    return fix;
}

static void offer_after(Check *check, const Fix *first)
{
    static const Advise ways[] = { advice_other_cpus, advice_isolate_elsewhere,
        advice_fewer_vcpus_isolated, NULL };

    for (gsize i = 0; first->changes->len > 0 && ways[i] != NULL; i++) {
        check_offer(check, advice_then(check->request, fix_copy(first), ways[i]));
    }
}

void advice_offer_less(Check *check)
{
    g_autoptr(Fix) less = ask_for_less(check->request);

    offer_after(check, less);
}

void advice_offer_without_others(Check *check)
{
    const Request *request = check->request;
    g_autoptr(Fix) ended = end_holders(request, request->host->online);

    if (ended->changes->len > 0) {
        fix_join(ended, ask_for_less(request));
    }
    offer_after(check, ended);
}

/* What would be if. */

gboolean advice_fits_unbound(const Request *request)
{
    g_autoptr(Plan) plan = advice_place_unbound(request);

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
