// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/taken.h"

static void holding_free(gpointer data)
{
    Holding *holding = data;

    hwloc_bitmap_free(holding->cpus);
    g_free(holding);
}

Taken *taken_new(void)
{
    Taken *taken = g_new(Taken, 1);

    taken->holdings = g_ptr_array_new_with_free_func(holding_free);
    taken->cpus = cpuset_new();
    taken->vm_cpus = cpuset_new();
    taken->visitors = g_ptr_array_new_with_free_func(holding_free);
    return taken;
}

void taken_free(Taken *taken)
{
    if (taken == NULL) {
        return;
    }
    g_ptr_array_unref(taken->holdings);
    hwloc_bitmap_free(taken->cpus);
    hwloc_bitmap_free(taken->vm_cpus);
    g_ptr_array_unref(taken->visitors);
    g_free(taken);
}

static Holding *holding_new(guint vmid, gboolean container, const CpuSet *cpus)
{
    Holding *holding = g_new(Holding, 1);

    *holding = (Holding){
        .vmid = vmid, .container = container, .cpus = cpus != NULL ? cpuset_copy(cpus) : NULL
    };
    return holding;
}

/// Takes @holding.
static void add(Taken *taken, Holding *holding)
{
    g_ptr_array_add(taken->holdings, holding);
    hwloc_bitmap_or(taken->cpus, taken->cpus, holding->cpus);
    if (!holding->container) {
        hwloc_bitmap_or(taken->vm_cpus, taken->vm_cpus, holding->cpus);
    }
}

void taken_add(Taken *taken, guint vmid, const CpuSet *cpus)
{
    add(taken, holding_new(vmid, FALSE, cpus));
}

void taken_add_by_affinity(Taken *taken, guint vmid, const CpuSet *cpus)
{
    Holding *holding = holding_new(vmid, FALSE, cpus);

    holding->by_affinity = TRUE;
    add(taken, holding);
}

void taken_add_container(Taken *taken, guint vmid, const CpuSet *cpus)
{
    add(taken, holding_new(vmid, TRUE, cpus));
}

void taken_add_visitor(Taken *taken, guint vmid, const CpuSet *cpus)
{
    g_ptr_array_add(taken->visitors, holding_new(vmid, TRUE, cpus));
}

/// The CPUs of @holding after @fix; NULL: none.
static const CpuSet *cpus_after(const Holding *holding, const Fix *fix)
{
    const CpuSet *cpus = holding->cpus;

    for (guint i = 0; i < fix->changes->len; i++) {
        const Change *change = fix->changes->pdata[i];
        gboolean other = change->vmid != holding->vmid || change->container != holding->container;
        if (change->kind == CHANGE_END && !other) {
            cpus = NULL;
        } else if (change->kind == CHANGE_MOVE && !other) {
            cpus = change->cpus;
        }
    }
    return cpus;
}

Taken *taken_change(const Taken *taken, const Fix *fix)
{
    Taken *changed = taken_new();

    for (guint i = 0; i < taken->holdings->len; i++) {
        const Holding *holding = taken->holdings->pdata[i];
        const CpuSet *cpus = cpus_after(holding, fix);
        if (cpus != NULL) {
            Holding *kept = holding_new(holding->vmid, holding->container, cpus);
            kept->by_affinity = holding->by_affinity;
            add(changed, kept);
        }
    }
    for (guint i = 0; i < taken->visitors->len; i++) {
        const Holding *visitor = taken->visitors->pdata[i];
        taken_add_visitor(changed, visitor->vmid, visitor->cpus);
    }
    return changed;
}

char *taken_name_holders(const Taken *taken, const CpuSet *cpus)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < taken->holdings->len; i++) {
        const Holding *holding = taken->holdings->pdata[i];
        g_autoptr(CpuSet) shared = cpuset_and(holding->cpus, cpus);
        g_autofree char *list = cpuset_to_list(shared);
        if (*list != '\0') {
            g_autofree char *name = holding->vmid != 0
                                        ? g_strdup_printf("%s %u", holding->container ? "CT" : "VM",
                                              holding->vmid)
                                        : g_strdup("others");
            g_string_append_printf(names, "%s%s (CPU %s)", names->len > 0 ? ", " : "", name, list);
        }
    }
    return g_string_free(g_steal_pointer(&names), FALSE);
}
