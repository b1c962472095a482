// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/room.h"

#include "place/matching.h"

typedef struct {
    const Nodes *nodes;
    const NodeMask *of_cell;
    NodeMask all;
} Room;

/// Demands: the cells in their order, then the memory that is in none.
static gboolean memory_fits(guint supply, guint demand, gpointer data)
{
    const Room *room = data;
    const VmConfig *vm = room->nodes->request->vm;
    const HostNode *node = room->nodes->request->host->nodes->pdata[supply];
    const VmCell *cell = demand < vm->guest_cells->len ? vm->guest_cells->pdata[demand] : NULL;

    if (cell != NULL && cell->hostnodes != NULL) {
        return hwloc_bitmap_isset(cell->hostnodes, node->index);
    }
    int place = nodes_place(room->nodes, node->index);
    NodeMask on = cell != NULL ? room->of_cell[demand] : room->all;
    return place >= 0 && (on & NODE_BIT(place)) != 0;
}

/// By cell, then what is in none. Returns the sum.
static guint64 find_needs(const VmConfig *vm, guint64 *needs)
{
    guint cells = vm->guest_cells->len;
    guint64 total = 0;

    needs[cells] = vm->memory_mib;
    for (guint i = 0; i < cells; i++) {
        needs[i] = ((const VmCell *)vm->guest_cells->pdata[i])->memory_mib;
        needs[cells] -= MIN(needs[cells], needs[i]);
        total += needs[i];
    }
    return total + needs[cells];
}

static guint64 missing_of_one(const Nodes *nodes, NodeMask all)
{
    guint64 missing = nodes->request->vm->memory_mib;

    for (NodeMask rest = all; rest != 0; rest &= rest - 1) {
        missing -= MIN(missing, nodes->all[__builtin_ctzll(rest)].memory_mib);
    }
    return missing;
}

guint64 room_missing_mib(const Nodes *nodes, const NodeMask *of_cell, NodeMask all)
{
    const VmConfig *vm = nodes->request->vm;
    const GPtrArray *host_nodes = nodes->request->host->nodes;
    guint needs_count = vm->guest_cells->len + 1;
    Room room = { .nodes = nodes, .of_cell = of_cell, .all = all };

    if (needs_count == 1) {
        return missing_of_one(nodes, all);
    }
    g_autofree guint64 *supplies = g_new(guint64, host_nodes->len + 1);
    g_autofree guint64 *needs = g_new(guint64, needs_count);
    g_autofree guint64 *given = g_new0(guint64, (gsize)host_nodes->len * needs_count + 1);
    guint64 missing = find_needs(vm, needs);

    for (guint i = 0; i < host_nodes->len; i++) {
        supplies[i] = host_node_available_mib(host_nodes->pdata[i], vm->hugepages);
    }
    matching_find(supplies, host_nodes->len, needs, needs_count, memory_fits, &room, given);
    for (guint i = 0; i < host_nodes->len * needs_count; i++) {
        missing -= given[i];
    }
    return missing;
}
