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

void taken_add(Taken *taken, guint vmid, const CpuSet *cpus)
{
    g_ptr_array_add(taken->holdings, holding_new(vmid, FALSE, cpus));
    hwloc_bitmap_or(taken->cpus, taken->cpus, cpus);
    hwloc_bitmap_or(taken->vm_cpus, taken->vm_cpus, cpus);
}

void taken_add_container(Taken *taken, guint vmid, const CpuSet *cpus)
{
    g_ptr_array_add(taken->holdings, holding_new(vmid, TRUE, cpus));
    hwloc_bitmap_or(taken->cpus, taken->cpus, cpus);
}

void taken_add_visitor(Taken *taken, guint vmid, const CpuSet *cpus)
{
    g_ptr_array_add(taken->visitors, holding_new(vmid, TRUE, cpus));
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
