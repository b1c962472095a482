// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/host.h"

#include "base/error.h"
#include "fakes/assertions.h"
#include "fakes/fake-host.h"
#include "fakes/fake-root.h"

#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const HostCore *core_at(const Host *host, guint place)
{
    g_assert_cmpuint(place, <, host->cores->len);
    return host->cores->pdata[place];
}

/* Shapes. */

static void test_nodes_llcs_cores(void)
{
    g_autoptr(Host) host = fake_host_new("numa:2 l3:2 core:2 pu:2", "");

    assert_set(host->online, "0-15");
    g_assert_cmpuint(host->nodes->len, ==, 2);
    assert_set(host_node(host, 1)->cpus, "8-15");
    g_assert_cmpuint(host->llcs->len, ==, 4);
    assert_set(host_llc(host, 1)->cpus, "4-7");
    g_assert_cmpuint(host->cores->len, ==, 8);
    assert_set(core_at(host, 5)->cpus, "10-11");
    g_assert_cmpuint(core_at(host, 5)->node, ==, 1);
    g_assert_cmpuint(core_at(host, 5)->llc, ==, 2);
    g_assert_cmpuint(core_at(host, 5)->kind, ==, 0);
}

static void test_no_such_node(void)
{
    g_autoptr(Host) host = fake_host_new("numa:2 core:2 pu:2", "");

    g_assert_null(host_node(host, 2));
}

static void test_without_a_shared_cache_the_package_is_the_llc(void)
{
    g_autoptr(Host) host = fake_host_new("package:2 core:2 pu:1", "");

    g_assert_cmpuint(host->llcs->len, ==, 2);
    assert_set(host_llc(host, 0)->cpus, "0-1");
    g_assert_cmpuint(host_llc(host, 0)->size_kib, ==, 0);
}

static void test_without_any_cache_or_package_the_machine_is_the_llc(void)
{
    g_autoptr(Host) host = fake_host_new("core:3 pu:1", "");

    g_assert_cmpuint(host->llcs->len, ==, 1);
    assert_set(host_llc(host, 0)->cpus, "0-2");
}

static void test_the_last_of_several_caches(void)
{
    g_autoptr(Host) host = fake_host_new("package:1 l3:2 l2:2 core:1 pu:1", "");

    g_assert_cmpuint(host->llcs->len, ==, 2);
    assert_set(host_llc(host, 1)->cpus, "2-3");
}

static void test_core_of_a_cpu(void)
{
    g_autoptr(Host) host = fake_host_new("numa:2 core:2 pu:2", "");

    g_assert_cmpint(host_core_of(host, 0), ==, 0);
    g_assert_cmpint(host_core_of(host, 1), ==, 0);
    g_assert_cmpint(host_core_of(host, 7), ==, 3);
    g_assert_cmpint(host_core_of(host, 8), ==, -1);
    g_assert_cmpint(host_core_of(host, G_MAXUINT), ==, -1);
}

static void test_whole_cores(void)
{
    g_autoptr(Host) host = fake_host_new("numa:1 core:4 pu:2", "");
    g_autoptr(CpuSet) some = cpuset_parse_list("1,4,100", ',', NULL);
    g_autoptr(CpuSet) none = cpuset_new();
    g_autoptr(CpuSet) whole = host_whole_cores(host, some);
    g_autoptr(CpuSet) nothing = host_whole_cores(host, none);

    assert_set(whole, "0-1,4-5,100");
    assert_set(nothing, "");
}

static void test_distances_where_the_machine_does_not_say(void)
{
    g_autoptr(Host) host = fake_host_new("numa:2 core:2 pu:2", "");

    g_assert_cmpuint(host_distance(host, 1, 1), ==, 10);
    g_assert_cmpuint(host_distance(host, 0, 1), ==, 20);
    g_assert_cmpuint(host_distance(host, 0, 99), ==, 20);
}

static void test_each_cpu_is_of_one_node(void)
{
    /* Two nodes of memory near the same CPUs, as HBM beside DRAM. */
    g_autoptr(Host) host = fake_host_new("[numa] [numa] core:4 pu:1", "");

    g_assert_cmpuint(host->nodes->len, ==, 2);
    assert_set(host_node(host, 0)->cpus, "0-3");
    assert_set(host_node(host, 1)->cpus, "");
    g_assert_cmpuint(core_at(host, 3)->node, ==, 0);
}

