// SPDX-License-Identifier: LGPL-2.1-or-later
/* Hosts with many nodes: what the planner chose is held against every set of nodes, with nothing
 * but sums. Each node has one last-level cache. */
#include "fakes/fake-host.h"
#include "fakes/planner-case.h"

#include <string.h>

#define NODES 32

/// A machine of NODES nodes, and what a VM wants of it.
typedef struct {
    guint cores[NODES]; // free ones
    guint64 memory_mib[NODES];
    guint devices[NODES];
    guint distances[NODES][NODES];
    guint vcpus;
    guint64 vm_mib;
} Scene;

/// What nodes are judged by, the first first.
enum { REMOTE, DISTANCE, LLCS, LLC_LEFT, NODE_LEFT, FIRST_CORE, HOST_LLCS, WORTHS };

typedef struct {
    guint64 worth[WORTHS];
    guint32 nodes;
    gboolean found;
} Best;

/* All sets of so many nodes, in ascending order. */

typedef struct {
    const Scene *scene;
    guint devices;
    Best best;
    guint64 sets;
} Enumeration;

typedef struct {
    guint32 nodes;
    guint64 cores, mib, distance, devices;
} Sums;

static Sums sums_with(const Scene *scene, const Sums *sums, guint node)
{
    Sums with = { .nodes = sums->nodes | 1u << node,
        .cores = sums->cores + scene->cores[node],
        .mib = sums->mib + scene->memory_mib[node],
        .distance = sums->distance + scene->distances[node][node],
        .devices = sums->devices + scene->devices[node] };

    for (guint i = 0; i < NODES; i++) {
        with.distance += (sums->nodes >> i & 1) != 0 ? 2 * scene->distances[i][node] : 0;
    }
    return with;
}

/// What it comes to with the caches of @some nodes. Node 0 has the first core, which is spared
/// where any is left over.
static void judge_llcs(const Scene *scene, guint32 some, guint64 worth[WORTHS])
{
    guint64 cores = 0;

    for (guint i = 0; i < NODES; i++) {
        cores += (some >> i & 1) != 0 ? scene->cores[i] : 0;
    }
    worth[LLCS] = cores >= scene->vcpus ? (guint64)__builtin_popcount(some) : NODES + 1;
    worth[LLC_LEFT] = cores - scene->vcpus;
    worth[FIRST_CORE] = (some & 1) != 0 && cores == scene->vcpus;
    worth[HOST_LLCS] = some & 1;
}

/// The best of any of the nodes, for each of which there is a cache.
static void find_llcs(const Scene *scene, guint32 nodes, guint64 worth[WORTHS])
{
    static const guint order[] = { LLCS, LLC_LEFT, FIRST_CORE, HOST_LLCS };

    worth[LLCS] = NODES + 1;
    for (guint32 some = nodes; some != 0; some = (some - 1) & nodes) {
        guint64 its[WORTHS];
        guint i = 0;
        memcpy(its, worth, sizeof(its));
        judge_llcs(scene, some, its);
        while (i + 1 < G_N_ELEMENTS(order) && its[order[i]] == worth[order[i]]) {
            i++;
        }
        if (its[order[i]] < worth[order[i]]) {
            memcpy(worth, its, sizeof(its));
        }
    }
}

static int compare(const guint64 *worth, const Best *best, guint count)
{
    for (guint i = 0; best->found && i < count; i++) {
        if (worth[i] != best->worth[i]) {
            return worth[i] < best->worth[i] ? -1 : 1;
        }
    }
    return best->found ? 0 : -1;
}

static void judge(Enumeration *all, const Sums *sums)
{
    guint64 worth[WORTHS] = { [REMOTE] = all->devices - sums->devices,
        [DISTANCE] = sums->distance,
        [NODE_LEFT] = sums->cores - all->scene->vcpus };

    all->sets++;
    if (sums->cores < all->scene->vcpus || sums->mib < all->scene->vm_mib ||
        compare(worth, &all->best, LLCS) > 0) {
        return;
    }
    find_llcs(all->scene, sums->nodes, worth);
    if (compare(worth, &all->best, WORTHS) < 0) {
        memcpy(all->best.worth, worth, sizeof(worth));
        all->best.nodes = sums->nodes;
        all->best.found = TRUE;
    }
}

