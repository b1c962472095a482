// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tell/map.h"

#include "base/flow.h"
#include "fakes/fake-host.h"

#include <string.h>

/* What others hold. */

typedef struct {
    guint vmid;
    const char *cpus;
    gboolean is_container;
} Hold;

static void hold(Taken *taken, const Hold *held)
{
    g_autoptr(CpuSet) cpus = cpuset_parse_list(held->cpus, ',', NULL);

    g_assert_nonnull(cpus);
    held->is_container ? taken_add_container(taken, held->vmid, cpus)
                       : taken_add(taken, held->vmid, cpus);
}

static void assert_map(const Host *host, const Taken *taken, const char *expected)
{
    g_autofree char *map = map_draw(host, taken, MAP_PLAIN);

    g_assert_cmpstr(map, ==, expected);
}

/// That line is in the map of a host of which nobody holds a CPU. Takes @given.
static void assert_drawn(Host *given, const char *line)
{
    g_autoptr(Host) host = given;
    g_autoptr(Taken) taken = taken_new();
    g_autofree char *map = map_draw(host, taken, MAP_PLAIN);

    g_test_message("%s", map);
    g_assert_nonnull(strstr(map, line));
}

/* Whole maps. */

typedef struct {
    const char *path, *shape, *isolated;
    Hold holds[4]; // to the first without a VMID
    const char *map;
} MapTest;

static const MapTest maps[] = {
    { "/map/eight-cpus", "numa:1(memory=64GiB) l3:1 core:4 pu:2", "2-7", { { 101, "2-3" } },
        "node 0: 8 CPUs, 64.0 of 64.0 GiB free\n"
        "  LLC 0  0-1 .  2-3 A  4-5 -  6-7 -\n"
        "\n"
        "A = VM 101 (CPU 2-3)\n"
        ". = housekeeping   - = isolated and free\n" },
    { "/map/256-cpus", "numa:2(memory=512GiB) l3:8 core:8 pu:2", "4-127,132-255",
        { { 101, "16-31" }, { 103, "132-159" }, { 102, "4-7" },
            { 200, "128-129", .is_container = TRUE } },
        "node 0: 128 CPUs, 512.0 of 512.0 GiB free\n"
        "  LLC 0-3    0-63     ..BB---- AAAAAAAA -------- --------\n"
        "  LLC 4-7    64-127   -------- -------- -------- --------\n"
        "node 1: 128 CPUs, 512.0 of 512.0 GiB free\n"
        "  LLC 8-11   128-191  c.CCCCCC CCCCCCCC -------- --------\n"
        "  LLC 12-15  192-255  -------- -------- -------- --------\n"
        "\n"
        "A = VM 101 (CPU 16-31)   B = VM 102 (CPU 4-7)   C = VM 103 (CPU 132-159)\n"
        "c = CT 200 (CPU 128-129)\n"
        ". = housekeeping   - = isolated and free\n"
        "Each mark is a core; gaps part the LLCs.\n" },
    { "/map/not-as-it-should-be", "numa:1(memory=1GiB) l3:1 core:4 pu:2", "3-6",
        { { 101, "4-5" }, { 102, "5,7" } },
        "node 0: 8 CPUs, 1.0 of 1.0 GiB free\n"
        "  LLC 0  0-1 .  2-3 !  4-5 *  6-7 B\n"
        "\n"
        "A = VM 101 (CPU 4-5)   B = VM 102 (CPU 5,7; not isolated: 7)\n"
        ". = housekeeping   ! = isolated, but a sibling is not   * = held by several\n" },
    { "/map/containers", "numa:1(memory=1GiB) l3:1 core:4 pu:1", "3",
        { { 201, "0-1", .is_container = TRUE }, { 200, "1,77", .is_container = TRUE },
            { 300, "2,88" } },
        "node 0: 4 CPUs, 1.0 of 1.0 GiB free\n"
        "  LLC 0  0 c  1 c  2 A  3 -\n"
        "\n"
        "A = VM 300 (CPU 2,88; not isolated: 2)   c = CT 200 (CPU 1,77)\n"
        "c = CT 201 (CPU 0-1)\n"
        "- = isolated and free\n" },
};

