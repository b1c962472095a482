// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/proposal.h"

#include "judge/verdict.h"
#include "fakes/fake-fix.h"
#include "fakes/fake-host.h"
#include "fakes/fake-qm.h"
#include "fakes/planner-case.h"

#include <string.h>

/// The lines, and what the config is once they are pasted. NULL: there is no plan.
static char *propose(const Case *c, const char *config, Plan **plan, const char **lines)
{
    Request request = case_request(c);
    g_autofree char *after = g_strdup(config);

    g_autoptr(GPtrArray) fixes = proposal_of(&request, plan);
    *lines = lines_of(fixes);
    if (*lines == NULL) {
        return NULL;
    }
    g_auto(GStrv) commands = g_strsplit(*lines, "\n", -1);
    for (guint i = 0; commands[i] != NULL && *commands[i] != '\0'; i++) {
        char *next = fake_qm_set(after, commands[i]);
        if (next == NULL) {
            g_error("'%s' is no qm set", commands[i]);
        }
        g_free(after);
        after = next;
    }
    return g_steal_pointer(&after);
}

/* What it says. */

typedef struct {
    const char *name;
    const char *shape;
    const char *isolated;
    const char *config;
    const char *taken;
    const char *lines;
} Example;

static const Example examples[] = {
    { "one-node", "numa:1 core:4 pu:2", "2-7", "cores: 2\n", "",
        "qm set 100 --affinity 2,4 --freeze 1\n" },
    { "nothing-else-to-say", "numa:1 core:4 pu:2", "2-7", "cores: 2\nfreeze: 1\n", "",
        "qm set 100 --affinity 2,4\n" },
    { "memory-beside-the-vcpus", "numa:2 core:4 pu:1", "1-3,5-7",
        "cores: 2\nfreeze: 1\nmemory: 1024\n", "1-2",
        "qm set 100 --affinity 5-6\n"
        "qm set 100 --numa 1 --numa0 cpus=0-1,hostnodes=1,memory=1024,policy=bind\n" },
    { "a-socket-for-each-node", "numa:2 core:4 pu:1", "1-3,5-7",
        "cores: 6\nfreeze: 1\nmemory: 1024\n", "",
        "qm set 100 --affinity 1-3,5-7\n"
        "qm set 100 --sockets 2 --cores 3\n"
        "qm set 100 --numa 1 --numa0 cpus=0-2,hostnodes=0,memory=512,policy=bind --numa1 "
        "cpus=3-5,hostnodes=1,memory=512,policy=bind\n" },
    { "cells-of-unlike-size", "numa:2 core:4 pu:1", "1-3,5-7",
        "cores: 5\nfreeze: 1\nmemory: 1000\n", "",
        "qm set 100 --affinity 1-3,5-6\n"
        "qm set 100 --numa 1 --numa0 cpus=0-2,hostnodes=0,memory=600,policy=bind --numa1 "
        "cpus=3-4,hostnodes=1,memory=400,policy=bind\n" },
    { "cells-that-are-too-many", "numa:2 core:4 pu:1", "1-3,5-7",
        "cores: 2\nfreeze: 1\nmemory: 1024\nnuma: 1\nnuma0: cpus=0,memory=512\n"
        "numa1: cpus=1,memory=512\n",
        "",
        "qm set 100 --affinity 1-2\n"
        "qm set 100 --delete numa1\n"
        "qm set 100 --numa 1 --numa0 cpus=0-1,hostnodes=0,memory=1024,policy=bind\n" },
    { "guest-threads-on-siblings", "numa:1 core:4 pu:2", "2-7",
        "cores: 4\nfreeze: 1\nargs: -smp 4,cores=2,threads=2\n", "",
        "qm set 100 --affinity 2-5\n" },
    { "siblings-are-told", "numa:1 core:4 pu:2", "2-7", "cores: 6\nfreeze: 1\n", "",
        "qm set 100 --affinity 2-7\n"
        "qm set 100 --args '-smp 6,sockets=1,cores=3,threads=2'\n" },
    { "siblings-are-told-a-socket-a-node", "numa:2 core:4 pu:2", "2-7,10-15",
        "cores: 12\nfreeze: 1\nmemory: 1024\n", "",
        "qm set 100 --affinity 2-7,10-15\n"
        "qm set 100 --args '-smp 12,sockets=2,cores=3,threads=2'\n"
        "qm set 100 --numa 1 --numa0 cpus=0-5,hostnodes=0,memory=512,policy=bind --numa1 "
        "cpus=6-11,hostnodes=1,memory=512,policy=bind\n" },
    { "an-odd-vcpu-is-no-thread", "numa:1 core:4 pu:2", "2-7", "cores: 5\nfreeze: 1\n", "",
        "qm set 100 --affinity 2-6\n" },
    { "nothing-isolated", "numa:1 core:4 pu:1", "", "cores: 2\nfreeze: 1\naffinity: 2-3\n", "",
        "qm set 100 --affinity 2-3\n" },
    { "no-plan", "numa:1 core:4 pu:1", "", "cores: 2\n", "", NULL },
};

