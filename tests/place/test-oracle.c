// SPDX-License-Identifier: LGPL-2.1-or-later
/* An oracle for the planner: on small hosts of all sorts what it chose is held against every set of
 * CPUs that the VM could be given. */
#include "fakes/brute-force.h"
#include "fakes/fake-host.h"

#include <string.h>

#define MOST_CPUS BRUTE_CPUS

/* Machines by chance. */

/// Numbers for @count CPUs: in order, in some order, or with a gap.
static void number_cpus(GRand *rand, guint *numbers, guint count)
{
    guint gap = g_rand_int_range(rand, 0, 4) == 0 ? 1 : 0;
    gboolean shuffled = g_rand_int_range(rand, 0, 3) == 0;

    for (guint i = 0; i < count; i++) {
        numbers[i] = i + (i > count / 2 ? gap : 0);
    }
    for (guint i = count; shuffled && i > 1; i--) {
        guint j = (guint)g_rand_int_range(rand, 0, (gint32)i), other = numbers[i - 1];
        numbers[i - 1] = numbers[j];
        numbers[j] = other;
    }
}

typedef struct {
    guint node, llc, kind, siblings, first;
    char cpus[80];
} SomeCore;

static int compare_some_cores(gconstpointer a, gconstpointer b)
{
    const SomeCore *first = a, *second = b;
    const guint keys[][2] = { { first->node, second->node }, { first->llc, second->llc },
        { first->first, second->first } };

    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i][0] != keys[i][1]) {
            return keys[i][0] < keys[i][1] ? -1 : 1;
        }
    }
    return 0;
}

/// Gives the cores their CPUs: siblings one after the other, or all first ones before all others.
static void give_cpus(GRand *rand, SomeCore *cores, guint count, guint cpus)
{
    gboolean adjacent = g_rand_boolean(rand);
    guint numbers[MOST_CPUS + 1], next = 0;

    number_cpus(rand, numbers, cpus);
    for (guint sibling = 0; sibling < 8; sibling++) {
        for (guint i = 0; i < count; i++) {
            for (guint j = adjacent && sibling == 0 ? 0 : sibling;
                 j < cores[i].siblings && (adjacent ? sibling == 0 : j == sibling); j++) {
                guint cpu = numbers[next++];
                gsize length = strlen(cores[i].cpus);
                g_snprintf(cores[i].cpus + length, sizeof(cores[i].cpus) - length, "%s%u",
                    length > 0 ? "," : "", cpu);
                cores[i].first = length == 0 ? cpu : MIN(cores[i].first, cpu);
            }
        }
    }
    qsort(cores, count, sizeof(*cores), compare_some_cores);
}

/// Sockets of one node or of several that follow each other; now and then of any.
static void give_packages(GRand *rand, Host *host)
{
    guint nodes_of = (guint)g_rand_int_range(rand, 1, 4), packages[BRUTE_NODES];
    gboolean any = g_rand_int_range(rand, 0, 8) == 0;

    for (guint i = 0; i < BRUTE_NODES; i++) {
        packages[i] = any ? (guint)g_rand_int_range(rand, 0, 2) : i / nodes_of;
    }
    for (guint i = 0; i < host->cores->len; i++) {
        HostCore *core = host->cores->pdata[i];
        core->package = packages[core->node];
    }
}

/// Memory and distances of nodes, sizes of LLCs.
static void give_numbers(GRand *rand, Host *host)
{
    static const guint64 free_mib[] = { 65536, 65536, 65536, 4096, 2048, 512, 0 };
    static const guint64 llc_kib[] = { 32768, 32768, 98304, 98304, 16384, 0 };
    gboolean near = g_rand_boolean(rand), x3d = g_rand_boolean(rand);

    for (guint i = 0; i < host->nodes->len; i++) {
        fake_host_set_free_mib(host, i, free_mib[g_rand_int_range(rand, 0, 7)]);
        for (guint j = 0; j < i; j++) {
            guint hops = near ? 1 : (guint)g_rand_int_range(rand, 1, 4);
            fake_host_set_distance(host, i, j, hops * 10 + 2);
        }
    }
    for (guint i = 0; i < host->llcs->len; i++) {
        fake_host_set_llc_kib(host, i, llc_kib[x3d ? g_rand_int_range(rand, 0, 6) : 0]);
    }
}

