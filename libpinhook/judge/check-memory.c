// SPDX-License-Identifier: LGPL-2.1-or-later
/* Memory as it is asked for: what Proxmox or QEMU ends the start for, beside what the numa lines
 * say (PVE::QemuServer::Memory, config, hugepages_topology and hugepages_size, and QEMU's
 * hw/core/numa.c). */
#include "judge/checks.h"

#include <string.h>

/// What a VM has of its memory at once where the rest is plugged.
static guint64 static_memory_mib(const VmConfig *vm)
{
    guint64 sockets = vm->cells->len == 0 ? MAX(vm->guest_cells->len, 1) : 1;

    return 1024 * (g_strcmp0(vm->hugepages, "1024") == 0 ? sockets : 1);
}

/* Parts by socket. */

/// QEMU rounds each part to bytes, and wants their sum.
static gboolean parts_evenly(guint64 mib, guint parts)
{
    return parts == 0 || (mib << 20) % parts == 0;
}

/// Where the memory has to be bound anyhow, that is the fix; else a little more memory.
static Fix *fix_parts(const Check *check, guint64 unit_mib)
{
    const VmConfig *vm = check->request->vm;
    guint64 rounded_mib = (vm->memory_mib + unit_mib - 1) / unit_mib * unit_mib;

    if (vm->memory_hotplug) {
        return advice_hotplug_without(vm, "memory");
    }
    return host_count_memory_nodes(check->request->host) > 1 && check->plan != NULL
               ? advice_bind_memory(check->request, check->plan)
               : fix_set_number(fix_new(), "memory", rounded_mib);
}

static void check_parts(Check *check)
{
    const VmConfig *vm = check->request->vm;
    guint parts = vm->cells->len == 0 ? vm->guest_cells->len : 0;
    guint64 unit_mib = parts * vmconfig_memory_unit_mib(vm);
    guint64 mib = vm->memory_hotplug ? static_memory_mib(vm) : vm->memory_mib;

    if (parts_evenly(mib, parts)) {
        return;
    }
    if (check_add(check, FINDING_CELL_MEMORY,
            "without numa lines each of %u sockets gets a part of %" G_GUINT64_FORMAT
            " MiB, which does not come out even",
            parts, mib)) {
        check_offer(check, fix_parts(check, unit_mib));
    }
}

/* Hugepages. */

/// The caller frees it; NULL: nothing is wrong.
static char *explain_bound_pages(const VmConfig *vm, const VmCell *cell)
{
    if (cell->hostnodes == NULL) {
        return g_strdup_printf("numa%u: hugepages need hostnodes", cell->index);
    }
    return advice_can_be_told(vm, cell->hostnodes)
               ? NULL
               : g_strdup_printf("numa%u: hugepages need one node, from 0 to %u", cell->index,
                     VMCONFIG_HUGEPAGES_NODE_LIMIT - 1);
}

static double memory_at_start(const VmConfig *vm, const VmCell *cell)
{
    return vm->memory_hotplug && vm->cells->len == 0
               ? (double)static_memory_mib(vm) / vm->guest_cells->len
               : cell->memory;
}

static char *explain_pages_of(const Request *request, const VmCell *cell)
{
    const VmConfig *vm = request->vm;
    guint64 unit_mib = vmconfig_memory_unit_mib(vm);
    char *why = vm->cells->len > 0 ? explain_bound_pages(vm, cell) : NULL;

    if (why != NULL || cell->memory_mib == 0) {
        return why;
    }
    if (vm->cells->len == 0 && host_node(request->host, cell->index) == NULL) {
        return g_strdup_printf(
            "without numa lines hugepages of socket %u come from node %u, which this host does "
            "not have",
            cell->index, cell->index);
    }
    double mib = memory_at_start(vm, cell);
    return mib == (double)((guint64)mib / unit_mib * unit_mib)
               ? NULL
               : g_strdup_printf("%g MiB of %s%u are no multiple of hugepages of %" G_GUINT64_FORMAT
                                 " MiB",
                     mib, vm->cells->len > 0 ? "numa" : "socket ", cell->index, unit_mib);
}

static char *explain_pages(const Request *request)
{
    const VmConfig *vm = request->vm;
    char *why = vm->numa ? NULL : g_strdup("hugepages need 'numa: 1'");

    for (guint i = 0; why == NULL && i < vm->guest_cells->len; i++) {
        why = explain_pages_of(request, vm->guest_cells->pdata[i]);
    }
    return why;
}

