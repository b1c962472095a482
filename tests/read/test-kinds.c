// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/kinds.h"

#include "fakes/fake-machine.h"
#include "read/host.h"

typedef struct {
    const char *name;
    const char *marks; // of the kinds, the slowest first
    const char *kinds; // of the rows
    FakeRow rows[10];
} Case;

#define P CORE_PERFORMANCE
#define E CORE_EFFICIENCY
#define LP CORE_LOW_POWER

static const Case cases[] = {
    { "alike", "", "0", { { 8, 2, 512, 1, 4700 } } },
    { "nothing-is-said", "", "0", { { 8, 1, 0, 0, 0 } } },
    { "core-type", "E P", "1 0", { { 8, 2, 1280, 1, 5100, P }, { 8, 1, 2048, 4, 3900, E } } },
    { "core-type-of-slow-cores-first", "E P", "0 1",
        { { 4, 1, 2048, 4, 3900, E }, { 4, 1, 2048, 1, 4800, P } } },
    { "core-type-without-cpufreq", "E P", "1 0", { { 6, 1, 0, 0, 0, P }, { 4, 1, 0, 0, 0, E } } },
    { "performance-cores-without-type", "E P", "1 0",
        { { 8, 2, 2048, 1, 5500 }, { 8, 1, 4096, 4, 4300, E } } },
    { "only-performance-cores-are-left", "", "0", { { 8, 2, 1280, 1, 5100, P } } },
    { "favoured-cores", "E P", "1 1 1 0",
        { { 4, 2, 2048, 1, 5300, P }, { 2, 2, 2048, 1, 5400, P }, { 2, 2, 2048, 1, 5300, P },
            { 8, 1, 4096, 4, 4200, E } } },
    { "low-power", "LP-E E P", "2 1 0",
        { { 4, 1, 2048, 1, 5000, P }, { 8, 1, 4096, 4, 4500, E }, { 2, 1, 2048, 2, 2500, LP } } },
    { "low-power-that-linux-counts-to-the-atoms", "LP-E E P", "2 1 0",
        { { 6, 2, 2048, 1, 4800, P }, { 8, 1, 2048, 4, 3800, E }, { 2, 1, 2048, 2, 2500, E } } },
    { "shape", "E P", "1 0", { { 8, 2, 2048, 1, 5500 }, { 8, 1, 4096, 4, 4300 } } },
    { "shape-without-cpufreq", "E P", "1 0", { { 8, 2, 2048, 1, 0 }, { 8, 1, 4096, 4, 0 } } },
    { "shape-where-all-have-one-thread", "E P", "1 0 1",
        { { 2, 1, 3072, 1, 0 }, { 8, 1, 4096, 4, 0 }, { 6, 1, 3072, 1, 0 } } },
    { "shape-with-favoured-cores", "E P", "1 0 1",
        { { 2, 1, 3072, 1, 5500 }, { 8, 1, 4096, 4, 4600 }, { 2, 1, 3072, 1, 5700 } } },
    { "threads-alone", "E P", "1 0", { { 4, 2, 0, 0, 0 }, { 4, 1, 0, 0, 0 } } },
    { "l2-size-alone", "E P", "1 0", { { 4, 1, 512, 1, 0 }, { 4, 1, 128, 1, 0 } } },
    { "l2-that-is-not-told-of-all", "", "0 0", { { 4, 1, 512, 1, 0 }, { 4, 1, 0, 0, 0 } } },
    { "frequency", "slow fast", "1 0", { { 2, 2, 1024, 1, 5000 }, { 4, 2, 1024, 1, 3500 } } },
    { "frequency-of-three", "slow medium fast", "2 0 1",
        { { 2, 1, 0, 0, 5000 }, { 4, 1, 0, 0, 3000 }, { 4, 1, 0, 0, 4000 } } },
    { "frequency-10-percent-below", "", "0 0", { { 2, 1, 0, 0, 5000 }, { 4, 1, 0, 0, 4500 } } },
    { "frequency-11-percent-below", "slow fast", "1 0",
        { { 2, 1, 0, 0, 5000 }, { 4, 1, 0, 0, 4450 } } },
    { "frequency-that-is-not-told-of-all", "", "0 0", { { 2, 1, 0, 0, 5000 }, { 4, 1, 0, 0, 0 } } },
    { "a-step-a-core", "", "0 0 0 0 0 0 0 0",
        { { 8, 2, 1024, 1, 5352 }, { 1, 2, 1024, 1, 5517 }, { 1, 2, 1024, 1, 5677 },
            { 1, 2, 1024, 1, 5837 }, { 1, 2, 1024, 1, 6001 }, { 1, 2, 1024, 1, 6161 },
            { 1, 2, 1024, 1, 6321 }, { 1, 2, 1024, 1, 6482 } } },
};

static char *list_marks(const Host *host)
{
    GString *marks = g_string_new(NULL);

    for (guint i = 0; i < host->kinds->len; i++) {
        g_string_append_printf(marks, "%s%s", i > 0 ? " " : "", host_kind(host, i)->mark);
    }
    return g_string_free(marks, FALSE);
}

