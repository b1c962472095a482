// SPDX-License-Identifier: LGPL-2.1-or-later
/* No list goes beyond the CPUs that are possible, and lists as the kernel prints them are read back
 * as they are. The input's lines are the files, in their order; a missing one is no file. */
#include "read/isolation.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void assert_below(const CpuSet *set, guint possible)
{
    g_assert(set == NULL || hwloc_bitmap_last(set) < (int)possible);
}

static void assert_sound(const Isolation *isolation)
{
    g_autoptr(CpuSet) both = cpuset_or(isolation->boot, isolation->partition);

    g_assert(isolation->possible >= 1 && isolation->possible <= CPUSET_LIMIT);
    hwloc_bitmap_andnot(both, both, isolation->elsewhere);
    g_assert(hwloc_bitmap_isequal(isolation->isolated, both));
    g_assert(hwloc_bitmap_isincluded(isolation->elsewhere, isolation->partition));
    g_assert(!hwloc_bitmap_intersects(isolation->elsewhere, isolation->boot));
    assert_below(isolation->boot, isolation->possible);
    assert_below(isolation->partition, isolation->possible);
    assert_below(isolation->nohz_full, isolation->possible);
    assert_below(isolation->cmdline_isolcpus, isolation->possible);
    assert_below(isolation->cmdline_nohz_full, isolation->possible);
    assert_below(isolation->cmdline_rcu_nocbs, isolation->possible);
    g_assert(isolation->cmdline_isolcpus_text != NULL || isolation->cmdline_isolcpus == NULL);
    g_assert(isolation->cmdline_isolcpus != NULL || !isolation->cmdline_domain);
}

static void assert_reads_back(const Isolation *isolation)
{
    g_autofree char *possible = g_strdup_printf("0-%u\n", isolation->possible - 1);
    g_autofree char *boot = cpuset_to_list(isolation->boot);
    g_autofree char *partition = cpuset_to_list(isolation->partition);
    g_autoptr(CpuSet) reach = cpuset_new();
    hwloc_bitmap_set_range(reach, 0, (int)isolation->possible - 1);
    hwloc_bitmap_andnot(reach, reach, isolation->elsewhere);
    g_autofree char *cpuset = cpuset_to_list(reach);
    g_autofree char *nohz_full = cpuset_to_list(isolation->nohz_full);
    g_autofree char *cmdline = g_strdup_printf("a isolcpus=%s nohz_full=%s b", boot, nohz_full);
    IsolationFiles files = { possible, boot, partition, nohz_full, cmdline, cpuset };
    g_autoptr(Isolation) again = isolation_parse(&files);

    g_assert(again->possible == isolation->possible);
    g_assert(hwloc_bitmap_isequal(again->isolated, isolation->isolated));
    g_assert(hwloc_bitmap_isequal(again->nohz_full, isolation->nohz_full));
    g_assert(hwloc_bitmap_isequal(again->cmdline_isolcpus, isolation->boot));
    g_assert(hwloc_bitmap_isequal(again->cmdline_nohz_full, isolation->nohz_full));
    g_assert(again->cmdline_domain);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *text = g_strndup(size > 0 ? (const char *)data : "", size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 6);
    const char *files[6] = { NULL };

    for (guint i = 0; i < 6 && lines[i] != NULL; i++) {
        files[i] = lines[i];
    }
    IsolationFiles given = { files[0], files[1], files[2], files[3], files[4], files[5] };
    g_autoptr(Isolation) isolation = isolation_parse(&given);
    assert_sound(isolation);
    assert_reads_back(isolation);
    return 0;
}
