// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/host.h"

#include "base/error.h"
#include "read/arc.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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

void host_free(Host *host)
{
    if (host == NULL) {
        return;
    }
    hwloc_bitmap_free(host->online);
    g_ptr_array_unref(host->nodes);
    g_ptr_array_unref(host->llcs);
    g_array_unref(host->kinds);
    g_ptr_array_unref(host->cores);
    g_array_unref(host->core_of_cpu);
    g_hash_table_unref(host->distances);
    isolation_free(host->isolation);
    g_free(host->arc_unread);
    g_free(host);
}

const HostNode *host_node(const Host *host, guint index)
{
    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        if (node->index == index) {
            return node;
        }
    }
    return NULL;
}

guint64 host_node_available_mib(const HostNode *node, const char *hugepages)
{
    guint64 mib = node->free_mib + node->reclaimable_mib;

    if (!node->memory_known) {
        return G_MAXUINT32;
    }
    if (hugepages == NULL) {
        return mib + node->arc_mib;
    }
    for (guint i = 0; i < node->hugepages->len; i++) {
        const HostHugepages *pages = &g_array_index(node->hugepages, HostHugepages, i);
        guint64 size_mib = pages->size_kib / 1024;
        if (strcmp(hugepages, "any") == 0 || g_ascii_strtoull(hugepages, NULL, 10) == size_mib) {
            mib += pages->free * size_mib;
        }
    }
    return mib;
}

const HostHugepages *host_node_hugepages(const HostNode *node, guint64 size_kib)
{
    for (guint i = 0; i < node->hugepages->len; i++) {
        const HostHugepages *pages = &g_array_index(node->hugepages, HostHugepages, i);
        if (pages->size_kib == size_kib) {
            return pages;
        }
    }
    return NULL;
}

guint64 host_arc_anywhere_mib(const Host *host, const char *hugepages)
{
    guint64 counted = 0;

    for (guint i = 0; hugepages == NULL && i < host->nodes->len; i++) {
        counted += ((const HostNode *)host->nodes->pdata[i])->arc_mib;
    }
    return host->arc_mib - counted;
}

int host_core_of(const Host *host, guint cpu)
{
    return cpu < host->core_of_cpu->len ? (int)g_array_index(host->core_of_cpu, guint, cpu) - 1
                                        : -1;
}

CpuSet *host_whole_cores(const Host *host, const CpuSet *cpus)
{
    CpuSet *whole = cpuset_copy(cpus);
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, cpus) {
        int core = host_core_of(host, cpu);
        if (core >= 0) {
            hwloc_bitmap_or(whole, whole, ((const HostCore *)host->cores->pdata[core])->cpus);
        }
    }
    hwloc_bitmap_foreach_end();
    return whole;
}

CpuSet *host_node_numbers(const Host *host)
{
    CpuSet *numbers = cpuset_new();

    for (guint i = 0; i < host->nodes->len; i++) {
        hwloc_bitmap_set(numbers, ((const HostNode *)host->nodes->pdata[i])->index);
    }
    return numbers;
}

const HostLlc *host_llc(const Host *host, guint place)
{
    g_return_val_if_fail(place < host->llcs->len, NULL);
    return host->llcs->pdata[place];
}

const CoreKind *host_kind(const Host *host, guint place)
{
    g_return_val_if_fail(place < host->kinds->len, NULL);
    return &g_array_index(host->kinds, CoreKind, place);
}

CpuSet *host_cpus_of_kind(const Host *host, guint kind)
{
    CpuSet *cpus = cpuset_new();

    for (guint i = 0; i < host->cores->len; i++) {
        const HostCore *core = host->cores->pdata[i];
        if (core->kind == kind) {
            hwloc_bitmap_or(cpus, cpus, core->cpus);
        }
    }
    return cpus;
}

gboolean host_llcs_differ(const Host *host)
{
    guint64 known_kib = 0;

    for (guint i = 0; i < host->llcs->len; i++) {
        guint64 size_kib = host_llc(host, i)->size_kib;
        if (known_kib != 0 && size_kib != 0 && size_kib != known_kib) {
            return TRUE;
        }
        known_kib = MAX(known_kib, size_kib);
    }
    return FALSE;
}