static void test_example(gconstpointer data)
{
    const Example *example = data;
    g_autoptr(Case) c = case_new(
        fake_host_new(example->shape, example->isolated), example->config, "", example->taken);
    g_autoptr(Plan) plan = NULL;
    Request request = case_request(c);
    g_autoptr(GPtrArray) fixes = proposal_of(&request, &plan);
    const char *lines = lines_of(fixes);

    g_assert_cmpstr(lines, ==, example->lines);
    g_assert_true((plan == NULL) == (lines == NULL));
}

static void assert_lines(Host *host, const char *config, const char *expected)
{
    g_autoptr(Case) c = case_new(host, config, "", "");
    g_autoptr(Plan) plan = NULL;
    Request request = case_request(c);
    g_autoptr(GPtrArray) fixes = proposal_of(&request, &plan);
    const char *lines = lines_of(fixes);

    g_assert_cmpstr(lines, ==, expected);
}

static void test_hugepages_where_they_are_free(void)
{
    for (guint64 pages = 3; pages <= 4; pages++) {
        Host *host = fake_host_new("numa:1 core:4 pu:1", "2-3");
        fake_host_add_hugepages(host, 0, 2048, 2048);
        fake_host_add_hugepages(host, 0, 1024 * 1024, pages);
        assert_lines(host, "cores: 2\nfreeze: 1\nmemory: 4096\n",
            pages == 4 ? "qm set 100 --affinity 2-3\n"
                         "qm set 100 --numa 1 --numa0 cpus=0-1,hostnodes=0,memory=4096,"
                         "policy=bind --hugepages 1024\n"
                       : "qm set 100 --affinity 2-3\n"
                         "qm set 100 --numa 1 --numa0 cpus=0-1,hostnodes=0,memory=4096,"
                         "policy=bind --hugepages 2\n");
    }
}

/* Of those that can be told with it: Proxmox takes no list. */
static void test_memory_of_the_nearest_node_too(void)
{
    Host *host = fake_host_new("numa:4 core:2 pu:1", "2-3");

    fake_host_set_free_mib(host, 1, 1000);
    fake_host_set_distance(host, 1, 3, 11);
    fake_host_set_distance(host, 1, 2, 12);
    assert_lines(host, "cores: 2\nfreeze: 1\nmemory: 1024\n",
        "qm set 100 --affinity 2-3\n"
        "qm set 100 --numa 1 --numa0 cpus=0-1,hostnodes=1-2,memory=1024,policy=bind\n");
}

static void test_memory_as_the_nodes_have_it(void)
{
    Host *host = fake_host_new("numa:2 core:2 pu:1", "0-3");

    fake_host_set_free_mib(host, 0, 256);
    fake_host_set_free_mib(host, 1, 768);
    assert_lines(host, "sockets: 2\ncores: 2\nfreeze: 1\nmemory: 1024\n",
        "qm set 100 --affinity 0-3\n"
        "qm set 100 --numa 1 --numa0 cpus=0-1,hostnodes=0,memory=256,policy=bind --numa1 "
        "cpus=2-3,hostnodes=1,memory=768,policy=bind\n");
}

