// SPDX-License-Identifier: LGPL-2.1-or-later
/* Whatever the bytes, a config is within its ranges; it is the same each time, with the line ends
 * of Windows, and with a section behind it. */
#include "fakes/vmconfig-text.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void assert_counts(const VmConfig *vm)
{
    g_assert(vm->sockets >= 1 && vm->cores >= 1 && vm->threads >= 1);
    g_assert(vm->vcpus_present >= 1);
    g_assert(vm->vcpus_present <= vm->vcpus_most);
    g_assert(vm->vcpus_most <= VMCONFIG_VCPU_LIMIT);
    g_assert(
        vm->problems->len > 0 || (double)vm->sockets * vm->cores * vm->threads == vm->vcpus_most);
    g_assert(vm->memory_mib >= 16 && vm->memory_mib <= G_MAXUINT32);
    g_assert(vm->balloon_mib >= -1 && vm->balloon_mib <= G_MAXUINT32);
    g_assert(isfinite(vm->cpulimit) && vm->cpulimit >= 0);
    g_assert(vm->hugepages == NULL || strcmp(vm->hugepages, "any") == 0 ||
             strcmp(vm->hugepages, "2") == 0 || strcmp(vm->hugepages, "1024") == 0);
    g_assert(vm->affinity == NULL || !hwloc_bitmap_iszero(vm->affinity));
}

static void assert_cell(const VmCell *cell)
{
    g_assert(!hwloc_bitmap_iszero(cell->cpus));
    g_assert(cell->hostnodes == NULL || !hwloc_bitmap_iszero(cell->hostnodes));
    g_assert(cell->node_list == NULL || cell->hostnodes != NULL);
    g_assert(cell->memory_mib <= G_MAXUINT32);
    g_assert(cell->memory <= (double)cell->memory_mib);
    g_assert(cell->memory > (double)cell->memory_mib - 1);
    g_assert(cell->policy == NULL || strcmp(cell->policy, "bind") == 0 ||
             strcmp(cell->policy, "preferred") == 0 || strcmp(cell->policy, "interleave") == 0);
}

static void assert_cells(const GPtrArray *cells, guint limit)
{
    for (guint i = 0; i < cells->len; i++) {
        const VmCell *cell = cells->pdata[i];
        assert_cell(cell);
        g_assert(cell->index < limit);
        g_assert(i == 0 || ((const VmCell *)cells->pdata[i - 1])->index < cell->index);
    }
}

/// Cells by socket share the vCPUs out: each has its own, and all are below the limit.
static void assert_cells_by_socket(const VmConfig *vm)
{
    g_autoptr(CpuSet) seen = cpuset_new();

    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        g_assert(!hwloc_bitmap_intersects(seen, cell->cpus));
        hwloc_bitmap_or(seen, seen, cell->cpus);
    }
    g_assert(hwloc_bitmap_last(seen) < VMCONFIG_VCPU_LIMIT);
    g_assert(hwloc_bitmap_last(seen) + 1 == (int)cpuset_count(seen));
}

static void assert_hostpci(const VmConfig *vm)
{
    for (guint i = 0; i < vm->hostpci->len; i++) {
        const VmHostpci *hostpci = vm->hostpci->pdata[i];
        g_assert(hostpci->index < 16);
        g_assert(i == 0 || ((const VmHostpci *)vm->hostpci->pdata[i - 1])->index < hostpci->index);
        g_assert((hostpci->addresses != NULL) != (hostpci->mapping != NULL));
        g_assert(hostpci->addresses == NULL || hostpci->addresses[0] != NULL);
        g_assert(hostpci->mapping == NULL || strlen(hostpci->mapping) >= 2);
    }
}

static void assert_problems(const VmConfig *vm, guint lines)
{
    guint line = 0;

    g_assert(vm->readable || vm->problems->len > 0);
    for (guint i = 0; i < vm->problems->len; i++) {
        const VmConfigProblem *problem = vm->problems->pdata[i];
        g_assert(problem->line >= line && problem->line <= lines);
        g_assert(problem->message != NULL && *problem->message != '\0');
        g_assert((problem->key == NULL) == (problem->value == NULL));
        g_assert((problem->text == NULL) == (problem->line == 0));
        line = problem->line;
    }
}

/// Of the lines with a key that Proxmox drops the last alone is told of.
static void assert_told_once(const VmConfig *vm)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < vm->problems->len; i++) {
        const VmConfigProblem *problem = vm->problems->pdata[i];
        g_assert(problem->key == NULL || problem->kind != VMCONFIG_DROPPED ||
                 g_hash_table_add(seen, problem->key));
    }
}

static void assert_reads_as(const GString *text, const char *wanted)
{
    g_autoptr(VmConfig) vm = vmconfig_parse(text->str, text->len);
    g_autofree char *have = vmconfig_to_text(vm);

    g_assert_cmpstr(have, ==, wanted);
}

static gboolean has_empty_value(const char *bytes, gsize size)
{
    g_autofree char *text = g_strndup(bytes, size);

    return g_regex_match_simple(":\\s*$", text, G_REGEX_MULTILINE | G_REGEX_RAW, 0);
}

static void assert_same_in_other_forms(const char *bytes, gsize size, const char *wanted)
{
    g_autoptr(GString) same = g_string_new_len(bytes, (gssize)size);
    g_autoptr(GString) windows = g_string_new_len(bytes, (gssize)size);
    g_autoptr(GString) section = g_string_new_len(bytes, (gssize)size);

    g_string_replace(windows, "\n", "\r\n", 0);
    g_string_append(section, "\n[PENDING]\ncores: 7\naffinity: 3\nrubbish\n");
    assert_reads_as(same, wanted);
    assert_reads_as(section, wanted);
    /* A value of nothing but the carriage return is none to Proxmox, and a blank is one. */
    if (!has_empty_value(bytes, size)) {
        assert_reads_as(windows, wanted);
    }
}

static guint count_lines(const char *bytes, gsize size)
{
    guint lines = 1;

    for (gsize i = 0; i < size; i++) {
        lines += bytes[i] == '\n';
    }
    return lines;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    /* Without a NUL behind: no byte beyond the length may be read. */
    g_autofree char *bytes = g_malloc(MAX(size, 1));
    memcpy(bytes, size > 0 ? (const char *)data : "", size);
    g_autoptr(VmConfig) vm = vmconfig_parse(bytes, size);
    g_autofree char *wanted = vmconfig_to_text(vm);

    assert_counts(vm);
    assert_cells(vm->cells, 8);
    assert_cells(vm->guest_cells, vm->cells->len > 0 ? 8 : VMCONFIG_VCPU_LIMIT);
    g_assert(vm->numa || vm->guest_cells->len == 0);
    if (vm->cells->len == 0) {
        assert_cells_by_socket(vm);
    }
    assert_hostpci(vm);
    assert_problems(vm, count_lines(bytes, size));
    assert_told_once(vm);
    if (memchr(bytes, '\0', size) == NULL) {
        assert_same_in_other_forms(bytes, size, wanted);
    }
    return 0;
}
