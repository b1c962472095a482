// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tell/picture.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *label; // short: a PU's box is small
    const char *colour;
    const char *means;
} uses[OCCUPANCY_COUNT] = {
    [OCCUPANCY_HOUSEKEEPING] = { "host", "#ffffff", "housekeeping" },
    [OCCUPANCY_FREE] = { "free", "#d9f2d0", "isolated and held by nobody" },
    [OCCUPANCY_EXPOSED] = { "exposed", "#ff9d9d", "isolated, but a sibling is not" },
    [OCCUPANCY_VM] = { NULL },
    [OCCUPANCY_CONTAINER] = { "CTs", "#d8d8e8", "held by several containers" },
    [OCCUPANCY_SEVERAL] = { "several", "#ff7043", "held by several" },
    [OCCUPANCY_ELSEWHERE] = { "kept", "#9e9e9e", "in a cgroup partition without VMs" },
};

/// Light enough for black text. By vmid, so that a VM keeps its colour while it runs.
static const char *const vm_colours[] = { "#9ecbff", "#ffcf8f", "#d8b4f8", "#8fe3d9", "#f7a8cd",
    "#e6e27a", "#b9c6f5", "#e0b08c" };

static char *label_of(Occupancy occupancy)
{
    const Holding *holder = occupancy.holder;

    return holder != NULL ? g_strdup_printf("%s %u", holder->container ? "CT" : "VM", holder->vmid)
                          : g_strdup(uses[occupancy.kind].label);
}

static const char *colour_of(const Taken *taken, Occupancy occupancy)
{
    return occupancy.kind == OCCUPANCY_VM
               ? vm_colours[occupancy_rank(taken, occupancy.holder) % G_N_ELEMENTS(vm_colours)]
               : uses[occupancy.kind].colour;
}

static void label_pu(hwloc_obj_t pu, const Taken *taken, Occupancy occupancy)
{
    g_autofree char *label = label_of(occupancy);
    g_autofree char *style = g_strdup_printf(
        "Background=%s;Text=#000000", colour_of(taken, occupancy));

    /* hwloc frees it with free(3), as hwloc-annotate(1) sets it. */
    free(pu->subtype);
    pu->subtype = strdup(label);
    hwloc_obj_add_info(pu, "lstopoStyle", style);
    hwloc_obj_add_info(pu, "PinhookUse", label);
}

/// "P-core" in the place of "Core"; nothing where all are alike.
static void label_core(hwloc_obj_t object, const Host *host)
{
    int place = host_core_of(host, (unsigned)hwloc_bitmap_first(object->cpuset));
    const HostCore *core = place >= 0 ? host->cores->pdata[place] : NULL;
    const char *mark = core != NULL ? host_kind(host, core->kind)->mark : "";

    if (*mark != '\0') {
        g_autofree char *label = g_strdup_printf("%s-core", mark);
        free(object->subtype);
        object->subtype = strdup(label);
    }
}

static void add_legend(HwlocTopology *topology, const Taken *taken, const gboolean *shown)
{
    hwloc_obj_t root = hwloc_get_root_obj(topology);

    for (guint i = 0; i < taken->holdings->len; i++) {
        const Holding *holding = taken->holdings->pdata[i];
        g_autofree char *list = cpuset_to_list(holding->cpus);
        g_autofree char *line = g_strdup_printf(
            "%s %u: CPU %s", holding->container ? "CT" : "VM", holding->vmid, list);
        hwloc_obj_add_info(root, "lstopoLegend", line);
    }
    for (guint kind = 0; kind < OCCUPANCY_COUNT; kind++) {
        if (shown[kind]) {
            g_autofree char *line = g_strdup_printf("%s: %s", uses[kind].label, uses[kind].means);
            hwloc_obj_add_info(root, "lstopoLegend", line);
        }
    }
}

void picture_label(HwlocTopology *topology, const Host *host, const Taken *taken)
{
    gboolean shown[OCCUPANCY_COUNT] = { FALSE };
    hwloc_obj_t pu = NULL, core = NULL;

    while ((pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu)) != NULL) {
        Occupancy occupancy = occupancy_of(host, taken, pu->cpuset);
        label_pu(pu, taken, occupancy);
        shown[occupancy.kind] |= occupancy.holder == NULL;
    }
    while ((core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core)) != NULL) {
        label_core(core, host);
    }
    add_legend(topology, taken, shown);
}

char *picture_to_xml(HwlocTopology *topology, GError **error)
{
    char *buffer = NULL;
    int length;

    if (hwloc_topology_export_xmlbuffer(topology, &buffer, &length, 0) < 0) {
        error_set_errno(error, errno, "hwloc cannot write its XML");
        return NULL;
    }
    char *xml = g_strdup(buffer);
    hwloc_free_xmlbuffer(topology, buffer);
    return xml;
}
