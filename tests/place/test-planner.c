// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/planner.h"
#include "fakes/assertions.h"
#include "fakes/fake-host.h"
#include "fakes/planner-case.h"

#include <string.h>

static void test_no_case_breaks_a_hard_rule(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20240607);
    guint planned = 0;

    for (guint i = 0; i < 6000; i++) {
        guint which = i % SOME_HOSTS;
        Host *host = some_host(which);
        g_autofree char *isolated = some_list(rand, host);
        g_autofree char *held = some_list(rand, host);
        g_autofree char *config = some_config(rand, host, cpuset_count(host->online));
        g_autofree char *rules = some_rules(rand, host);

        fake_host_set_isolation(host, isolated, NULL);
        g_autoptr(Case) c = case_new(host, config, rules, g_rand_boolean(rand) ? held : "");
        const char *broken = c->plan != NULL ? case_find_broken_rule(c) : NULL;
        if (broken != NULL) {
            g_autofree char *what = case_describe(c, some_host_name(which), config, rules);
            g_error("%s: %s", broken, what);
        }
        planned += c->plan != NULL;
    }
    g_assert_cmpuint(planned, >, 1500);
}

/* Examples: one for each thing that the order of the planner says. */

typedef struct {
    const char *name;
    const char *shape;     // of the host, or
    const FakeCore *cores; // its cores
    const char *isolated;
    const char *config;
    const char *rules;
    const char *taken;
    const char *cpus; // by vCPU
} Example;

/* Nodes 0 and 1: slow cores on the first, fast ones on the second. */
static const FakeCore kinds_by_node[] = {
    { "0", 0, 0, 0 },
    { "1", 0, 0, 0 },
    { "2", 1, 1, 1 },
    { "3", 1, 1, 1 },
    { NULL },
};

/* Fast cores under two LLCs, slow ones under one. */
static const FakeCore kinds_by_llc[] = {
    { "0", 0, 0, 1 },
    { "1", 0, 1, 1 },
    { "2", 0, 2, 0 },
    { "3", 0, 2, 0 },
    { NULL },
};

/* Node 0: two cores with an LLC each. Node 1: four with one. */
static const FakeCore tight_but_split[] = {
    { "0", 0, 0, 0 },
    { "1", 0, 1, 0 },
    { "2", 1, 2, 0 },
    { "3", 1, 2, 0 },
    { "4", 1, 2, 0 },
    { "5", 1, 2, 0 },
    { NULL },
};

static const FakeCore sibling_after_eight[] = {
    { "0,8", 0, 0, 0 },
    { "1,9", 0, 0, 0 },
    { "2,10", 0, 0, 0 },
    { "3,11", 0, 0, 0 },
    { "4,12", 0, 0, 0 },
    { "5,13", 0, 0, 0 },
    { "6,14", 0, 0, 0 },
    { "7,15", 0, 0, 0 },
    { NULL },
};