static void test_map(gconstpointer data)
{
    const MapTest *test = data;
    g_autoptr(Host) host = fake_host_new(test->shape, test->isolated);
    g_autoptr(Taken) taken = taken_new();

    for (guint i = 0; i < G_N_ELEMENTS(test->holds) && test->holds[i].vmid != 0; i++) {
        hold(taken, &test->holds[i]);
    }
    assert_map(host, taken, test->map);
}

/// An Intel of performance cores with siblings and efficiency cores without.
static void test_kinds_stand_in_rows_of_their_own(void)
{
    const FakeCore cores[] = { { "0-1", 0, 0, 1 }, { "2-3", 0, 0, 1 }, { "4", 0, 0, 0 },
        { "5", 0, 0, 0 }, { NULL } };
    g_autoptr(Host) host = fake_host_new_of_cores(cores, "2-3,5");
    g_autoptr(Taken) taken = taken_new();

    assert_map(host, taken,
        "node 0: 6 CPUs, 1024.0 of 1024.0 GiB free\n"
        "  LLC 0 P  0-1 .  2-3 -\n"
        "  LLC 0 E  4 .    5 -\n"
        "\n"
        ". = housekeeping   - = isolated and free\n");
}

static void test_three_kinds(void)
{
    const FakeCore cores[] = { { "0", 0, 0, 0 }, { "1", 0, 0, 2 }, { "2", 0, 0, 1 }, { NULL } };

    assert_drawn(fake_host_new_of_cores(cores, ""), "  LLC 0 LP-E  0 .\n"
                                                    "  LLC 0 P     1 .\n"
                                                    "  LLC 0 E     2 .\n");
}

static void test_llcs_have_sizes(void)
{
    Host *cells = fake_host_new("l3:2 core:2 pu:1", "");
    Host *strips = fake_host_new("l3:10 core:14 pu:1", "");

    fake_host_set_llc_kib(cells, 0, 98304);
    fake_host_set_llc_kib(cells, 1, 1536);
    assert_drawn(cells, "  LLC 0 96M    0 .  1 .\n"
                        "  LLC 1 1536K  2 .  3 .\n");
    fake_host_set_llc_kib(strips, 0, 98304);
    assert_drawn(strips, "  LLC 0 96M  0-13     ..............\n"
                         "  LLC 1-2    14-41    .............. ..............\n");
}

static void test_an_llc_larger_than_a_strip_goes_on(void)
{
    assert_drawn(fake_host_new("numa:2(memory=1GiB) l3:1 core:90 pu:2", ""),
        "  LLC 0  64-127   ................................\n"
        "  LLC 0  128-179  ..........................\n");
}

static void test_a_strip_has_whole_llcs_as_far_as_they_fit(void)
{
    assert_drawn(fake_host_new("numa:2 l3:8 core:12 pu:2", ""),
        "  LLC 2-3    48-95    ............ ............\n");
    assert_drawn(fake_host_new("numa:2 l3:16 core:6 pu:2", ""),
        "  LLC 0-4    0-59     ...... ...... ...... ...... ......\n");
    assert_drawn(fake_host_new("numa:1 l3:160 core:1 pu:2", ""),
        "  LLC 20-39    40-79    . . . . . . . . . . . . . . . . . . . .\n");
}

static void test_long_lists_hang_in(void)
{
    g_autoptr(Host) host = fake_host_new("numa:1(memory=1GiB) l3:1 core:80 pu:1", "0-79");
    g_autoptr(Taken) taken = taken_new();

    hold(taken,
        &(Hold){ 100,
            "0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38,40,42,44,46,48,50,52,54,56" });
    hold(taken, &(Hold){ 101, "1" });
    g_autofree char *map = map_draw(host, taken, MAP_PLAIN);
    g_assert_nonnull(strstr(map,
        "\n\nA = VM 100 (CPU 0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38,40,42,44,\n"
        "    46,48,50,52,54,56)\n"
        "B = VM 101 (CPU 1)\n"));
}

