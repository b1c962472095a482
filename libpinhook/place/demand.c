// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/demand.h"

static void demand_free(gpointer data)
{
    Demand *demand = data;

    hwloc_bitmap_free(demand->nodes);
    g_array_unref(demand->units);
    g_free(demand);
}

/// By vCPU the hostnodes of its cell; NULL: none.
static const CpuSet **find_nodes(const VmConfig *vm)
{
    const CpuSet **nodes = g_new0(const CpuSet *, vm->vcpus_most);

    for (guint i = vm->guest_cells->len; i-- > 0;) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        unsigned vcpu;
        if (cell->hostnodes == NULL) {
            continue;
        }
        hwloc_bitmap_foreach_begin (vcpu, cell->cpus) {
            if (vcpu < vm->vcpus_most) {
                nodes[vcpu] = cell->hostnodes;
            }
        }
        hwloc_bitmap_foreach_end();
    }
    return nodes;
}

/// Where all of @count vCPUs may lie; NULL: anywhere. The caller frees it.
static CpuSet *nodes_in_common(const CpuSet *const *nodes, guint count)
{
    CpuSet *common = NULL;

    for (guint i = 0; i < count; i++) {
        if (nodes[i] != NULL && common == NULL) {
            common = cpuset_copy(nodes[i]);
        } else if (nodes[i] != NULL) {
            hwloc_bitmap_and(common, common, nodes[i]);
        }
    }
    return common;
}

static gboolean is_like(const Demand *demand, const CpuSet *nodes, guint size)
{
    if (demand->size != size || (demand->nodes == NULL) != (nodes == NULL)) {
        return FALSE;
    }
    return nodes == NULL || hwloc_bitmap_isequal(demand->nodes, nodes);
}

/// The demand of that kind, a new one if need be. Takes @nodes.
static Demand *demand_like(GPtrArray *demands, CpuSet *nodes, guint size)
{
    for (guint i = 0; i < demands->len; i++) {
        if (is_like(demands->pdata[i], nodes, size)) {
            hwloc_bitmap_free(nodes);
            return demands->pdata[i];
        }
    }
    Demand *demand = g_new(Demand, 1);
    *demand = (Demand){
        .nodes = nodes, .size = size, .units = g_array_new(FALSE, FALSE, sizeof(guint))
    };
    g_ptr_array_add(demands, demand);
    return demand;
}

GPtrArray *demands_of(const VmConfig *vm, guint unit)
{
    GPtrArray *demands = g_ptr_array_new_with_free_func(demand_free);
    g_autofree const CpuSet **nodes = find_nodes(vm);

    for (guint first = 0; first < vm->vcpus_most; first += unit) {
        guint size = MIN(unit, vm->vcpus_most - first);
        Demand *demand = demand_like(demands, nodes_in_common(nodes + first, size), size);
        g_array_append_val(demand->units, first);
    }
    return demands;
}

guint demands_count_units(const GPtrArray *demands)
{
    guint count = 0;

    for (guint i = 0; i < demands->len; i++) {
        count += ((const Demand *)demands->pdata[i])->units->len;
    }
    return count;
}