static void test_freeing_no_host(void)
{
    host_free(NULL);
}

/* A root: two packages of two cores with two siblings each, numbered as Intel does. */

static void write_cpu(FakeRoot *fake, guint cpu, const char *name, const char *text)
{
    g_autofree char *path = g_strdup_printf("sys/devices/system/cpu/cpu%u/%s", cpu, name);

    fake_root_write(fake, path, text);
}

/// Siblings are @cpu and @cpu + 4; even ones are of package 0.
static void write_topology(FakeRoot *fake, guint cpu)
{
    g_autofree char *siblings = g_strdup_printf("%x\n", 0x11u << (cpu % 4));
    g_autofree char *core_id = g_strdup_printf("%u\n", cpu % 4 / 2);
    g_autofree char *package_id = g_strdup_printf("%u\n", cpu % 2);
    const char *package = cpu % 2 == 0 ? "55\n" : "aa\n";

    write_cpu(fake, cpu, "topology/core_cpus", siblings);
    write_cpu(fake, cpu, "topology/thread_siblings", siblings);
    write_cpu(fake, cpu, "topology/package_cpus", package);
    write_cpu(fake, cpu, "topology/core_siblings", package);
    write_cpu(fake, cpu, "topology/core_id", core_id);
    write_cpu(fake, cpu, "topology/physical_package_id", package_id);
    write_cpu(fake, cpu, "online", "1\n");
    write_cpu(fake, cpu, "cache/index3/shared_cpu_map", package);
    write_cpu(fake, cpu, "cache/index3/level", "3\n");
    write_cpu(fake, cpu, "cache/index3/type", "Unified\n");
    write_cpu(fake, cpu, "cache/index3/size", "16384K\n");
}

static void write_node(FakeRoot *fake, guint node, const char *name, const char *text)
{
    g_autofree char *path = g_strdup_printf("sys/devices/system/node/node%u/%s", node, name);

    fake_root_write(fake, path, text);
}

static const char meminfo[] = "Node 0 MemTotal:       16777216 kB\n"
                              "Node 0 MemFree:         8388608 kB\n"
                              "Node 0 MemUsed:         8388608 kB\n"
                              "Node 0 Active:          7777777 kB\n"
                              "Node 0 Inactive:        7777777 kB\n"
                              "Node 0 Active(file):    1048576 kB\n"
                              "Node 0 Inactive(file):  2097152 kB\n"
                              "Node 0 FilePages:       9999999 kB\n"
                              "Node 0 SReclaimable:     524288 kB\n";

static FakeRoot *make_root(void)
{
    FakeRoot *fake = fake_root_new();

    for (guint cpu = 0; cpu < 8; cpu++) {
        write_topology(fake, cpu);
    }
    fake_root_write(fake, "sys/devices/system/cpu/online", "0-7\n");
    fake_root_write(fake, "sys/devices/system/cpu/possible", "0-7\n");
    fake_root_write(fake, "sys/devices/system/cpu/present", "0-7\n");
    fake_root_write(fake, "sys/devices/system/node/online", "0-1\n");
    fake_root_write(fake, "sys/devices/system/node/possible", "0-1\n");
    fake_root_write(fake, "sys/devices/system/node/has_cpu", "0-1\n");
    fake_root_write(fake, "sys/devices/system/node/has_memory", "0-1\n");
    write_node(fake, 0, "cpumap", "55\n");
    write_node(fake, 1, "cpumap", "aa\n");
    write_node(fake, 0, "distance", "10 21\n");
    write_node(fake, 1, "distance", "21 10\n");
    write_node(fake, 0, "meminfo", meminfo);
    write_node(fake, 1, "meminfo", "Node 1 MemTotal: 4194304 kB\nNode 1 MemFree: 1048576 kB\n");
    return fake;
}

static Host *load(const FakeRoot *fake)
{
    g_autoptr(GError) error = NULL;
    Host *host = host_load(fake->root, &error);

    g_assert_no_error(error);
    return host;
}