static const Example examples[] = {
    { "fewest-nodes", "numa:2 l3:1 core:4 pu:1", NULL, "1-7", "cores: 4\n", "", "", "4 5 6 7" },
    { "fewest-nodes-even-if-llcs-are-split", "numa:2 l3:2 core:2 pu:1", NULL, "1-2,4-7",
        "cores: 3\n", "", "", "4 5 6" },
    { "fastest-kind", NULL, fake_hybrid, "0-9", "cores: 3\n", "", "", "0 2 4" },
    { "siblings-of-fast-cores-before-slow-ones", NULL, fake_hybrid, "0-9", "cores: 4\n", "", "",
        "2 4 3 5" },
    { "slow-kind-alone-before-a-mix", NULL, fake_hybrid, "0-9", "cores: 4\n", "smt = isolate\n", "",
        "6 7 8 9" },
    { "mix-of-kinds-when-none-suffices", NULL, fake_hybrid, "0-9", "cores: 5\n", "smt = isolate\n",
        "", "0 2 4 6 7" },
    { "fastest-kind-of-several-nodes", NULL, kinds_by_node, "0-3", "cores: 2\n", "", "", "2 3" },
    { "kind-before-llcs", NULL, kinds_by_llc, "0-3", "cores: 2\n", "", "", "0 1" },
    { "slow-kind-first", NULL, fake_hybrid, "0-9", "cores: 3\n", "kind = slow\n", "", "6 7 8" },
    { "a-core-each-of-any-kind", NULL, fake_hybrid, "0-9", "cores: 4\n", "kind = any\n", "",
        "6 7 8 9" },
    { "a-mix-has-the-fewest-slow-cores", NULL, fake_hybrid, "2-9", "cores: 5\n", "", "",
        "2 4 6 7 8" },
    { "a-mix-shares-no-core-while-others-are-free", NULL, fake_hybrid, "2-9", "cores: 6\n", "", "",
        "2 4 6 7 8 9" },
    { "a-mix-shares-fast-cores", NULL, fake_hybrid, "2-9", "cores: 7\n", "", "", "2 4 6 7 8 9 3" },
    { "a-mix-with-the-fewest-fast-cores", NULL, fake_hybrid, "0-9", "cores: 6\n",
        "kind = slow\nsmt = isolate\n", "", "2 4 6 7 8 9" },
    { "fewest-llcs", "numa:1 l3:2 core:4 pu:1", NULL, "1-7", "cores: 4\n", "", "", "4 5 6 7" },
    { "llcs-before-best-fit", NULL, tight_but_split, "0-5", "cores: 2\n", "", "", "2 3" },
    { "best-fit-llc", "numa:1 l3:2 core:4 pu:1", NULL, "0-5", "cores: 2\n", "", "", "4 5" },
    { "best-fit-llc-for-what-is-left", "numa:1 l3:3 core:4 pu:1", NULL, "0-9", "cores: 6\n", "", "",
        "4 5 6 7 8 9" },
    { "best-fit-node", "numa:2 l3:2 core:2 pu:1", NULL, "0-5", "cores: 2\n", "", "", "4 5" },
    { "not-the-llc-of-the-first-core", "numa:2 l3:1 core:4 pu:1", NULL, "0-7", "cores: 2\n", "", "",
        "4 5" },
    { "lowest-numbers", "numa:3 l3:1 core:4 pu:1", NULL, "0-11", "cores: 2\n", "", "", "4 5" },
    { "lowest-numbers-beside-another-guest", "numa:2 l3:1 core:4 pu:1", NULL, "1-3,5-7",
        "cores: 2\n", "", "1,5", "2 3" },

    { "isolated-cores-first", "numa:1 core:4 pu:1", NULL, "2-3", "cores: 2\naffinity: 0-3\n", "",
        "", "2 3" },
    { "whole-isolated-cores-first", "numa:1 core:3 pu:2", NULL, "2,4-5",
        "cores: 1\naffinity: 0-5\n", "", "", "4" },
    { "isolated-siblings-before-awake-cores", "numa:1 core:4 pu:2", NULL, "6-7",
        "cores: 2\naffinity: 0-7\n", "", "", "6 7" },
    { "fewest-awake-cpus-before-fewest-nodes", "numa:2 l3:1 core:4 pu:1", NULL, "1",
        "cores: 3\naffinity: 1,4-7\n", "", "", "1 4 5" },
    { "safe-siblings-before-awake-cores-of-their-own", "numa:1 core:4 pu:2", NULL, "4-7",
        "cores: 5\naffinity: 0-7\n", "", "", "2 4 6 5 7" },
    { "the-isolated-one-of-two-siblings", "numa:1 core:2 pu:2", NULL, "3",
        "cores: 1\naffinity: 2-3\n", "", "", "3" },
    { "cores-of-its-own-before-shared-ones", "numa:1 core:4 pu:2", NULL, "0-7",
        "cores: 2\naffinity: 1,3-7\n", "", "0,2", "4 6" },
    { "a-core-shared-with-another-guest-at-last", "numa:1 core:2 pu:2", NULL, "0-3",
        "cores: 2\naffinity: 0-3\n", "smt = isolate\n", "0", "1 2" },

    { "auto-whole-cores", "numa:1 core:4 pu:2", NULL, "0-7", "cores: 4\n", "", "", "0 2 4 6" },
    { "auto-then-siblings-first-ones-first", "numa:1 core:4 pu:2", NULL, "2-7", "cores: 5\n", "",
        "", "2 4 6 3 5" },
    { "auto-guest-threads-on-siblings", "numa:1 core:4 pu:2", NULL, "0-7",
        "cores: 4\nargs: -smp 4,cores=2,threads=2\n", "", "", "2 3 4 5" },
    { "auto-guest-threads-on-scattered-siblings", NULL, sibling_after_eight, "0-15",
        "cores: 4\nargs: -smp 4,cores=2,threads=2\n", "", "", "1 9 2 10" },
    { "auto-guest-threads-need-siblings", "numa:1 core:4 pu:1", NULL, "0-3",
        "cores: 4\nargs: -smp 4,cores=2,threads=2\n", "", "", "none" },
    { "isolate-whole-cores-or-none", "numa:1 core:4 pu:2", NULL, "2-7", "cores: 4\n",
        "smt = isolate\n", "", "none" },
    { "isolate-whole-cores", "numa:1 core:4 pu:2", NULL, "2-7", "cores: 3\n", "smt = isolate\n", "",
        "2 4 6" },
    { "pair", NULL, sibling_after_eight, "2-7,10-15", "cores: 4\n", "smt = pair\n", "",
        "2 10 3 11" },
    { "pair-leaves-an-odd-one-its-own-core", "numa:1 core:4 pu:2", NULL, "2-7", "cores: 3\n",
        "smt = pair\n", "", "2 3 4" },
    { "pair-passes-over-half-cores", "numa:1 core:4 pu:2", NULL, "1-7", "cores: 2\naffinity: 1-7\n",
        "smt = pair\n", "", "2 3" },

    { "one-package-on-siblings-before-two", "package:2 numa:1 l3:1 core:3 pu:2", NULL, "0-11",
        "cores: 6\n", "", "", "6 8 10 7 9 11" },
    { "two-nodes-of-a-package-before-siblings", "package:1 numa:2 l3:1 core:3 pu:2", NULL, "0-11",
        "cores: 6\n", "", "", "0 2 4 6 8 10" },
    { "a-core-each-where-siblings-need-two-nodes-too", "package:2 numa:2 l3:1 core:2 pu:2", NULL,
        "0-15", "cores: 6\n", "", "", "4 6 8 10 12 14" },
    { "a-node-a-cell", "numa:3 l3:1 core:4 pu:1", NULL, "0-11", "sockets: 2\ncores: 2\nnuma: 1\n",
        "", "", "4 5 8 9" },
    { "a-node-a-cell-of-numa-lines", "numa:2 l3:1 core:4 pu:1", NULL, "0-7",
        "cores: 4\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,memory=32\nnuma1: cpus=2-3,memory=32\n", "",
        "", "1 2 4 5" },
    { "each-cell-on-the-fewest-nodes", "numa:3 l3:1 core:3 pu:1", NULL, "0-8",
        "cores: 5\nmemory: 64\nnuma: 1\nnuma0: cpus=0-3,memory=32\nnuma1: cpus=4,memory=32\n", "",
        "", "4 5 6 7 3" },
    { "more-cells-than-nodes", "numa:2 l3:1 core:4 pu:1", NULL, "0-7",
        "sockets: 3\ncores: 2\nnuma: 1\nmemory: 48\n", "", "", "1 2 4 5 6 7" },
    { "a-cell-on-siblings-before-two-packages", "package:2 numa:1 l3:1 core:2 pu:2", NULL, "0-7",
        "cores: 3\nmemory: 64\nnuma: 1\nnuma0: cpus=0-2,memory=64\n", "", "", "4 6 5" },
    { "a-cell-on-its-node", "numa:2 l3:1 core:4 pu:1", NULL, "0-7",
        "cores: 2\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,hostnodes=1,memory=64,policy=bind\n", "",
        "", "4 5" },
    { "cells-crosswise", "numa:2 l3:1 core:4 pu:1", NULL, "0-7",
        "cores: 4\nmemory: 64\nnuma: 1\n"
        "numa0: cpus=0;2,hostnodes=1,memory=32,policy=bind\n"
        "numa1: cpus=1;3,hostnodes=0,memory=32,policy=bind\n",
        "", "", "4 1 5 2" },
    { "a-cell-without-room-on-its-node", "numa:2 l3:1 core:4 pu:1", NULL, "0-4",
        "cores: 2\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,hostnodes=1,memory=64,policy=bind\n", "",
        "", "none" },
    { "cells-without-hostnodes-bind-nothing", "numa:2 l3:1 core:4 pu:1", NULL, "0-4",
        "cores: 2\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,memory=64\n", "", "", "1 2" },
    { "numa-lines-without-numa-bind-nothing", "numa:2 l3:1 core:4 pu:1", NULL, "0-4",
        "cores: 2\nmemory: 64\nnuma0: cpus=0-1,hostnodes=1,memory=64,policy=bind\n", "", "",
        "1 2" },
    { "unbound-vcpus-beside-the-bound-ones", "numa:2 l3:1 core:4 pu:1", NULL, "0-7",
        "cores: 3\nmemory: 64\nnuma: 1\n"
        "numa0: cpus=0-1,hostnodes=1,memory=32,policy=bind\nnuma1: cpus=2,memory=32\n",
        "", "", "4 5 1" },
    { "a-guest-core-cut-by-cells", "numa:2 l3:1 core:2 pu:2", NULL, "0-7",
        "cores: 2\nmemory: 64\nnuma: 1\nargs: -smp 2,cores=1,threads=2\n"
        "numa0: cpus=0,hostnodes=0,memory=32,policy=bind\n"
        "numa1: cpus=1,hostnodes=1,memory=32,policy=bind\n",
        "", "", "none" },

    { "not-the-first-core", "numa:1 core:4 pu:1", NULL, "0-3", "cores: 2\n", "", "", "1 2" },
    { "the-first-core-before-siblings", "numa:1 core:4 pu:2", NULL, "0-7", "cores: 4\n", "", "",
        "0 2 4 6" },
    { "not-the-llc-that-the-host-works-in", "numa:1 l3:3 core:4 pu:1", NULL, "1-3,8-11",
        "cores: 2\n", "", "11", "8 9" },
    { "best-fit-before-the-hosts-llc", "numa:1 l3:2 core:4 pu:1", NULL, "1-7", "cores: 3\n", "", "",
        "1 2 3" },
    { "those-to-be-hot-plugged-too", "numa:1 core:8 pu:1", NULL, "2-7", "cores: 6\nvcpus: 2\n", "",
        "", "2 3 4 5 6 7" },
    { "no-room-for-those-to-be-hot-plugged", "numa:1 core:8 pu:1", NULL, "2-6",
        "cores: 6\nvcpus: 2\n", "", "", "none" },
    { "nothing-isolated", "numa:1 core:4 pu:2", NULL, "", "cores: 1\n", "", "", "none" },
    { "the-policys-cpus-before-the-affinity", "numa:1 core:4 pu:1", NULL, "1-3",
        "cores: 1\naffinity: 1\n", "cpus = 3\n", "", "3" },
    { "spare-needs-a-core-more", "numa:1 core:4 pu:1", NULL, "1-3", "cores: 3\n",
        "emulator = spare\n", "", "none" },
    { "the-emulators-cpus-are-no-vcpus", "numa:1 core:4 pu:1", NULL, "1-3", "cores: 2\n",
        "emulator = 1\n", "", "2 3" },
    { "not-the-siblings-of-the-emulators-cpus", "numa:1 core:4 pu:2", NULL, "2-7", "cores: 2\n",
        "emulator = 2\n", "", "4 6" },
};

