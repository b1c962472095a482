// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

#include "judge/split.h"

static void check_cell_vcpus(Check *check)
{
    const VmConfig *vm = check->request->vm;
    g_autoptr(CpuSet) all = cpuset_new(), seen = cpuset_new(), doubled = cpuset_new();

    hwloc_bitmap_set_range(all, 0, (int)vm->vcpus_most - 1);
    g_autofree char *have = cpuset_to_list(all);
    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        g_autoptr(CpuSet) beyond = cpuset_minus(cell->cpus, all);
        if (!hwloc_bitmap_iszero(beyond)) {
            g_autofree char *ids = cpuset_to_list(cell->cpus);
            if (check_add(check, FINDING_CELL_CPUS,
                    "numa%u: cpus=%s are ids of vCPUs, and this VM has vCPU %s", cell->index, ids,
                    have)) {
                check_offer(check, advice_cells(check->request));
            }
            return;
        }
        g_autoptr(CpuSet) again = cpuset_and(seen, cell->cpus);
        hwloc_bitmap_or(doubled, doubled, again);
        hwloc_bitmap_or(seen, seen, cell->cpus);
    }
    g_autoptr(CpuSet) missing = cpuset_minus(all, seen);
    const CpuSet *wrong = hwloc_bitmap_iszero(doubled) ? missing : doubled;
    if (!hwloc_bitmap_iszero(wrong)) {
        g_autofree char *ids = cpuset_to_list(wrong);
        if (check_add(check, FINDING_CELL_CPUS, "vCPU %s is in %s", ids,
                wrong == missing ? "no cell" : "several cells")) {
            check_offer(check, advice_cells(check->request));
        }
    }
}

static gboolean is_whole(double number)
{
    return number == (double)(guint64)number;
}

static void check_cell_memory(Check *check)
{
    const VmConfig *vm = check->request->vm;
    double sum = 0;

    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (cell->hostnodes != NULL && cell->policy == NULL) {
            if (check_add(check, FINDING_CELL_MEMORY, "numa%u has hostnodes but no policy",
                    cell->index)) {
                check_offer(check, advice_cells(check->request));
            }
            return;
        }
        if (cell->memory_mib == 0) {
            if (check_add(check, FINDING_CELL_MEMORY, "numa%u has no memory", cell->index)) {
                check_offer(check, advice_cells(check->request));
            }
            return;
        }
        if (!is_whole(cell->memory * 1024 * 1024)) {
            if (check_add(check, FINDING_CELL_MEMORY, "numa%u: %g MiB are no whole bytes",
                    cell->index, cell->memory)) {
                check_offer(check, advice_cells(check->request));
            }
            return;
        }
        sum += cell->memory;
    }
    if (sum != (double)vm->memory_mib) {
        if (check_add(check, FINDING_CELL_MEMORY,
                "the cells have %.10g MiB, the VM %" G_GUINT64_FORMAT, sum, vm->memory_mib)) {
            check_offer(check, advice_cells(check->request));
        }
    }
}

/// Of `0;2` Proxmox makes 02, of others what QEMU refuses (PVE::QemuServer::Memory,
/// print_numa_hostnodes).
static void check_node_lists(Check *check)
{
    const GPtrArray *cells = check->request->vm->cells;

    for (guint i = 0; i < cells->len; i++) {
        const VmCell *cell = cells->pdata[i];
        if (cell->node_list == NULL) {
            continue;
        }
        if (check_add(check, FINDING_HOSTNODES_LIST,
                "numa%u: Proxmox cannot bind to a list such as hostnodes=%.40s, only to one node "
                "or a range",
                cell->index, cell->node_list)) {
            check_offer(check, advice_cells(check->request));
        }
        return;
    }
}

/// QEMU: "Node ID missing".
static void check_gap(Check *check)
{
    const VmConfig *vm = check->request->vm;
    guint missing = 0;

    while (
        missing < vm->cells->len && ((const VmCell *)vm->cells->pdata[missing])->index == missing) {
        missing++;
    }
    if (missing < vm->cells->len &&
        check_add(check, FINDING_CELL_GAP, "there is a numa%u and no numa%u",
            ((const VmCell *)vm->cells->pdata[missing])->index, missing)) {
        check_offer(check, advice_cells(check->request));
    }
}

