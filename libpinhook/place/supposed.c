// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/supposed.h"

#include "place/planner.h"

#include <string.h>

/// @host with another isolation, which it takes.
static Host *host_with(const Host *host, Isolation *isolation)
{
    Host *changed = g_new(Host, 1);

    *changed = *host;
    changed->isolation = isolation;
    return changed;
}

void supposed_free(Supposed *supposed)
{
    if (supposed == NULL) {
        return;
    }
    vmconfig_free(supposed->vm);
    policy_free(supposed->policy);
    if (supposed->host != NULL) {
        isolation_free(supposed->host->isolation);
        g_free(supposed->host);
    }
    taken_free(supposed->taken);
    pool_free(supposed->pool);
    plan_free(supposed->own_plan);
    g_free(supposed);
}

/* What a fix changes. */

/// Options and rules that say nothing of CPUs, nodes or memory.
static gboolean is_of_habits(const Change *change)
{
    static const char *const keys[] = { "freeze", "balloon", "cpulimit", "memory-local", "unproven",
        "deadline", NULL };

    return g_strv_contains(keys, change->key) ||
           (change->kind == CHANGE_RULE &&
               (g_str_has_prefix(change->key, "check.") || strcmp(change->key, "memory") == 0));
}

static gboolean moves(const Change *change)
{
    switch (change->kind) {
    case CHANGE_OPTION:
    case CHANGE_RULE:
        return !is_of_habits(change);
    case CHANGE_UNKNOWN:
    case CHANGE_RULE_LINE:
    case CHANGE_COMMAND:
        return FALSE;
    case CHANGE_LINE:
    case CHANGE_ISOLATED:
    case CHANGE_END:
    case CHANGE_MOVE:
        return TRUE;
    }
    g_assert_not_reached();
}

gboolean supposed_moves(const Fix *fix)
{
    gboolean any = FALSE;

    for (guint i = 0; i < fix->changes->len; i++) {
        any |= moves(fix->changes->pdata[i]);
    }
    return any;
}

static void change_host(Supposed *supposed, const Fix *fix)
{
    for (guint i = 0; i < fix->changes->len; i++) {
        const Change *change = fix->changes->pdata[i];
        if (change->kind == CHANGE_ISOLATED) {
            supposed->host = host_with(supposed->request.host,
                isolation_after_boot(supposed->request.host->isolation, change->cpus));
            supposed->request.host = supposed->host;
        }
    }
}

static void change_vm(Supposed *supposed, const Fix *fix)
{
    Request *request = &supposed->request;

    if (request->vm != NULL && request->vm->text != NULL) {
        request->vm = supposed->vm = vmconfig_change(request->vm, fix);
    }
}

static void plan_again(Supposed *supposed)
{
    Request *request = &supposed->request;

    request->pool = supposed->pool = pool_new(
        request->vm, request->policy, request->host, request->taken);
    supposed->plan = supposed->own_plan = planner_place(request);
}

Supposed *supposed_after(const Request *request, const Plan *plan, const Fix *fix)
{
    Supposed *after = g_new0(Supposed, 1);

    after->request = *request;
    after->plan = plan;
    after->request.policy = after->policy = policy_change(request->policy, fix);
    change_vm(after, fix);
    change_host(after, fix);
    after->request.taken = after->taken = taken_change(request->taken, fix);
    if (request->vm != NULL && supposed_moves(fix)) {
        plan_again(after);
    }
    return after;
}

/* What is lost. */

/// How many share the core of each vCPU of @plan; others than the VM count as one.
static guint *count_sharers(const Request *request, const Plan *plan)
{
    g_autofree guint *on_core = g_new0(guint, MAX(request->host->cores->len, 1));
    guint *sharers = g_new0(guint, MAX(plan->vcpus->len, 1));

    for (guint i = 0; i < plan->vcpus->len; i++) {
        on_core[plan_vcpu(plan, i)->core]++;
    }
    for (guint i = 0; i < plan->vcpus->len; i++) {
        const HostCore *core = request->host->cores->pdata[plan_vcpu(plan, i)->core];
        sharers[i] = on_core[plan_vcpu(plan, i)->core] +
                     (hwloc_bitmap_intersects(core->cpus, request->taken->cpus) ? 1 : 0);
    }
    return sharers;
}

