// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/proposal.h"

#include "place/planner.h"
#include "judge/advice.h"
#include "judge/split.h"
#include "judge/unbound.h"

#include <string.h>

/// The plan with any isolated CPUs that are free, or where these do not suffice with those that the
/// VM has. Where the policy names the CPUs, with these.
static Plan *find_plan(const Request *request)
{
    g_autoptr(Pool) isolated = pool_of_isolated(request->policy, request->host, request->taken);
    Request wanted = *request;

    wanted.pool = request->pool->source == POOL_POLICY ? request->pool : isolated;
    g_autoptr(Plan) plan = planner_place(&wanted);
    if (plan != NULL && hwloc_bitmap_isincluded(plan->cores, request->host->isolation->isolated)) {
        return g_steal_pointer(&plan);
    }
    return planner_place(request);
}

/// The threads a core that the guest is to be told of, for which @plan becomes one on the same
/// CPUs; 1: of none.
static guint tell_threads(const Request *request, Plan **plan)
{
    CpuSet *cpus = (*plan)->reserved;
    Pool pool = { .source = request->pool->source, .asked = cpus, .online = cpus, .free = cpus };
    Request there = *request;
    guint threads = 1;

    there.pool = &pool;
    Plan *told = advice_place_told(&there, *plan, &threads);
    if (told != NULL) {
        plan_free(*plan);
        *plan = told;
    }
    return threads;
}

/* Cells. */

/// Fills @cells: one for each node that the vCPUs lie on, with memory in multiples of @unit_mib.
/// FALSE: it does not come out so.
static gboolean split_vm(
    GPtrArray *cells, const Request *request, const Plan *plan, guint64 unit_mib)
{
    g_autoptr(CpuSet) all = cpuset_new();

    hwloc_bitmap_set_range(all, 0, (int)plan->vcpus->len - 1);
    g_ptr_array_set_size(cells, 0);
    return split_add(cells, plan, all, request->vm->memory_mib, unit_mib);
}

/// The nodes of all cells.
static CpuSet *nodes_of(const GPtrArray *cells)
{
    CpuSet *nodes = cpuset_new();

    for (guint i = 0; i < cells->len; i++) {
        hwloc_bitmap_or(nodes, nodes, ((const SplitCell *)cells->pdata[i])->nodes);
    }
    return nodes;
}

/// Whether Proxmox can still be told of @nodes with @node.
static gboolean can_join(const CpuSet *nodes, guint node)
{
    g_autoptr(CpuSet) wider = cpuset_copy(nodes);

    hwloc_bitmap_set(wider, node);
    return split_is_range(wider);
}

/// The node with memory that is nearest to the first of @cell, can be told of with those, and is
/// not among @nodes; -1: there is none.
static int nearest_node(const Request *request, const CpuSet *nodes, const SplitCell *cell)
{
    guint nearest = G_MAXUINT, first = (guint)hwloc_bitmap_first(cell->nodes);
    int found = -1;

    for (guint i = 0; i < request->host->nodes->len; i++) {
        const HostNode *node = request->host->nodes->pdata[i];
        guint distance = host_distance(request->host, first, node->index);
        if (!hwloc_bitmap_isset(nodes, node->index) && distance < nearest &&
            request->vm->hugepages == NULL && can_join(cell->nodes, node->index) &&
            host_node_available_mib(node, request->vm->hugepages) > 0) {
            nearest = distance;
            found = (int)node->index;
        }
    }
    return found;
}

static gboolean have_memory(const Request *request, const CpuSet *nodes)
{
    g_autofree guint64 *room_mib = split_room(request, 1);

    return split_take(room_mib, request->host, nodes, request->vm->memory_mib) == 0;
}

/// Where the nodes of the vCPUs have too little memory the last cell gets the nearest others too,
/// until it suffices.
static void add_nodes(GPtrArray *cells, const Request *request)
{
    SplitCell *last = cells->pdata[cells->len - 1];
    g_autoptr(CpuSet) nodes = nodes_of(cells);
    int node = 0;

    while (node >= 0 && !have_memory(request, nodes)) {
        node = nearest_node(request, nodes, last);
        if (node >= 0) {
            hwloc_bitmap_set(nodes, (unsigned)node);
            hwloc_bitmap_set(last->nodes, (unsigned)node);
        }
    }
}

/// Fills @cells so that each finds its memory, as far as there is any.
static void find_memory(GPtrArray *cells, const Request *request, const Plan *plan)
{
    guint64 unit_mib = vmconfig_memory_unit_mib(request->vm);

    split_vm(cells, request, plan, unit_mib);
    add_nodes(cells, request);
    if (!split_fit(cells, request)) {
        split_vm(cells, request, plan, unit_mib);
        add_nodes(cells, request);
    }
}

/* Hugepages. */