guint host_count_memory_nodes(const Host *host)
{
    guint count = 0;

    for (guint i = 0; i < host->nodes->len; i++) {
        count += ((const HostNode *)host->nodes->pdata[i])->total_mib > 0;
    }
    return count;
}

CpuSet *host_first_core(const Host *host)
{
    g_autoptr(CpuSet) first = cpuset_new();

    hwloc_bitmap_set(first, (unsigned)hwloc_bitmap_first(host->online));
    return host_whole_cores(host, first);
}

CpuSet *host_nodes_of(const Host *host, const CpuSet *cpus)
{
    CpuSet *nodes = cpuset_new();

    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        if (hwloc_bitmap_intersects(node->cpus, cpus)) {
            hwloc_bitmap_set(nodes, node->index);
        }
    }
    return nodes;
}

static gpointer distance_key(guint from, guint to)
{
    return GUINT_TO_POINTER((from << 16) | (to & 0xffff));
}

guint host_distance(const Host *host, guint from, guint to)
{
    guint known = GPOINTER_TO_UINT(g_hash_table_lookup(host->distances, distance_key(from, to)));

    return known != 0 ? known : from == to ? 10 : 20;
}

/* From a topology. */

static void add_nodes(Host *host, hwloc_topology_t topology)
{
    hwloc_obj_t object = NULL;

    while ((object = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, object)) != NULL) {
        HostNode *node = g_new0(HostNode, 1);
        node->index = object->os_index;
        node->cpus = cpuset_and(object->cpuset, host->online);
        node->hugepages = g_array_new(FALSE, TRUE, sizeof(HostHugepages));
        node->total_mib = object->attr->numanode.local_memory >> 20;
        node->free_mib = node->total_mib;
        node->memory_known = TRUE;
        g_ptr_array_add(host->nodes, node);
    }
}

static int compare_nodes(gconstpointer a, gconstpointer b)
{
    const HostNode *first = *(HostNode *const *)a, *second = *(HostNode *const *)b;

    return first->index < second->index ? -1 : first->index > second->index;
}

/// hwloc says of a node without CPUs which CPUs are near it. To the kernel a CPU is of one node:
/// the nodes with CPUs are in @has_cpu (NULL: all), and the first that has the CPU is its own.
static void give_each_cpu_one_node(Host *host, const CpuSet *has_cpu)
{
    g_autoptr(CpuSet) left = cpuset_copy(host->online);

    for (guint i = 0; i < host->nodes->len; i++) {
        HostNode *node = host->nodes->pdata[i];
        if (has_cpu != NULL && !hwloc_bitmap_isset(has_cpu, node->index)) {
            hwloc_bitmap_zero(node->cpus);
        }
        hwloc_bitmap_and(node->cpus, node->cpus, left);
        hwloc_bitmap_andnot(left, left, node->cpus);
    }
    /* Of a node that is offline. */
    if (host->nodes->len > 0) {
        HostNode *first = host->nodes->pdata[0];
        hwloc_bitmap_or(first->cpus, first->cpus, left);
    }
}

static guint node_of_cpu(const Host *host, guint cpu)
{
    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        if (hwloc_bitmap_isset(node->cpus, cpu)) {
            return node->index;
        }
    }
    return 0;
}

/// The farthest cache on the way up; without any, the package, or the machine.
static hwloc_obj_t last_cache_of(hwloc_obj_t pu)
{
    hwloc_obj_t cache = NULL, package = pu;

    for (hwloc_obj_t at = pu->parent; at != NULL; at = at->parent) {
        if (hwloc_obj_type_is_dcache(at->type)) {
            cache = at;
        }
        if (package->type != HWLOC_OBJ_PACKAGE) {
            package = at;
        }
    }
    return cache != NULL ? cache : package;
}

static guint llc_of_pu(Host *host, hwloc_obj_t pu)
{
    for (guint i = 0; i < host->llcs->len; i++) {
        if (hwloc_bitmap_isset(host_llc(host, i)->cpus, pu->os_index)) {
            return i;
        }
    }
    hwloc_obj_t cache = last_cache_of(pu);
    HostLlc *llc = g_new0(HostLlc, 1);
    llc->cpus = cpuset_copy(cache->cpuset);
    llc->size_kib = hwloc_obj_type_is_dcache(cache->type) ? cache->attr->cache.size / 1024 : 0;
    g_ptr_array_add(host->llcs, llc);
    return host->llcs->len - 1;
}