static guint kind_of(const Request *request, const PlanVcpu *vcpu)
{
    return ((const HostCore *)request->host->cores->pdata[vcpu->core])->kind;
}

static guint count_llcs(const Plan *plan)
{
    g_autoptr(CpuSet) llcs = cpuset_new();

    for (guint i = 0; i < plan->vcpus->len; i++) {
        hwloc_bitmap_set(llcs, plan_vcpu(plan, i)->llc);
    }
    return cpuset_count(llcs);
}

/// vCPUs that both plans have and that have less in @new.
typedef struct {
    gboolean core;     // share it with more
    gboolean faster;   // likewise, and it is a faster one
    gboolean kind;     // on a slower core
    guint llcs, nodes; // of the VM now, where there are more; else 0
} Loss;

static Loss compare(const Request *before, const Plan *old, const Request *after, const Plan *new)
{
    g_autofree guint *sharers_before = count_sharers(before, old);
    g_autofree guint *sharers_after = count_sharers(after, new);
    guint llcs = count_llcs(new), nodes = cpuset_count(new->nodes);
    Loss loss = { .llcs = llcs > count_llcs(old) ? llcs : 0,
        .nodes = nodes > cpuset_count(old->nodes) ? nodes : 0 };

    for (guint i = 0; i < MIN(old->vcpus->len, new->vcpus->len); i++) {
        guint kind_before = kind_of(before, plan_vcpu(old, i));
        guint kind_after = kind_of(after, plan_vcpu(new, i));
        gboolean shared = sharers_after[i] > sharers_before[i];
        loss.kind |= kind_after < kind_before;
        loss.core |= shared && kind_after <= kind_before;
        loss.faster |= shared && kind_after > kind_before;
    }
    return loss;
}

gboolean supposed_keeps_places(const Request *request, const Plan *before, const Plan *after)
{
    Loss loss = compare(request, before, request, after);

    return !loss.core && !loss.faster && !loss.kind && loss.llcs == 0 && loss.nodes == 0;
}

static void add_vcpus(GPtrArray *losses, const VmConfig *old, const VmConfig *new)
{
    if (new->vcpus_most < old->vcpus_most) {
        g_ptr_array_add(losses, supposed_fewer_vcpus(new->vcpus_most, old->vcpus_most));
    } else if (new->vcpus_present < old->vcpus_present) {
        g_ptr_array_add(losses,
            g_strdup_printf("%u of %u vCPUs at start", new->vcpus_present, old->vcpus_present));
    }
}

static void add_places(GPtrArray *losses, const Loss *loss)
{
    if (loss->core) {
        g_ptr_array_add(losses, g_strdup("vCPUs share cores"));
    }
    if (loss->faster) {
        g_ptr_array_add(losses, g_strdup(SUPPOSED_FASTER));
    }
    if (loss->kind) {
        g_ptr_array_add(losses, g_strdup("vCPUs on slower cores"));
    }
    if (loss->nodes > 0) {
        g_ptr_array_add(losses, g_strdup_printf("the VM on %u nodes", loss->nodes));
    } else if (loss->llcs > 0) {
        g_ptr_array_add(losses, g_strdup_printf("the VM in %u caches", loss->llcs));
    }
}

char *supposed_fewer_vcpus(guint vcpus, guint in_place_of)
{
    return g_strdup_printf("%u vCPU%s in place of %u", vcpus, vcpus > 1 ? "s" : "", in_place_of);
}

char **supposed_losses(
    const Request *before, const Plan *old, const Request *after, const Plan *new)
{
    g_autoptr(GPtrArray) losses = g_ptr_array_new_with_free_func(g_free);

    if (before->vm != NULL) {
        add_vcpus(losses, before->vm, after->vm);
    }
    if (old != NULL && new != NULL) {
        Loss loss = compare(before, old, after, new);
        add_places(losses, &loss);
    }
    g_ptr_array_add(losses, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&losses), FALSE);
}