/// Whether the host has hugepages, and none of the VM's size.
static gboolean lacks_size(const Request *request)
{
    gboolean any = strcmp(request->vm->hugepages, "any") == 0, others = FALSE;

    for (guint i = 0; i < request->host->nodes->len; i++) {
        const GArray *sizes = ((const HostNode *)request->host->nodes->pdata[i])->hugepages;
        for (guint j = 0; j < sizes->len; j++) {
            guint64 mib = g_array_index(sizes, HostHugepages, j).size_kib / 1024;
            if (any || mib == vmconfig_memory_unit_mib(request->vm)) {
                return FALSE;
            }
            others = TRUE;
        }
    }
    return others;
}

static void check_hugepages(Check *check)
{
    const Request *request = check->request;

    if (request->vm->hugepages != NULL && lacks_size(request) &&
        check_add(check, FINDING_HUGEPAGES, "this host has no hugepages of %s MiB",
            request->vm->hugepages)) {
        check_offer(check, fix_set(fix_new(), "hugepages", "any"));
        return;
    }
    g_autofree char *why = request->vm->hugepages != NULL ? explain_pages(request) : NULL;

    if (why != NULL && check_add(check, FINDING_HUGEPAGES, "%s", why)) {
        check_offer(check, advice_hugepages(request));
    }
}

/* Hugepages that are still to be made. */

#define GIGANTIC_KIB (1024 * 1024)

/// How many pages of 1 GiB a cell is made of (PVE::QemuServer::Memory, hugepages_size).
static guint64 count_gigantic(const VmConfig *vm, const VmCell *cell)
{
    gboolean wanted = strcmp(vm->hugepages, "1024") == 0 ||
                      (strcmp(vm->hugepages, "any") == 0 && cell->memory_mib % 1024 == 0);

    return wanted ? cell->memory_mib / 1024 : 0;
}

/// Without numa lines the cells' numbers are those of the nodes.
static gboolean is_of_node(const VmCell *cell, guint node)
{
    return cell->hostnodes != NULL ? hwloc_bitmap_isset(cell->hostnodes, node)
                                   : cell->index == node;
}

static guint64 count_gigantic_of_node(const VmConfig *vm, guint node)
{
    guint64 count = 0;

    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        count += is_of_node(cell, node) ? count_gigantic(vm, cell) : 0;
    }
    return count;
}

static void add_unread_pages(Check *check, const HostNode *node)
{
    g_autofree char *file = g_strdup_printf(
        "/sys/devices/system/node/node%u/hugepages/hugepages-%dkB/free_hugepages", node->index,
        GIGANTIC_KIB);

    if (check_add(check, FINDING_HUGEPAGES_LATE,
            "how many hugepages of 1 GiB are free on node %u cannot be told: %s cannot be read",
            node->index, file)) {
        check_offer(check, fix_run(fix_new(), "cat {}", file));
    }
}

static void check_late_pages_of(Check *check, const HostNode *node)
{
    const HostHugepages *pages = host_node_hugepages(node, GIGANTIC_KIB);
    guint64 wanted = pages != NULL ? count_gigantic_of_node(check->request->vm, node->index) : 0;

    if (pages == NULL || wanted <= pages->free) {
        return;
    }
    if (pages->unread) {
        add_unread_pages(check, node);
        return;
    }
    if (check_add(check, FINDING_HUGEPAGES_LATE,
            "%" G_GUINT64_FORMAT " hugepages of 1 GiB are wanted of node %u, where "
            "%" G_GUINT64_FORMAT " are free; at boot they are sure: hugepagesz=1G "
            "hugepages=%u:%" G_GUINT64_FORMAT,
            wanted, node->index, pages->free, node->index,
            MAX(pages->total, pages->free) + wanted - pages->free)) {
        /* Small ones can be made, where the kernel has them. */
        gboolean has_small = host_node_hugepages(node, 2048) != NULL;
        check_offer(check, has_small ? fix_set(fix_new(), "hugepages", "2") : NULL);
    }
}

static void check_late_pages(Check *check)
{
    const GPtrArray *nodes = check->request->host->nodes;

    for (guint i = 0; check->request->vm->hugepages != NULL && i < nodes->len; i++) {
        check_late_pages_of(check, nodes->pdata[i]);
    }
}

/* Memory that is bound nowhere. */