static void test_a_partition_without_the_vms(void)
{
    g_autoptr(Host) host = fake_host_new_isolated("numa:1(memory=1GiB) l3:1 core:4 pu:1",
        &(IsolationFiles){ .possible = "0-3", .partition = "2-3", .cpuset = "0-1" });
    g_autoptr(Taken) taken = taken_new();
    g_autofree char *map = map_draw(host, taken, MAP_PLAIN);

    g_assert_nonnull(strstr(map, "  LLC 0  0 .  1 .  2 x  3 x\n"));
    g_assert_nonnull(strstr(map, "x = in a cgroup partition without VMs\n"));
}

static void test_memory(void)
{
    g_autoptr(Host) host = fake_host_new("numa:2(memory=64GiB) l3:1 core:2 pu:1", "");
    g_autoptr(Taken) taken = taken_new();
    HostNode *first = host->nodes->pdata[0], *second = host->nodes->pdata[1];

    fake_host_set_free_mib(host, 0, 12 * 1024 + 512);
    first->reclaimable_mib = 2048;
    fake_host_set_arc_mib(host, 0, 3072);
    fake_host_add_hugepages(host, 0, 2048, 512);
    fake_host_add_hugepages(host, 0, 1024 * 1024, 8);
    second->memory_known = FALSE;
    fake_host_add_memory_node(host, 2, 1024);
    ((HostNode *)host->nodes->pdata[2])->reclaimable_mib = 99;
    assert_map(host, taken,
        "node 0: 2 CPUs, 12.5 of 64.0 GiB free, 2.0 reclaimable, 3.0 in ZFS's cache,\n"
        "    free hugepages: 512 of 2 MiB and 8 of 1 GiB\n"
        "  LLC 0  0 .  1 .\n"
        "node 1: 2 CPUs, memory not known\n"
        "  LLC 1  2 .  3 .\n"
        "node 2: no CPUs, 1.0 of 1.0 GiB free\n"
        "\n"
        ". = housekeeping\n");
}

static void test_llcs_of_one_core_share_a_row(void)
{
    assert_drawn(fake_host_new("numa:1(memory=1GiB) l3:4 core:1 pu:2", ""),
        "  LLC 0-3  0-1 .  2-3 .  4-5 .  6-7 .\n");
}

static void test_an_llc_of_more_cores_has_its_row(void)
{
    const FakeCore cores[] = { { "0", 0, 0, 0 }, { "1", 0, 1, 0 }, { "2", 0, 2, 0 },
        { "3", 0, 2, 0 }, { "4", 0, 3, 0 }, { NULL } };

    assert_drawn(fake_host_new_of_cores(cores, ""),
        "  LLC 0-1  0 .  1 .\n  LLC 2    2 .  3 .\n  LLC 3    4 .\n");
}

static void test_rows_of_an_llc_are_of_one_length(void)
{
    assert_drawn(fake_host_new("numa:1 l3:1 core:10 pu:8", ""),
        "  LLC 0  0-7 .    8-15 .   16-23 .  24-31 .  32-39 .\n"
        "  LLC 0  40-47 .  48-55 .  56-63 .  64-71 .  72-79 .\n");
}

static void test_more_vms_than_letters(void)
{
    g_autoptr(Host) host = fake_host_new("numa:1(memory=1GiB) l3:1 core:80 pu:1", "0-79");
    g_autoptr(Taken) taken = taken_new();

    for (guint i = 0; i < 80; i++) {
        g_autofree char *cpu = g_strdup_printf("%u", i);
        hold(taken, &(Hold){ 100 + i, cpu });
    }
    g_autofree char *map = map_draw(host, taken, MAP_PLAIN);
    g_assert_nonnull(strstr(map, "  LLC 0  0 A   1 B   2 C   3 D "));
    g_assert_nonnull(strstr(map, "9 = VM 159 (CPU 59)"));
    g_assert_nonnull(strstr(map, "+ = VM 160 (CPU 60)"));
    g_assert_nonnull(strstr(map, "+ = VM 179 (CPU 79)"));
    g_assert_null(strstr(map, "x = VM"));
    g_assert_null(strstr(map, "c = VM"));
}

/* Colours. */

static char *without_colours(const char *text)
{
    g_autoptr(GRegex) escape = g_regex_new("\033\\[[0-9;]*m", 0, 0, NULL);

    return g_regex_replace_literal(escape, text, -1, 0, "", 0, NULL);
}

