// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the planner costs a start, on hosts far larger than most, and where its search is hard: the
 * wall time of planner_place() alone, median and worst, in turn with a baseline that copies and
 * compares 1,000 sets of the host's CPUs.
 *
 *     meson setup --buildtype=release /tmp/bench
 *     meson test -C /tmp/bench --benchmark -v planner
 *
 * ROUNDS in the environment: how many runs (21). `bench-planner CASE` does one case once, for a
 * profiler. */
#include "place/planner.h"
#include "fakes/fake-host.h"
#include "fakes/planner-case.h"

#include <string.h>

/* The cases. */

/// A host of @nodes alike, with LLCs of @llc_cores cores, or of 1 to that many by chance; of its
/// CPUs some are held by another guest, of its cores some are awake.
typedef struct {
    const char *name;
    guint nodes, cores_of_node, siblings;
    guint llc_cores;
    gboolean uneven;
    guint held;
    gboolean half_awake;
    guint vcpus;
    guint cells, nodes_of_cell; // of the guest; 0: none. Cell i: from node i on
    guint sockets;              // near nodes within, far ones between; 0: all are as far
    double limit_ms;
} Scene;

static const Scene scenes[] = {
    { "1024-pu1-held", 16, 64, 1, 8, FALSE, 500, FALSE, 128, 0, 0, 0, 5 },
    { "1024-pu2-held", 16, 32, 2, 8, FALSE, 500, FALSE, 128, 0, 0, 0, 5 },
    { "1024-pu1-free", 16, 64, 1, 8, FALSE, 0, FALSE, 128, 0, 0, 0, 5 },
    { "1024-pu2-free", 16, 32, 2, 8, FALSE, 0, FALSE, 128, 0, 0, 0, 5 },
    { "4096-pu1-held", 16, 256, 1, 8, FALSE, 2000, FALSE, 1024, 0, 0, 0, 50 },
    { "4096-pu2-held", 16, 128, 2, 8, FALSE, 2000, FALSE, 1024, 0, 0, 0, 50 },
    { "4096-pu1-free", 16, 256, 1, 8, FALSE, 0, FALSE, 1024, 0, 0, 0, 50 },
    { "4096-pu2-free", 16, 128, 2, 8, FALSE, 0, FALSE, 1024, 0, 0, 0, 50 },
    { "8-cells", 16, 64, 1, 8, FALSE, 300, FALSE, 128, 8, 1, 0, 1000 },
    { "8-cells-pu2", 16, 32, 2, 8, FALSE, 100, FALSE, 128, 8, 1, 0, 1000 },
    { "4-cells-of-2-nodes", 16, 64, 1, 8, FALSE, 300, FALSE, 128, 4, 2, 0, 1000 },
    { "4-cells-of-2-nodes-pu2", 16, 32, 2, 8, FALSE, 100, FALSE, 128, 4, 2, 0, 1000 },
    { "uneven-half-awake", 16, 64, 1, 16, TRUE, 0, TRUE, 300, 0, 0, 0, 1000 },
    { "uneven-half-awake-pu2", 16, 64, 2, 16, TRUE, 0, TRUE, 300, 0, 0, 0, 1000 },
    { "uneven-half-awake-held", 16, 64, 1, 16, TRUE, 300, TRUE, 300, 0, 0, 0, 1000 },
    /* The hardest of some thousands by chance: cells that share nodes, and many nodes. */
    { "7-cells-of-4-nodes", 16, 128, 1, 5, TRUE, 0, TRUE, 987, 7, 4, 0, 1000 },
    { "6-cells-of-3-nodes", 16, 256, 1, 14, TRUE, 1284, TRUE, 756, 6, 3, 0, 1000 },
    { "32-nodes", 32, 64, 2, 29, TRUE, 0, FALSE, 598, 0, 0, 0, 50 },
    { "32-nodes-held", 32, 8, 2, 8, FALSE, 150, FALSE, 48, 0, 0, 0, 50 },
    { "32-nodes-of-2-sockets", 32, 8, 2, 8, FALSE, 150, FALSE, 64, 0, 0, 2, 50 },
    { "4-cells-on-32-nodes", 32, 8, 2, 8, FALSE, 100, FALSE, 24, 4, 0, 2, 50 },
    { "8-cells-on-32-nodes", 32, 8, 2, 4, FALSE, 100, FALSE, 48, 8, 0, 2, 50 },
};

static void free_core(gpointer data)
{
    g_free((char *)((FakeCore *)data)->cpus);
}

/// Siblings are as far apart as there are cores.
static char *list_siblings(const Scene *scene, guint core)
{
    g_autoptr(CpuSet) cpus = cpuset_new();

    for (guint i = 0; i < scene->siblings; i++) {
        hwloc_bitmap_set(cpus, core + i * scene->nodes * scene->cores_of_node);
    }
    return cpuset_to_list(cpus);
}

static guint size_of_llc(const Scene *scene, GRand *rand)
{
    return scene->uneven ? (guint)g_rand_int_range(rand, 1, (gint32)scene->llc_cores + 1)
                         : scene->llc_cores;
}

static Host *make_host(const Scene *scene, GRand *rand)
{
    g_autoptr(GArray) cores = g_array_new(TRUE, TRUE, sizeof(FakeCore));
    guint llc = 0;

    g_array_set_clear_func(cores, free_core);
    for (guint node = 0; node < scene->nodes; node++) {
        for (guint i = 0, left = 0; i < scene->cores_of_node; i++, left--) {
            llc += left == 0 && cores->len > 0 ? 1 : 0;
            left = left == 0 ? size_of_llc(scene, rand) : left;
            FakeCore core = { .cpus = list_siblings(scene, cores->len), .node = node, .llc = llc };
            g_array_append_val(cores, core);
        }
    }
    return fake_host_new_of_cores((const FakeCore *)(gpointer)cores->data, "");
}