/// Whether the host has all the nodes that are named.
static gboolean check_cell_nodes(Check *check)
{
    const VmConfig *vm = check->request->vm;
    g_autoptr(CpuSet) missing = cpuset_new();

    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        unsigned node;
        if (cell->hostnodes == NULL) {
            continue;
        }
        hwloc_bitmap_foreach_begin (node, cell->hostnodes) {
            if (host_node(check->request->host, node) == NULL) {
                hwloc_bitmap_set(missing, node);
            }
        }
        hwloc_bitmap_foreach_end();
    }
    if (!hwloc_bitmap_iszero(missing)) {
        g_autofree char *nodes = cpuset_to_list(missing);
        if (check_add(check, FINDING_NODE_MISSING,
                "hostnodes names node %s, which this host does not have", nodes)) {
            check_offer(check, advice_cells(check->request));
        }
    }
    return hwloc_bitmap_iszero(missing);
}

/// Another node with room for the cell; where there is none, whatever memory is left.
static Fix *fix_node_memory(const Check *check, const guint64 *left_mib, const VmCell *cell)
{
    const Host *host = check->request->host;
    g_autoptr(CpuSet) roomy = cpuset_new();

    for (guint i = 0; i < host->nodes->len && hwloc_bitmap_iszero(roomy); i++) {
        const HostNode *node = host->nodes->pdata[i];
        if (left_mib[i] >= cell->memory_mib && !hwloc_bitmap_iszero(node->cpus)) {
            hwloc_bitmap_set(roomy, node->index);
        }
    }
    return hwloc_bitmap_iszero(roomy) ? advice_preferred_cell(check->request, cell)
                                      : advice_move_cell(check->request, cell, roomy);
}

/// Memory that cells take from, cell by cell.
typedef struct {
    guint64 *left_mib; // of each node
    guint64 arc_mib;   // what ZFS may give back on any
} Room;

/// "; ZFS's cache may give back 4096 MiB, on whichever node". @covers: that is enough.
static char *tell_arc(const Check *check, guint64 arc_mib, gboolean covers)
{
    const char *unread = check->request->host->arc_unread;

    if (unread != NULL) {
        return g_strdup_printf("; what ZFS's cache can give back cannot be told: %s", unread);
    }
    return arc_mib > 0
               ? g_strdup_printf("; ZFS's cache can give back %" G_GUINT64_FORMAT " MiB, %s",
                     arc_mib, covers ? "but nobody knows of which node" : "and that is not enough")
               : g_strdup("");
}

/// What is short is no error where ZFS may give it back: not even then is it certain.
static void check_memory_of_cell(Check *check, Room *room, const VmCell *cell)
{
    guint64 short_mib = split_take(
        room->left_mib, check->request->host, cell->hostnodes, cell->memory_mib);
    if (short_mib == 0) {
        return;
    }
    gboolean covers = short_mib <= room->arc_mib;
    Severity severity = check->request->policy->severities[FINDING_NODE_MEMORY];
    g_autofree char *nodes = cpuset_to_list(cell->hostnodes);
    g_autofree char *arc = tell_arc(check, room->arc_mib, covers);
    room->arc_mib -= MIN(short_mib, room->arc_mib);
    if (check_add_as(check, FINDING_NODE_MEMORY,
            covers ? MIN(severity, SEVERITY_WARNING) : severity,
            g_strdup_printf("numa%u binds %" G_GUINT64_FORMAT " MiB to node %s, where "
                            "%" G_GUINT64_FORMAT " MiB are free%s",
                cell->index, cell->memory_mib, nodes, cell->memory_mib - short_mib, arc))) {
        check_offer(check, fix_node_memory(check, room->left_mib, cell));
    }
}

/// Cells with fewer nodes to take from come first; what they leave is for the next.
static void check_node_memory(Check *check)
{
    const VmConfig *vm = check->request->vm;
    const Host *host = check->request->host;
    g_autofree guint64 *left_mib = split_room(check->request, 1);
    Room room = { .left_mib = left_mib, .arc_mib = host_arc_anywhere_mib(host, vm->hugepages) };

    for (guint nodes = 1; nodes <= host->nodes->len; nodes++) {
        for (guint i = 0; i < vm->guest_cells->len; i++) {
            const VmCell *cell = vm->guest_cells->pdata[i];
            if (cell->hostnodes != NULL && g_strcmp0(cell->policy, "bind") == 0 &&
                cpuset_count(cell->hostnodes) == nodes) {
                check_memory_of_cell(check, &room, cell);
            }
        }
    }
}

static void check_cells(Check *check)
{
    /* Without `numa: 1` Proxmox passes over the lines. */
    if (!check->request->vm->numa || check->request->vm->cells->len == 0) {
        return;
    }
    check_cell_vcpus(check);
    check_cell_memory(check);
    check_gap(check);
    check_node_lists(check);
    if (check_cell_nodes(check)) {
        check_node_memory(check);
    }
}

const CheckRow checks_of_cells[] = {
    { check_cells, OF_CONFIG },
    { NULL },
};