static void test_example(gconstpointer data)
{
    const Example *example = data;
    Host *host = example->cores != NULL ? fake_host_new_of_cores(example->cores, example->isolated)
                                        : fake_host_new(example->shape, example->isolated);
    g_autoptr(Case) c = case_new(host, example->config, example->rules, example->taken);
    g_autofree char *cpus = case_cpus(c);

    g_assert_cmpstr(cpus, ==, example->cpus);
    if (c->plan != NULL) {
        g_assert_cmpstr(case_find_broken_rule(c), ==, NULL);
    }
}

/* What a line of text does not say of a host. */

static void assert_cpus(const Case *c, const char *expected)
{
    g_autofree char *cpus = case_cpus(c);

    g_assert_cmpstr(cpus, ==, expected);
}

static void test_nearest_nodes(void)
{
    Host *host = fake_host_new("numa:4 l3:1 core:2 pu:1", "0-7");

    fake_host_set_distance(host, 0, 1, 32);
    fake_host_set_distance(host, 1, 3, 12);
    g_autoptr(Case) c = case_new(host, "cores: 4\n", "", "");
    assert_cpus(c, "2 3 6 7");
    assert_set(c->plan->nodes, "1,3");
}

static void test_memory_before_distance(void)
{
    Host *host = fake_host_new("numa:4 l3:1 core:2 pu:1", "0-7");

    fake_host_set_distance(host, 1, 3, 12);
    fake_host_set_free_mib(host, 0, 2048);
    fake_host_set_free_mib(host, 1, 0);
    fake_host_set_free_mib(host, 2, 2048);
    fake_host_set_free_mib(host, 3, 0);
    g_autoptr(Case) c = case_new(host, "cores: 4\nmemory: 4096\n", "", "");
    assert_cpus(c, "0 1 4 5");
}

