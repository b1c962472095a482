// SPDX-License-Identifier: LGPL-2.1-or-later
/* A list that is taken, printed and read again is the same set, in both grammars. */
#include "base/cpuset.h"
#include "base/error.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void assert_kernel_reads(const char *list, const CpuSet *set)
{
    g_autoptr(CpuSet) again = cpuset_parse_kernel(list, CPUSET_LIMIT, NULL);

    g_assert(again != NULL && hwloc_bitmap_isequal(again, set));
}

static void assert_proxmox_reads(const char *list, char separator, const CpuSet *set)
{
    g_autoptr(CpuSet) again = cpuset_parse_list(list, separator, NULL);

    g_assert(again != NULL && hwloc_bitmap_isequal(again, set));
}

static void assert_round_trips(const CpuSet *set)
{
    g_autofree char *list = cpuset_to_list(set);
    g_autofree char *ids = cpuset_to_ids(set);

    assert_kernel_reads(list, set);
    g_assert((*list == '\0') == hwloc_bitmap_iszero(set));
    if (*list != '\0') {
        assert_proxmox_reads(list, ',', set);
        assert_proxmox_reads(ids, ';', set);
    }
}

static void try_kernel(const char *text, guint count)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CpuSet) set = cpuset_parse_kernel(text, count, &error);

    if (set == NULL) {
        g_assert(g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID));
        return;
    }
    g_assert(error == NULL && hwloc_bitmap_last(set) < (int)count);
    assert_round_trips(set);
}

static void try_list(const char *text, char separator)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CpuSet) set = cpuset_parse_list(text, separator, &error);

    if (set == NULL) {
        g_assert(g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID));
        return;
    }
    g_assert(error == NULL && !hwloc_bitmap_iszero(set));
    g_assert(hwloc_bitmap_last(set) < CPUSET_LIMIT);
    assert_round_trips(set);
    /* The kernel takes all that Proxmox takes, but ends at a newline. */
    if (separator == ',' && strchr(text, '\n') == NULL) {
        assert_kernel_reads(text, set);
    }
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *text = g_malloc(size + 1);

    memcpy(text, size > 0 ? (const char *)data : "", size);
    text[size] = '\0';
    try_kernel(text, 1);
    try_kernel(text, 8);
    try_kernel(text, 1024);
    try_kernel(text, CPUSET_LIMIT);
    try_list(text, ',');
    try_list(text, ';');
    return 0;
}
