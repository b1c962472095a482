// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/demand.h"

static void demand_free(gpointer data)
{
    Demand *demand = data;

    hwloc_bitmap_free(demand->nodes);
    g_array_unref(demand->units);
    g_free(demand);
}

/// Whose vCPU it is, and where it may lie.
typedef struct {
    guint cell;
    const CpuSet *nodes; // NULL: anywhere
} Home;

/// By vCPU: of the first cell that names it, and the hostnodes of the first that has any.
static Home *find_homes(const VmConfig *vm)
{
    Home *homes = g_new(Home, vm->vcpus_most);

    for (guint i = 0; i < vm->vcpus_most; i++) {
        homes[i] = (Home){ .cell = vm->guest_cells->len };
    }
    for (guint i = vm->guest_cells->len; i-- > 0;) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        unsigned vcpu;
        hwloc_bitmap_foreach_begin (vcpu, cell->cpus) {
            if (vcpu < vm->vcpus_most) {
                homes[vcpu].cell = i;
                homes[vcpu].nodes = cell->hostnodes != NULL ? cell->hostnodes : homes[vcpu].nodes;
            }
        }
        hwloc_bitmap_foreach_end();
    }
    return homes;
}

/// Where all of @count vCPUs may lie; NULL: anywhere. The caller frees it.
static CpuSet *nodes_in_common(const Home *homes, guint count)
{
    CpuSet *common = NULL;

    for (guint i = 0; i < count; i++) {
        if (homes[i].nodes != NULL && common == NULL) {
            common = cpuset_copy(homes[i].nodes);
        } else if (homes[i].nodes != NULL) {
            hwloc_bitmap_and(common, common, homes[i].nodes);
        }
    }
    return common;
}

static gboolean is_like(const Demand *demand, guint cell, const CpuSet *nodes, guint size)
{
    if (demand->cell != cell || demand->size != size ||
        (demand->nodes == NULL) != (nodes == NULL)) {
        return FALSE;
    }
    return nodes == NULL || hwloc_bitmap_isequal(demand->nodes, nodes);
}

/// The demand of that kind, a new one if need be. Takes @nodes.
static Demand *demand_like(GPtrArray *demands, guint cell, CpuSet *nodes, guint size)
{
    for (guint i = 0; i < demands->len; i++) {
        if (is_like(demands->pdata[i], cell, nodes, size)) {
            hwloc_bitmap_free(nodes);
            return demands->pdata[i];
        }
    }
    Demand *demand = g_new(Demand, 1);
    *demand = (Demand){ .cell = cell,
        .nodes = nodes,
        .size = size,
        .units = g_array_new(FALSE, FALSE, sizeof(guint)) };
    g_ptr_array_add(demands, demand);
    return demand;
}

static GPtrArray *demands_at(const VmConfig *vm, const Home *homes, guint unit)
{
    GPtrArray *demands = g_ptr_array_new_with_free_func(demand_free);

    for (guint first = 0; first < vm->vcpus_most; first += unit) {
        guint size = MIN(unit, vm->vcpus_most - first);
        CpuSet *nodes = nodes_in_common(homes + first, size);
        Demand *demand = demand_like(demands, homes[first].cell, nodes, size);
        g_array_append_val(demand->units, first);
    }
    return demands;
}

GPtrArray *demands_of(const VmConfig *vm, guint unit)
{
    g_autofree Home *homes = find_homes(vm);

    return demands_at(vm, homes, unit);
}

GPtrArray *demands_of_one_cell(const VmConfig *vm, guint unit)
{
    g_autofree Home *homes = find_homes(vm);

    for (guint i = 0; i < vm->vcpus_most; i++) {
        homes[i].cell = vm->guest_cells->len;
    }
    return demands_at(vm, homes, unit);
}