static void test_node_with_memory(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");

    fake_host_set_free_mib(host, 0, 4095);
    fake_host_set_free_mib(host, 1, 4096);
    g_autoptr(Case) c = case_new(host, "cores: 2\nmemory: 4096\n", "", "");
    assert_cpus(c, "4 5");
}

static void test_reclaimable_memory_counts(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");

    fake_host_set_free_mib(host, 0, 4000);
    ((HostNode *)host_node(host, 0))->reclaimable_mib = 96;
    g_autoptr(Case) c = case_new(host, "cores: 2\nmemory: 4096\n", "", "");
    assert_cpus(c, "1 2");
}

static void test_nodes_enough_for_the_memory(void)
{
    Host *host = fake_host_new("numa:3 l3:1 core:4 pu:1", "0-11");

    fake_host_set_free_mib(host, 0, 1000);
    fake_host_set_free_mib(host, 1, 3000);
    fake_host_set_free_mib(host, 2, 3000);
    g_autoptr(Case) c = case_new(host, "cores: 2\nmemory: 4096\n", "", "");
    assert_cpus(c, "4 5");
    assert_set(c->plan->nodes, "1-2");
}

static void test_the_most_memory_where_none_have_it(void)
{
    Host *host = fake_host_new("numa:3 l3:1 core:4 pu:1", "0-11");

    fake_host_set_free_mib(host, 0, 500);
    fake_host_set_free_mib(host, 1, 1000);
    fake_host_set_free_mib(host, 2, 2000);
    g_autoptr(Case) c = case_new(host, "cores: 2\nmemory: 4096\n", "", "");
    assert_cpus(c, "8 9");
    assert_set(c->plan->nodes, "2");
}