static guint64 free_pages_mib(const Request *request, const CpuSet *nodes, guint64 size_mib)
{
    guint64 mib = 0;

    for (guint i = 0; i < request->host->nodes->len; i++) {
        const HostNode *node = request->host->nodes->pdata[i];
        for (guint j = 0; hwloc_bitmap_isset(nodes, node->index) && j < node->hugepages->len; j++) {
            const HostHugepages *pages = &g_array_index(node->hugepages, HostHugepages, j);
            mib += pages->size_kib == size_mib * 1024 ? pages->free * size_mib : 0;
        }
    }
    return mib;
}

static gboolean have_pages(const Request *request, const GPtrArray *cells, guint64 size_mib)
{
    for (guint i = 0; i < cells->len; i++) {
        const SplitCell *cell = cells->pdata[i];
        if (free_pages_mib(request, cell->nodes, size_mib) < cell->memory_mib) {
            return FALSE;
        }
    }
    return TRUE;
}

/// Fills @cells so that each finds hugepages for its memory, of the largest size that Proxmox knows
/// and that are free. The size in MiB; 0: none.
static guint64 find_hugepages(GPtrArray *cells, const Request *request, const Plan *plan)
{
    static const guint64 sizes[] = { 1024, 2 };

    for (gsize i = 0; request->vm->hugepages == NULL && i < G_N_ELEMENTS(sizes); i++) {
        if (split_vm(cells, request, plan, sizes[i]) && have_pages(request, cells, sizes[i])) {
            return sizes[i];
        }
    }
    return 0;
}

/* Options. */

/// Takes @fix; one that changes nothing is left out.
static void add_fix(GPtrArray *fixes, Fix *fix)
{
    if (fix->changes->len > 0) {
        g_ptr_array_add(fixes, fix);
    } else {
        fix_free(fix);
    }
}

static void add_cpus(GPtrArray *fixes, const Request *request, const Plan *plan)
{
    Fix *fix = advice_cpus_of(request, plan);

    if (!request->vm->freeze && request->pool->source != POOL_POLICY) {
        fix_set(fix, "freeze", "1");
    }
    add_fix(fixes, fix);
}

/// Whether each cell has as many vCPUs.
static gboolean are_even(const GPtrArray *cells)
{
    guint first = cpuset_count(((const SplitCell *)cells->pdata[0])->vcpus);

    for (guint i = 1; i < cells->len; i++) {
        if (cpuset_count(((const SplitCell *)cells->pdata[i])->vcpus) != first) {
            return FALSE;
        }
    }
    return TRUE;
}

/// A socket for each cell, and @threads. What `args` says of the topology stays.
static void add_topology(
    GPtrArray *fixes, const Request *request, const GPtrArray *cells, guint threads)
{
    const VmConfig *vm = request->vm;
    VmConfig other = *vm; // shares all else, and is not freed
    Request changed = *request;
    Fix *fix = fix_new();

    other.sockets = are_even(cells) ? cells->len : 1;
    changed.vm = &other;
    if (threads > vm->threads) {
        fix_free(fix);
        fix = advice_set_threads(&changed, threads);
    } else if (other.sockets != vm->sockets && !vmconfig_has_smp(vm)) {
        fix_set_number(fix, "sockets", other.sockets);
        fix_set_number(fix, "cores", vm->vcpus_most / other.sockets);
    }
    add_fix(fixes, fix);
}

static void add_cells(
    GPtrArray *fixes, const Request *request, const GPtrArray *cells, guint64 hugepages_mib)
{
    gboolean plugged = request->vm->memory_hotplug;
    Fix *fix = plugged ? advice_hotplug_without(request->vm, "memory") : fix_new();

    fix_set(fix, "numa", "1");
    split_set(fix, cells, "bind");
    if (hugepages_mib > 0) {
        fix_set_number(fix, "hugepages", hugepages_mib);
    }
    add_fix(fixes, fix);
}

/// The numa lines that are too many.
static void add_deletions(GPtrArray *fixes, const Request *request, guint cells)
{
    Fix *fix = fix_new();

    advice_delete_cells(fix, request->vm, cells);
    add_fix(fixes, fix);
}

static gboolean needs_cells(const Request *request)
{
    return host_count_memory_nodes(request->host) > 1 || request->vm->numa;
}

GPtrArray *proposal_of(const Request *request, Plan **plan)
{
    g_autoptr(GPtrArray) fixes = g_ptr_array_new_with_free_func((GDestroyNotify)fix_free);

    g_auto(Unbound) unbound = { 0 };

    unbound_init(&unbound, request);
    *plan = find_plan(&unbound.request);
    if (*plan == NULL) {
        return NULL;
    }
    guint threads = tell_threads(&unbound.request, plan);
    g_autoptr(GPtrArray) cells = split_new();
    guint64 hugepages_mib = find_hugepages(cells, request, *plan);
    if (hugepages_mib == 0) {
        find_memory(cells, request, *plan);
    }
    add_cpus(fixes, request, *plan);
    add_topology(fixes, request, cells, threads);
    if (cells->len <= VMCONFIG_CELL_LIMIT && (needs_cells(request) || hugepages_mib > 0)) {
        add_deletions(fixes, request, cells->len);
        add_cells(fixes, request, cells, hugepages_mib);
    }
    return g_steal_pointer(&fixes);
}
