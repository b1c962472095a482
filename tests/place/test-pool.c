// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/pool.h"

#include "fakes/assertions.h"
#include "fakes/fake-host.h"

#include <string.h>

typedef struct {
    const char *name;
    const char *config;
    const char *rules;
    const char *isolated;
    const char *taken;
    PoolSource source;
    const char *asked;
    const char *missing;
    const char *online;
    const char *free;
} Example;

/* All on a host with CPUs 0-7. */
static const Example examples[] = {
    { "isolated-cpus-where-nothing-is-named", "cores: 2\n", "", "2-7", "", POOL_ISOLATED, "2-7", "",
        "2-7", "2-7" },
    { "affinity", "affinity: 1-3\n", "", "4-7", "", POOL_AFFINITY, "1-3", "", "1-3", "1-3" },
    { "policy-before-affinity", "affinity: 1-3\n", "cpus = 5-6\n", "4-7", "", POOL_POLICY, "5-6",
        "", "5-6", "5-6" },
    { "unreadable-affinity-counts-as-none", "affinity: one\n", "", "4-7", "", POOL_ISOLATED, "4-7",
        "", "4-7", "4-7" },
    { "cpus-that-are-not-there", "affinity: 6-9,100\n", "", "", "", POOL_AFFINITY, "6-9,100",
        "8-9,100", "6-7", "6-7" },
    { "nobody-asked-for-offline-isolated-cpus", "", "", "6-9", "", POOL_ISOLATED, "6-7", "", "6-7",
        "6-7" },
    { "nothing-isolated", "", "", "", "", POOL_ISOLATED, "", "", "", "" },
    { "what-others-hold-is-not-free", "affinity: 1-5\n", "", "", "3,7", POOL_AFFINITY, "1-5", "",
        "1-5", "1-2,4-5" },
    { "all-is-held", "affinity: 1-2\n", "", "", "0-7", POOL_AFFINITY, "1-2", "", "1-2", "" },
    { "emulator-cpus-are-set-apart", "affinity: 1-5\n", "emulator = 2,3\n", "", "", POOL_AFFINITY,
        "1-5", "", "1,4-5", "1,4-5" },
    { "emulator-cpus-are-set-apart-of-the-isolated-too", "", "emulator = 4\n", "4-7", "",
        POOL_ISOLATED, "4-7", "", "5-7", "5-7" },
};

static Taken *take(const char *list)
{
    Taken *taken = taken_new();

    if (*list != '\0') {
        g_autoptr(CpuSet) cpus = cpuset_parse_list(list, ',', NULL);
        taken_add(taken, 101, cpus);
    }
    return taken;
}

static void test_example(gconstpointer data)
{
    const Example *example = data;
    g_autofree char *rules = g_strconcat("[defaults]\n", example->rules, NULL);
    g_autoptr(Host) host = fake_host_new("numa:1 core:8 pu:1", example->isolated);
    g_autoptr(VmConfig) vm = vmconfig_parse(example->config, strlen(example->config));
    g_autoptr(Policy) policy = policy_parse(rules, NULL, 100);
    g_autoptr(Taken) taken = take(example->taken);
    g_autoptr(Pool) pool = pool_new(vm, policy, host, taken);

    g_assert_cmpint(pool->source, ==, example->source);
    assert_set(pool->asked, example->asked);
    assert_set(pool->missing, example->missing);
    assert_set(pool->online, example->online);
    assert_set(pool->free, example->free);
}

static void test_partitions_are_isolated_too(void)
{
    g_autoptr(Host) host = fake_host_new("numa:1 core:8 pu:1", "6");
    g_autoptr(VmConfig) vm = vmconfig_parse("cores: 1\n", strlen("cores: 1\n"));
    g_autoptr(Policy) policy = policy_parse(NULL, NULL, 100);
    g_autoptr(Taken) taken = taken_new();

    isolation_free(host->isolation);
    host->isolation = isolation_parse(&(IsolationFiles){ .isolated = "6", .partition = "2-3" });
    g_autoptr(Pool) pool = pool_new(vm, policy, host, taken);
    assert_set(pool->free, "2-3,6");
}

static void test_isolated_pool_whatever_the_vm_names(void)
{
    g_autoptr(Host) host = fake_host_new("numa:1 core:8 pu:1", "4-7");
    g_autoptr(Policy) policy = policy_parse("[defaults]\ncpus = 1\nemulator = 4\n", NULL, 100);
    g_autoptr(Taken) taken = take("5");
    g_autoptr(Pool) pool = pool_of_isolated(policy, host, taken);

    g_assert_cmpint(pool->source, ==, POOL_ISOLATED);
    assert_set(pool->free, "6-7");
}

static void test_freeing_no_pool(void)
{
    pool_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(examples); i++) {
        g_autofree char *path = g_strdup_printf("/pool/%s", examples[i].name);
        g_test_add_data_func(path, &examples[i], test_example);
    }
    g_test_add_func("/pool/partitions-are-isolated-too", test_partitions_are_isolated_too);
    g_test_add_func(
        "/pool/isolated-whatever-the-vm-names", test_isolated_pool_whatever_the_vm_names);
    g_test_add_func("/pool/freeing-none", test_freeing_no_pool);
    return g_test_run();
}
