// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/interrupts.h"

#include <string.h>

#define DIRECTORY "proc/irq"

static void interrupt_free(gpointer data)
{
    Interrupt *interrupt = data;

    hwloc_bitmap_free(interrupt->cpus);
    g_free(interrupt->name);
    g_free(interrupt);
}

void interrupts_free(Interrupts *interrupts)
{
    if (interrupts == NULL) {
        return;
    }
    g_ptr_array_unref(interrupts->list);
    g_free(interrupts);
}

static char *path_below(const char *irq, const char *file)
{
    return g_strdup_printf(DIRECTORY "/%s/%s", irq, file);
}

/// NULL: it cannot be told.
static CpuSet *read_cpus(const Root *root, const char *irq)
{
    g_autofree char *effective = path_below(irq, "effective_affinity_list");
    g_autofree char *asked = path_below(irq, "smp_affinity_list");
    g_autofree char *text = root_read_value(root, effective);

    if (text == NULL && !root_exists(root, effective)) {
        text = root_read_value(root, asked);
    }
    if (text == NULL) {
        return NULL;
    }
    return *text != '\0' ? cpuset_parse_kernel(text, CPUSET_LIMIT, NULL) : cpuset_new();
}

static gboolean is_handler(const char *name)
{
    static const char *const files[] = { "affinity_hint", "effective_affinity",
        "effective_affinity_list", "node", "smp_affinity", "smp_affinity_list", "spurious", NULL };

    return !g_strv_contains(files, name);
}

/// NULL: there is none, or the interrupt is gone.
static char *read_handlers(const Root *root, const char *irq)
{
    g_autofree char *path = g_strdup_printf(DIRECTORY "/%s", irq);
    g_auto(GStrv) names = root_list(root, path, NULL);
    g_autoptr(GString) handlers = g_string_new(NULL);

    for (guint i = 0; names != NULL && names[i] != NULL; i++) {
        if (is_handler(names[i])) {
            g_string_append_printf(handlers, "%s%s", handlers->len > 0 ? "," : "", names[i]);
        }
    }
    return handlers->len > 0 ? g_string_free(g_steal_pointer(&handlers), FALSE) : NULL;
}

static void load_one(Interrupts *interrupts, const Root *root, const char *irq, const CpuSet *cpus)
{
    g_autoptr(CpuSet) delivered = read_cpus(root, irq);

    if (delivered != NULL && cpus != NULL && !hwloc_bitmap_intersects(delivered, cpus)) {
        return;
    }
    g_autofree char *handlers = read_handlers(root, irq);
    if (handlers == NULL) {
        return;
    }
    if (delivered == NULL) {
        interrupts->known = FALSE;
        return;
    }
    Interrupt *interrupt = g_new(Interrupt, 1);
    interrupt->irq = (guint)g_ascii_strtoull(irq, NULL, 10);
    interrupt->name = g_steal_pointer(&handlers);
    interrupt->cpus = g_steal_pointer(&delivered);
    g_ptr_array_add(interrupts->list, interrupt);
}

static int compare_interrupts(gconstpointer a, gconstpointer b)
{
    const Interrupt *first = *(Interrupt *const *)a, *second = *(Interrupt *const *)b;

    return first->irq < second->irq ? -1 : first->irq > second->irq;
}

Interrupts *interrupts_load(const Root *root, const CpuSet *cpus)
{
    Interrupts *interrupts = g_new(Interrupts, 1);
    g_auto(GStrv) names = root_list(root, DIRECTORY, NULL);

    interrupts->known = names != NULL;
    interrupts->list = g_ptr_array_new_with_free_func(interrupt_free);
    for (guint i = 0; names != NULL && names[i] != NULL; i++) {
        if (strspn(names[i], "0123456789") == strlen(names[i])) {
            load_one(interrupts, root, names[i], cpus);
        }
    }
    g_ptr_array_sort(interrupts->list, compare_interrupts);
    return interrupts;
}
