// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fake-host.h"

#include "fakes/scratch.h"

#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

const FakeCore fake_hybrid[] = {
    { "0-1", 0, 0, 1 },
    { "2-3", 0, 0, 1 },
    { "4-5", 0, 0, 1 },
    { "6", 0, 0, 0 },
    { "7", 0, 0, 0 },
    { "8", 0, 0, 0 },
    { "9", 0, 0, 0 },
    { NULL },
};

static Isolation *make_isolation(const char *isolated, const char *cmdline)
{
    return isolation_parse(
        &(IsolationFiles){ .isolated = isolated, .nohz_full = isolated, .cmdline = cmdline });
}

static Host *new_of_shape(const char *shape, Isolation *isolation)
{
    HwlocTopology *topology = NULL;

    g_assert_cmpint(hwloc_topology_init(&topology), ==, 0);
    g_assert_cmpint(hwloc_topology_set_synthetic(topology, shape), ==, 0);
    g_assert_cmpint(hwloc_topology_load(topology), ==, 0);
    Host *host = host_from_topology(topology, isolation);
    hwloc_topology_destroy(topology);
    for (guint i = 0; i < host->llcs->len && strstr(shape, "size=") == NULL; i++) {
        fake_host_set_llc_kib(host, i, 0); // hwloc made them up
    }
    return host;
}

Host *fake_host_new(const char *shape, const char *isolated)
{
    return new_of_shape(shape, make_isolation(isolated, NULL));
}

Host *fake_host_new_isolated(const char *shape, const IsolationFiles *files)
{
    return new_of_shape(shape, isolation_parse(files));
}

/* By hand. */

static void node_free(gpointer data)
{
    HostNode *node = data;

    hwloc_bitmap_free(node->cpus);
    g_array_unref(node->hugepages);
    g_free(node);
}

static void core_free(gpointer data)
{
    HostCore *core = data;

    hwloc_bitmap_free(core->cpus);
    g_free(core);
}

static void llc_free(gpointer data)
{
    HostLlc *llc = data;

    hwloc_bitmap_free(llc->cpus);
    g_free(llc);
}

static void add_llc(Host *host)
{
    HostLlc *llc = g_new0(HostLlc, 1);

    llc->cpus = cpuset_new();
    g_ptr_array_add(host->llcs, llc);
}

static void add_node(Host *host, guint index, guint64 free_mib)
{
    HostNode *node = g_new0(HostNode, 1);

    node->index = index;
    node->cpus = cpuset_new();
    node->memory_known = TRUE;
    node->total_mib = free_mib;
    node->free_mib = free_mib;
    node->hugepages = g_array_new(FALSE, TRUE, sizeof(HostHugepages));
    g_ptr_array_add(host->nodes, node);
}

static void add_core(Host *host, const FakeCore *fake)
{
    HostCore *core = g_new0(HostCore, 1);
    unsigned cpu;

    core->cpus = cpuset_parse_list(fake->cpus, ',', NULL);
    g_assert_nonnull(core->cpus);
    core->node = fake->node;
    core->llc = fake->llc;
    core->kind = fake->kind;
    g_ptr_array_add(host->cores, core);
    hwloc_bitmap_foreach_begin (cpu, core->cpus) {
        if (cpu >= host->core_of_cpu->len) {
            g_array_set_size(host->core_of_cpu, cpu + 1);
        }
        g_array_index(host->core_of_cpu, guint, cpu) = host->cores->len;
    }
    hwloc_bitmap_foreach_end();

    while (host->nodes->len <= fake->node) {
        add_node(host, host->nodes->len, 1024 * 1024);
    }
    while (host->llcs->len <= fake->llc) {
        add_llc(host);
    }
    CpuSet *node_cpus = ((HostNode *)host->nodes->pdata[fake->node])->cpus;
    hwloc_bitmap_or(node_cpus, node_cpus, core->cpus);
    CpuSet *llc_cpus = host_llc(host, fake->llc)->cpus;
    hwloc_bitmap_or(llc_cpus, llc_cpus, core->cpus);
    hwloc_bitmap_or(host->online, host->online, core->cpus);
}

/// Two kinds are those of a hybrid CPU.
static GArray *name_kinds(const FakeCore *cores)
{
    static const CoreType types[] = { CORE_LOW_POWER, CORE_EFFICIENCY, CORE_PERFORMANCE };
    guint count = 1;

    for (; cores->cpus != NULL; cores++) {
        count = MAX(count, cores->kind + 1);
    }
    g_assert_cmpuint(count, <=, G_N_ELEMENTS(types));
    return count > 1 ? kinds_name(&types[G_N_ELEMENTS(types) - count], count)
                     : kinds_name(&(CoreType){ CORE_ALIKE }, 1);
}

