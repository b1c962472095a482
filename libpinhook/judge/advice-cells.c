// SPDX-License-Identifier: LGPL-2.1-or-later
/* What there is to say of the numa lines. */
#include "judge/advice.h"

#include "judge/split.h"

#include <string.h>

static gboolean vcpus_are_given_once(const VmConfig *vm)
{
    g_autoptr(CpuSet) given = cpuset_new();

    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (cell->cpus == NULL || hwloc_bitmap_intersects(given, cell->cpus)) {
            return FALSE;
        }
        hwloc_bitmap_or(given, given, cell->cpus);
    }
    return hwloc_bitmap_last(given) == (int)vm->vcpus_most - 1 &&
           cpuset_count(given) == vm->vcpus_most;
}

static gboolean memory_adds_up(const VmConfig *vm)
{
    guint64 sum = 0;

    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (cell->memory_mib == 0) {
            return FALSE;
        }
        sum += cell->memory_mib;
    }
    return sum == vm->memory_mib;
}

/// The @i'th of @count equal parts of @total begins here.
static guint64 part_start(guint64 total, guint i, guint count)
{
    return total * i / count;
}

static char *cell_vcpus(const VmConfig *vm, guint i, gboolean keep)
{
    g_autoptr(CpuSet) split = cpuset_new();
    guint64 first = part_start(vm->vcpus_most, i, vm->cells->len);
    guint64 end = part_start(vm->vcpus_most, i + 1, vm->cells->len);

    if (keep) {
        return cpuset_to_ids(((const VmCell *)vm->cells->pdata[i])->cpus);
    }
    if (end > first) {
        hwloc_bitmap_set_range(split, (unsigned)first, (int)end - 1);
    }
    return cpuset_to_ids(split);
}

static guint64 cell_memory(const VmConfig *vm, guint i, gboolean keep)
{
    if (keep) {
        return ((const VmCell *)vm->cells->pdata[i])->memory_mib;
    }
    return part_start(vm->memory_mib, i + 1, vm->cells->len) -
           part_start(vm->memory_mib, i, vm->cells->len);
}

/// The nodes that the cell keeps of @allowed, or the @i'th of @allowed, round and round.
static char *cell_nodes(const VmCell *cell, guint i, const CpuSet *allowed)
{
    g_autoptr(CpuSet) kept = cpuset_and(cell->hostnodes, allowed);
    int node = -1;

    if (hwloc_bitmap_iszero(kept)) {
        for (guint steps = i % cpuset_count(allowed) + 1; steps > 0; steps--) {
            node = hwloc_bitmap_next(allowed, node);
        }
        hwloc_bitmap_set(kept, (unsigned)node);
    }
    return cpuset_to_ids(kept);
}

/// More cells than vCPUs cannot be mended: without any, Proxmox splits the VM by socket.
static Fix *delete_cells(const Request *request)
{
    Fix *fix = fix_new();

    advice_delete_cells(fix, request->vm, 0);
    return fix;
}

/// How the numa lines are to be mended beyond their mistakes.
typedef struct {
    const CpuSet *nodes; // for cells that are bound to others; NULL: any of the host
    gboolean everywhere; // each bound cell gets all of `nodes`
    const char *policy;  // NULL: as it is
    const VmCell *only;  // this line alone; NULL: all
} Mend;

static const char *policy_for(const VmCell *cell, const Mend *mend)
{
    if (cell->hostnodes == NULL && cell->policy == NULL) {
        return NULL;
    }
    return mend->policy != NULL ? mend->policy : cell->policy != NULL ? cell->policy : "bind";
}

static Fix *mend_cells(const Request *request, const Mend *mend)
{
    const VmConfig *vm = request->vm;
    g_autoptr(CpuSet) all = host_node_numbers(request->host);
    const CpuSet *allowed = mend->nodes != NULL ? mend->nodes : all;
    gboolean keep_vcpus = vcpus_are_given_once(vm), keep_memory = memory_adds_up(vm);

    if (vm->cells->len > vm->vcpus_most || hwloc_bitmap_iszero(allowed)) {
        return delete_cells(request);
    }
    Fix *fix = fix_new();
    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (mend->only != NULL && mend->only->index != cell->index) {
            continue;
        }
        g_autofree char *vcpus = cell_vcpus(vm, i, keep_vcpus);
        g_autofree char *nodes = cell->hostnodes == NULL ? NULL
                                 : mend->everywhere      ? cpuset_to_ids(allowed)
                                                         : cell_nodes(cell, i, allowed);
        split_set_cell(fix, cell->index, vcpus, nodes, cell_memory(vm, i, keep_memory),
            policy_for(cell, mend));
    }
    return fix;
}

