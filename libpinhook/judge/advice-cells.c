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
        if (hwloc_bitmap_intersects(given, cell->cpus)) {
            return FALSE;
        }
        hwloc_bitmap_or(given, given, cell->cpus);
    }
    return hwloc_bitmap_last(given) == (int)vm->vcpus_most - 1 &&
           cpuset_count(given) == vm->vcpus_most;
}

/// A hugepage, if the VM has these and its memory is a multiple of them.
static guint64 unit_of(const VmConfig *vm)
{
    guint64 unit_mib = vmconfig_memory_unit_mib(vm);

    return vm->memory_mib % unit_mib == 0 ? unit_mib : 1;
}

static gboolean memory_adds_up(const VmConfig *vm)
{
    guint64 sum = 0, unit_mib = unit_of(vm);

    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (cell->memory_mib == 0 || cell->memory_mib % unit_mib != 0) {
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
    guint64 unit_mib = unit_of(vm), units = vm->memory_mib / unit_mib;

    if (keep) {
        return ((const VmCell *)vm->cells->pdata[i])->memory_mib;
    }
    return (part_start(units, i + 1, vm->cells->len) - part_start(units, i, vm->cells->len)) *
           unit_mib;
}

static CpuSet *only_first(const CpuSet *nodes)
{
    CpuSet *first = cpuset_new();

    hwloc_bitmap_set(first, (unsigned)hwloc_bitmap_first(nodes));
    return first;
}

/// Those of @nodes, which are not none, that Proxmox can be told of: with hugepages one.
static CpuSet *nodes_to_tell(const Request *request, const CpuSet *nodes)
{
    return request->vm->hugepages != NULL ? only_first(nodes) : split_range(request, nodes);
}

/// The nodes that the cell keeps of @allowed, or the @i'th of @allowed, round and round.
static CpuSet *cell_nodes(
    const Request *request, const VmCell *cell, guint i, const CpuSet *allowed)
{
    g_autoptr(CpuSet) kept = cell->hostnodes != NULL ? cpuset_and(cell->hostnodes, allowed)
                                                     : cpuset_new();
    int node = -1;

    if (hwloc_bitmap_iszero(kept)) {
        for (guint steps = i % cpuset_count(allowed) + 1; steps > 0; steps--) {
            node = hwloc_bitmap_next(allowed, node);
        }
        hwloc_bitmap_set(kept, (unsigned)node);
    }
    return nodes_to_tell(request, kept);
}

/// More cells than vCPUs cannot be mended: without any, Proxmox splits the VM by socket.
static void delete_cells(Fix *fix, const Request *request)
{
    advice_delete_cells(fix, request->vm, 0);
}

/// How the numa lines are to be mended beyond their mistakes.
typedef struct {
    const CpuSet *nodes; // for cells that are bound to others; NULL: any of the host
    gboolean everywhere; // each bound cell gets all of `nodes`
    const char *policy;  // NULL: as it is
    const VmCell *only;  // this line alone; NULL: all
} Mend;

/// Hugepages want each cell bound.
static gboolean is_to_be_bound(const Request *request, const VmCell *cell)
{
    return cell->hostnodes != NULL || request->vm->hugepages != NULL;
}

static const char *policy_for(const Request *request, const VmCell *cell, const Mend *mend)
{
    if (!is_to_be_bound(request, cell) && cell->policy == NULL) {
        return NULL;
    }
    return mend->policy != NULL ? mend->policy : cell->policy != NULL ? cell->policy : "bind";
}

gboolean advice_cells_have_gap(const VmConfig *vm)
{
    return vm->cells->len > 0 &&
           ((const VmCell *)vm->cells->pdata[vm->cells->len - 1])->index != vm->cells->len - 1;
}

/// Proxmox knows no node above 9 where there are hugepages.
static CpuSet *nodes_of_host(const Request *request)
{
    CpuSet *nodes = host_node_numbers(request->host);

    if (request->vm->hugepages != NULL) {
        hwloc_bitmap_clr_range(nodes, VMCONFIG_HUGEPAGES_NODE_LIMIT, -1);
    }
    return nodes;
}

static Fix *mend_cells(Fix *fix, const Request *request, const Mend *mend)
{
    const VmConfig *vm = request->vm;
    g_autoptr(CpuSet) all = nodes_of_host(request);
    const CpuSet *allowed = mend->nodes != NULL ? mend->nodes : all;
    gboolean keep_vcpus = vcpus_are_given_once(vm), keep_memory = memory_adds_up(vm);
    const VmCell *only = advice_cells_have_gap(vm) ? NULL : mend->only;

    if (vm->cells->len > vm->vcpus_most || hwloc_bitmap_iszero(allowed)) {
        delete_cells(fix, request);
        return fix;
    }
    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (only != NULL && only->index != cell->index) {
            continue;
        }
        g_autofree char *vcpus = cell_vcpus(vm, i, keep_vcpus);
        g_autoptr(CpuSet) nodes = mend->everywhere ? nodes_to_tell(request, allowed)
                                                   : cell_nodes(request, cell, i, allowed);
        split_set_cell(fix, i, vcpus, is_to_be_bound(request, cell) ? nodes : NULL,
            cell_memory(vm, i, keep_memory), policy_for(request, cell, mend));
    }
    advice_delete_cells(fix, vm, vm->cells->len);
    return fix;
}

