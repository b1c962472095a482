// SPDX-License-Identifier: LGPL-2.1-or-later
/* Whatever the machine, the pool, what others hold and the guest: a plan holds the hard rules, and
 * is the same again. */
#include "fakes/fake-host.h"
#include "fakes/planner-case.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

enum { MOST_CORES = 24, MOST_SIBLINGS = 4 };

/// Bytes that decide; once they are used up all is 0.
typedef struct {
    const guint8 *data;
    gsize size;
} Bytes;

/// A number from 0 to @most.
static guint decide(Bytes *bytes, guint most)
{
    guint byte = bytes->size > 0 ? *bytes->data : 0;

    bytes->data += bytes->size > 0;
    bytes->size -= bytes->size > 0;
    return byte % (most + 1);
}

/// Cores in order of node, LLC, CPU; a fourth of the LLCs is shared by two nodes.
static Host *decide_host(Bytes *bytes)
{
    FakeCore cores[MOST_CORES + 1] = { 0 };
    char texts[MOST_CORES][64];
    guint count = decide(bytes, MOST_CORES - 1) + 1, cpu = 0, node = 0, llc = 0;

    for (guint i = 0; i < count; i++) {
        guint step = decide(bytes, 7), siblings = decide(bytes, MOST_SIBLINGS - 1) + 1;
        node += i > 0 && step < 2;
        llc += i > 0 && step < 4;
        cpu += step == 7;
        g_snprintf(texts[i], sizeof(texts[i]), "%u-%u", cpu, cpu + siblings - 1);
        cpu += siblings;
        cores[i] = (FakeCore){ texts[i], node, llc, decide(bytes, 9) / 8 };
    }
    Host *host = fake_host_new_of_cores(cores, "");
    for (guint i = 0; i < host->nodes->len; i++) {
        fake_host_set_free_mib(host, i, decide(bytes, 4) * 1024);
        fake_host_set_distance(host, 0, i, 10 + decide(bytes, 30));
    }
    return host;
}

/// A list of some CPUs of the host; "" for none. The caller frees it.
static char *decide_list(Bytes *bytes, const Host *host)
{
    g_autoptr(CpuSet) set = cpuset_new();
    unsigned cpu;

    if (decide(bytes, 3) == 0) {
        return cpuset_to_list(host->online);
    }
    hwloc_bitmap_foreach_begin (cpu, host->online) {
        if (decide(bytes, 2) == 0) {
            hwloc_bitmap_set(set, cpu);
        }
    }
    hwloc_bitmap_foreach_end();
    return cpuset_to_list(set);
}

static void add_cells(Bytes *bytes, GString *config, const Host *host, guint vcpus)
{
    guint first = 0;

    g_string_append(config, "numa: 1\n");
    for (guint i = 0; i < 8 && first < vcpus; i++) {
        guint last = i == 7 ? vcpus - 1 : MIN(first + decide(bytes, 5), vcpus - 1);
        guint from = decide(bytes, host->nodes->len - 1), to = decide(bytes, host->nodes->len - 1);
        g_string_append_printf(
            config, "numa%u: cpus=%u-%u,memory=%u", i, first, last, (decide(bytes, 3) + 1) * 512);
        if (decide(bytes, 4) > 0) {
            g_string_append_printf(config, ",hostnodes=%u;%u;%u,policy=bind", from, to, to);
        }
        g_string_append_c(config, '\n');
        first = last + 1;
    }
}

static char *decide_config(Bytes *bytes, const Host *host)
{
    g_autoptr(GString) config = g_string_new("memory: 4096\n");
    guint threads = decide(bytes, 3) == 0 ? decide(bytes, 3) + 1 : 1;
    guint vcpus = (decide(bytes, 15) + 1) * threads;
    g_autofree char *affinity = decide_list(bytes, host);

    g_string_append_printf(config, "cores: %u\n", vcpus);
    if (threads > 1) {
        g_string_append_printf(
            config, "args: -smp %u,cores=%u,threads=%u\n", vcpus, vcpus / threads, threads);
    }
    if (*affinity != '\0' && decide(bytes, 1) == 0) {
        g_string_append_printf(config, "affinity: %s,%s\n", affinity, affinity);
    }
    if (decide(bytes, 2) == 0) {
        add_cells(bytes, config, host, vcpus);
    }
    return g_string_free(g_steal_pointer(&config), FALSE);
}

static char *decide_rules(Bytes *bytes)
{
    static const char *const smts[] = { "auto", "isolate", "pair" };
    static const char *const emulators[] = { "housekeeping", "spare", "0" };
    const char *smt = smts[decide(bytes, 2)];

    return g_strdup_printf("smt = %s\nemulator = %s\n", smt, emulators[decide(bytes, 2)]);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    Bytes bytes = { data, size };
    Host *host = decide_host(&bytes);
    g_autofree char *isolated = decide_list(&bytes, host);
    g_autofree char *held = decide_list(&bytes, host);
    g_autofree char *config = decide_config(&bytes, host);
    g_autofree char *rules = decide_rules(&bytes);

    fake_host_set_isolation(host, isolated, NULL);
    g_autoptr(Case) c = case_new(host, config, rules, decide(&bytes, 2) == 0 ? held : "");
    const char *broken = c->plan != NULL ? case_find_broken_rule(c) : NULL;
    if (broken != NULL) {
        g_autofree char *what = case_describe(c, "by bytes", config, rules);
        g_error("%s: %s", broken, what);
    }
    return 0;
}