static void try_sets(Enumeration *all, const Sums *sums, guint from, guint count)
{
    if (count == 0) {
        judge(all, sums);
        return;
    }
    for (guint i = from; i + count <= NODES; i++) {
        Sums with = sums_with(all->scene, sums, i);
        try_sets(all, &with, i + 1, count - 1);
    }
}

/// The fewest nodes that have cores and memory, and of these sets the best. @sets is added to.
static Best enumerate(const Scene *scene, guint most, guint64 *sets)
{
    Enumeration all = { .scene = scene };
    Sums none = { 0 };

    for (guint i = 0; i < NODES; i++) {
        all.devices += scene->devices[i];
    }
    for (guint count = 1; !all.best.found && count <= most; count++) {
        try_sets(&all, &none, 0, count);
    }
    *sets += all.sets;
    return all.best;
}

/* Scenes by chance. */

/// Sockets of groups of nodes; or each node as far from another as it comes.
static void give_distances(GRand *rand, Scene *scene)
{
    guint group = 1u << g_rand_int_range(rand, 0, 4), socket = 1u << g_rand_int_range(rand, 3, 6);
    gboolean any = g_rand_int_range(rand, 0, 4) == 0;

    for (guint i = 0; i < NODES; i++) {
        for (guint j = 0; j <= i; j++) {
            guint distance = i == j                     ? 10
                             : any                      ? (guint)g_rand_int_range(rand, 11, 33)
                             : i / group == j / group   ? 11
                             : i / socket == j / socket ? 12
                                                        : 32;
            scene->distances[i][j] = scene->distances[j][i] = distance;
        }
    }
}

static Scene some_scene(GRand *rand, guint most_nodes)
{
    Scene scene = { 0 };
    guint most = (guint)g_rand_int_range(rand, 2, 9), all = 0;
    gboolean alike = g_rand_int_range(rand, 0, 4) == 0;

    for (guint i = 0; i < NODES; i++) {
        scene.cores[i] = alike ? most : (guint)g_rand_int_range(rand, 1, (gint32)most + 1);
        scene.memory_mib[i] = (guint64)g_rand_int_range(rand, 1, 5) * 1024;
        scene.devices[i] = g_rand_int_range(rand, 0, 16) == 0 ? 1 : 0;
        all += scene.cores[i];
    }
    give_distances(rand, &scene);
    scene.vcpus = MAX(1, (guint)g_rand_int_range(rand, 1, (gint32)(all * most_nodes / NODES)));
    scene.vm_mib = (guint64)g_rand_int_range(rand, 1, (gint32)most_nodes * 2) * 1024;
    return scene;
}

static Host *make_host(const Scene *scene, char texts[][16])
{
    g_autoptr(GArray) cores = g_array_new(TRUE, TRUE, sizeof(FakeCore));
    guint cpu = 0;

    for (guint i = 0; i < NODES; i++) {
        for (guint j = 0; j < scene->cores[i]; j++, cpu++) {
            g_snprintf(texts[cpu], sizeof(*texts), "%u", cpu);
            FakeCore core = { .cpus = texts[cpu], .node = i, .llc = i };
            g_array_append_val(cores, core);
        }
    }
    Host *host = fake_host_new_of_cores((const FakeCore *)(gpointer)cores->data, "");
    g_autofree char *all = cpuset_to_list(host->online);
    fake_host_set_isolation(host, all, NULL);
    for (guint i = 0; i < NODES; i++) {
        fake_host_set_free_mib(host, i, scene->memory_mib[i]);
        for (guint j = 0; j <= i; j++) {
            fake_host_set_distance(host, i, j, scene->distances[i][j]);
        }
    }
    return host;
}

static GPtrArray *make_devices(const Scene *scene)
{
    GPtrArray *devices = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < NODES; i++) {
        for (guint j = 0; j < scene->devices[i]; j++) {
            Device *device = g_new0(Device, 1);
            device->node = (int)i;
            g_ptr_array_add(devices, device);
        }
    }
    return devices;
}