/// A host of at most MOST_CPUS CPUs: nodes, LLCs (some over two nodes), kinds and siblings of all
/// sorts, distances, memory. Every fourth has many nodes.
static Host *some_machine(GRand *rand)
{
    SomeCore cores[MOST_CPUS] = { 0 };
    FakeCore fakes[MOST_CPUS + 1] = { 0 };
    guint most_nodes = g_rand_int_range(rand, 0, 4) == 0 ? BRUTE_NODES : 4, count = 0, cpus = 0;
    guint nodes = (guint)g_rand_int_range(rand, 1, (gint32)most_nodes + 1);
    guint llcs = nodes * (guint)g_rand_int_range(rand, 1, 4);
    guint most = (guint)g_rand_int_range(rand, 1, MOST_CPUS + 1);
    guint siblings = 1u << g_rand_int_range(rand, 0, 3);
    gboolean alike = g_rand_boolean(rand), nested = g_rand_int_range(rand, 0, 4) > 0;
    gboolean hybrid = g_rand_int_range(rand, 0, 4) == 0;

    for (; cpus < most; count++) {
        SomeCore *core = &cores[count];
        core->llc = (guint)g_rand_int_range(rand, 0, (gint32)llcs);
        core->node = nested ? core->llc % nodes : (guint)g_rand_int_range(rand, 0, (gint32)nodes);
        core->kind = hybrid ? (guint)g_rand_int_range(rand, 0, 3) : 0;
        core->siblings = alike ? siblings : (guint)g_rand_int_range(rand, 1, 5);
        core->siblings = MIN(core->siblings, most - cpus);
        cpus += core->siblings;
    }
    give_cpus(rand, cores, count, cpus);
    for (guint i = 0; i < count; i++) {
        fakes[i] = (FakeCore){ cores[i].cpus, cores[i].node, cores[i].llc, cores[i].kind };
    }
    Host *host = fake_host_new_of_cores(fakes, "");
    give_packages(rand, host);
    give_numbers(rand, host);
    return host;
}

static void add_some_devices(GRand *rand, Case *c)
{
    c->devices = g_ptr_array_new_with_free_func(g_free);
    for (int count = g_rand_int_range(rand, -2, 4); count > 0; count--) {
        Device *device = g_new0(Device, 1);
        device->node = g_rand_int_range(rand, -1, (gint32)c->host->nodes->len);
        g_ptr_array_add(c->devices, device);
    }
    plan_free(c->plan);
    c->plan = case_place(c);
}

static void fail(const Case *c, guint seed, const char *what, const char *config, const char *rules)
{
    g_autoptr(GString) cores = g_string_new(NULL);
    g_autofree char *name = g_strdup_printf("%u", seed);
    g_autofree char *case_text = case_describe(c, name, config, rules);

    for (guint i = 0; i < c->host->cores->len; i++) {
        const HostCore *core = c->host->cores->pdata[i];
        g_autofree char *list = cpuset_to_list(core->cpus);
        g_string_append_printf(cores, "\n  %s: package %u, node %u, LLC %u, kind %u", list,
            core->package, core->node, core->llc, core->kind);
    }
    g_error("%s; %s%s", what, case_text, cores->str);
}

/// What was looked at.
typedef struct {
    guint planned, passed_over;
    guint hybrid, unequal, many; // of those with a plan: kinds, sizes of caches, nodes
    guint64 sets, layouts;
} Tally;

static void count(Tally *tally, const Case *c, const BruteForce *done)
{
    const Host *host = c->host;
    gboolean unequal = FALSE;

    tally->sets += done->sets;
    tally->layouts += done->layouts;
    tally->passed_over += done->passed_over;
    if (c->plan == NULL || done->passed_over) {
        return;
    }
    for (guint i = 1; i < host->llcs->len; i++) {
        unequal |= host_llc(host, i)->size_kib != host_llc(host, 0)->size_kib;
    }
    tally->planned++;
    tally->hybrid += host->kinds->len > 1;
    tally->unequal += unequal;
    tally->many += host->nodes->len > 4;
}

static void test_one(guint seed, Tally *tally)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    Host *host = some_machine(rand);
    g_autofree char *isolated = some_list(rand, host);
    g_autofree char *held = some_list(rand, host);
    g_autofree char *config = some_config(rand, host, MIN(cpuset_count(host->online), 12));
    g_autofree char *rules = some_rules(rand, host);
    BruteForce done;

    fake_host_set_isolation(host, isolated, NULL);
    g_autoptr(Case)
        c = case_new(host, config, rules, g_rand_int_range(rand, 0, 3) == 0 ? held : "");
    add_some_devices(rand, c);
    const char *broken = c->plan != NULL ? case_find_broken_rule(c) : NULL;
    g_autofree char *fault = brute_force_find_fault(c, &done);
    if (broken != NULL || fault != NULL) {
        fail(c, seed, broken != NULL ? broken : fault, config, rules);
    }
    count(tally, c, &done);
}

/* Some 5 s; more by hand, with ORACLE_CASES in the environment. */
#ifdef __SANITIZE_ADDRESS__
#define CASES 1500
#else
#define CASES 20000
#endif

static void test_no_plan_is_better(void)
{
    const char *only = g_getenv("ORACLE_CASE"), *wanted = g_getenv("ORACLE_CASES");
    guint cases = wanted != NULL ? (guint)g_ascii_strtoull(wanted, NULL, 10) : CASES;
    Tally all = { 0 };

    if (only != NULL) {
        test_one((guint)g_ascii_strtoull(only, NULL, 10), &all);
        return;
    }
    for (guint i = 0; i < cases; i++) {
        test_one(i, &all);
    }
    g_test_message("%u cases: %u with a plan (%u hybrid, %u with unequal caches, %u with more than "
                   "four nodes), %u passed over; %" G_GUINT64_FORMAT
                   " sets of CPUs, %" G_GUINT64_FORMAT " layouts of cells",
        cases, all.planned, all.hybrid, all.unequal, all.many, all.passed_over, all.sets,
        all.layouts);
    g_assert_cmpuint(all.planned, >, 100);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/oracle/no-plan-is-better", test_no_plan_is_better);
    return g_test_run();
}