/* What becomes of it. */

/// Whether a start by that plan is refused by nothing but what the config can mend.
static gboolean is_good(const Case *c, const Plan *plan)
{
    guint64 available = 0;

    for (guint i = 0; i < c->host->nodes->len; i++) {
        available += host_node_available_mib(c->host->nodes->pdata[i], NULL);
    }
    return available >= c->vm->memory_mib &&
           hwloc_bitmap_isincluded(plan->cores, c->host->isolation->isolated) &&
           !hwloc_bitmap_intersects(plan->reserved, c->taken->cpus) && !plan->others_share;
}

static void assert_passes(const Case *c, const Plan *wanted, const char *lines, const char *rules)
{
    Request request = case_request(c);
    g_autoptr(Verdict) verdict = verdict_of_start(&request, c->plan);

    for (guint i = 0; i < verdict->findings->len; i++) {
        const Finding *finding = verdict->findings->pdata[i];
        if (finding->severity == SEVERITY_ERROR) {
            g_error("%s: %s, behind\n%s%s", finding_kind(finding->code)->name, finding->message,
                lines, rules);
        }
    }
    g_autofree char *planned = c->plan != NULL ? cpuset_to_list(c->plan->reserved)
                                               : g_strdup("none");
    g_autofree char *cpus = cpuset_to_list(wanted->reserved);
    if (strcmp(planned, cpus) != 0) {
        g_error("CPU %s in place of %s, behind\n%s%s", planned, cpus, lines, rules);
    }
}

/// Cells of any number that are bound nowhere, so that the planner is free.
static void test_what_is_pasted_passes(void)
{
    static const char *const rules[] = { "", "smt = isolate\n", "smt = pair\n",
        "emulator = spare\n" };
    g_autoptr(GRand) rand = g_rand_new_with_seed(11);
    guint pasted = 0;

    for (guint i = 0; i < 3000; i++) {
        Host *host = some_host(i % SOME_HOSTS);
        g_autofree char *isolated = some_list(rand, host);
        g_autofree char *held = some_list(rand, host);
        g_autofree char *config = some_config(rand, host, cpuset_count(host->online));
        const char *rule = rules[g_rand_int_range(rand, 0, G_N_ELEMENTS(rules))];
        fake_host_set_isolation(host, isolated, NULL);
        for (guint node = 0; node < host->nodes->len; node++) {
            fake_host_set_free_mib(host, node, (guint64)g_rand_int_range(rand, 0, 8000));
        }
        g_autoptr(Case) before = case_new(host, config, rule, g_rand_boolean(rand) ? held : "");
        g_autoptr(Plan) plan = NULL;
        const char *lines = NULL;
        g_autofree char *pasting = propose(before, config, &plan, &lines);
        if (pasting == NULL || !is_good(before, plan)) {
            continue;
        }
        g_autofree char *taken = cpuset_to_list(before->taken->cpus);
        g_autoptr(Case) after = case_new(g_steal_pointer(&before->host), pasting, rule, taken);
        assert_passes(after, plan, lines, pasting);
        pasted++;
    }
    g_assert_cmpuint(pasted, >, 300);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(examples); i++) {
        g_autofree char *path = g_strdup_printf("/proposal/%s", examples[i].name);
        g_test_add_data_func(path, &examples[i], test_example);
    }
    g_test_add_func("/proposal/hugepages-where-they-are-free", test_hugepages_where_they_are_free);
    g_test_add_func("/proposal/nearest-memory-too", test_memory_of_the_nearest_node_too);
    g_test_add_func("/proposal/memory-as-the-nodes-have-it", test_memory_as_the_nodes_have_it);
    g_test_add_func("/proposal/what-is-pasted-passes", test_what_is_pasted_passes);
    return g_test_run();
}