Host *fake_host_new_of_cores(const FakeCore *cores, const char *isolated)
{
    Host *host = g_new0(Host, 1);

    host->online = cpuset_new();
    host->nodes = g_ptr_array_new_with_free_func(node_free);
    host->llcs = g_ptr_array_new_with_free_func(llc_free);
    host->kinds = name_kinds(cores);
    host->cores = g_ptr_array_new_with_free_func(core_free);
    host->core_of_cpu = g_array_new(FALSE, TRUE, sizeof(guint));
    host->distances = g_hash_table_new(NULL, NULL);
    host->isolation = make_isolation(isolated, NULL);
    for (; cores->cpus != NULL; cores++) {
        add_core(host, cores);
    }
    return host;
}

/* Real machines. */

static void run(const char *const *argv)
{
    g_autoptr(GError) error = NULL;
    int status = 0;

    g_spawn_sync(
        NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_spawn_check_wait_status(status, &error);
    g_assert_no_error(error);
}

/// What no test looks at is most of a machine, and left out.
static void unpack(const char *archive, const char *directory)
{
    run((const char *const[]){ "tar", "-xjf", archive, "-C", directory,
        "--exclude=*/sys/devices/pci*", "--exclude=*/sys/class", "--exclude=*/dev",
        "--exclude=*/cpuidle", "--exclude=*/cpu[0-9]*/microcode",
        "--exclude=*/node[0-9]*/memory[0-9]*", NULL });
    /* Directories that nobody may write to could not be removed again. */
    run((const char *const[]){ "chmod", "-R", "u+rwX", directory, NULL });
}

/// The archive's one directory, whatever its name.
static Host *load_only_child(const char *directory)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Root) above = root_open(directory, &error);
    g_assert_no_error(error);
    g_auto(GStrv) names = root_list(above, ".", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_strv_length(names), ==, 1);

    g_autofree char *path = g_build_filename(directory, names[0], NULL);
    g_autoptr(Root) root = root_open(path, &error);
    g_assert_no_error(error);
    Host *host = host_load(root, &error);
    g_assert_no_error(error);
    return host;
}

Host *fake_host_new_of_machine(const char *archive)
{
    static GHashTable *unpacked; // archive -> directory, until the end of the test

    if (unpacked == NULL) {
        unpacked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    }
    if (!g_hash_table_contains(unpacked, archive)) {
        char *directory = scratch_new();
        unpack(archive, directory);
        g_hash_table_insert(unpacked, g_strdup(archive), directory);
    }
    return load_only_child(g_hash_table_lookup(unpacked, archive));
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(char *const *)a, *(char *const *)b);
}

char **fake_host_list_machines(void)
{
    const char *data = g_getenv("PINHOOK_DATA");
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    const char *name;

    if (data == NULL) {
        return NULL;
    }
    g_autofree char *directory = g_build_filename(data, "hosts", NULL);
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir)) != NULL) {
        if (g_str_has_suffix(name, ".tar.bz2")) {
            g_ptr_array_add(found, g_build_filename(directory, name, NULL));
        }
    }
    g_ptr_array_sort(found, compare_names);
    g_ptr_array_add(found, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&found), FALSE);
}

/* What is changed afterwards. */

void fake_host_set_isolation(Host *host, const char *isolated, const char *cmdline)
{
    isolation_free(host->isolation);
    host->isolation = make_isolation(isolated, cmdline);
}

static HostNode *find_node(Host *host, guint index)
{
    HostNode *node = (HostNode *)host_node(host, index);

    g_assert_nonnull(node);
    return node;
}

void fake_host_set_free_mib(Host *host, guint node, guint64 free_mib)
{
    HostNode *found = find_node(host, node);

    found->free_mib = free_mib;
    found->reclaimable_mib = 0;
    host->described = FALSE;
}

void fake_host_set_llc_kib(Host *host, guint llc, guint64 size_kib)
{
    ((HostLlc *)host_llc(host, llc))->size_kib = size_kib;
}

void fake_host_set_arc_mib(Host *host, guint64 anywhere, guint64 on_first)
{
    host->arc_mib = anywhere + on_first;
    find_node(host, 0)->arc_mib = on_first;
}

void fake_host_set_distance(Host *host, guint from, guint to, guint distance)
{
    /* The keys of host_distance(). */
    g_hash_table_insert(
        host->distances, GUINT_TO_POINTER(from << 16 | to), GUINT_TO_POINTER(distance));
    g_hash_table_insert(
        host->distances, GUINT_TO_POINTER(to << 16 | from), GUINT_TO_POINTER(distance));
}

void fake_host_add_memory_node(Host *host, guint node, guint64 free_mib)
{
    add_node(host, node, free_mib);
}

void fake_host_add_hugepages(Host *host, guint node, guint64 size_kib, guint64 free)
{
    HostHugepages pages = { .size_kib = size_kib, .free = free };

    g_array_append_val(find_node(host, node)->hugepages, pages);
}