static void test_load_cores(void)
{
    g_autoptr(FakeRoot) fake = make_root();
    g_autoptr(Host) host = load(fake);

    assert_set(host->online, "0-7");
    g_assert_cmpuint(host->cores->len, ==, 4);
    assert_set(core_at(host, 0)->cpus, "0,4");
    assert_set(core_at(host, 1)->cpus, "2,6");
    assert_set(core_at(host, 2)->cpus, "1,5");
    g_assert_cmpuint(core_at(host, 2)->node, ==, 1);
    g_assert_cmpint(host_core_of(host, 6), ==, 1);
    g_assert_cmpuint(host->llcs->len, ==, 2);
    assert_set(host_llc(host, core_at(host, 3)->llc)->cpus, "1,3,5,7");
    g_assert_cmpuint(host_llc(host, 0)->size_kib, ==, 16384);
}

static void test_load_memory(void)
{
    g_autoptr(FakeRoot) fake = make_root();
    g_autoptr(Host) host = load(fake);

    g_assert_true(host_node(host, 0)->memory_known);
    g_assert_cmpuint(host_node(host, 0)->total_mib, ==, 16384);
    g_assert_cmpuint(host_node(host, 0)->free_mib, ==, 8192);
    g_assert_cmpuint(host_node(host, 0)->reclaimable_mib, ==, 1024 + 2048 + 512);
    g_assert_cmpuint(host_node(host, 1)->free_mib, ==, 1024);
    g_assert_cmpuint(host_node(host, 1)->reclaimable_mib, ==, 0);
}

static void add_arc(FakeRoot *fake, guint64 mib)
{
    g_autofree char *text = g_strdup_printf("size 4 %" G_GUINT64_FORMAT "\nc_min 4 0\n"
                                            "mru_evictable_data 4 %" G_GUINT64_FORMAT "\n"
                                            "mru_evictable_metadata 4 0\n"
                                            "mfu_evictable_data 4 0\nmfu_evictable_metadata 4 0\n",
        mib << 20, mib << 20);

    fake_root_write(fake, "proc/spl/kstat/zfs/arcstats", text);
}

/// Node 0 has 4608 MiB in use, node 1 has 3072: what one cannot hold lies on the other.
static void test_load_what_zfs_can_give_back(void)
{
    static const struct {
        guint64 arc, of_first, of_second;
    } rows[] = { { 0, 0, 0 }, { 3072, 0, 0 }, { 4000, 4000 - 3072, 0 },
        { 5000, 5000 - 3072, 5000 - 4608 }, { 7680, 4608, 3072 } };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(FakeRoot) fake = make_root();
        add_arc(fake, rows[i].arc);
        g_autoptr(Host) host = load(fake);
        const HostNode *first = host_node(host, 0), *second = host_node(host, 1);
        g_assert_cmpuint(first->arc_mib, ==, rows[i].of_first);
        g_assert_cmpuint(second->arc_mib, ==, rows[i].of_second);
        guint64 certain = rows[i].of_first + rows[i].of_second;
        g_assert_cmpuint(host_arc_anywhere_mib(host, NULL), ==, rows[i].arc - certain);
        g_assert_cmpuint(host_arc_anywhere_mib(host, "2"), ==, rows[i].arc);
        g_assert_cmpuint(host_node_available_mib(second, NULL), ==, 1024 + rows[i].of_second);
        g_assert_cmpuint(host_node_available_mib(second, "4"), ==, 1024);
    }
}

static void test_load_zfs_that_does_not_say(void)
{
    g_autoptr(FakeRoot) fake = make_root();

    fake_root_write(fake, "proc/spl/kstat/zfs/arcstats", "rubbish\n");
    g_autoptr(Host) host = load(fake);
    g_assert_nonnull(strstr(host->arc_unread, "arcstats"));
    g_assert_cmpuint(host->arc_mib, ==, 0);
}

static void test_load_a_node_that_hides_its_memory(void)
{
    g_autoptr(FakeRoot) fake = make_root();

    fake_root_remove(fake, "sys/devices/system/node/node1/meminfo");
    g_autoptr(Host) host = load(fake);
    g_assert_true(host_node(host, 0)->memory_known);
    g_assert_false(host_node(host, 1)->memory_known);
}