static void test_colours_change_nothing_else(void)
{
    g_autoptr(Host) host = fake_host_new("numa:2 l3:2 core:4 pu:2", "2-15,18-31");
    g_autoptr(Taken) taken = taken_new();

    hold(taken, &(Hold){ 101, "4-11" });
    hold(taken, &(Hold){ 200, "0-1", .is_container = TRUE });
    g_autofree char *plain = map_draw(host, taken, MAP_PLAIN);
    g_autofree char *coloured = map_draw(host, taken, MAP_COLOURED);
    g_autofree char *stripped = without_colours(coloured);
    g_assert_null(strchr(plain, '\033'));
    g_assert_nonnull(strstr(coloured, "\033[36m4-5 A\033[0m"));
    g_assert_cmpstr(stripped, ==, plain);
}

/* Properties. */

static void assert_fits(const char *map)
{
    g_auto(GStrv) lines = g_strsplit(map, "\n", -1);

    g_assert_null(strstr(map, "\n\n\n"));
    for (guint i = 0; lines[i] != NULL; i++) {
        if (flow_width(lines[i]) > FLOW_COLUMNS || g_str_has_suffix(lines[i], " ")) {
            g_error("not a good line: '%s'", lines[i]);
        }
    }
}

/// As many marks as cores, whatever the shape.
static void assert_every_core_is_drawn(const Host *host, const char *map)
{
    g_autofree char *cores = g_strndup(map, (gsize)(strstr(map, "\n\n") - map));
    g_auto(GStrv) lines = g_strsplit(cores, "\n", -1);
    gboolean in_strips = strstr(map, "Each mark is a core") != NULL;
    g_autoptr(GRegex) mark = g_regex_new("[0-9] [^ ]( |$)", 0, 0, NULL);
    guint count = 0;

    for (guint i = 0; lines[i] != NULL; i++) {
        if (!g_str_has_prefix(lines[i], "  LLC")) {
            continue;
        }
        if (in_strips) {
            g_auto(GStrv) parts = g_regex_split_simple("  +", lines[i] + 2, 0, 0);
            for (const char *at = parts[2]; *at != '\0'; at++) {
                count += *at != ' ';
            }
        } else {
            GMatchInfo *found;
            for (g_regex_match(mark, lines[i] + strlen("  LLC 0"), 0, &found);
                 g_match_info_matches(found); g_match_info_next(found, NULL)) {
                count++;
            }
            g_match_info_free(found);
        }
    }
    g_assert_cmpuint(count, ==, host->cores->len);
}

static void hold_at_random(const Host *host, Taken *taken)
{
    guint guests = (guint)g_test_rand_int_range(0, 70);
    int most = hwloc_bitmap_last(host->online) + 1;

    for (guint i = 0; i < guests; i++) {
        g_autoptr(CpuSet) cpus = cpuset_new();
        for (int left = g_test_rand_int_range(1, 20); left > 0; left--) {
            hwloc_bitmap_set(cpus, (unsigned)g_test_rand_int_range(0, most));
        }
        g_test_rand_bit() ? taken_add(taken, 100 + i, cpus)
                          : taken_add_container(taken, 900000000 + i, cpus);
    }
}

static void isolate_at_random(Host *host)
{
    g_autoptr(CpuSet) cpus = cpuset_copy(host->online);
    int cpu = 0;

    for (; cpu <= hwloc_bitmap_last(cpus); cpu++) {
        if (g_test_rand_int_range(0, 3) == 0) {
            hwloc_bitmap_clr(cpus, (unsigned)cpu);
        }
    }
    g_autofree char *list = cpuset_to_list(cpus);
    fake_host_set_isolation(host, list, NULL);
}

static void check_at_random(Host *host)
{
    g_autoptr(Taken) taken = taken_new();

    isolate_at_random(host);
    hold_at_random(host, taken);
    g_autofree char *plain = map_draw(host, taken, MAP_PLAIN);
    g_autofree char *coloured = map_draw(host, taken, MAP_COLOURED);
    assert_fits(plain);
    assert_fits(coloured);
    assert_every_core_is_drawn(host, plain);
    for (const char *at = plain; *at != '\0'; at++) {
        g_assert_true(g_ascii_isprint(*at) || *at == '\n');
    }
}