static gboolean is_bound(const VmConfig *vm)
{
    for (guint i = 0; i < vm->guest_cells->len; i++) {
        if (((const VmCell *)vm->guest_cells->pdata[i])->hostnodes != NULL) {
            return TRUE;
        }
    }
    return vm->hugepages != NULL;
}

/// What @nodes can give a VM; where there are no others, all that they have.
static guint64 room_on(const Host *host, const CpuSet *nodes, gboolean all)
{
    guint64 mib = all ? 0 : host_arc_anywhere_mib(host, NULL);

    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        if (all) {
            mib += node->total_mib;
        } else if (hwloc_bitmap_isset(nodes, node->index)) {
            mib += host_node_available_mib(node, NULL);
        }
    }
    return mib;
}

static void check_spread(Check *check)
{
    const VmConfig *vm = check->request->vm;
    const Host *host = check->request->host;
    if (host->described || is_bound(vm)) {
        return;
    }
    g_autoptr(CpuSet) nodes = host_nodes_of(host, check->plan->cpus);
    gboolean all = host_count_memory_nodes(host) < 2;
    guint64 room_mib = room_on(host, nodes, all);
    g_autofree char *list = cpuset_to_list(nodes);
    g_autofree char *where = all ? g_strdup("that the host has")
                                 : g_strdup_printf("free on node %s, where its vCPUs go", list);

    if (vm->memory_mib > room_mib) {
        check_add(check, FINDING_MEMORY_SPREAD,
            "the VM's %" G_GUINT64_FORMAT " MiB are more than the %" G_GUINT64_FORMAT " MiB %s",
            vm->memory_mib, room_mib, where);
    }
}

/* Hotplug. */

/// In DIMMs of 512 MiB, or of a hugepage, of which each 32 are twice as large as those before
/// (foreach_dimm).
static gboolean is_pluggable(const VmConfig *vm)
{
    guint64 mib = static_memory_mib(vm);
    guint64 dimm_mib = g_strcmp0(vm->hugepages, "1024") == 0 ? 1024 : 512;

    for (guint i = 1; i <= 8 * 32 && mib < vm->memory_mib; i++) {
        mib += dimm_mib;
        dimm_mib *= i % 32 == 0 ? 2 : 1;
    }
    return mib <= vm->memory_mib;
}

static char *explain_plugged(const VmConfig *vm)
{
    guint64 least_mib = static_memory_mib(vm);

    if (!vm->numa) {
        return g_strdup("hotplug of memory needs 'numa: 1'");
    }
    if (vm->cells->len > 0) {
        return g_strdup_printf("hotplug of memory and numa%u exclude each other",
            ((const VmCell *)vm->cells->pdata[0])->index);
    }
    if (vm->memory_mib < least_mib) {
        return g_strdup_printf("hotplug of memory needs %" G_GUINT64_FORMAT
                               " MiB, and the VM has %" G_GUINT64_FORMAT,
            least_mib, vm->memory_mib);
    }
    return is_pluggable(vm)
               ? NULL
               : g_strdup_printf("%" G_GUINT64_FORMAT " MiB do not come out even in DIMMs, in "
                                 "which hot-plugged memory comes",
                     vm->memory_mib);
}

/// Whether all would be well with `numa: 1`.
static gboolean lacks_numa_alone(const VmConfig *vm)
{
    return !vm->numa && vm->cells->len == 0 && vm->hugepages == NULL && !vmconfig_has_smp(vm) &&
           parts_evenly(static_memory_mib(vm), vm->sockets) &&
           vm->memory_mib >= static_memory_mib(vm) && is_pluggable(vm);
}

static void check_memory_hotplug(Check *check)
{
    const VmConfig *vm = check->request->vm;
    g_autofree char *why = vm->memory_hotplug ? explain_plugged(vm) : NULL;

    if (why != NULL && check_add(check, FINDING_HOTPLUG_MEMORY, "%s", why)) {
        if (lacks_numa_alone(vm)) {
            check_offer(check, fix_set(fix_new(), "numa", "1"));
        }
        check_offer(check, advice_hotplug_without(vm, "memory"));
    }
}

const CheckRow checks_of_memory[] = {
    { check_parts, OF_CONFIG },
    { check_hugepages, OF_CONFIG },
    { check_late_pages, OF_CONFIG },
    { check_spread, OF_PLAN },
    { check_memory_hotplug, OF_CONFIG },
    { NULL },
};