static void test_load_hugepages(void)
{
    g_autoptr(FakeRoot) fake = make_root();

    write_node(fake, 1, "hugepages/hugepages-1048576kB/free_hugepages", "3\n");
    write_node(fake, 1, "hugepages/hugepages-1048576kB/nr_hugepages", "8\n");
    write_node(fake, 1, "hugepages/hugepages-2048kB/free_hugepages", "512\n");
    g_autoptr(Host) host = load(fake);
    const GArray *hugepages = host_node(host, 1)->hugepages;

    g_assert_cmpuint(host_node(host, 0)->hugepages->len, ==, 0);
    g_assert_cmpuint(hugepages->len, ==, 2);
    g_assert_cmpuint(g_array_index(hugepages, HostHugepages, 0).size_kib, ==, 2048);
    g_assert_cmpuint(g_array_index(hugepages, HostHugepages, 0).free, ==, 512);
    g_assert_cmpuint(g_array_index(hugepages, HostHugepages, 1).size_kib, ==, 1048576);
    g_assert_cmpuint(g_array_index(hugepages, HostHugepages, 1).free, ==, 3);
    g_assert_cmpuint(g_array_index(hugepages, HostHugepages, 1).total, ==, 8);
    g_assert_cmpuint(g_array_index(hugepages, HostHugepages, 0).total, ==, 0);
}

/// A size is there, whoever may read how many pages of it are free.
static void test_hugepages_that_cannot_be_read_are_there(void)
{
    g_autoptr(FakeRoot) fake = make_root();

    write_node(fake, 1, "hugepages/hugepages-2048kB/nr_hugepages", "512\n");
    fake_root_link(fake, "sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages",
        "free_hugepages");
    g_autoptr(Host) host = load(fake);
    const HostHugepages *pages = host_node_hugepages(host_node(host, 1), 2048);

    g_assert_nonnull(pages);
    g_assert_true(pages->unread);
    g_assert_cmpuint(pages->free, ==, 0);
    g_assert_cmpuint(pages->total, ==, 512);
}

static void test_load_the_vendor(void)
{
    g_autoptr(FakeRoot) fake = make_root();

    g_assert_cmpint(host_read_vendor(fake->root), ==, VENDOR_OTHER);
    fake_root_write(
        fake, "proc/cpuinfo", "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t:\n");
    g_autoptr(Host) host = load(fake);
    g_assert_cmpint(host->vendor, ==, VENDOR_AMD);
    fake_root_write(fake, "proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\n");
    g_assert_cmpint(host_read_vendor(fake->root), ==, VENDOR_OTHER);

    /* There, and not to be read. */
    fake_root_remove(fake, "proc/cpuinfo");
    fake_root_write(fake, "proc/cpuinfo/x", "");
    g_assert_cmpint(host_read_vendor(fake->root), ==, VENDOR_UNKNOWN);
}

static void test_load_distances(void)
{
    g_autoptr(FakeRoot) fake = make_root();
    g_autoptr(Host) host = load(fake);

    g_assert_cmpuint(host_distance(host, 0, 1), ==, 21);
    g_assert_cmpuint(host_distance(host, 0, 0), ==, 10);
}

static void test_load_offline_cpus(void)
{
    g_autoptr(FakeRoot) fake = make_root();

    fake_root_write(fake, "sys/devices/system/cpu/online", "0-4,6-7\n");
    write_cpu(fake, 5, "online", "0\n");
    g_autoptr(Host) host = load(fake);

    assert_set(host->online, "0-4,6-7");
    g_assert_cmpint(host_core_of(host, 5), ==, -1);
    assert_set(core_at(host, (guint)host_core_of(host, 1))->cpus, "1");
    assert_set(host_node(host, 1)->cpus, "1,3,7");
}

static void test_load_isolation(void)
{
    g_autoptr(FakeRoot) fake = make_root();

    fake_root_write(fake, "sys/devices/system/cpu/isolated", "2,6\n");
    fake_root_write(fake, "sys/fs/cgroup/cpuset.cpus.isolated", "2,6-7\n");
    fake_root_write(fake, "sys/devices/system/cpu/nohz_full", "  (null)\n");
    fake_root_write(fake, "proc/cmdline", "quiet isolcpus=2,6 nohz_full=2-N rcu_nocbs=2\n");
    g_autoptr(Host) host = load(fake);

    assert_set(host->isolation->boot, "2,6");
    assert_set(host->isolation->partition, "2,6-7");
    assert_set(host->isolation->isolated, "2,6-7");
    assert_set(host->isolation->nohz_full, "");
    assert_set(host->isolation->cmdline_isolcpus, "2,6");
    assert_set(host->isolation->cmdline_nohz_full, "2-7");
    assert_set(host->isolation->cmdline_rcu_nocbs, "2");
}