/// The kind of each row, all of whose cores must be of one.
static char *list_kinds(const Host *host, const FakeRow *row)
{
    GString *kinds = g_string_new(NULL);

    for (guint cpu = 0; row->cores > 0; row++) {
        guint first = cpu;
        for (; cpu < first + row->cores * row->threads; cpu++) {
            const HostCore *core = host->cores->pdata[host_core_of(host, cpu)];
            const HostCore *other = host->cores->pdata[host_core_of(host, first)];
            g_assert_cmpuint(core->kind, ==, other->kind);
            g_assert_cmpuint(cpuset_count(core->cpus), ==, row->threads);
        }
        const HostCore *core = host->cores->pdata[host_core_of(host, first)];
        g_string_append_printf(kinds, "%s%u", kinds->len > 0 ? " " : "", core->kind);
    }
    return g_string_free(kinds, FALSE);
}

static void assert_case(const Case *test, const Host *host)
{
    g_autofree char *marks = list_marks(host);
    g_autofree char *kinds = list_kinds(host, test->rows);

    g_assert_cmpstr(marks, ==, test->marks);
    g_assert_cmpstr(kinds, ==, test->kinds);
}

/* From /sys and from XML alike. */

static void test_root(gconstpointer data)
{
    const Case *test = data;
    g_autoptr(FakeRoot) fake = fake_machine_root(test->rows);
    g_autoptr(GError) error = NULL;
    g_autoptr(Host) host = host_load(fake->root, &error);

    g_assert_no_error(error);
    assert_case(test, host);
}

static Host *describe(const char *xml)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(GError) error = NULL;

    fake_root_write(fake, "machine.xml", xml);
    g_autofree char *path = fake_root_outside(fake, "machine.xml");
    g_autoptr(HwlocTopology) topology = topology_describe(path, &error);
    g_assert_no_error(error);
    return host_from_topology(topology, isolation_parse(&(IsolationFiles){ .isolated = "" }));
}

static void test_xml(gconstpointer data)
{
    const Case *test = data;
    g_autofree char *xml = fake_machine_xml(test->rows);
    g_autoptr(Host) host = describe(xml);

    assert_case(test, host);
}

/* What is not there. */

static const FakeRow hybrid[] = { { 4, 2, 2048, 1, 5500 }, { 8, 1, 4096, 4, 4300 }, { 0 } };

/// CPU 1 is the second thread of a performance core, CPU 8 an efficiency core.
static void test_offline_cpus_make_no_kind(void)
{
    g_autoptr(FakeRoot) fake = fake_machine_root(hybrid);

    fake_root_write(fake, "sys/devices/system/cpu/online", "0,2-7,9-15\n");
    fake_root_write(fake, "sys/devices/system/cpu/cpu1/online", "0\n");
    fake_root_write(fake, "sys/devices/system/cpu/cpu8/online", "0\n");
    g_autoptr(Host) host = host_load(fake->root, NULL);

    g_assert_cmpuint(host->kinds->len, ==, 2);
    for (guint cpu = 0; cpu < 16; cpu++) {
        int core = host_core_of(host, cpu);
        g_assert_true((core < 0) == (cpu == 1 || cpu == 8));
        if (core >= 0) {
            g_assert_cmpuint(((HostCore *)host->cores->pdata[core])->kind, ==, cpu < 8 ? 1 : 0);
        }
    }
}

/// hwloc before 2.12 writes no type of low-power cores.
static void test_a_core_without_type_among_others(void)
{
    static const FakeRow rows[] = { { 4, 1, 2048, 1, 5000, P }, { 4, 1, 4096, 4, 4500, E },
        { 2, 1, 4096, 2, 4400 }, { 0 } };
    g_autofree char *xml = fake_machine_xml(rows);
    g_autoptr(Host) host = describe(xml);
    g_autofree char *marks = list_marks(host);

    g_assert_cmpstr(marks, ==, "LP-E E P");
}

/// Without frequencies, as ARM has it.
static void test_capacity(void)
{
    static const FakeRow rows[] = { { 4, 1 }, { 4, 1 }, { 0 } };
    g_autoptr(FakeRoot) fake = fake_machine_root(rows);

    for (guint cpu = 0; cpu < 8; cpu++) {
        g_autofree char *path = g_strdup_printf("sys/devices/system/cpu/cpu%u/cpu_capacity", cpu);
        fake_root_write(fake, path, cpu < 4 ? "439\n" : "1024\n");
    }
    g_autoptr(Host) host = host_load(fake->root, NULL);
    g_autofree char *marks = list_marks(host);
    g_autofree char *kinds = list_kinds(host, rows);

    g_assert_cmpstr(marks, ==, "slow fast");
    g_assert_cmpstr(kinds, ==, "0 1");
}

static void add_cases(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *root = g_strdup_printf("/kinds/root/%s", cases[i].name);
        g_autofree char *xml = g_strdup_printf("/kinds/xml/%s", cases[i].name);
        g_test_add_data_func(root, &cases[i], test_root);
        g_test_add_data_func(xml, &cases[i], test_xml);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases();
    g_test_add_func("/kinds/offline-cpus", test_offline_cpus_make_no_kind);
    g_test_add_func("/kinds/a-core-without-type", test_a_core_without_type_among_others);
    g_test_add_func("/kinds/capacity", test_capacity);
    return g_test_run();
}
