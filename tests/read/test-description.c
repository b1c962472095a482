// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/description.h"

#include "base/error.h"
#include "read/host.h"

#include <string.h>

/// What is said of a machine; NULL: nothing.
typedef struct {
    const char *text, *kinds, *sizes, *siblings, *offline;
    const char *expected;
} Said;

static gboolean say(Description *description, const Said *said, GError **error)
{
    g_autoptr(CpuSet) offline = said->offline != NULL ? cpuset_parse_list(said->offline, ',', NULL)
                                                      : NULL;

    return (said->kinds == NULL || description_set_kinds(description, said->kinds, error)) &&
           (said->sizes == NULL || description_set_llc_sizes(description, said->sizes, error)) &&
           (said->siblings == NULL ||
               description_set_siblings(description, said->siblings, error)) &&
           (offline == NULL || description_set_offline(description, offline, error));
}

static Host *new_host(HwlocTopology *topology)
{
    return host_from_topology(topology, isolation_parse(&(IsolationFiles){ .isolated = "" }));
}

/// Each core with its CPUs, its kind's mark, its node, and its LLC with the size in MiB.
static char *print_host(const Host *host)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < host->cores->len; i++) {
        const HostCore *core = host->cores->pdata[i];
        g_autofree char *cpus = cpuset_to_list(core->cpus);
        g_string_append_printf(text, "%s%s%s/%u/%u:%" G_GUINT64_FORMAT, i > 0 ? " " : "", cpus,
            host_kind(host, core->kind)->mark, core->node, core->llc,
            host_llc(host, core->llc)->size_kib / 1024);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void assert_machine(const Said *said)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Description) description = description_new(said->text, &error);
    g_assert_no_error(error);
    g_assert_true(say(description, said, &error));
    g_autoptr(HwlocTopology) topology = description_topology(description, &error);
    g_assert_no_error(error);
    g_autoptr(Host) host = new_host(topology);
    g_autofree char *printed = print_host(host);

    g_assert_cmpstr(printed, ==, said->expected);
}

static void assert_machines(const Said *said, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        assert_machine(&said[i]);
    }
}

static void test_siblings(void)
{
    static const Said said[] = {
        { "numa:2 l3:1 core:2 pu:2", .siblings = "split",
            .expected = "0,4/0/0:0 1,5/0/0:0 2,6/1/1:0 3,7/1/1:0" },
        { "core:2 pu:4", .siblings = "split", .expected = "0,2,4,6/0/0:0 1,3,5,7/0/0:0" },
        { "core:3 pu:1", .siblings = "split", .expected = "0/0/0:0 1/0/0:0 2/0/0:0" },
        { "pu:3", .siblings = "split", .expected = "0/0/0:0 1/0/0:0 2/0/0:0" },
    };

    assert_machines(said, G_N_ELEMENTS(said));
}

static void test_kinds(void)
{
    static const Said said[] = {
        { "l3:1 core:4 pu:2", .kinds = "2P+2E",
            .expected = "0-1P/0/0:0 2-3P/0/0:0 4E/0/0:0 5E/0/0:0" },
        { "core:4 pu:1", .kinds = "1P+2E+1LP-E",
            .expected = "0P/0/0:0 1E/0/0:0 2E/0/0:0 3LP-E/0/0:0" },
        { "core:3 pu:2", .kinds = "1E+1P+1E", .expected = "0E/0/0:0 1-2P/0/0:0 3E/0/0:0" },
        { "core:3 pu:2", .kinds = "2P+1E", .siblings = "split",
            .expected = "0,3P/0/0:0 1,4P/0/0:0 2E/0/0:0" },
        { "core:2 pu:2", .kinds = "2P", .expected = "0-1/0/0:0 2-3/0/0:0" },
    };

    assert_machines(said, G_N_ELEMENTS(said));
}

static void test_llc_sizes(void)
{
    static const Said said[] = {
        { "l3:2 core:2 pu:1", .sizes = "96M,32M",
            .expected = "0/0/0:96 1/0/0:96 2/0/1:32 3/0/1:32" },
        { "l3:2 l2:2 core:1 pu:1", .sizes = "1G,2048K",
            .expected = "0/0/0:1024 1/0/0:1024 2/0/1:2 3/0/1:2" },
        /* Where it is the core's own it tells kinds apart. */
        { "l2:2(size=1MB) core:1 pu:1", .sizes = "4M,8M", .expected = "0E/0/0:4 1P/0/1:8" },
    };

    assert_machines(said, G_N_ELEMENTS(said));
}

static void test_offline(void)
{
    static const Said said[] = {
        { "core:3 pu:2", .offline = "1,4-5", .expected = "0/0/0:0 2-3/0/0:0" },
        { "numa:2 l3:1 core:1 pu:2", .siblings = "split", .offline = "1,3",
            .expected = "0,2/0/0:0" },
        { "l3:2 core:1 pu:1", .sizes = "96M,32M", .offline = "0", .expected = "1/0/0:32" },
        { "core:2 pu:2", .kinds = "1P+1E", .offline = "1", .expected = "0P/0/0:0 2E/0/0:0" },
        { "core:2 pu:1", .offline = "", .expected = "0/0/0:0 1/0/0:0" },
    };

    assert_machines(said, G_N_ELEMENTS(said));
}