static void test_load_a_partition_without_the_vms(void)
{
    g_autoptr(FakeRoot) fake = make_root();

    fake_root_write(fake, "sys/fs/cgroup/cpuset.cpus.isolated", "2-3,6-7\n");
    fake_root_write(fake, "sys/fs/cgroup/cpuset.cpus.effective", "0-1,4-5\n");
    fake_root_write(fake, "sys/fs/cgroup/qemu.slice/cpuset.cpus.effective", "6-7\n");
    g_autoptr(Host) host = load(fake);

    assert_set(host->online, "0-1,4-7");
    assert_set(host->isolation->isolated, "6-7");
    /* Their siblings 2-3 are of the same cores, though no VM gets there. */
    g_assert_cmpuint(host->cores->len, ==, 4);
    g_assert_cmpuint(host->llcs->len, ==, 2);
    assert_set(core_at(host, (guint)host_core_of(host, 6))->cpus, "2,6");
    g_assert_cmpint(host_core_of(host, 2), ==, host_core_of(host, 6));

    /* Before the first VM there is no slice: it will have what all have. */
    fake_root_remove(fake, "sys/fs/cgroup/qemu.slice/cpuset.cpus.effective");
    g_autoptr(Host) without = load(fake);
    assert_set(without->online, "0-1,4-5");
    assert_set(without->isolation->isolated, "");
}

static void test_load_a_node_without_cpus(void)
{
    g_autoptr(FakeRoot) fake = make_root();

    fake_root_write(fake, "sys/devices/system/node/online", "0-2\n");
    fake_root_write(fake, "sys/devices/system/node/possible", "0-2\n");
    write_node(fake, 2, "cpumap", "00\n");
    write_node(fake, 2, "meminfo", "Node 2 MemTotal: 2097152 kB\nNode 2 MemFree: 2097152 kB\n");
    write_node(fake, 0, "distance", "10 21 14\n");
    write_node(fake, 1, "distance", "21 10 24\n");
    write_node(fake, 2, "distance", "14 24 10\n");
    g_autoptr(Host) host = load(fake);

    g_assert_cmpuint(host->nodes->len, ==, 3);
    assert_set(host_node(host, 2)->cpus, "");
    g_assert_cmpuint(host_node(host, 2)->free_mib, ==, 2048);
    g_assert_cmpuint(host_distance(host, 2, 0), ==, 14);
    assert_set(host_node(host, 0)->cpus, "0,2,4,6");
}

static void test_load_without_nodes(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    for (guint cpu = 0; cpu < 8; cpu++) {
        write_topology(fake, cpu);
    }
    fake_root_write(fake, "sys/devices/system/cpu/online", "0-7\n");
    fake_root_write(fake, "sys/devices/system/cpu/possible", "0-7\n");
    fake_root_write(fake, "sys/devices/system/cpu/present", "0-7\n");
    g_autoptr(Host) host = load(fake);

    g_assert_cmpuint(host->nodes->len, ==, 1);
    assert_set(host_node(host, 0)->cpus, "0-7");
    g_assert_false(host_node(host, 0)->memory_known);
}

/// Whatever an empty root makes of it: an error or a host, never a crash, and never this machine.
static void test_load_an_empty_root(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(Host) host = host_load(fake->root, &error);

    g_assert_true((host == NULL) == (error != NULL));
    if (host != NULL) {
        g_assert_cmpuint(cpuset_count(host->online), <=, 1);
    }
}

static void test_load_leaves_the_environment_alone(void)
{
    g_autoptr(FakeRoot) fake = make_root();

    g_setenv("HWLOC_FSROOT", "/before", TRUE);
    g_unsetenv("HWLOC_PLUGINS_PATH");
    g_autoptr(Host) host = load(fake);
    g_assert_cmpstr(g_getenv("HWLOC_FSROOT"), ==, "/before");
    g_assert_null(g_getenv("HWLOC_PLUGINS_PATH"));
    assert_set(host->online, "0-7");
    g_unsetenv("HWLOC_FSROOT");
}

/* The caller's binding. */

static guint bindings;

/// In place of libc's: hwloc gives a binding back that it has changed, so only the calls show it.
int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *cpus)
{
    bindings++;
    return (int)syscall(SYS_sched_setaffinity, pid, size, cpus);
}

