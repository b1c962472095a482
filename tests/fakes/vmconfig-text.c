// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/vmconfig-text.h"

static void append_cells(GString *text, const char *name, const GPtrArray *cells)
{
    for (guint i = 0; i < cells->len; i++) {
        const VmCell *cell = cells->pdata[i];
        g_autofree char *cpus = cpuset_to_list(cell->cpus);
        g_autofree char *nodes = cell->hostnodes != NULL ? cpuset_to_list(cell->hostnodes) : NULL;
        g_string_append_printf(text, "%s %u: %s @ %s (%s) %s %g %" G_GUINT64_FORMAT "\n", name,
            cell->index, cpus, nodes, cell->node_list, cell->policy, cell->memory,
            cell->memory_mib);
    }
}

static void append_problems(GString *text, const VmConfig *vm)
{
    for (guint i = 0; i < vm->problems->len; i++) {
        const VmConfigProblem *problem = vm->problems->pdata[i];
        g_string_append_printf(text, "problem %d %u %s=%s %s\n", problem->kind, problem->line,
            problem->key, problem->value, problem->message);
    }
}

static void append_hostpci(GString *text, const VmConfig *vm)
{
    for (guint i = 0; i < vm->hostpci->len; i++) {
        const VmHostpci *hostpci = vm->hostpci->pdata[i];
        g_autofree char *addresses = hostpci->addresses != NULL
                                         ? g_strjoinv(";", hostpci->addresses)
                                         : NULL;
        g_string_append_printf(
            text, "hostpci%u: %s %s\n", hostpci->index, addresses, hostpci->mapping);
    }
}

char *vmconfig_to_text(const VmConfig *vm)
{
    GString *text = g_string_new(NULL);
    g_autofree char *affinity = vm->affinity != NULL ? cpuset_to_list(vm->affinity) : NULL;

    g_string_append_printf(text, "%d %ux%ux%u %u/%u\n", vm->readable, vm->sockets, vm->cores,
        vm->threads, vm->vcpus_present, vm->vcpus_most);
    g_string_append_printf(text, "memory %" G_GUINT64_FORMAT " balloon %" G_GINT64_FORMAT " %s\n",
        vm->memory_mib, vm->balloon_mib, vm->hugepages);
    g_string_append_printf(text, "numa %d affinity %s freeze %d kvm %d template %d plug %d %d\n",
        vm->numa, affinity, vm->freeze, vm->kvm, vm->template, vm->cpu_hotplug, vm->memory_hotplug);
    g_string_append_printf(text, "limit %g lock %s name %s cpu %s tags %s args %s\n", vm->cpulimit,
        vm->lock, vm->name, vm->cpu, vm->tags, vm->args);
    append_cells(text, "cell", vm->cells);
    append_cells(text, "guest", vm->guest_cells);
    append_hostpci(text, vm);
    append_problems(text, vm);
    return g_string_free(text, FALSE);
}