static guint package_of(HwlocTopology *topology, hwloc_obj_t pu)
{
    hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_PACKAGE, pu);

    return package != NULL ? package->logical_index : 0;
}

/// The core of a PU, or the PU where hwloc knows of no cores.
static hwloc_obj_t core_object_of(hwloc_topology_t topology, hwloc_obj_t pu)
{
    hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu);

    return core != NULL ? core : pu;
}

static void add_cores(Host *host, hwloc_topology_t topology)
{
    g_autoptr(CpuSet) done = cpuset_new();
    hwloc_obj_t pu = NULL;

    while ((pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu)) != NULL) {
        if (hwloc_bitmap_isset(done, pu->os_index)) {
            continue;
        }
        HostCore *core = g_new0(HostCore, 1);
        core->cpus = cpuset_copy(core_object_of(topology, pu)->cpuset);
        core->node = node_of_cpu(host, (guint)hwloc_bitmap_first(core->cpus));
        core->package = package_of(topology, pu);
        core->llc = llc_of_pu(host, pu);
        hwloc_bitmap_or(done, done, core->cpus);
        g_ptr_array_add(host->cores, core);
    }
}

static void find_kinds(Host *host, hwloc_topology_t topology, const Root *root)
{
    g_autoptr(GPtrArray) cores = g_ptr_array_new();
    g_autofree guint *kind_of = g_new(guint, host->cores->len);

    for (guint i = 0; i < host->cores->len; i++) {
        g_ptr_array_add(cores, ((HostCore *)host->cores->pdata[i])->cpus);
    }
    host->kinds = kinds_find(topology, root, cores, kind_of);
    for (guint i = 0; i < host->cores->len; i++) {
        ((HostCore *)host->cores->pdata[i])->kind = kind_of[i];
    }
}

static int compare_cores(gconstpointer a, gconstpointer b)
{
    const HostCore *first = *(HostCore *const *)a, *second = *(HostCore *const *)b;

    if (first->node != second->node) {
        return first->node < second->node ? -1 : 1;
    }
    if (first->llc != second->llc) {
        return first->llc < second->llc ? -1 : 1;
    }
    return hwloc_bitmap_first(first->cpus) < hwloc_bitmap_first(second->cpus) ? -1 : 1;
}

static void index_cores(Host *host)
{
    g_array_set_size(host->core_of_cpu, (guint)(hwloc_bitmap_last(host->online) + 1));
    for (guint i = 0; i < host->cores->len; i++) {
        const HostCore *core = host->cores->pdata[i];
        unsigned cpu;
        hwloc_bitmap_foreach_begin (cpu, core->cpus) {
            g_array_index(host->core_of_cpu, guint, cpu) = i + 1;
        }
        hwloc_bitmap_foreach_end();
    }
}

static void add_distances(Host *host, hwloc_topology_t topology)
{
    struct hwloc_distances_s *matrix = NULL;
    unsigned count = 1;

    if (hwloc_distances_get_by_type(topology, HWLOC_OBJ_NUMANODE, &count, &matrix,
            HWLOC_DISTANCES_KIND_FROM_OS | HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) < 0 ||
        count == 0) {
        return;
    }
    for (unsigned i = 0; i < matrix->nbobjs; i++) {
        for (unsigned j = 0; j < matrix->nbobjs; j++) {
            hwloc_uint64_t value = matrix->values[i * matrix->nbobjs + j];
            g_hash_table_insert(host->distances,
                distance_key(matrix->objs[i]->os_index, matrix->objs[j]->os_index),
                GUINT_TO_POINTER((guint)MIN(value, G_MAXUINT16)));
        }
    }
    hwloc_distances_release(topology, matrix);
}