static void assert_binding_kept(const char *root_path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Root) root = root_open(root_path, &error);
    cpu_set_t before, after;

    g_assert_cmpint(sched_getaffinity(0, sizeof(before), &before), ==, 0);
    bindings = 0;
    g_autoptr(Host) host = host_load(root, &error);
    g_assert_no_error(error);
    g_assert_nonnull(host);
    g_assert_cmpuint(bindings, ==, 0);
    g_assert_cmpint(sched_getaffinity(0, sizeof(after), &after), ==, 0);
    g_assert_true(CPU_EQUAL(&before, &after));
}

static void test_load_keeps_the_callers_binding(void)
{
    g_autoptr(FakeRoot) fake = make_root();

    assert_binding_kept(fake->path);
    assert_binding_kept("/");
}

static void test_load_this_machine(void)
{
    g_autoptr(Root) root = root_open("/", NULL);
    g_autofree char *online = root_read_value(root, "sys/devices/system/cpu/online");
    g_autoptr(Host) host = host_load(root, NULL);

    if (online == NULL) {
        g_test_skip("this machine shows no CPUs in sysfs");
        return;
    }
    assert_set(host->online, online);
}

/* Real machines. */

static void assert_cores_are_sound(const Host *host)
{
    g_autoptr(CpuSet) seen = cpuset_new();

    for (guint i = 0; i < host->cores->len; i++) {
        const HostCore *core = core_at(host, i);
        g_assert_false(hwloc_bitmap_iszero(core->cpus));
        g_assert_false(hwloc_bitmap_intersects(seen, core->cpus));
        g_assert_cmpuint(core->llc, <, host->llcs->len);
        g_assert_cmpuint(core->kind, <, host->kinds->len);
        g_assert_true(hwloc_bitmap_isincluded(core->cpus, host_llc(host, core->llc)->cpus));
        const HostNode *node = host_node(host, core->node);
        /* The node of a CPU may be offline, and then not there. */
        g_assert_true(node == NULL || hwloc_bitmap_isincluded(core->cpus, node->cpus));
        g_assert_cmpint(host_core_of(host, (guint)hwloc_bitmap_first(core->cpus)), ==, (int)i);
        hwloc_bitmap_or(seen, seen, core->cpus);
    }
    g_assert_true(hwloc_bitmap_isequal(seen, host->online));
}

static void assert_nodes_are_sound(const Host *host)
{
    g_autoptr(CpuSet) seen = cpuset_new();

    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        g_assert_true(i == 0 || node->index > ((HostNode *)host->nodes->pdata[i - 1])->index);
        g_assert_false(hwloc_bitmap_intersects(seen, node->cpus));
        g_assert_cmpuint(host_distance(host, node->index, node->index), ==, 10);
        hwloc_bitmap_or(seen, seen, node->cpus);
    }
    g_assert_true(hwloc_bitmap_isincluded(seen, host->online));
}

/* What is known of some of them: from their names, and from sysfs in them. */
static const struct {
    const char *archive;
    const char *online;
    guint nodes;
    guint llcs;
    guint cores;
} known[] = {
    { "16amd64-8n2c.tar.bz2", "0-15", 8, 16, 16 },
    { "16amd64-8n2c-cpusets.tar.bz2", "0-3,5-15", 8, 15, 15 },
    { "20em64t-hybrid-1p6c2t+2ca4co1t.tar.bz2", "0-19", 1, 1, 14 },
    { "256ppc-8n8s4t.tar.bz2", "0-255", 8, 64, 64 },
    { "48amd64-4pa2n6c-sparse.tar.bz2", "0-47", 8, 8, 48 },
    { "fakeheteromemtiers.tar.bz2", "0-5", 7, 1, 6 },
    { "memorysidecaches.tar.bz2", "0-79", 4, 2, 40 },
    { "offline-cpu0-node0.tar.bz2", "4-20", 1, 2, 17 },
};

static void assert_known(const Host *host, const char *archive)
{
    g_autofree char *name = g_path_get_basename(archive);

    for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
        if (strcmp(known[i].archive, name) == 0) {
            assert_set(host->online, known[i].online);
            g_assert_cmpuint(host->nodes->len, ==, known[i].nodes);
            g_assert_cmpuint(host->llcs->len, ==, known[i].llcs);
            g_assert_cmpuint(host->cores->len, ==, known[i].cores);
        }
    }
}

