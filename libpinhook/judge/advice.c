// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/advice.h"

#include "read/cpumodel.h"
#include "place/planner.h"

#include <string.h>

Plan *advice_place_unbound(const Request *request)
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

Fix *advice_first(const Request *request, const Advise *tries)
{
    Fix *fix = NULL;

    for (; fix == NULL && *tries != NULL; tries++) {
        fix = (*tries)(request);
    }
    return fix;
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

/// Isolated whole cores but those of @spared.
static Fix *isolated_cpus_but(const Request *request, const CpuSet *spared)
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
    const CpuSet *choices[] = { awake, unheld, request->host->online };
    g_autoptr(Plan) plan = NULL;

    for (gsize i = 0; plan == NULL && i < G_N_ELEMENTS(choices); i++) {
        plan = place_on(request, choices[i]);
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

/// The plan on @cpus if all that guests can have were isolated.
static Plan *place_if_isolated(const Request *request, const CpuSet *cpus)
{
    g_autoptr(CpuSet) all = guest_cpus(request);
    g_autoptr(CpuSet) isolated = cpuset_or(request->host->isolation->isolated, all);
    Isolation isolation = *request->host->isolation; // these share all else, and are not freed
    Host host = *request->host;
    Request changed = *request;

    isolation.isolated = isolated;
    host.isolation = &isolation;
    changed.host = &host;
    return place_on(&changed, cpus);
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

Fix *advice_default_policy(const Request *request)
{
    if (request->policy->smt != POLICY_SMT_AUTO) {
        return fix_rule(fix_new(), "smt", "auto");
    }
    return request->policy->emulator != POLICY_HOUSEKEEPING
               ? fix_rule(fix_new(), "emulator", "housekeeping")
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

Fix *advice_plainer_policy(const Request *request)
{
    Policy plainer = *request->policy; // shares all else, and is not freed

    if (fits_under(request, request->policy)) {
        return NULL;
    }
    plainer.smt = POLICY_SMT_AUTO;
    if (plainer.smt != request->policy->smt && fits_under(request, &plainer)) {
        return fix_rule(fix_new(), "smt", "auto");
    }
    plainer.smt = request->policy->smt;
    plainer.emulator = POLICY_HOUSEKEEPING;
    plainer.emulator_cpus = NULL;
    if (plainer.emulator != request->policy->emulator && fits_under(request, &plainer)) {
        return fix_rule(fix_new(), "emulator", "housekeeping");
    }
    plainer.smt = POLICY_SMT_AUTO;
    return plainer.smt != request->policy->smt && fits_under(request, &plainer)
               ? fix_rule(fix_new(), "smt", "auto")
               : NULL;
}

Fix *advice_housekeeping(const Request *request)
{
    Policy policy = *request->policy; // shares all else, and is not freed
    Request changed = *request;

    policy.emulator = POLICY_HOUSEKEEPING;
    policy.emulator_cpus = NULL;
    changed.policy = &policy;
    g_autoptr(Plan) plan = planner_place(&changed);
    return request->policy->emulator != POLICY_HOUSEKEEPING && plan != NULL && !plan->others_share
               ? fix_rule(fix_new(), "emulator", "housekeeping")
               : NULL;
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
    return fix_takes(fix, "%u vCPU%s in place of %u", vcpus, vcpus > 1 ? "s" : "", vm->vcpus_most);
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

Fix *advice_fewer_vcpus(const Request *request)
{
    g_autoptr(CpuSet) awake = awake_cpus(request);
    g_autoptr(Plan) plan = place_fewer(request, request->pool->free);

    if (plan != NULL) {
        return set_vcpus(request->vm, plan->vcpus->len);
    }
    plan = place_fewer(request, awake);
    if (plan == NULL) {
        plan = place_fewer(request, request->host->online);
    }
    if (plan == NULL) {
        return NULL;
    }
    Fix *fix = set_vcpus(request->vm, plan->vcpus->len);
    return request->pool->source == POOL_POLICY ? fix : advice_affinity(fix, plan->cpus);
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

Fix *advice_fewer_threads(const Request *request)
{
    for (guint threads = request->vm->threads - 1; threads > 0; threads--) {
        g_autoptr(Plan) plan = place_with_threads(request, threads);
        if (plan != NULL) {
            return advice_set_threads(request, threads);
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

/// @request on a machine with other isolated CPUs, and the pool that this gives.
typedef struct {
    Request request;
    Host host; // share all else, and are not freed
    Isolation isolation;
    Pool *pool;
} Supposed;

static void suppose_isolated(Supposed *what_if, const Request *request, CpuSet *isolated)
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
    g_autoptr(CpuSet) first_core = host_first_core(host);
    g_autoptr(CpuSet) unheld = cpuset_minus(host->online, request->taken->cpus);
    g_autoptr(CpuSet) open = cpuset_minus(unheld, first_core);
    g_autoptr(CpuSet) chosen = cpuset_and(open, where != NULL ? where : host->online);
    Supposed all;

    suppose_isolated(&all, request, open);
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
    Supposed more;

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

Fix *advice_elsewhere(const Request *request, const Plan *plan, const Wish *wish)
{
    Fix *fix = take_isolated(request, plan, wish);

    return fix != NULL ? fix : isolate_more(request, plan, wish);
}

Fix *advice_unpaired(const Request *request, const Plan *plan, const Wish *wish)
{
    Policy policy = *request->policy; // shares all else, and is not freed
    Request changed = *request;

    policy.smt = POLICY_SMT_AUTO;
    changed.policy = &policy;
    g_autoptr(Plan) other = request->policy->smt == POLICY_SMT_PAIR ? planner_place(&changed)
                                                                    : NULL;
    return is_as_wished(&changed, other, request, plan, wish) ? fix_rule(fix_new(), "smt", "auto")
                                                              : NULL;
}

Fix *advice_fewer_as_wished(const Request *request, const Plan *plan, const Wish *wish)
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
    return fit > 0 ? set_vcpus(request->vm, fit) : NULL;
}

/* Other guests. */

Fix *advice_end_holder(const Request *request, const CpuSet *cpus)
{
    for (guint i = 0; i < request->taken->holdings->len; i++) {
        const Holding *holding = request->taken->holdings->pdata[i];
        if (holding->vmid != 0 && hwloc_bitmap_intersects(holding->cpus, cpus)) {
            return fix_end_guest(fix_new(), holding->vmid, holding->container);
        }
    }
    return NULL;
}

Fix *advice_instead_of_holder(const Request *request, const CpuSet *cpus)
{
    Fix *fix = advice_other_cpus(request);

    return fix != NULL ? fix : advice_end_holder(request, cpus);
}

/* Living with it. */

static Fix *accept(FindingCode code, const char *severity)
{
    g_autofree char *key = g_strdup_printf("check.%s", finding_kind(code)->name);

    return fix_takes(fix_rule(fix_new(), key, severity), "accepts it");
}

Fix *advice_silence(const Request *request, FindingCode code)
{
    return accept(code, "off");
}

Fix *advice_accept(const Request *request, FindingCode code)
{
    return request->policy->severities[code] == SEVERITY_ERROR ? accept(code, "warning") : NULL;
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