static void test_kind_before_memory(void)
{
    Host *host = fake_host_new_of_cores(kinds_by_node, "0-3");

    fake_host_set_free_mib(host, 1, 100);
    g_autoptr(Case) c = case_new(host, "cores: 2\nmemory: 4096\n", "", "");
    assert_cpus(c, "2 3");
}

/* Two caches of four cores, the first three times as large. */
static void assert_of_two_caches(const char *isolated, const char *rules, const char *expected)
{
    Host *host = fake_host_new("numa:1 l3:2 core:4 pu:2", isolated);

    fake_host_set_llc_kib(host, 0, 98304);
    fake_host_set_llc_kib(host, 1, 32768);
    g_autoptr(Case) c = case_new(host, "cores: 4\n", rules, "");
    assert_cpus(c, expected);
}

static void test_the_largest_cache(void)
{
    assert_of_two_caches("2-15", "", "8 10 12 14");
    assert_of_two_caches("2-15", "llc = largest\n", "2 4 3 5");
    assert_of_two_caches("0-15", "llc = largest\n", "0 2 4 6");
    assert_of_two_caches("4-15", "llc = largest\n", "4 6 5 7");
    assert_of_two_caches("6-15", "llc = largest\n", "8 10 12 14");
    assert_of_two_caches("2-15", "llc = largest\nsmt = isolate\n", "8 10 12 14");
    assert_of_two_caches("2-15", "llc = largest\nsmt = pair\n", "2 3 4 5");
}

