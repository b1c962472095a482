// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/split.h"

#include <string.h>

static void cell_free(gpointer data)
{
    SplitCell *cell = data;

    hwloc_bitmap_free(cell->vcpus);
    hwloc_bitmap_free(cell->nodes);
    g_free(cell);
}

GPtrArray *split_new(void)
{
    return g_ptr_array_new_with_free_func(cell_free);
}

/// The cell on @node among those from @first on; a new one where there is none.
static SplitCell *cell_on(GPtrArray *cells, guint first, guint node)
{
    for (guint i = first; i < cells->len; i++) {
        SplitCell *cell = cells->pdata[i];
        if (hwloc_bitmap_isset(cell->nodes, node)) {
            return cell;
        }
    }
    SplitCell *cell = g_new(SplitCell, 1);
    *cell = (SplitCell){ .vcpus = cpuset_new(), .nodes = cpuset_new() };
    hwloc_bitmap_set(cell->nodes, node);
    g_ptr_array_add(cells, cell);
    return cell;
}

/// Each cell's share ends where that of all vCPUs so far does, rounded up to a multiple.
static gboolean share_memory(
    GPtrArray *cells, guint first, guint vcpus, guint64 memory_mib, guint64 unit_mib)
{
    guint64 given_mib = 0, step = vcpus * unit_mib;
    gboolean even = TRUE;
    guint so_far = 0;

    for (guint i = first; i < cells->len; i++) {
        SplitCell *cell = cells->pdata[i];
        so_far += cpuset_count(cell->vcpus);
        guint64 end_mib = MIN((memory_mib * so_far + step - 1) / step * unit_mib, memory_mib);
        cell->memory_mib = end_mib - given_mib;
        given_mib = end_mib;
        even &= cell->memory_mib > 0 && cell->memory_mib % unit_mib == 0;
    }
    return even;
}

gboolean split_add(
    GPtrArray *cells, const Plan *plan, const CpuSet *vcpus, guint64 memory_mib, guint64 unit_mib)
{
    guint first = cells->len;
    unsigned vcpu;

    hwloc_bitmap_foreach_begin (vcpu, vcpus) {
        hwloc_bitmap_set(cell_on(cells, first, plan_vcpu(plan, vcpu)->node)->vcpus, vcpu);
    }
    hwloc_bitmap_foreach_end();
    return share_memory(cells, first, cpuset_count(vcpus), memory_mib, unit_mib);
}

/* Memory of nodes. */

guint64 *split_room(const Request *request, guint64 unit_mib)
{
    const GPtrArray *nodes = request->host->nodes;
    guint64 *room_mib = g_new0(guint64, MAX(nodes->len, 1));

    for (guint i = 0; i < nodes->len; i++) {
        room_mib[i] = host_node_available_mib(nodes->pdata[i], request->vm->hugepages) / unit_mib *
                      unit_mib;
    }
    return room_mib;
}

guint64 split_take(guint64 *room_mib, const Host *host, const CpuSet *nodes, guint64 needed_mib)
{
    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        if (hwloc_bitmap_isset(nodes, node->index)) {
            guint64 taken_mib = MIN(room_mib[i], needed_mib);
            room_mib[i] -= taken_mib;
            needed_mib -= taken_mib;
        }
    }
    return needed_mib;
}

gboolean split_fit(GPtrArray *cells, const Request *request)
{
    g_autofree guint64 *room_mib = split_room(request, vmconfig_memory_unit_mib(request->vm));
    guint64 over_mib = 0;
    gboolean all = TRUE;

    for (guint i = 0; i < cells->len; i++) {
        SplitCell *cell = cells->pdata[i];
        guint64 short_mib = split_take(room_mib, request->host, cell->nodes, cell->memory_mib);
        cell->memory_mib -= short_mib;
        over_mib += short_mib;
    }
    for (guint i = 0; i < cells->len; i++) {
        SplitCell *cell = cells->pdata[i];
        guint64 short_mib = split_take(room_mib, request->host, cell->nodes, over_mib);
        cell->memory_mib += over_mib - short_mib;
        over_mib = short_mib;
        all &= cell->memory_mib > 0;
    }
    return over_mib == 0 && all;
}

/* Options. */

/// The last of the numbers from @first on that are all in @nodes.
static guint range_end(const CpuSet *nodes, guint first)
{
    return (guint)hwloc_bitmap_next_unset(nodes, (int)first) - 1;
}

static guint64 room_of(const Request *request, const CpuSet *nodes)
{
    g_autofree guint64 *room_mib = split_room(request, 1);

    return G_MAXINT64 - split_take(room_mib, request->host, nodes, G_MAXINT64);
}

CpuSet *split_range(const Request *request, const CpuSet *nodes)
{
    CpuSet *best = cpuset_new();
    int first = hwloc_bitmap_first(nodes);

    while (first >= 0) {
        guint last = range_end(nodes, (guint)first);
        g_autoptr(CpuSet) range = cpuset_new();
        hwloc_bitmap_set_range(range, (unsigned)first, (int)last);
        if (hwloc_bitmap_iszero(best) || room_of(request, range) > room_of(request, best)) {
            hwloc_bitmap_copy(best, range);
        }
        first = hwloc_bitmap_next(nodes, (int)last);
    }
    return best;
}

gboolean split_is_range(const CpuSet *nodes)
{
    int first = hwloc_bitmap_first(nodes);

    return first >= 0 && (int)range_end(nodes, (guint)first) == hwloc_bitmap_last(nodes);
}

/// ",hostnodes=0-1".
static char *print_nodes(const CpuSet *nodes)
{
    g_autoptr(CpuSet) range = cpuset_new();
    guint first = (guint)hwloc_bitmap_first(nodes);

    hwloc_bitmap_set_range(range, first, (int)range_end(nodes, first));
    g_autofree char *ids = cpuset_to_ids(range);
    return g_strconcat(",hostnodes=", ids, NULL);
}

void split_set_cell(Fix *fix, guint index, const char *vcpus, const CpuSet *nodes,
    guint64 memory_mib, const char *policy)
{
    g_autofree char *key = g_strdup_printf("numa%u", index);
    g_autofree char *hostnodes = nodes != NULL ? print_nodes(nodes) : g_strdup("");
    g_autofree char *binding = policy != NULL ? g_strconcat(",policy=", policy, NULL)
                                              : g_strdup("");
    g_autofree char *value = g_strdup_printf(
        "cpus=%s%s,memory=%" G_GUINT64_FORMAT "%s", vcpus, hostnodes, memory_mib, binding);

    fix_set(fix, key, value);
}

void split_set(Fix *fix, const GPtrArray *cells, const char *policy)
{
    for (guint i = 0; i < cells->len; i++) {
        const SplitCell *cell = cells->pdata[i];
        g_autofree char *vcpus = cpuset_to_ids(cell->vcpus);
        split_set_cell(fix, i, vcpus, cell->nodes, cell->memory_mib, policy);
    }
}
