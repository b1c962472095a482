// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/proposal.h"

#include "place/planner.h"
#include "judge/advice.h"

#include <string.h>

/// A cell to be.
typedef struct {
    CpuSet *vcpus;
    CpuSet *nodes;
    guint64 memory_mib;
} Cell;

static void cell_free(gpointer data)
{
    Cell *cell = data;

    hwloc_bitmap_free(cell->vcpus);
    hwloc_bitmap_free(cell->nodes);
    g_free(cell);
}

static guint64 available_on(const Request *request, const CpuSet *nodes)
{
    guint64 available_mib = 0;

    for (guint i = 0; i < request->host->nodes->len; i++) {
        const HostNode *node = request->host->nodes->pdata[i];
        if (hwloc_bitmap_isset(nodes, node->index)) {
            available_mib += host_node_available_mib(node, request->vm->hugepages);
        }
    }
    return available_mib;
}

/// The plan with any isolated CPUs that are free, or where these do not suffice with those that the
/// VM has; its memory bound to nothing yet. Where the policy names the CPUs, with these.
static Plan *find_plan(const Request *request)
{
    g_autoptr(GPtrArray) no_cells = g_ptr_array_new();
    g_autoptr(Pool) isolated = pool_of_isolated(request->policy, request->host, request->taken);
    VmConfig unbound = *request->vm; // shares all but the cells, and is not freed
    Request wanted = *request;

    unbound.guest_cells = no_cells;
    wanted.vm = &unbound;
    wanted.pool = request->pool->source == POOL_POLICY ? request->pool : isolated;
    g_autoptr(Plan) plan = planner_place(&wanted);
    if (plan != NULL && hwloc_bitmap_isincluded(plan->cores, request->host->isolation->isolated)) {
        return g_steal_pointer(&plan);
    }
    wanted.pool = request->pool;
    return planner_place(&wanted);
}

/* Cells. */

static Cell *cell_on(GPtrArray *cells, guint node)
{
    for (guint i = 0; i < cells->len; i++) {
        Cell *cell = cells->pdata[i];
        if (hwloc_bitmap_isset(cell->nodes, node)) {
            return cell;
        }
    }
    Cell *cell = g_new0(Cell, 1);
    cell->vcpus = cpuset_new();
    cell->nodes = cpuset_new();
    hwloc_bitmap_set(cell->nodes, node);
    g_ptr_array_add(cells, cell);
    return cell;
}

/// A cell for each node that the vCPUs lie on.
static GPtrArray *cells_of(const Plan *plan)
{
    GPtrArray *cells = g_ptr_array_new_with_free_func(cell_free);

    for (guint i = 0; i < plan->vcpus->len; i++) {
        const PlanVcpu *vcpu = plan_vcpu(plan, i);
        hwloc_bitmap_set(cell_on(cells, vcpu->node)->vcpus, i);
    }
    return cells;
}

static gboolean is_of_any(const GPtrArray *cells, guint node)
{
    for (guint i = 0; i < cells->len; i++) {
        if (hwloc_bitmap_isset(((const Cell *)cells->pdata[i])->nodes, node)) {
            return TRUE;
        }
    }
    return FALSE;
}

/// The node with memory that is nearest to the first of @cell and of no cell; -1: there is none.
static int nearest_node(const Request *request, const GPtrArray *cells, const Cell *cell)
{
    guint nearest = G_MAXUINT, first = (guint)hwloc_bitmap_first(cell->nodes);
    int found = -1;

    for (guint i = 0; i < request->host->nodes->len; i++) {
        const HostNode *node = request->host->nodes->pdata[i];
        guint distance = host_distance(request->host, first, node->index);
        if (!is_of_any(cells, node->index) && distance < nearest &&
            host_node_available_mib(node, request->vm->hugepages) > 0) {
            nearest = distance;
            found = (int)node->index;
        }
    }
    return found;
}

static guint64 available_to(const Request *request, const GPtrArray *cells)
{
    guint64 available_mib = 0;

    for (guint i = 0; i < cells->len; i++) {
        available_mib += available_on(request, ((const Cell *)cells->pdata[i])->nodes);
    }
    return available_mib;
}

/// Where the nodes of the vCPUs have too little memory the last cell gets the nearest others too,
/// until it suffices.
static void find_memory(const Request *request, GPtrArray *cells)
{
    Cell *last = cells->pdata[cells->len - 1];

    while (available_to(request, cells) < request->vm->memory_mib) {
        int node = nearest_node(request, cells, last);
        if (node < 0) {
            return;
        }
        hwloc_bitmap_set(last->nodes, (unsigned)node);
    }
}