static void test_node_with_hugepages(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");

    fake_host_set_free_mib(host, 0, 2048);
    fake_host_set_free_mib(host, 1, 2048);
    fake_host_add_hugepages(host, 1, 1024 * 1024, 4);
    g_autoptr(Case) c = case_new(host, "cores: 2\nmemory: 4096\nhugepages: 1024\n", "", "");
    assert_cpus(c, "4 5");
}

static void test_memory_of_a_node_without_cpus(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");

    fake_host_add_memory_node(host, 2, 65536);
    g_autoptr(Case) c = case_new(host,
        "cores: 2\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,hostnodes=1;2,memory=64,policy=bind\n", "",
        "");
    assert_cpus(c, "4 5");
    assert_set(c->plan->nodes, "1-2");
}

static void test_a_node_without_cpus_alone(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");

    fake_host_add_memory_node(host, 2, 65536);
    g_autoptr(Case) c = case_new(host,
        "cores: 2\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,hostnodes=2,memory=64,policy=bind\n", "",
        "");
    assert_cpus(c, "none");
}

static void test_more_nodes_than_are_tried(void)
{
    Host *host = fake_host_new("numa:20 core:1 pu:1", "0-19");
    g_autoptr(Case) c = case_new(host, "cores: 20\n", "", "");

    g_assert_nonnull(c->plan);
    g_assert_cmpstr(case_find_broken_rule(c), ==, NULL);
}

static void test_cells_with_nodes_in_common(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:2 pu:1", "0-3");
    g_autoptr(Case) c = case_new(host,
        "cores: 4\nmemory: 64\nnuma: 1\n"
        "numa0: cpus=0-1,hostnodes=0-1,memory=32,policy=bind\n"
        "numa1: cpus=2-3,hostnodes=0,memory=32,policy=bind\n",
        "", "");

    g_assert_nonnull(c->plan);
    g_assert_cmpstr(case_find_broken_rule(c), ==, NULL);
}

/* The other threads. */

static void test_others_on_housekeeping_of_the_node(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "1-3,5-7");
    g_autoptr(Case) c = case_new(host, "cores: 2\naffinity: 5-7\n", "", "");

    assert_set(c->plan->others, "4");
    assert_set(c->plan->reserved, "5-6");
    g_assert_false(c->plan->others_share);
}

/// Whichever node memory is bound to by a cell without vCPUs.
static void test_others_on_the_vcpus_node(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "1-3,5-7");
    g_autoptr(Case) c = case_new(host,
        "cores: 2\naffinity: 1-3\nmemory: 64\nnuma: 1\n"
        "numa0: cpus=5-6,hostnodes=1,memory=64,policy=bind\n",
        "", "");

    assert_set(c->plan->nodes, "0-1");
    assert_set(c->plan->others, "0");
}