static Case *place(const Scene *scene)
{
    static char texts[NODES * 8][16];
    g_autofree char *config = g_strdup_printf(
        "cores: %u\nmemory: %" G_GUINT64_FORMAT "\n", scene->vcpus, scene->vm_mib);
    Case *c = case_new(make_host(scene, texts), config, "", "");

    c->devices = make_devices(scene);
    plan_free(c->plan);
    c->plan = case_place(c);
    return c;
}

static guint32 nodes_of(const Case *c)
{
    guint32 nodes = 0;
    unsigned node;

    hwloc_bitmap_foreach_begin (node, c->plan->nodes) {
        nodes |= 1u << node;
    }
    hwloc_bitmap_foreach_end();
    return nodes;
}

static void assert_best(const Scene *scene, const Best *best, guint seed)
{
    g_autoptr(Case) c = place(scene);
    Enumeration ours = { .scene = scene };
    Sums sums = { 0 };

    g_assert_nonnull(c->plan);
    g_assert_null(case_find_broken_rule(c));
    for (guint i = 0; i < NODES; i++) {
        ours.devices += scene->devices[i];
        if ((nodes_of(c) >> i & 1) != 0) {
            sums = sums_with(scene, &sums, i);
        }
    }
    judge(&ours, &sums);
    g_test_message("scene %u: %u nodes", seed, (guint)__builtin_popcount(best->nodes));
    g_assert_true(ours.best.found);
    g_assert_cmphex(ours.best.nodes, ==, best->nodes);
}

/* A few seconds; more by hand, with NODES_SCENES in the environment. */
#ifdef __SANITIZE_ADDRESS__
#define SCENES 60
#define MOST_NODES 4
#else
#define SCENES 250
#define MOST_NODES 5
#endif

static void test_no_nodes_are_better(void)
{
    const char *wanted = g_getenv("NODES_SCENES"), *most = g_getenv("NODES_MOST");
    guint scenes = wanted != NULL ? (guint)g_ascii_strtoull(wanted, NULL, 10) : SCENES;
    guint most_nodes = most != NULL ? (guint)g_ascii_strtoull(most, NULL, 10) : MOST_NODES;
    guint planned = 0;
    guint64 sets = 0;

    for (guint i = 0; i < scenes; i++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(i);
        Scene scene = some_scene(rand, most_nodes);
        Best best = enumerate(&scene, most_nodes + 1, &sets);
        if (best.found) {
            assert_best(&scene, &best, i);
            planned++;
        }
    }
    g_test_message("%u scenes with a plan, %" G_GUINT64_FORMAT " sets of nodes", planned, sets);
    g_assert_cmpuint(planned, >, scenes / 2);
}

static void set_near(Scene *scene, const guint *nodes, guint distance)
{
    for (guint i = 0; i < 4; i++) {
        for (guint j = 0; j < i; j++) {
            scene->distances[nodes[i]][nodes[j]] = distance;
            scene->distances[nodes[j]][nodes[i]] = distance;
        }
    }
}

/// Of two groups that are as good the lower one, though the other is met first: the nearest to node
/// 2 is of neither.
static void test_lowest_nodes(void)
{
    static const guint low[] = { 2, 9, 10, 11 }, high[] = { 3, 4, 5, 6 };
    Scene scene = { .vcpus = 8, .vm_mib = 1024 };

    for (guint i = 0; i < NODES; i++) {
        scene.cores[i] = 2;
        scene.memory_mib[i] = 4096;
        for (guint j = 0; j < NODES; j++) {
            scene.distances[i][j] = i == j ? 10 : 30;
        }
    }
    set_near(&scene, low, 12);
    set_near(&scene, high, 12);
    scene.distances[2][20] = scene.distances[20][2] = 11;
    g_autoptr(Case) c = place(&scene);
    g_assert_cmphex(nodes_of(c), ==, 1u << 2 | 7u << 9);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nodes/none-are-better", test_no_nodes_are_better);
    g_test_add_func("/nodes/lowest", test_lowest_nodes);
    return g_test_run();
}