/// @root: see kinds_find().
static Host *build_host(
    hwloc_topology_t topology, Isolation *isolation, const CpuSet *has_cpu, const Root *root)
{
    Host *host = g_new0(Host, 1);

    host->online = cpuset_copy(hwloc_topology_get_topology_cpuset(topology));
    host->nodes = g_ptr_array_new_with_free_func(node_free);
    host->llcs = g_ptr_array_new_with_free_func(llc_free);
    host->cores = g_ptr_array_new_with_free_func(core_free);
    host->core_of_cpu = g_array_new(FALSE, TRUE, sizeof(guint));
    host->distances = g_hash_table_new(NULL, NULL);
    host->isolation = isolation;

    add_nodes(host, topology);
    g_ptr_array_sort(host->nodes, compare_nodes);
    give_each_cpu_one_node(host, has_cpu);
    add_cores(host, topology);
    g_ptr_array_sort(host->cores, compare_cores);
    index_cores(host);
    find_kinds(host, topology, root);
    add_distances(host, topology);
    /* They are still siblings and neighbours of those that VMs may use. */
    hwloc_bitmap_andnot(host->online, host->online, isolation->elsewhere);
    return host;
}

/// As hwloc had it of the described machine.
static HostVendor vendor_of(hwloc_topology_t topology)
{
    hwloc_obj_t package = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PACKAGE, 0);
    const char *vendor = package != NULL ? hwloc_obj_get_info_by_name(package, "CPUVendor") : NULL;

    return g_strcmp0(vendor, "AuthenticAMD") == 0 ? VENDOR_AMD : VENDOR_OTHER;
}

Host *host_from_topology(hwloc_topology_t topology, Isolation *isolation)
{
    Host *host = build_host(topology, isolation, NULL, NULL);

    host->vendor = vendor_of(topology);
    host->described = TRUE;
    return host;
}

/* From a root. */

/// The line of the first CPU, within the first few; so as not to have the kernel look at the
/// frequency of each of hundreds.
static char *read_cpuinfo(const Root *root)
{
    char text[4096];
    int file = root_openat(root, "proc/cpuinfo", O_RDONLY, 0, NULL);
    ssize_t length = file >= 0 ? read(file, text, sizeof(text) - 1) : -1;

    if (file >= 0) {
        close(file);
    }
    return length > 0 ? g_strndup(text, (gsize)length) : NULL;
}

HostVendor host_read_vendor(const Root *root)
{
    gboolean exists = TRUE;
    g_autofree char *text = read_cpuinfo(root);

    if (text == NULL) {
        return root_look(root, "proc/cpuinfo", &exists, NULL) && !exists ? VENDOR_OTHER
                                                                         : VENDOR_UNKNOWN;
    }
    return g_regex_match_simple("^vendor_id\\s*: AuthenticAMD$", text, G_REGEX_MULTILINE, 0)
               ? VENDOR_AMD
               : VENDOR_OTHER;
}

/// The cpuset of the slice that Proxmox starts VMs in, or, where it has none of its own, of all.
static char *read_vm_cpuset(const Root *root)
{
    char *cpuset = root_read_value(root, "sys/fs/cgroup/qemu.slice/cpuset.cpus.effective");

    return cpuset != NULL ? cpuset : root_read_value(root, "sys/fs/cgroup/cpuset.cpus.effective");
}

static Isolation *load_isolation(const Root *root)
{
    g_autofree char *possible = root_read_value(root, "sys/devices/system/cpu/possible");
    g_autofree char *isolated = root_read_value(root, "sys/devices/system/cpu/isolated");
    g_autofree char *partition = root_read_value(root, "sys/fs/cgroup/cpuset.cpus.isolated");
    g_autofree char *cpuset = read_vm_cpuset(root);
    g_autofree char *nohz_full = root_read_value(root, "sys/devices/system/cpu/nohz_full");
    g_autofree char *cmdline = root_read_value(root, "proc/cmdline");

    return isolation_parse(&(IsolationFiles){ .possible = possible,
        .isolated = isolated,
        .partition = partition,
        .cpuset = cpuset,
        .nohz_full = nohz_full,
        .cmdline = cmdline });
}

/// The KiB behind "@name:" in a node's meminfo.
static gboolean find_meminfo(const char *text, const char *name, guint64 *kib)
{
    g_autofree char *label = g_strdup_printf(" %s:", name);
    const char *at = strstr(text, label);

    if (at == NULL) {
        return FALSE;
    }
    *kib = g_ascii_strtoull(at + strlen(label), NULL, 10);
    return TRUE;
}