/// Four cores of two siblings. All but the first core are in partitions, of which VMs are in one
/// that has one sibling of each.
static Host *make_host_of_halves(void)
{
    return fake_host_new_isolated("core:4 pu:2",
        &(IsolationFiles){ .possible = "0-7", .partition = "2-7", .cpuset = "0-2,4,6" });
}

static void test_siblings_in_a_partition_without_the_vms(void)
{
    g_autoptr(Case) three = case_new(make_host_of_halves(), "cores: 3\n", "", "");
    g_autoptr(Case) four = case_new(make_host_of_halves(), "cores: 4\n", "", "");
    g_autofree char *cpus = case_cpus(three);

    g_assert_cmpstr(cpus, ==, "2 4 6");
    assert_set(three->plan->cores, "2-7");
    assert_set(three->plan->others, "0-1");
    g_assert_null(case_find_broken_rule(three));
    g_assert_null(four->plan);
}

static void test_others_on_housekeeping_elsewhere(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "2-7");
    g_autoptr(Case) c = case_new(host, "cores: 2\naffinity: 4-7\n", "", "");

    assert_set(c->plan->others, "0-1");
    g_assert_false(c->plan->others_share);
}

static void test_others_off_other_guests(void)
{
    Host *host = fake_host_new("numa:1 core:4 pu:1", "2-3");
    g_autoptr(Case) c = case_new(host, "cores: 2\n", "", "1");

    assert_set(c->plan->others, "0");
    g_assert_false(c->plan->others_share);
}

static void test_others_have_no_cpu_left(void)
{
    Host *host = fake_host_new("numa:1 core:4 pu:1", "");
    g_autoptr(Case) c = case_new(host, "cores: 4\naffinity: 0-3\n", "", "");

    g_assert_true(c->plan->others_share);
    g_assert_cmpstr(case_find_broken_rule(c), ==, NULL);
}

static void test_others_share_one_isolated_cpu(void)
{
    Host *host = fake_host_new("numa:1 core:4 pu:1", "0-3");
    g_autoptr(Case) c = case_new(host, "cores: 3\n", "", "");

    g_assert_true(c->plan->others_share);
    g_assert_cmpuint(cpuset_count(c->plan->others), ==, 1);
}

static void test_spare_core(void)
{
    Host *host = fake_host_new("numa:1 core:4 pu:2", "2-7");
    g_autoptr(Case) c = case_new(host, "cores: 2\n", "emulator = spare\n", "");

    assert_cpus(c, "2 4");
    assert_set(c->plan->cores, "2-5");
    assert_set(c->plan->reserved, "2-7");
    assert_set(c->plan->others, "6");
}

static void test_spare_core_on_the_vcpus_node(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");
    g_autoptr(Case) c = case_new(host,
        "cores: 2\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,hostnodes=1,memory=64,policy=bind\n",
        "emulator = spare\n", "");

    assert_cpus(c, "4 5");
    assert_set(c->plan->others, "6");
}

static void test_spare_core_beside_siblings(void)
{
    Host *host = fake_host_new("numa:1 core:4 pu:2", "2-7");
    g_autoptr(Case) c = case_new(host, "cores: 3\n", "emulator = spare\n", "");

    assert_cpus(c, "2 4 3");
    assert_set(c->plan->others, "6");
}

static void test_emulator_cpus(void)
{
    Host *host = fake_host_new("numa:1 core:6 pu:1", "3-5");
    g_autoptr(Case) c = case_new(host, "cores: 2\n", "emulator = 1-2\n", "");

    assert_set(c->plan->others, "1-2");
    assert_set(c->plan->reserved, "3-4");
    g_assert_false(c->plan->others_share);
}

static void test_one_of_several_isolated_emulator_cpus(void)
{
    Host *host = fake_host_new("numa:1 core:6 pu:1", "2-5");
    g_autoptr(Case) c = case_new(host, "cores: 2\n", "emulator = 2-3\n", "");

    assert_cpus(c, "4 5");
    assert_set(c->plan->others, "2");
}