Fix *advice_cells(const Request *request)
{
    return mend_cells(request, &(Mend){ 0 });
}

Fix *advice_preferred_cell(const Request *request, const VmCell *cell)
{
    return mend_cells(request, &(Mend){ .policy = "preferred", .only = cell });
}

Fix *advice_move_cell(const Request *request, const VmCell *cell, const CpuSet *nodes)
{
    return mend_cells(request, &(Mend){ .nodes = nodes, .everywhere = TRUE, .only = cell });
}

Fix *advice_cells_of_pool(const Request *request)
{
    g_autoptr(Plan) plan = advice_place_unbound(request);
    g_autoptr(CpuSet) nodes = plan != NULL ? host_nodes_of(request->host, plan->cpus) : NULL;

    return nodes != NULL ? mend_cells(request, &(Mend){ .nodes = nodes, .everywhere = TRUE })
                         : NULL;
}

Fix *advice_bind_memory(const Request *request, const CpuSet *nodes)
{
    const VmConfig *vm = request->vm;
    g_autoptr(CpuSet) all = cpuset_new();

    if (vm->cells->len > 0 || hwloc_bitmap_iszero(nodes)) {
        return NULL;
    }
    hwloc_bitmap_set_range(all, 0, (int)vm->vcpus_most - 1);
    g_autofree char *vcpus = cpuset_to_ids(all);
    g_autofree char *ids = cpuset_to_ids(nodes);
    Fix *fix = fix_set(fix_new(), "numa", "1");
    split_set_cell(fix, 0, vcpus, ids, vm->memory_mib, "bind");
    return fix;
}

/* A cell for each node. */

/// The guest's cells by node. FALSE: one of them has no memory, or has to share it unevenly.
static gboolean split_guest(GPtrArray *cells, const Request *request, const Plan *plan)
{
    const VmConfig *vm = request->vm;
    guint64 unit_mib = vmconfig_memory_unit_mib(vm);
    gboolean even = TRUE;

    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        even &= split_add(cells, plan, cell->cpus, cell->memory_mib, unit_mib);
    }
    if (vm->guest_cells->len == 0) {
        g_autoptr(CpuSet) all = cpuset_new();
        hwloc_bitmap_set_range(all, 0, (int)vm->vcpus_most - 1);
        even &= split_add(cells, plan, all, vm->memory_mib, unit_mib);
    }
    return even;
}

void advice_delete_cells(Fix *fix, const VmConfig *vm, guint count)
{
    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        g_autofree char *key = g_strdup_printf("numa%u", cell->index);
        if (cell->index >= count) {
            fix_set(fix, key, NULL);
        }
    }
}

static gboolean guest_cells_are_whole(const VmConfig *vm)
{
    g_autoptr(CpuSet) given = cpuset_new();
    guint64 memory_mib = 0;

    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        if (cell->cpus == NULL || hwloc_bitmap_intersects(given, cell->cpus)) {
            return FALSE;
        }
        hwloc_bitmap_or(given, given, cell->cpus);
        memory_mib += cell->memory_mib;
    }
    return vm->guest_cells->len == 0 ||
           (hwloc_bitmap_last(given) == (int)vm->vcpus_most - 1 &&
               cpuset_count(given) == vm->vcpus_most && memory_mib == vm->memory_mib);
}

Fix *advice_cell_per_node(const Request *request, const Plan *plan)
{
    if (!guest_cells_are_whole(request->vm)) {
        return NULL;
    }
    g_autoptr(GPtrArray) even = split_new(), fitted = split_new();
    if (!split_guest(even, request, plan) || even->len > VMCONFIG_CELL_LIMIT) {
        return NULL;
    }
    split_guest(fitted, request, plan);
    gboolean fits = split_fit(fitted, request);
    Fix *fix = fix_set(fix_new(), "numa", "1");
    split_set(fix, fits ? fitted : even, fits ? "bind" : "preferred");
    advice_delete_cells(fix, request->vm, even->len);
    return fix;
}