static void load_memory(HostNode *node, const Root *root, const char *directory)
{
    g_autofree char *path = g_strdup_printf("%s/meminfo", directory);
    g_autofree char *text = root_read_value(root, path);
    guint64 free_kib = 0, active_kib = 0, inactive_kib = 0, slab_kib = 0;

    node->memory_known = text != NULL && find_meminfo(text, "MemFree", &free_kib);
    node->free_mib = free_kib / 1024;
    if (node->memory_known) {
        find_meminfo(text, "Active(file)", &active_kib);
        find_meminfo(text, "Inactive(file)", &inactive_kib);
        find_meminfo(text, "SReclaimable", &slab_kib);
        node->reclaimable_mib = (active_kib + inactive_kib + slab_kib) / 1024;
    }
}

static int compare_hugepages(gconstpointer a, gconstpointer b)
{
    const HostHugepages *first = a, *second = b;

    return first->size_kib < second->size_kib ? -1 : first->size_kib > second->size_kib;
}

static gboolean read_pages(const Root *root, const char *size, const char *name, guint64 *pages)
{
    g_autofree char *path = g_strdup_printf("%s/%s", size, name);
    g_autofree char *text = root_read_value(root, path);

    return text != NULL && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, pages, NULL);
}

static void load_hugepages(HostNode *node, const Root *root, const char *directory)
{
    g_autofree char *parent = g_strdup_printf("%s/hugepages", directory);
    g_auto(GStrv) sizes = root_list(root, parent, NULL);

    for (guint i = 0; sizes != NULL && sizes[i] != NULL; i++) {
        g_autofree char *size = g_strdup_printf("%s/%s", parent, sizes[i]);
        HostHugepages pages = { 0 };
        if (g_str_has_prefix(sizes[i], "hugepages-")) {
            pages.size_kib = g_ascii_strtoull(sizes[i] + strlen("hugepages-"), NULL, 10);
            pages.unread = !read_pages(root, size, "free_hugepages", &pages.free);
            read_pages(root, size, "nr_hugepages", &pages.total);
            g_array_append_val(node->hugepages, pages);
        }
    }
    g_array_sort(node->hugepages, compare_hugepages);
}

/// What is in use on a node, and may be ZFS's.
static guint64 used_mib(const HostNode *node)
{
    guint64 known_mib = node->memory_known ? node->free_mib + node->reclaimable_mib : 0;

    return node->total_mib > known_mib ? node->total_mib - known_mib : 0;
}

/// Of ZFS's cache there lies on a node what the memory in use on all others cannot hold: with one
/// node all of it.
static void place_arc(Host *host)
{
    guint64 used = 0;

    for (guint i = 0; i < host->nodes->len; i++) {
        used += used_mib(host->nodes->pdata[i]);
    }
    for (guint i = 0; i < host->nodes->len; i++) {
        HostNode *node = host->nodes->pdata[i];
        guint64 elsewhere = used - used_mib(node);
        node->arc_mib = host->arc_mib > elsewhere ? MIN(host->arc_mib - elsewhere, used_mib(node))
                                                  : 0;
    }
}

static void load_arc(Host *host, const Root *root)
{
    g_autoptr(GError) error = NULL;

    if (!arc_look(root, &host->arc_mib, &error)) {
        host->arc_unread = g_strdup(error->message);
    }
    place_arc(host);
}

Host *host_load_on(const Root *root, HwlocTopology *topology)
{
    g_autofree char *nodes = root_read_value(root, "sys/devices/system/node/has_cpu");
    g_autoptr(CpuSet) has_cpu = nodes != NULL && *nodes != '\0'
                                    ? cpuset_parse_kernel(nodes, CPUSET_LIMIT, NULL)
                                    : NULL;

    Host *host = build_host(topology, load_isolation(root), has_cpu, root);
    host->vendor = host_read_vendor(root);
    for (guint i = 0; i < host->nodes->len; i++) {
        HostNode *node = host->nodes->pdata[i];
        g_autofree char *directory = g_strdup_printf("sys/devices/system/node/node%u", node->index);
        load_memory(node, root, directory);
        load_hugepages(node, root, directory);
    }
    load_arc(host, root);
    return host;
}

Host *host_load(const Root *root, GError **error)
{
    g_autoptr(HwlocTopology) topology = topology_load(root, error);

    return topology != NULL ? host_load_on(root, topology) : NULL;
}