static void test_awake_emulator_cpus_before_isolated(void)
{
    Host *host = fake_host_new("numa:1 core:6 pu:1", "2-5");
    g_autoptr(Case) c = case_new(host, "cores: 2\n", "emulator = 1-3\n", "");

    assert_set(c->plan->others, "1");
}

static void test_emulator_cpus_that_another_guest_holds(void)
{
    Host *host = fake_host_new("numa:1 core:6 pu:1", "2-5");
    g_autoptr(Case) c = case_new(host, "cores: 2\n", "emulator = 1,2\n", "1");

    assert_set(c->plan->others, "2");
    g_assert_false(c->plan->others_share);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/planner/no-case-breaks-a-hard-rule", test_no_case_breaks_a_hard_rule);
    for (gsize i = 0; i < G_N_ELEMENTS(examples); i++) {
        g_autofree char *path = g_strdup_printf("/planner/order/%s", examples[i].name);
        g_test_add_data_func(path, &examples[i], test_example);
    }
    g_test_add_func("/planner/order/nearest-nodes", test_nearest_nodes);
    g_test_add_func("/planner/order/memory-before-distance", test_memory_before_distance);
    g_test_add_func("/planner/order/node-with-memory", test_node_with_memory);
    g_test_add_func("/planner/order/reclaimable-memory-counts", test_reclaimable_memory_counts);
    g_test_add_func("/planner/order/nodes-enough-for-the-memory", test_nodes_enough_for_the_memory);
    g_test_add_func("/planner/order/the-most-memory-where-none-have-it",
        test_the_most_memory_where_none_have_it);
    g_test_add_func("/planner/order/kind-before-memory", test_kind_before_memory);
    g_test_add_func("/planner/order/largest-cache", test_the_largest_cache);
    g_test_add_func("/planner/order/node-with-hugepages", test_node_with_hugepages);
    g_test_add_func("/planner/nodes/memory-without-cpus", test_memory_of_a_node_without_cpus);
    g_test_add_func("/planner/nodes/none-with-cpus", test_a_node_without_cpus_alone);
    g_test_add_func("/planner/nodes/in-common", test_cells_with_nodes_in_common);
    g_test_add_func("/planner/nodes/more-than-are-tried", test_more_nodes_than_are_tried);
    g_test_add_func(
        "/planner/others/housekeeping-of-the-node", test_others_on_housekeeping_of_the_node);
    g_test_add_func("/planner/siblings-in-a-partition-without-the-vms",
        test_siblings_in_a_partition_without_the_vms);
    g_test_add_func(
        "/planner/others/housekeeping-elsewhere", test_others_on_housekeeping_elsewhere);
    g_test_add_func("/planner/others/on-the-vcpus-node", test_others_on_the_vcpus_node);
    g_test_add_func("/planner/others/off-other-guests", test_others_off_other_guests);
    g_test_add_func("/planner/others/no-cpu-left", test_others_have_no_cpu_left);
    g_test_add_func("/planner/others/one-isolated-cpu", test_others_share_one_isolated_cpu);
    g_test_add_func("/planner/others/spare-core", test_spare_core);
    g_test_add_func(
        "/planner/others/spare-core-on-the-vcpus-node", test_spare_core_on_the_vcpus_node);
    g_test_add_func("/planner/others/spare-core-beside-siblings", test_spare_core_beside_siblings);
    g_test_add_func("/planner/others/emulator-cpus", test_emulator_cpus);
    g_test_add_func(
        "/planner/others/one-of-several-isolated", test_one_of_several_isolated_emulator_cpus);
    g_test_add_func(
        "/planner/others/awake-before-isolated", test_awake_emulator_cpus_before_isolated);
    g_test_add_func(
        "/planner/others/held-by-another-guest", test_emulator_cpus_that_another_guest_holds);
    return g_test_run();
}