/// @count CPUs of @host by chance.
static CpuSet *pick_cpus(const Host *host, GRand *rand, guint count)
{
    gint32 all = (gint32)cpuset_count(host->online);
    CpuSet *picked = cpuset_new();

    for (guint left = count; left > 0;) {
        unsigned cpu = (unsigned)g_rand_int_range(rand, 0, all);
        left -= hwloc_bitmap_isset(picked, cpu) ? 0 : 1;
        hwloc_bitmap_set(picked, cpu);
    }
    return picked;
}

static void set_distances(Host *host, const Scene *scene)
{
    for (guint i = 0; scene->sockets > 0 && i < scene->nodes; i++) {
        for (guint j = 0; j < i; j++) {
            guint of_socket = scene->nodes / scene->sockets;
            fake_host_set_distance(host, i, j, i / of_socket == j / of_socket ? 12 : 32);
        }
    }
}

static void isolate(Host *host, const Scene *scene, GRand *rand)
{
    g_autoptr(CpuSet) awake = scene->half_awake
                                  ? pick_cpus(host, rand, cpuset_count(host->online) / 2)
                                  : cpuset_new();
    g_autoptr(CpuSet) isolated = cpuset_minus(host->online, awake);
    g_autofree char *list = cpuset_to_list(isolated);

    fake_host_set_isolation(host, list, NULL);
}

static char *make_config(const Scene *scene, const Host *host)
{
    g_autofree char *all = cpuset_to_list(host->online);
    g_autoptr(GString) config = g_string_new(NULL);
    guint size = scene->cells > 0 ? scene->vcpus / scene->cells : 0;

    g_string_append_printf(
        config, "cores: %u\naffinity: %s\nmemory: %u\n", scene->vcpus, all, 1024 * scene->vcpus);
    g_string_append(config, scene->cells > 0 ? "numa: 1\n" : "");
    for (guint i = 0; i < scene->cells; i++) {
        g_string_append_printf(
            config, "numa%u: cpus=%u-%u,memory=%u", i, i * size, (i + 1) * size - 1, 1024 * size);
        if (scene->nodes_of_cell > 0) {
            g_string_append_printf(
                config, ",hostnodes=%u-%u,policy=bind", i, i + scene->nodes_of_cell - 1);
        }
        g_string_append_c(config, '\n');
    }
    return g_string_free(g_steal_pointer(&config), FALSE);
}

static Case *make_case(const Scene *scene)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20240607);
    Host *host = make_host(scene, rand);
    g_autoptr(CpuSet) held = pick_cpus(host, rand, scene->held);
    g_autofree char *list = cpuset_to_list(held);
    g_autofree char *config = make_config(scene, host);

    isolate(host, scene, rand);
    set_distances(host, scene);
    return case_new(host, config, "", list);
}

/* The runs. */

static guint64 sink; // what is computed, so that it is

static void copy_and_compare(const Case *c)
{
    for (guint i = 0; i < 1000; i++) {
        g_autoptr(CpuSet) copy = cpuset_copy(c->host->online);
        sink += (guint64)hwloc_bitmap_isequal(copy, c->host->online);
    }
}

static void place(const Case *c)
{
    g_autoptr(Plan) plan = case_place(c);

    sink += plan != NULL ? plan->vcpus->len : 0;
}

static double time_ms(void (*what)(const Case *c), const Case *c)
{
    gint64 start = g_get_monotonic_time();

    what(c);
    return (double)(g_get_monotonic_time() - start) / 1000;
}

static int compare_times(gconstpointer a, gconstpointer b)
{
    const double *first = a, *second = b;

    return *first < *second ? -1 : *first > *second;
}

static double at(GArray *sorted, guint place_in_it)
{
    return g_array_index(sorted, double, place_in_it);
}

static void run_scene(const Scene *scene, guint rounds)
{
    g_autoptr(Case) c = make_case(scene);
    g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(double));
    g_autoptr(GArray) baselines = g_array_new(FALSE, FALSE, sizeof(double));

    for (guint i = 0; i < rounds; i++) {
        double ms = time_ms(place, c), baseline_ms = time_ms(copy_and_compare, c);
        g_array_append_val(times, ms);
        g_array_append_val(baselines, baseline_ms);
    }
    g_array_sort(times, compare_times);
    g_array_sort(baselines, compare_times);
    g_print("%-24s %-5s %9.3f %9.3f %8.2fx %9.0f%s\n", scene->name,
        c->plan != NULL ? "plan" : "none", at(times, rounds / 2), at(times, rounds - 1),
        at(times, rounds / 2) / at(baselines, rounds / 2), scene->limit_ms,
        at(times, rounds / 2) < scene->limit_ms ? "" : "  OVER");
}

int main(int argc, char **argv)
{
    const char *text = g_getenv("ROUNDS");
    guint rounds = text != NULL ? (guint)g_ascii_strtoull(text, NULL, 10) : 21;

    rounds = argc > 1 ? 1 : MAX(rounds, 1);
    g_print("%u runs\n%-24s %-5s %9s %9s %9s %9s\n", rounds, "", "", "median ms", "worst ms",
        "/baseline", "limit ms");
    for (gsize i = 0; i < G_N_ELEMENTS(scenes); i++) {
        if (argc < 2 || strcmp(argv[1], scenes[i].name) == 0) {
            run_scene(&scenes[i], rounds);
        }
    }
    return sink > 0 ? 0 : 1;
}
