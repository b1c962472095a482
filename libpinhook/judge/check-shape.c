// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

#include "read/cpumodel.h"
#include "place/supposed.h"

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

static void offer_unexposed(Check *check)
{
    const Request *request = check->request;
    Wish wish = { .measure = count_exposed };

    check_offer(check, advice_tell_threads(request, check->plan));
    check_offer(check, request->policy->smt == POLICY_SMT_PAIR ? advice_auto_smt(request) : NULL);
    advice_offer_elsewhere(check, &wish);
    check_offer(check, advice_fewer_as_wished(request, check->plan, &wish));
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
    if (check_add(check, FINDING_SMT_EXPOSED,
            "vCPU %s share cores (CPU %s), and the guest takes each for a core of its own", vcpus,
            list)) {
        offer_unexposed(check);
    }
}

/// Of a custom model QEMU alone knows, once it runs.
static void check_hidden(Check *check)
{
    const Request *request = check->request;
    const VmConfig *vm = request->vm;
    g_autofree char *type = cpumodel_type(vm);

    if (vm->threads < 2 || cpumodel_has_topoext(vm)) {
        return;
    }
    if (request->host->vendor == VENDOR_AMD && type != NULL &&
        check_add(check, FINDING_SMT_HIDDEN,
            "%s has no topoext: on AMD the guest takes each of the %u threads a core for a core",
            type, vm->threads)) {
        check_offer(check, advice_add_topoext(request));
    }
    if (request->host->vendor == VENDOR_UNKNOWN) {
        check_add(check, FINDING_SMT_HIDDEN,
            "whether the guest is told of its threads cannot be known: /proc/cpuinfo cannot be "
            "read");
    }
}

static void check_llcs(Check *check)
{
    const Request *request = check->request;
    guint count = count_llcs(request, check->plan);
    g_autoptr(Plan) best = count > 1 ? advice_place_anywhere(request, NULL) : NULL;

    if (best == NULL || count_llcs(request, best) >= count ||
        !supposed_keeps_places(request, check->plan, best)) {
        return;
    }
    guint fewest = count_llcs(request, best);
    g_autofree char *cpus = cpuset_to_list(check->plan->cpus);
    g_autofree char *others = cpuset_to_list(best->cpus);
    if (check_add(check, FINDING_LLC_SPLIT,
            "%u vCPUs lie in %u last-level caches (CPU %s); CPU %s, held by no other guest, lie in "
            "%u",
            check->plan->vcpus->len, count, cpus, others, fewest)) {
        Wish wish = { .measure = count_llcs, .most = fewest };
        advice_offer_elsewhere(check, &wish);
    }
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
            if (*cell == NULL || hwloc_bitmap_isset((*cell)->cpus, j)) {
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
    g_autofree char *message = cell != NULL
                                   ? g_strdup_printf(
                                         "vCPU %s are one cell and lie on node %s", ids, list)
                                   : g_strdup_printf(
                                         "%u vCPUs lie on node %s, and the guest has no cells",
                                         check->plan->vcpus->len, list);
    if (check_add(check, FINDING_NODE_SPLIT, "%s", message)) {
        check_offer(check, advice_cell_per_node(request, check->plan));
    }
}

static void offer_kinds(Check *check)
{
    const Request *request = check->request;
    Wish any = { .measure = count_kinds, .most = 1 };

    for (guint kind = request->host->kinds->len; kind-- > 0;) {
        g_autoptr(CpuSet) cpus = host_cpus_of_kind(request->host, kind);
        Wish wish = { .measure = count_kinds, .most = 1, .where = cpus };
        advice_offer_elsewhere(check, &wish);
    }
    check_offer(check, advice_fewer_as_wished(request, check->plan, &any));
}

static void check_kinds(Check *check)
{
    const Request *request = check->request;
    g_autoptr(GString) text = g_string_new(NULL);

    if (count_kinds(request, check->plan) < 2) {
        return;
    }
    for (guint kind = request->host->kinds->len; kind-- > 0;) {
        g_autoptr(CpuSet) all = host_cpus_of_kind(request->host, kind);
        g_autoptr(CpuSet) cpus = cpuset_and(all, check->plan->cpus);
        g_autofree char *list = cpuset_to_list(cpus);
        if (!hwloc_bitmap_iszero(cpus)) {
            g_string_append_printf(text, "%s%s", text->len > 0 ? ", slower cores: CPU " : "", list);
        }
    }
    if (check_add(check, FINDING_KIND_MIXED,
            "vCPUs lie on cores of several kinds, fast cores: CPU %s", text->str)) {
        offer_kinds(check);
    }
}

static void offer_nearer(Check *check, const Device *device)
{
    const Request *request = check->request;
    const HostNode *node = host_node(request->host, (guint)device->node);
    Wish wish = { .measure = count_remote,
        .most = count_remote(request, check->plan) - 1,
        .where = node != NULL ? node->cpus : NULL };

    if (node != NULL) {
        advice_offer_elsewhere(check, &wish);
    }
}

static void check_devices(Check *check)
{
    const Request *request = check->request;
    g_autofree char *nodes = cpuset_to_list(check->plan->nodes);

    for (guint i = 0; request->devices != NULL && i < request->devices->len; i++) {
        const Device *device = request->devices->pdata[i];
        if (is_remote(device, check->plan)) {
            if (check_add(check, FINDING_DEVICE_REMOTE, "%s: %s is on node %d, the VM on node %s",
                    device->option, device->address, device->node, nodes)) {
                offer_nearer(check, device);
            }
        } else if (device->unknown != NULL) {
            check_add(check, FINDING_DEVICE_REMOTE, "%s: it is not known which node %s is on: %s",
                device->option, device->address, device->unknown);
        }
    }
}

const CheckRow checks_of_shape[] = {
    { check_exposed, OF_PLAN },
    { check_hidden, OF_PLAN },
    { check_llcs, OF_PLAN },
    { check_nodes, OF_PLAN },
    { check_kinds, OF_PLAN },
    { check_devices, OF_PLAN },
    { NULL },
};