/// @data: the archive.
static void test_real_machine(gconstpointer data)
{
    g_autoptr(Host) host = fake_host_new_of_machine(data);

    g_assert_false(hwloc_bitmap_iszero(host->online));
    assert_cores_are_sound(host);
    assert_nodes_are_sound(host);
    assert_known(host, data);
}

static char *find_archive(const char *name)
{
    const char *data = g_getenv("PINHOOK_DATA");

    if (data == NULL) {
        g_test_skip("PINHOOK_DATA is not set");
        return NULL;
    }
    return g_build_filename(data, "hosts", name, NULL);
}

static void test_performance_cores_are_the_faster_kind(void)
{
    g_autofree char *archive = find_archive("20em64t-hybrid-1p6c2t+2ca4co1t.tar.bz2");
    if (archive == NULL) {
        return;
    }
    g_autoptr(Host) host = fake_host_new_of_machine(archive);

    for (guint i = 0; i < host->cores->len; i++) {
        const HostCore *core = core_at(host, i);
        g_assert_cmpuint(core->kind, ==, cpuset_count(core->cpus) == 2 ? 1 : 0);
    }
}

static void add_machine_tests(void)
{
    g_auto(GStrv) archives = fake_host_list_machines();

    for (guint i = 0; archives != NULL && archives[i] != NULL; i++) {
        g_autofree char *name = g_path_get_basename(archives[i]);
        g_autofree char *path = g_strdup_printf("/host/machine/%s", name);
        g_test_add_data_func_full(path, g_strdup(archives[i]), test_real_machine, g_free);
    }
}

static void add_shape_tests(void)
{
    g_test_add_func("/host/shape/nodes-llcs-cores", test_nodes_llcs_cores);
    g_test_add_func("/host/shape/no-such-node", test_no_such_node);
    g_test_add_func(
        "/host/shape/package-is-the-llc", test_without_a_shared_cache_the_package_is_the_llc);
    g_test_add_func(
        "/host/shape/machine-is-the-llc", test_without_any_cache_or_package_the_machine_is_the_llc);
    g_test_add_func("/host/shape/last-of-several-caches", test_the_last_of_several_caches);
    g_test_add_func("/host/shape/core-of-a-cpu", test_core_of_a_cpu);
    g_test_add_func("/host/shape/whole-cores", test_whole_cores);
    g_test_add_func(
        "/host/shape/distances-by-default", test_distances_where_the_machine_does_not_say);
    g_test_add_func("/host/shape/each-cpu-is-of-one-node", test_each_cpu_is_of_one_node);
    g_test_add_func("/host/shape/freeing-none", test_freeing_no_host);
}

static void add_load_tests(void)
{
    g_test_add_func("/host/load/cores", test_load_cores);
    g_test_add_func("/host/load/memory", test_load_memory);
    g_test_add_func("/host/load/arc", test_load_what_zfs_can_give_back);
    g_test_add_func("/host/load/arc-unread", test_load_zfs_that_does_not_say);
    g_test_add_func("/host/load/hidden-memory", test_load_a_node_that_hides_its_memory);
    g_test_add_func("/host/load/hugepages", test_load_hugepages);
    g_test_add_func(
        "/host/load/hugepages-that-cannot-be-read", test_hugepages_that_cannot_be_read_are_there);
    g_test_add_func("/host/load/vendor", test_load_the_vendor);
    g_test_add_func("/host/load/distances", test_load_distances);
    g_test_add_func("/host/load/offline-cpus", test_load_offline_cpus);
    g_test_add_func("/host/load/isolation", test_load_isolation);
    g_test_add_func(
        "/host/load/a-partition-without-the-vms", test_load_a_partition_without_the_vms);
    g_test_add_func("/host/load/node-without-cpus", test_load_a_node_without_cpus);
    g_test_add_func("/host/load/without-nodes", test_load_without_nodes);
    g_test_add_func("/host/load/empty-root", test_load_an_empty_root);
    g_test_add_func("/host/load/environment-left-alone", test_load_leaves_the_environment_alone);
    g_test_add_func("/host/load/callers-binding-kept", test_load_keeps_the_callers_binding);
    g_test_add_func("/host/load/this-machine", test_load_this_machine);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_shape_tests();
    add_load_tests();
    add_machine_tests();
    g_test_add_func(
        "/host/performance-cores-are-the-faster-kind", test_performance_cores_are_the_faster_kind);
    return g_test_run();
}