/// Splits the VM's memory, in multiples of @step MiB, as the vCPUs are split, or, where a node has
/// too little for that, as what is available. FALSE: there are no multiples for all.
static gboolean split_memory(const Request *request, GPtrArray *cells, guint64 step)
{
    guint64 total = request->vm->memory_mib, left = total;
    guint64 available = MAX(available_to(request, cells), 1);
    gboolean by_vcpus = TRUE;

    for (guint i = 0; i < cells->len; i++) {
        const Cell *cell = cells->pdata[i];
        by_vcpus &= available_on(request, cell->nodes) * request->vm->vcpus_most >=
                    total * cpuset_count(cell->vcpus);
    }
    for (guint i = 0; i < cells->len; i++) {
        Cell *cell = cells->pdata[i];
        guint64 part = by_vcpus ? cpuset_count(cell->vcpus) : available_on(request, cell->nodes);
        guint64 whole = by_vcpus ? request->vm->vcpus_most : available;
        /* Rounded up: what is left for the last is never more than its part. */
        guint64 share = (total * part + whole * step - 1) / (whole * step) * step;
        cell->memory_mib = i == cells->len - 1 ? left : MIN(left, share);
        left -= cell->memory_mib;
        if (cell->memory_mib == 0 || cell->memory_mib % step != 0) {
            return FALSE;
        }
    }
    return TRUE;
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
        const Cell *cell = cells->pdata[i];
        if (free_pages_mib(request, cell->nodes, size_mib) < cell->memory_mib) {
            return FALSE;
        }
    }
    return TRUE;
}

/// The size in MiB of the hugepages for the VM's memory, the largest of those that Proxmox knows
/// and that are free; 0: none.
static guint64 choose_hugepages(const Request *request, GPtrArray *cells)
{
    static const guint64 sizes[] = { 1024, 2 };

    for (gsize i = 0; request->vm->hugepages == NULL && i < G_N_ELEMENTS(sizes); i++) {
        if (split_memory(request, cells, sizes[i]) && have_pages(request, cells, sizes[i])) {
            return sizes[i];
        }
    }
    return 0;
}

/* Lines. */

static void add_line(GString *lines, const Request *request, const GString *options)
{
    if (options->len > 0) {
        g_string_append_printf(lines, "qm set %u%s\n", request->vmid, options->str);
    }
}

static void add_cpus(GString *lines, const Request *request, const Plan *plan)
{
    g_autofree char *command = advice_cpus_of(request, plan);

    g_string_append_printf(lines, "%s%s\n", command,
        !request->vm->freeze && g_str_has_prefix(command, "qm set ") ? " --freeze 1" : "");
}

/// Whether each cell has as many vCPUs.
static gboolean are_even(const GPtrArray *cells)
{
    guint first = cpuset_count(((const Cell *)cells->pdata[0])->vcpus);

    for (guint i = 1; i < cells->len; i++) {
        if (cpuset_count(((const Cell *)cells->pdata[i])->vcpus) != first) {
            return FALSE;
        }
    }
    return TRUE;
}

/// A socket for each cell. What `args` says of the topology stays.
static void add_sockets(GString *lines, const Request *request, const GPtrArray *cells)
{
    const VmConfig *vm = request->vm;
    guint sockets = are_even(cells) ? cells->len : 1;
    g_autoptr(GString) options = g_string_new(NULL);

    if (sockets != vm->sockets && (vm->args == NULL || strstr(vm->args, "-smp") == NULL)) {
        g_string_append_printf(
            options, " --sockets %u --cores %u", sockets, vm->vcpus_most / sockets);
    }
    add_line(lines, request, options);
}

static void add_cells(
    GString *lines, const Request *request, const GPtrArray *cells, guint64 hugepages_mib)
{
    g_autoptr(GString) options = g_string_new(" --numa 1");

    for (guint i = 0; i < cells->len; i++) {
        const Cell *cell = cells->pdata[i];
        g_autofree char *vcpus = cpuset_to_ids(cell->vcpus);
        g_autofree char *nodes = cpuset_to_ids(cell->nodes);
        advice_append_cell(options, i, vcpus, nodes, cell->memory_mib, "bind");
    }
    if (hugepages_mib > 0) {
        g_string_append_printf(options, " --hugepages %" G_GUINT64_FORMAT, hugepages_mib);
    }
    add_line(lines, request, options);
}

/// The numa lines that are too many.
static void add_deletions(GString *lines, const Request *request, guint cells)
{
    g_autoptr(GString) options = g_string_new(NULL);

    advice_append_deletions(options, request->vm, cells);
    add_line(lines, request, options);
}

static gboolean needs_cells(const Request *request)
{
    return host_count_memory_nodes(request->host) > 1 || request->vm->numa;
}

char *proposal_of(const Request *request, Plan **plan)
{
    g_autoptr(GString) lines = g_string_new(NULL);

    *plan = find_plan(request);
    if (*plan == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) cells = cells_of(*plan);
    add_cpus(lines, request, *plan);
    add_sockets(lines, request, cells);
    guint64 hugepages_mib = choose_hugepages(request, cells);
    if (hugepages_mib == 0) {
        find_memory(request, cells);
        split_memory(request, cells, vmconfig_memory_unit_mib(request->vm));
    }
    if (cells->len <= VMCONFIG_CELL_LIMIT && (needs_cells(request) || hugepages_mib > 0)) {
        add_deletions(lines, request, cells->len);
        add_cells(lines, request, cells, hugepages_mib);
    }
    return g_string_free(g_steal_pointer(&lines), FALSE);
}