Fix *advice_cells(const Request *request)
{
    return mend_cells(fix_new(), request, &(Mend){ 0 });
}

Fix *advice_preferred_cell(const Request *request, const VmCell *cell)
{
    return mend_cells(fix_new(), request, &(Mend){ .policy = "preferred", .only = cell });
}

Fix *advice_move_cell(const Request *request, const VmCell *cell, const CpuSet *nodes)
{
    return mend_cells(
        fix_new(), request, &(Mend){ .nodes = nodes, .everywhere = TRUE, .only = cell });
}

Fix *advice_cells_of_pool(const Request *request)
{
    g_autoptr(Plan) plan = advice_place_unbound(request);
    g_autoptr(CpuSet) nodes = plan != NULL ? host_nodes_of(request->host, plan->cpus) : NULL;

    if (nodes != NULL && !advice_can_be_told(request->vm, nodes)) {
        return advice_cell_per_node(request, plan);
    }
    return nodes != NULL
               ? mend_cells(fix_new(), request, &(Mend){ .nodes = nodes, .everywhere = TRUE })
               : NULL;
}

gboolean advice_can_be_told(const VmConfig *vm, const CpuSet *nodes)
{
    return vm->hugepages != NULL ? cpuset_count(nodes) == 1 &&
                                       hwloc_bitmap_last(nodes) < VMCONFIG_HUGEPAGES_NODE_LIMIT
                                 : split_is_range(nodes);
}

/// All of the VM in one cell.
static void set_one_cell(Fix *fix, const VmConfig *vm, const CpuSet *nodes)
{
    g_autoptr(CpuSet) all = cpuset_new();

    hwloc_bitmap_set_range(all, 0, (int)vm->vcpus_most - 1);
    g_autofree char *vcpus = cpuset_to_ids(all);
    split_set_cell(fix, 0, vcpus, nodes, vm->memory_mib, "bind");
}

/// All of it on @nodes. NULL: the VM has cells, they would be in the way of hot-plugged memory, or
/// Proxmox cannot be told of @nodes.
static Fix *bind_to(const Request *request, const CpuSet *nodes)
{
    const VmConfig *vm = request->vm;

    if (vm->cells->len > 0 || vm->memory_hotplug || !advice_can_be_told(vm, nodes)) {
        return NULL;
    }
    Fix *fix = fix_set(fix_new(), "numa", "1");
    set_one_cell(fix, vm, nodes);
    return fix;
}

Fix *advice_bind_memory(const Request *request, const Plan *plan)
{
    const VmConfig *vm = request->vm;
    g_autoptr(CpuSet)
        nodes = host_nodes_of(request->host, plan != NULL ? plan->cpus : request->pool->online);

    if (vm->hugepages != NULL && vm->cells->len == 0 && unit_of(vm) == 1) {
        return advice_hugepages(request);
    }
    Fix *fix = bind_to(request, nodes);
    return fix == NULL && vm->cells->len == 0 && plan != NULL ? advice_cell_per_node(request, plan)
                                                              : fix;
}

/* Hugepages. */

/// A size that the memory of @vm is a multiple of, in as many parts as it has cells; its memory is
/// even. NULL: that which it has.
static const char *other_size(const VmConfig *vm)
{
    guint64 unit_mib = vmconfig_memory_unit_mib(vm);

    return vm->memory_mib % unit_mib == 0 && vm->memory_mib / unit_mib >= vm->cells->len ? NULL
                                                                                         : "2";
}

/// Where the VM's CPUs are, if its memory can be there; else the first node that has any.
static CpuSet *node_for_pages(const Request *request)
{
    g_autoptr(Plan) plan = advice_place_unbound(request);
    g_autoptr(CpuSet) all = nodes_of_host(request);
    g_autoptr(CpuSet) of_plan = plan != NULL ? host_nodes_of(request->host, plan->cpus)
                                             : cpuset_new();
    g_autoptr(CpuSet) both = cpuset_and(of_plan, all);

    return only_first(hwloc_bitmap_iszero(both) ? all : both);
}

Fix *advice_hugepages(const Request *request)
{
    VmConfig vm = *request->vm; // shares all else, and is not freed
    Request changed = *request;
    Fix *fix = vm.memory_hotplug ? advice_hotplug_without(&vm, "memory") : fix_new();

    changed.vm = &vm;
    if (!vm.numa) {
        fix_set(fix, "numa", "1");
    }
    if (vm.memory_mib % 2 != 0) {
        fix_set_number(fix, "memory", ++vm.memory_mib);
    }
    const char *size = other_size(&vm);
    if (size != NULL) {
        fix_set(fix, "hugepages", size);
        vm.hugepages = (char *)size;
    }
    if (vm.cells->len > 0) {
        return mend_cells(fix, &changed, &(Mend){ 0 });
    }
    g_autoptr(CpuSet) node = node_for_pages(&changed);
    set_one_cell(fix, &vm, node);
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
        if (hwloc_bitmap_intersects(given, cell->cpus)) {
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
    if (request->vm->memory_hotplug || !guest_cells_are_whole(request->vm)) {
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
