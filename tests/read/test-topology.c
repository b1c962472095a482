// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/topology.h"

#include "base/error.h"
#include "fakes/fake-root.h"

#include <string.h>
#include <sys/resource.h>

/* A file with hwloc's XML. */

typedef struct {
    FakeRoot *fake;
    char *path;
} File;

static File file_new(const char *text)
{
    File file = { .fake = fake_root_new() };

    fake_root_write(file.fake, "machine.xml", text);
    file.path = fake_root_outside(file.fake, "machine.xml");
    return file;
}

static void file_clear(File *file)
{
    fake_root_free(file->fake);
    g_free(file->path);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(File, file_clear)

/// What hwloc writes of a synthetic machine; the caller frees it.
static char *xml_of(const char *shape)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HwlocTopology) topology = topology_describe(shape, &error);
    char *buffer = NULL;
    int length;

    g_assert_no_error(error);
    g_assert_cmpint(hwloc_topology_export_xmlbuffer(topology, &buffer, &length, 0), ==, 0);
    char *copy = g_strdup(buffer);
    hwloc_free_xmlbuffer(topology, buffer);
    return copy;
}

static void assert_cpus(const char *text, int cpus)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HwlocTopology) topology = topology_describe(text, &error);

    g_assert_no_error(error);
    g_assert_cmpint(hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU), ==, cpus);
}

static void assert_refused(const char *text, const char *reason)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(topology_describe(text, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, reason));
    g_assert_null(strchr(error->message, '\n'));
}

static guint64 l3_size_of(const char *text)
{
    g_autoptr(HwlocTopology) topology = topology_describe(text, NULL);

    return hwloc_get_obj_by_type(topology, HWLOC_OBJ_L3CACHE, 0)->attr->cache.size;
}

static void test_sizes_are_not_made_up(void)
{
    g_assert_cmpuint(l3_size_of("l3:1 core:2 pu:1"), ==, 0);
    g_assert_cmpuint(l3_size_of("l3:1(size=96MiB) core:2 pu:1"), ==, 96 << 20);
}

static void test_synthetic(void)
{
    assert_cpus("numa:2 l3:1 core:4 pu:2", 16);
    assert_cpus("16", 16);
    assert_cpus("pack:2 [numa(memory=4GB)] core:3 pu:1", 6);
    assert_cpus("core:1024 pu:4", TOPOLOGY_CPUS);
}

static void test_xml(void)
{
    g_autofree char *xml = xml_of("numa:2 l3:1 core:4 pu:2");
    g_auto(File) file = file_new(xml);

    assert_cpus(file.path, 16);
}

static void test_no_topology(void)
{
    static const char *const texts[] = { "", " ", "x", "numa:", "numa:2 core", "core:0 pu:2",
        "core:-1", "pu:2 core:2", "core:1024 pu:5", "core:1025",
        "core:100000 pu:100000 numa:100000", "99999999999999999999", "core:4 pu:2 (",
        "[numa] [numa", "%n%n%n" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        assert_refused(texts[i], "is no file and no topology");
    }
    assert_refused("/nonexistent/machine.xml", "No such file");
    assert_refused("/proc/self", "is a directory");
    assert_refused("/dev/zero", "is no regular file");
}

/// Every beginning of a file is refused or read, and no file is half read.
static void test_truncated_xml(void)
{
    g_autofree char *xml = xml_of("numa:2 l3:1 core:2 pu:1");
    gsize length = strlen(xml);

    for (gsize end = 0; end < length; end += 37) {
        g_autofree char *part = g_strndup(xml, end);
        g_auto(File) file = file_new(part);
        g_autoptr(HwlocTopology) topology = topology_describe(file.path, NULL);
        g_assert_true(topology == NULL || end + 32 > length);
    }
}

static char *replace(const char *text, const char *from, const char *to)
{
    g_autoptr(GString) changed = g_string_new(text);

    g_assert_cmpuint(g_string_replace(changed, from, to, 1), ==, 1);
    return g_string_free(g_steal_pointer(&changed), FALSE);
}

static long peak_mib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

#define DISTANCES(count)                                                                           \
    "<distances2 type=\"NUMANode\" nbobjs=\"" count                                                \
    "\" kind=\"5\" name=\"x\" indexing=\"os\"><indexes length=\"4\">0 1 </indexes>"                \
    "</distances2></topology>"

static void test_hostile_xml(void)
{
    static const char *const changes[][2] = {
        { "type=\"PU\" os_index=\"0\"", "type=\"PU\" name=\"<\" os_index=\"4294967294\"" },
        { "type=\"PU\" os_index=\"0\"", "type=\"PU\" os_index=\"4294967294\"" },
        { "type=\"PU\" os_index=\"0\"", "type=\"PU\" os_index=\"99999999999999999999\"" },
        { "type=\"NUMANode\" os_index=\"0\"", "type=\"NUMANode\" os_index=\"3000000000\"" },
        { "</topology>", DISTANCES("1000000000") },
        { "</topology>", DISTANCES("1024") },
        { "type=\"Machine\"", "type=\"Nonsense\"" },
        { "</object>", "" },
        { "cpuset=\"0x", "cpuset=\"-0x" },
    };
    g_autofree char *xml = xml_of("numa:2 l3:1 core:2 pu:1");
    long before = peak_mib();

    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *changed = replace(xml, changes[i][0], changes[i][1]);
        g_auto(File) file = file_new(changed);
        g_autoptr(HwlocTopology) topology = topology_describe(file.path, NULL);
        g_assert_null(topology);
    }
    g_assert_cmpint(peak_mib() - before, <, 100);
}

static void test_huge_xml(void)
{
    g_autofree char *blanks = g_strnfill(17 * 1024 * 1024, ' ');
    g_auto(File) file = file_new(blanks);

    assert_refused(file.path, "is larger than 16384 KiB");
}

/// Each way to begin a tag must not look for its end through all of the file.
static void test_tags_without_end(void)
{
    g_autofree char *tags = g_strnfill(16 * 1024 * 1024 - 1, '<');
    g_auto(File) file = file_new(tags);

    assert_refused(file.path, "is no topology that hwloc can read");
}

/// Numbers that are large only where they do no harm are no reason to refuse a machine.
static void test_large_package_numbers(void)
{
    g_autofree char *xml = xml_of("pack:2 core:2 pu:1");
    g_autofree char *changed = replace(
        xml, "type=\"Package\" os_index=\"1\"", "type=\"Package\" os_index=\"100000\"");
    g_auto(File) file = file_new(changed);

    assert_cpus(file.path, 4);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/topology/synthetic", test_synthetic);
    g_test_add_func("/topology/sizes", test_sizes_are_not_made_up);
    g_test_add_func("/topology/xml", test_xml);
    g_test_add_func("/topology/no-topology", test_no_topology);
    g_test_add_func("/topology/truncated-xml", test_truncated_xml);
    g_test_add_func("/topology/hostile-xml", test_hostile_xml);
    g_test_add_func("/topology/huge-xml", test_huge_xml);
    g_test_add_func("/topology/tags-without-end", test_tags_without_end);
    g_test_add_func("/topology/large-package-numbers", test_large_package_numbers);
    return g_test_run();
}