static void test_offline_node_keeps_its_memory(void)
{
    g_autoptr(Description) description = description_new(
        "[numa(memory=1GB)] pack:2 [numa(memory=4GB)] core:1 pu:1", NULL);
    g_autoptr(CpuSet) offline = cpuset_parse_list("1", ',', NULL);

    g_assert_true(description_set_offline(description, offline, NULL));
    g_autoptr(HwlocTopology) topology = description_topology(description, NULL);
    g_autoptr(Host) host = new_host(topology);
    g_assert_cmpuint(host->nodes->len, ==, 3);
}

/// Nothing is said: it is what the text says.
static void test_the_same_as_the_text(void)
{
    static const char *const texts[] = { "pu:1", "core:4 pu:2", "numa:2 l3:2 core:2 pu:2",
        "pack:2 [numa(memory=4GB)] l3:1(size=96MB) l2:2 l1d:1 core:2 pu:2",
        "core:2 pu:2(indexes=core:pu)", "core:2 pu:2(indexes=10,20,30,40)",
        "pack:2 [numa] [numa] core:1 pu:2", "group:2 [numa] l5:1 l4:2 core:2 pu:1" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(HwlocTopology) topology = topology_describe(texts[i], NULL);
        g_autoptr(Host) host = new_host(topology);
        g_autofree char *expected = print_host(host);
        g_test_message("%s", texts[i]);
        assert_machine(&(Said){ .text = texts[i], .expected = expected });
    }
}

static void test_memory(void)
{
    g_autoptr(Description)
        description = description_new("numa:2(memory=4294967296) core:1 pu:1", NULL);
    g_autoptr(HwlocTopology) topology = description_topology(description, NULL);
    g_autoptr(Host) host = new_host(topology);

    g_assert_cmpuint(host_node(host, 1)->total_mib, ==, 4096);
}

static void test_cpus(void)
{
    g_autoptr(Description) description = description_new("core:4 pu:2", NULL);

    g_assert_true(description_set_kinds(description, "1P+3E", NULL));
    g_autoptr(CpuSet) cpus = description_cpus(description);
    g_autofree char *list = cpuset_to_list(cpus);
    g_assert_cmpstr(list, ==, "0-4");
}

static void test_impossible(void)
{
    static const Said wrong[] = {
        { .kinds = "8P", .expected = "it names 8 cores, and the topology has 4" },
        { .kinds = "", .expected = "'' is no list such as 8P+16E" },
        { .kinds = "4", .expected = "'4' is no number of cores such as" },
        { .kinds = "2P+2X", .expected = "'2X' is no number of cores such as" },
        { .kinds = "2P+", .expected = "'' is no number of cores such as" },
        { .kinds = "0P+4E", .expected = "'0P' is no number of cores such as" },
        { .kinds = "-1P", .expected = "'-1P' is no number of cores such as" },
        { .kinds = "P", .expected = "'P' is no number of cores such as" },
        { .kinds = "4p", .expected = "'4p' is no number of cores such as" },
        { .kinds = "4000P+4000P", .expected = "'4000P' is no number of cores such as" },
        { .kinds = "99999999999999999999P", .expected = "is no number of cores such as" },
        { .sizes = "96M", .expected = "it names 1, and the topology has 2 last-level caches" },
        { .sizes = "96M,32M,1M", .expected = "it names 3, and the topology has 2 last-level" },
        { .sizes = "96M,", .expected = "'' is no size such as 96M" },
        { .sizes = "96M,32", .expected = "'32' is no size such as 96M" },
        { .sizes = "96MB,32M", .expected = "'96MB' is no size such as 96M" },
        { .sizes = "96M,32X", .expected = "'32X' is no size such as 96M" },
        { .sizes = "0M,32M", .expected = "'0M' is no size such as 96M" },
        { .sizes = "M,32M", .expected = "'M' is no size such as 96M" },
        { .siblings = "far\x1b", .expected = "'far\\x1b' is not 'split'" },
        { .offline = "0-7", .expected = "no CPU is left" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(Description) description = description_new("l3:2 core:2 pu:2", NULL);
        g_autoptr(GError) error = NULL;
        g_assert_false(say(description, &wrong[i], &error));
        g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID);
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, wrong[i].expected));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/description/siblings", test_siblings);
    g_test_add_func("/description/kinds", test_kinds);
    g_test_add_func("/description/llc-sizes", test_llc_sizes);
    g_test_add_func("/description/offline", test_offline);
    g_test_add_func("/description/offline-node", test_offline_node_keeps_its_memory);
    g_test_add_func("/description/the-same-as-the-text", test_the_same_as_the_text);
    g_test_add_func("/description/memory", test_memory);
    g_test_add_func("/description/cpus", test_cpus);
    g_test_add_func("/description/impossible", test_impossible);
    return g_test_run();
}