static void test_random_hosts_fit(void)
{
    for (guint i = 0; i < 60; i++) {
        g_autofree char *shape = g_strdup_printf("numa:%d l3:%d core:%d pu:%d",
            g_test_rand_int_range(1, 9), g_test_rand_int_range(1, 10), g_test_rand_int_range(1, 20),
            g_test_rand_int_range(1, 5));
        g_test_message("%s", shape);
        g_autoptr(Host) host = fake_host_new(shape, "");
        check_at_random(host);
    }
}

static void test_1024_cpus_fit_a_screen(void)
{
    g_autoptr(Host) host = fake_host_new("numa:4 l3:16 core:8 pu:2", "4-1023");
    g_autoptr(Taken) taken = taken_new();
    g_autofree char *map = map_draw(host, taken, MAP_PLAIN);
    g_auto(GStrv) lines = g_strsplit(map, "\n", -1);

    g_assert_cmpuint(g_strv_length(lines), <=, 24);
    check_at_random(host);
}

/// Intel's servers number CPUs across packages: a node has every other one.
static void test_lists_that_are_no_ranges_are_cut(void)
{
    g_autoptr(GArray) cores = g_array_new(TRUE, TRUE, sizeof(FakeCore));
    g_autoptr(GPtrArray) lists = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < 160; i++) {
        guint cpu = i < 80 ? i * 2 : (i - 80) * 2 + 1;
        g_ptr_array_add(lists, g_strdup_printf("%u,%u", cpu, cpu + 160));
        FakeCore core = { .cpus = lists->pdata[i], .node = i / 80, .llc = i / 80 };
        g_array_append_val(cores, core);
    }
    g_autoptr(Host) host = fake_host_new_of_cores((const FakeCore *)cores->data, "");
    g_autoptr(Taken) taken = taken_new();
    g_autofree char *map = map_draw(host, taken, MAP_PLAIN);
    g_assert_nonnull(strstr(map, "  LLC 1  1,3,...,223      ................................\n"));
    check_at_random(host);
}

/// @data: the archive of a real machine.
static void test_real_machine(gconstpointer data)
{
    g_autoptr(Host) host = fake_host_new_of_machine(data);

    check_at_random(host);
}

static void add_machine_tests(void)
{
    g_auto(GStrv) archives = fake_host_list_machines();

    for (guint i = 0; archives != NULL && archives[i] != NULL; i++) {
        g_autofree char *name = g_path_get_basename(archives[i]);
        g_autofree char *path = g_strdup_printf("/map/machine/%s", name);
        g_test_add_data_func_full(path, g_strdup(archives[i]), test_real_machine, g_free);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(maps); i++) {
        g_test_add_data_func(maps[i].path, &maps[i], test_map);
    }
    g_test_add_func("/map/kinds", test_kinds_stand_in_rows_of_their_own);
    g_test_add_func("/map/more-kinds", test_three_kinds);
    g_test_add_func("/map/sizes", test_llcs_have_sizes);
    g_test_add_func("/map/large-llc", test_an_llc_larger_than_a_strip_goes_on);
    g_test_add_func("/map/strips", test_a_strip_has_whole_llcs_as_far_as_they_fit);
    g_test_add_func("/map/long-lists", test_long_lists_hang_in);
    g_test_add_func("/map/partition-without-the-vms", test_a_partition_without_the_vms);
    g_test_add_func("/map/memory", test_memory);
    g_test_add_func("/map/llcs-of-one-core", test_llcs_of_one_core_share_a_row);
    g_test_add_func("/map/llc-of-more-cores", test_an_llc_of_more_cores_has_its_row);
    g_test_add_func("/map/rows-of-one-length", test_rows_of_an_llc_are_of_one_length);
    g_test_add_func("/map/more-vms-than-letters", test_more_vms_than_letters);
    g_test_add_func("/map/colours", test_colours_change_nothing_else);
    g_test_add_func("/map/random-hosts", test_random_hosts_fit);
    g_test_add_func("/map/1024-cpus", test_1024_cpus_fit_a_screen);
    g_test_add_func("/map/lists-that-are-no-ranges", test_lists_that_are_no_ranges_are_cut);
    add_machine_tests();
    return g_test_run();
}
